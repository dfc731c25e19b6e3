"""Sending until it is taken, within bounds: backoff with jitter, ``Retry-After``, smaller requests."""

from __future__ import annotations

import math
import random
import threading
from time import monotonic
from typing import Callable, Sequence

import attrs

from peekr.spans import Span
from peekr_otlp.transport import Reply, Transport

#: Spans of one request; the specification's own batches hold 512.
MAX_SPANS = 1024
#: Bytes of one request: what gRPC servers take, and far below what a Collector takes by HTTP.
MAX_BYTES = 4 * 1024 * 1024
#: Seconds before a deadline by which everything is counted.
MARGIN_S = 0.2
_FIRST_DELAY_S, _MAX_DELAY_S = 0.5, 30.0


@attrs.define(slots=True)
class Outcome:
    """What became of a batch: spans lost, and the last reason."""

    lost: int = 0
    error: str = ""

    def add(self, lost: int, reply: Reply) -> None:
        if lost:
            self.lost += lost
            self.error = reply.error or "rejected"


class Sender:
    """Sends batches of spans in requests of bounded size.

    :param timeout_s: of one request.
    :param attempts: to send one request, at most.
    :param retry_s: from the first attempt at a request to the start of the last, at most.
    """

    def __init__(
        self,
        transport: Transport,
        encode: Callable[[Sequence[Span]], bytes],
        timeout_s: float = 10.0,
        attempts: int = 6,
        retry_s: float = 60.0,
    ) -> None:
        self.transport = transport
        self._encode = encode
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._retry_s = retry_s
        self._hurried = threading.Event()
        self._deadline = math.inf
        #: Why the last request was not taken.
        self._trouble = ""

    def hurry(self, deadline: float) -> None:
        """Be done by a moment of time.monotonic, whatever is lost by that. From any thread; infinity takes it back."""
        self._deadline = deadline
        if deadline == math.inf:
            self._hurried.clear()
        else:
            self._hurried.set()

    def send(self, spans: Sequence[Span]) -> Outcome:
        """Send the spans, as many requests as it takes; return what was lost."""
        outcome = Outcome()
        for start in range(0, len(spans), MAX_SPANS):
            self._send_some(spans[start : start + MAX_SPANS], outcome)
        return outcome

    def _send_some(self, spans: Sequence[Span], outcome: Outcome) -> None:
        if not self._time_left():
            outcome.add(len(spans), Reply(self._too_late()))
            return
        request = self._encode(spans)
        many = len(spans) > 1
        if many and len(request) > MAX_BYTES:
            self._send_halves(spans, outcome)
            return
        reply = self._persist(request)
        if reply.too_large and many:
            self._send_halves(spans, outcome)
        else:
            outcome.add(min(reply.rejected, len(spans)) if reply.rejected or not reply.error else len(spans), reply)

    def _send_halves(self, spans: Sequence[Span], outcome: Outcome) -> None:
        middle = len(spans) // 2
        self._send_some(spans[:middle], outcome)
        self._send_some(spans[middle:], outcome)

    def _persist(self, request: bytes) -> Reply:
        start = monotonic()
        for attempt in range(1, self._attempts + 1):
            left = self._time_left()
            if not left:
                return Reply(self._too_late())
            reply = self.transport.send(request, min(self._timeout_s, left))
            self._trouble = reply.error or ""
            if not reply.retryable or attempt == self._attempts:
                break
            delay = backoff(attempt) if reply.retry_after_s is None else reply.retry_after_s
            if monotonic() + delay > start + self._retry_s or not self._wait(delay):
                break
        return reply

    def _time_left(self) -> float:
        """Seconds until everything has to be counted; 0 when that is over."""
        return max(self._deadline - MARGIN_S - monotonic(), 0.0)

    def _too_late(self) -> str:
        return "there was no time left to send them" + (f"; before that: {self._trouble}" if self._trouble else "")

    def _wait(self, delay: float) -> bool:
        """Wait; return whether there is time left to try again."""
        until = monotonic() + delay
        if self._hurried.wait(delay):
            threading.Event().wait(max(min(until - monotonic(), self._time_left()), 0.0))
        return self._time_left() > 0


def backoff(attempt: int) -> float:
    """Return the seconds to wait after the n-th attempt: doubled each time, and a random half of it taken away."""
    return float(min(_FIRST_DELAY_S * 2 ** (attempt - 1), _MAX_DELAY_S) * random.uniform(0.5, 1.0))
