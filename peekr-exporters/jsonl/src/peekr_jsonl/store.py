"""Reading a file of spans: from its end where the newest are asked for, in constant memory always."""

from __future__ import annotations

import os
import re
import threading
from contextlib import contextmanager
from typing import BinaryIO, Callable, Dict, Iterator, List, Optional, Set

from peekr import wire
from peekr.errors import StoreError
from peekr.sealed_spans import Opener
from peekr.sealing import Key
from peekr.selection import Selection, mentions
from peekr.spans import Span
from peekr.stores import ReadStore, poll
from peekr.summary import TraceSummary, TraceTally, fits
from peekr_jsonl.lines import backwards, forwards
from peekr_jsonl.repeats import last_lines
from peekr_jsonl.tail import Tail

#: Lines stand in the order in which their spans ended, give or take this: a span may wait 30 s for its scores.
SLACK_S = 40.0
_HEAD = 1024 * 1024
_CHECK_EVERY = 512
#: Ids remembered while reading backwards, before the whole file is looked through for repeated ones.
_MAX_SEEN = 200_000
#: Text that stands in JSON as it is, so that lines without it need no decoding.
_LITERAL = re.compile(r"[A-Za-z0-9_.:@ -]+")
_ENCRYPTED = b'"payload":"gAAAAA'


