"""Drives probes one after the other and compares what was recorded with what there was to record."""

from __future__ import annotations

import asyncio
import inspect
import threading
from time import monotonic
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import attrs

from peekr import runs
from peekr.probes import Absent, Probe, Suite
from peekr.probes.server import serving
from peekr.spans import Span
from peekr.testing.memory import record

OK, BLIND, UNCOUNTED, DOUBLE, WRONG = "ok", "blind", "no usage", "double", "wrong"
BROKEN, HUNG, UNDRIVEN, ABSENT, UNTRACED = "broken", "hung", "undriven", "absent", "untraced"
#: Verdicts that are a fault of the tracing.
FAULTS = frozenset((BLIND, UNCOUNTED, DOUBLE, WRONG, BROKEN, HUNG))
#: Seconds that one probe has.
DEADLINE_S = 5.0
#: Seconds more for the first, as SDKs import a part of themselves with the first call.
FIRST_S = 15.0


@attrs.define
class Result:
    """What came of a probe.

    :ivar verdict: ``ok``; ``blind`` (no span), ``no usage`` (a span without the tokens), ``double`` (too many),
        ``wrong`` (other tokens than the answer's, or a failed span), ``broken`` (the call fails only when it is
        traced), ``hung``; ``undriven`` (this SDK refuses the answer, traced or not), ``absent`` (this version of the
        SDK has no such entry point), ``untraced`` (known, see the reason).
    :ivar spans: how many there were of those that count.
    :ivar with_usage: how many of them had tokens.
    :ivar tokens: what readers add up.
    """

    probe: Probe
    verdict: str
    spans: int = 0
    with_usage: int = 0
    tokens: int = 0
    reason: Optional[str] = None
    seconds: float = 0.0

    @property
    def is_fault(self) -> bool:
        """Whether the tracing is to blame."""
        return self.verdict in FAULTS


class _Run:
    """One call, in a thread of its own: no context of the caller's, and nobody waits for ever."""

    def __init__(self, probe: Probe, url: str) -> None:
        self._probe, self._url = probe, url
        self.error: Optional[BaseException] = None
        self.seconds = 0.0
        self._thread = threading.Thread(target=self._call, name=f"probe {probe.entry}", daemon=True)

    def _call(self) -> None:
        run = self._probe.run
        assert run is not None
        try:
            if inspect.iscoroutinefunction(run):
                asyncio.run(run(self._url))
            else:
                run(self._url)
        except BaseException as error:
            self.error = error

    def finishes(self, deadline: float) -> bool:
        """Call; return whether it came back within ``deadline`` seconds."""
        begin = monotonic()
        self._thread.start()
        self._thread.join(deadline)
        self.seconds = monotonic() - begin
        return not self._thread.is_alive()


def drive(
    suite: Suite, *, plugins: Optional[Sequence[str]] = None, skip: int = 0, deadline: float = DEADLINE_S
) -> Iterator[Result]:
    """Drive the probes of a suite, traced into memory; yield their results in order.

    Ends after a probe that hung, as its call still runs: go on in another process with ``skip``. Switches tracing
    on for the time being, so only for a process where it is off.

    :param plugins: those to trace with; all installed ones by default.
    :param skip: how many probes to leave out at the beginning.
    :param deadline: seconds for each; the first has :data:`FIRST_S` more.
    """
    with serving(suite.answer) as url:
        raised: List[Result] = []
        with record(plugins=plugins) as recording:
            for number, probe in enumerate(suite.probes()[skip:]):
                result = _drive(probe, url, recording, deadline if number else deadline + FIRST_S)
                if result.verdict == BROKEN:
                    raised.append(result)
                else:
                    yield result
                if result.verdict == HUNG:
                    break
        yield from (_without_tracing(result, url, deadline) for result in raised)


def _drive(probe: Probe, url: str, recording: Any, deadline: float) -> Result:
    if probe.run is None:
        return Result(probe, UNTRACED, reason=probe.untraced)
    recording.clear()
    run = _Run(probe, url)
    if not run.finishes(deadline):
        return Result(probe, HUNG, reason=f"no answer within {deadline:g} s", seconds=run.seconds)
    if isinstance(run.error, Absent):
        return Result(probe, ABSENT, reason=f"no {run.error} in this version", seconds=run.seconds)
    if probe.untraced is not None:
        return Result(probe, UNTRACED, reason=probe.untraced, seconds=run.seconds)
    if run.error is not None:
        return Result(probe, BROKEN, reason=_described(run.error), seconds=run.seconds)
    result = judge(probe, recording.spans)
    result.seconds = run.seconds
    return result


def _without_tracing(result: Result, url: str, deadline: float) -> Result:
    """Find out whether a call that failed fails by itself too."""
    run = _Run(result.probe, url)
    if run.finishes(deadline) and run.error is None:
        return result
    return attrs.evolve(result, verdict=UNDRIVEN)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def judge(probe: Probe, spans: Sequence[Span]) -> Result:
    """Compare what was recorded of a probe's call with what there was to record."""
    counted = list(spans) if probe.tokens is None else [span for span in spans if runs.is_billed(span)]
    usage = [span for span in counted if span.attributes.get("tokens_total") is not None]
    tokens = sum(runs.tokens_of(span) for span in spans)
    verdict, reason = _verdict(probe, spans, counted, len(usage), tokens)
    return Result(probe, verdict, len(counted), len(usage), tokens, reason)


def _verdict(
    probe: Probe, spans: Sequence[Span], counted: Sequence[Span], with_usage: int, tokens: int
) -> Tuple[str, Optional[str]]:
    names = ", ".join(span.name for span in spans)
    if len(counted) < probe.spans:
        return BLIND, f"{probe.spans} expected, recorded: {names or 'nothing'}"
    if len(counted) > probe.spans:
        return DOUBLE, f"{probe.spans} expected, recorded: {names}"
    failed = [span for span in spans if span.status == "error" or span.attributes.get("stream_incomplete")]
    if failed:
        what = failed[0].attributes.get("error") or "the stream is incomplete"
        return WRONG, f"the call succeeded, but {failed[0].name} says: {what}"
    if probe.tokens is not None and with_usage < probe.spans:
        return UNCOUNTED, f"{probe.tokens} tokens expected, {names} has none"
    if tokens != (probe.tokens or 0):
        return WRONG, f"{probe.tokens or 0} tokens expected, {tokens} counted: {names}"
    return OK, None
