"""Decisions that wait for the end of a trace: a trace in which something failed is kept whole, or it is not kept."""

from __future__ import annotations

import logging
from collections import OrderedDict
from time import monotonic
from typing import Any, Callable, Dict, List, Optional

from peekr.sampling import Sampling
from peekr.scope import Remote
from peekr.spans import Span

logger = logging.getLogger("peekr")

#: What may be held back for decisions that are still to come.
MAX_SPANS = 50_000
MAX_BYTES = 64 * 1024 * 1024
#: An estimate of what a span takes beside its content.
SPAN_BYTES = 1024
#: Seconds without a span after which an open trace is taken to be over.
PATIENCE_S = 3600.0
#: Decisions that are remembered, for spans that end after the root of their trace.
MAX_DECIDED = 20_000


class _Held:
    """The spans of one trace that is not decided yet."""

    __slots__ = ("bytes", "errored", "seen", "spans")

    def __init__(self) -> None:
        self.spans: List[Span] = []
        self.bytes = 0
        self.errored = False
        self.seen = 0.0


class TailSampler:
    """Lets through what is stored. Called in the worker thread only.

    What is sampled at the head passes at once; what is not, and cannot be rescued by an error, is left out at once.
    The rest is held until an error comes (then the whole trace passes, and what follows) or the root has ended
    without one. A trace that another process began is over when the ``extract`` block has been left; if there are
    several such blocks of one trace, each is decided when it ends. Spans that end after the root follow the decision.

    At most :data:`MAX_SPANS` spans and :data:`MAX_BYTES` of content are held: beyond that the oldest open traces
    are taken to be without errors, counted in :attr:`decided_early`, and logged.

    :param head: the rules; those of a :class:`peekr.Trace` with a configuration of its own win for its spans.
    :ivar sampled_out: ended spans left out so far.
    :ivar decided_early: traces left out before their end, for want of room or of news.
    """

    def __init__(
        self,
        head: Sampling,
        max_spans: int = MAX_SPANS,
        max_bytes: int = MAX_BYTES,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.head = head
        self._max_spans, self._max_bytes = max_spans, max_bytes
        self._patience_s, self._clock = patience_s, clock
        self._passes_all = head.rate >= 1 and not head.only_on_error
        self.reset()

    def reset(self) -> None:
        """Forget everything: in a forked child, the parent's spans are the parent's."""
        self.sampled_out = self.decided_early = 0
        #: By trace id, or by what stands for the remote caller; the one that waits longest for a span comes first.
        self._open: OrderedDict[Any, _Held] = OrderedDict()
        self._decided: OrderedDict[Any, bool] = OrderedDict()
        #: Remote callers under whom a root here has ended; whether their requests were found to be over.
        self._leaving: Dict[Remote, bool] = {}
        self._held = self._bytes = 0
        self._said = False

    def kept(self, batch: List[Span]) -> List[Span]:
        """Return what goes to the exporters now: of this batch, and of what was held back."""
        if self._passes_all and not [True for span in batch if span.scope.sampled is False or span.scope.route]:
            return batch
        out: List[Span] = []
        for span in batch:
            self._take(span, out)
        return out

    def early(self, spans: List[Span]) -> List[Span]:
        """Return those that are sure to be stored: spans that will come again, for stores that can update them."""
        return [span for span in spans if self._is_sure(span)]

    def note_errors(self, batch: List[Span]) -> None:
        """Look at spans that will come later (they wait for scores), since their traces may be decided before."""
        for span in batch:
            if span.status == "error" and self._waits(span):
                key = _key(span)
                if self._verdict(span, key) is None:
                    self._hold(key).errored = True

    def settle(self) -> None:
        """Decide about traces that are over, or have been silent for too long: they had no error.

        To be called whenever all that was emitted has been taken. A request may end between two calls, and leave
        spans in the queue; so what is found to be over is decided about by the next call.
        """
        if not self._open:
            self._leaving.clear()
            return
        for key, over in list(self._leaving.items()):
            if key not in self._open:  # has been decided about
                del self._leaving[key]
            elif over:
                del self._leaving[key]
                self._decide(key, False, [])
            elif not key.open:
                self._leaving[key] = True
        now = self._clock()
        while self._open:
            key, held = next(iter(self._open.items()))
            if now - held.seen < self._patience_s:
                break
            self._give_up(key)

    def close(self) -> None:
        """Leave out and count what is still undecided: tracing ends, and no error has come."""
        for key in list(self._open):
            self._decide(key, False, [])

    # -- one span ---------------------------------------------------------------------------------------------

    def _rules(self, span: Span) -> Sampling:
        route = span.scope.route
        return self.head if route is None or route.head is None else route.head

    def _waits(self, span: Span) -> bool:
        """Whether only an error can bring the span into the stores."""
        rules = self._rules(span)
        return rules.only_on_error or rules.keep_errors if rules.is_sampled(span) else rules.keep_errors

    def _is_sure(self, span: Span) -> bool:
        rules = self._rules(span)
        if rules.is_sampled(span) and not rules.only_on_error:
            return True
        return bool(self._verdict(span, _key(span)))

    def _take(self, span: Span, out: List[Span]) -> None:
        rules = self._rules(span)
        sampled = rules.is_sampled(span)
        if sampled and not rules.only_on_error:
            out.append(span)
        elif not sampled and not rules.keep_errors:
            self._leave_out([span])
        else:
            self._wait(span, out)

    def _wait(self, span: Span, out: List[Span]) -> None:
        key = _key(span)
        verdict = self._verdict(span, key)
        if verdict is not None:
            self._remember(key, verdict)
            out.append(span) if verdict else self._leave_out([span])
            return
        held = self._hold(key)
        held.spans.append(span)
        size = span._size + SPAN_BYTES
        held.bytes += size
        self._held += 1
        self._bytes += size
        if held.errored or span.status == "error":
            self._decide(key, True, out, span)
        elif span._t1 and self._is_over(span):
            self._decide(key, False, out)
        while self._open and (self._held > self._max_spans or self._bytes > self._max_bytes):
            self._give_up(next(iter(self._open)))

    def _is_over(self, span: Span) -> bool:
        """Whether a span that has ended is the last of its trace, as a rule. Parts of remote traces: :meth:`settle`."""
        if span._parent is None:
            return True
        remote = span.scope.remote
        if remote is not None and span.parent_id == remote.span_id:
            self._leaving.setdefault(remote, False)
        return False

    # -- decisions --------------------------------------------------------------------------------------------

    def _verdict(self, span: Span, key: Any) -> Optional[bool]:
        verdict = self._decided.get(key)
        if verdict is None and key is span.scope.remote:  # another part of a trace that is kept
            return self._decided.get(span.trace_id) or None
        return verdict

    def _hold(self, key: Any) -> _Held:
        held = self._open.get(key)
        if held is None:
            held = self._open[key] = _Held()
        held.seen = self._clock()
        self._open.move_to_end(key)
        return held

    def _decide(self, key: Any, keep: bool, out: List[Span], span: Optional[Span] = None) -> None:
        held = self._open.pop(key, None)
        self._remember(key, keep)
        if held is None:
            return
        self._held -= len(held.spans)
        self._bytes -= held.bytes
        if not keep:
            self._leave_out(held.spans)
            return
        out.extend(held.spans)
        if span is not None and key is span.scope.remote:
            self._decide(span.trace_id, True, out)

    def _give_up(self, key: Any) -> None:
        self.decided_early += 1
        self._decide(key, False, [])
        if not self._said:
            self._said = True
            logger.warning(
                "traces that wait for their end hold too many spans, or were silent for too long: the oldest are left "
                "out as if nothing failed in them, and counted.\nonly_on_error and keep_errors suit shorter traces"
            )

    def _remember(self, key: Any, keep: bool) -> None:
        self._decided[key] = keep
        self._decided.move_to_end(key)
        if len(self._decided) > MAX_DECIDED:
            self._decided.popitem(last=False)

    def _leave_out(self, spans: List[Span]) -> None:
        self.sampled_out += sum([1 for span in spans if span._t1])  # an open run comes again


def _key(span: Span) -> Any:
    """What a decision is about: the trace, or the part of it that one remote caller asked for."""
    return span.scope.remote or span.trace_id