class JSONLStore(ReadStore):
    """The spans of a JSONL file, in the order in which they were written (contract JSONL-3, JSONL-5).

    The half-written last line of a running program is left out quietly. Whatever asks for the newest reads from
    the end; it takes the lines to be in the order of their spans' ends.

    :param encryption_key: the only key to try; by default ``TRACE_ENCRYPTION_KEY``, the one of the configuration, and
        the one in a file beside the file of spans.
    """

    @classmethod
    def recognises(cls, target: str) -> bool:
        """Whether it is a file that is empty, is called ``.jsonl``, or has a span among its first lines."""
        if "://" in target or not os.path.isfile(target):
            return False
        try:
            with open(target, "rb") as file:
                head = file.read(_HEAD)
        except OSError:
            return False
        if not head:
            return True
        named = target.lower().endswith((".jsonl", ".ndjson")) and b"\0" not in head  # zeros: another file, or a crash
        return named or _begins_with_spans(head)

    def __init__(self, target: str, encryption_key: Optional[Key] = None) -> None:
        super().__init__(target)
        self.opener = Opener(str(target), encryption_key)
        with self._open():
            pass

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        try:
            file = open(self.target, "rb")  # noqa: SIM115
        except OSError as error:
            raise StoreError(
                f"{self.target} cannot be read: {error.strerror}.\nCheck the path and its permissions"
            ) from error
        with file:
            try:
                yield file
            except OSError as error:
                raise StoreError(f"{self.target} cannot be read: {error.strerror}.\nCheck the disk it is on") from error

    # -- forwards ---------------------------------------------------------------------------------------------

    def iter_spans(self) -> Iterator[Span]:
        """Yield every span in the order of writing."""
        return self._forwards(None)

    def _forwards(self, needle: Optional[bytes]) -> Iterator[Span]:
        with self._open() as file, self._counting(needle) as broken:
            last = last_lines(file, os.fstat(file.fileno()).st_size, span_id_of)
            for offset, line in forwards(file):
                if needle is not None and needle not in line:
                    continue
                span = parsed(line)
                if span is None:
                    broken(line)
                elif not last or last.get(span.span_id, offset) == offset:
                    yield self.opener(span)

    @contextmanager
    def _counting(self, needle: Optional[bytes]) -> Iterator[Callable[[bytes], None]]:
        """Count unreadable lines, and say their number at the end of a pass that looks at every line."""
        count = 0

        def broken(line: bytes) -> None:
            nonlocal count
            count += line.endswith(b"\n") and not line.isspace()  # else it is blank, or still being written

        try:
            yield broken
        finally:
            if needle is None:
                self.note_skipped(count)

    # -- backwards --------------------------------------------------------------------------------------------

    def _backwards(self, needle: Optional[bytes] = None, fold: bool = False) -> Iterator[Span]:
        """Yield the spans from the last written to the first; of repeated ones the first met is the one that counts.

        :param needle: leave lines without these bytes out, undecoded.
        :param fold: the needle is in lower case, and any case of letters will do.
        """
        with self._open() as file, self._counting(needle) as broken:
            fresh = _Fresh(file)
            for offset, line in backwards(file, fresh.size):
                if (
                    needle is not None
                    and needle not in (line.lower() if fold else line)
                    and not (
                        fold and _ENCRYPTED in line  # has to be opened to be searched
                    )
                ):
                    continue
                span = parsed(line)
                if span is None:
                    broken(line)
                elif fresh.is_last(span.span_id, offset):
                    yield self.opener(span)

    def select(self, selection: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[Span]:
        """Read only the lines that name what is asked for, and only as far back as it can be."""
        if selection.trace_id is not None:
            trace = list(self._of_trace(selection.trace_id, selection))
            return iter(trace if newest_first else reversed(trace))
        needle = _needle(selection)
        if not newest_first:
            return (span for span in self._forwards(needle) if selection.accepts(span))
        return self._newest(selection, needle)

    def _newest(self, selection: Selection, needle: Optional[bytes]) -> Iterator[Span]:
        oldest = None if selection.since is None else selection.since - SLACK_S
        for span in self._backwards(needle):
            if oldest is not None and (span.end_time or span.start_time) < oldest:
                return
            if selection.accepts(span):
                yield span

    def _of_trace(self, trace_id: str, selection: Selection) -> Iterator[Span]:
        """Yield a trace, the last written first; once its root is known, what ended long before it began is the end."""
        began: Optional[float] = None
        needle = _literal(trace_id)
        with self._open() as file:
            fresh = _Fresh(file)
            for count, (offset, line) in enumerate(backwards(file, fresh.size)):
                if needle is not None and needle not in line:
                    if began is not None and count % _CHECK_EVERY == 0 and _ended_before(line, began - SLACK_S):
                        return
                    continue
                span = parsed(line)
                if span is None or span.trace_id != trace_id or not fresh.is_last(span.span_id, offset):
                    continue
                if span.parent_id is None:
                    began = span.start_time
                if selection.accepts(span):
                    yield self.opener(span)

    def search(self, text: str, limit: Optional[int] = 100) -> Iterator[Span]:
        """Yield the spans that contain the text, the last written first, reading back no further than needed."""
        wanted, left = text.lower(), limit
        for span in self._backwards(_literal(wanted), fold=True):
            if left is not None and left <= 0:
                return
            if mentions(span, wanted):
                yield span
                left = None if left is None else left - 1

    # -- traces -----------------------------------------------------------------------------------------------

    def summaries(self, wanted: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[TraceSummary]:
        """Read back as far as the newest ``limit`` traces can reach."""
        if not newest_first or (limit is None and wanted.since is None):
            return super().summaries(wanted, newest_first, limit)
        tallies: Dict[str, TraceTally] = {}
        for count, span in enumerate(self._backwards()):
            if count % _CHECK_EVERY == 0 and _all_known(span, tallies, wanted, limit):
                break
            tally = tallies.get(span.trace_id)
            if tally is None:
                tally = tallies[span.trace_id] = TraceTally(span.trace_id)
            tally.add(span)
        kept = [summary for summary in (tally.summary() for tally in tallies.values()) if fits(summary, wanted)]
        return iter(sorted(kept, key=lambda each: each.start_time, reverse=True))

    def ids_starting_with(self, prefix: str) -> Dict[str, str]:
        """Decode only lines that contain the prefix; stop at once when it is a whole id."""
        fitting: Dict[str, str] = {}
        for span in self._backwards(_literal(prefix)):
            for known in (span.trace_id, span.run_id):
                if known == prefix:
                    return {known: span.trace_id}
                if known.startswith(prefix):
                    fitting[known] = span.trace_id
        return fitting

    def follow(
        self,
        *,
        from_start: bool = False,
        stop: Optional[threading.Event] = None,
        idle_s: Optional[float] = None,
        poll_s: float = 0.1,
    ) -> Iterator[Span]:
        """Yield spans as their lines arrive; a file that is cut or replaced is read from its new beginning."""
        tail = Tail(self.target, from_start)

        def fresh() -> Iterator[Span]:
            for line in tail.lines():
                span = parsed(line)
                if span is not None:
                    yield self.opener(span)

        return poll(fresh, stop, idle_s, poll_s)


# -- lines ------------------------------------------------------------------------------------------------------------


def parsed(line: bytes) -> Optional[Span]:
    """Return the span of a line, or None."""
    try:
        record = wire.decode_any(line)
        return Span.from_dict(record) if isinstance(record, dict) else None
    except Exception:  # no JSON, no span, nested too deeply
        return None


def span_id_of(line: bytes) -> Optional[str]:
    """Return the span_id of a line, or None."""
    span = parsed(line)
    return None if span is None else span.span_id


def _begins_with_spans(head: bytes) -> bool:
    return any(parsed(line) is not None for line in head.split(b"\n")[:20]) or (
        b"\n" not in head and head.lstrip()[:1] == b"{" and b'"trace_id"' in head and b'"span_id"' in head
    )


def _ended_before(line: bytes, moment: float) -> bool:
    span = parsed(line)
    return span is not None and (span.end_time or span.start_time) < moment


def _literal(text: str) -> Optional[bytes]:
    return text.encode() if _LITERAL.fullmatch(text) else None


def _needle(selection: Selection) -> Optional[bytes]:
    """Return bytes that stand in every line of the selected spans; the rarest there is."""
    for field in ("run_id", "session_id", "user_id", "tenant_id"):
        value = getattr(selection, field)
        needle = None if value is None else _literal(value)
        if needle is not None:
            return needle
    return None


def _all_known(span: Span, tallies: Dict[str, TraceTally], wanted: Selection, limit: Optional[int]) -> bool:
    """Whether no earlier line can hold a span of the traces that were asked for: all those ended before they began."""
    ended = span.end_time or span.start_time
    if wanted.since is not None and ended < wanted.since - SLACK_S:
        return True
    if limit is None or len(tallies) < limit:
        return False
    kept = [each for each in (tally.summary() for tally in tallies.values()) if fits(each, wanted)]
    if len(kept) < limit:
        return False
    starts: List[float] = sorted((each.start_time for each in kept), reverse=True)
    return ended < starts[limit - 1] - SLACK_S


class _Fresh:
    """Tells, reading backwards, which line of a span_id is its last."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = os.fstat(file.fileno()).st_size
        self._name = file.name
        self._seen: Set[str] = set()
        self._last: Optional[Dict[str, int]] = None

    def is_last(self, span_id: str, offset: int) -> bool:
        if self._last is not None:
            return self._last.get(span_id, offset) == offset
        if span_id in self._seen:
            return False
        self._seen.add(span_id)
        if len(self._seen) > _MAX_SEEN:
            with open(self._name, "rb") as again:
                self._last = last_lines(again, self.size, span_id_of)
            self._seen.clear()
        return True
