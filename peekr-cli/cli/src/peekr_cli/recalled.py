"""How memories were used: sums over recalls and the answers that followed them (contract MEM-3)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Collection, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

import attrs

from peekr import ReadStore, Span
from peekr.conversation import answer_of
from peekr.memory_hits import MemoryHits, memories_of
from peekr.recalls import memory_name
from peekr.retention import Upkeep

_TEXT = 200
#: Traces whose recalls wait for an answer.
_MAX_TRACES = 10_000


def memory_spans(store: ReadStore, since: Optional[float] = None) -> Iterator[Span]:
    """Yield the spans that :class:`MemoryReport` needs, trace by trace.

    Of a database only those, by its indices; any other store is read once from its beginning.
    """
    if not isinstance(store, Upkeep):
        yield from store.spans(since=since)
        return
    traces = dict.fromkeys(span.trace_id for span in store.spans(kind="memory_read", since=since))
    for trace_id in traces:
        for span in store.spans(trace_id=trace_id, since=since):
            if span.kind != "memory_write":
                yield span
    yield from store.spans(kind="memory_write", since=since)


@attrs.define(slots=True)
class Usage:
    """One memory, or one run.

    :ivar recalls: how often it was recalled; of a run, how many recalls it has.
    :ivar memories: memories recalled that an answer followed; ``hits`` of them were used in it.
    :ivar ranks: sum of the ranks.
    """

    name: str
    text: str = ""
    recalls: int = 0
    memories: int = 0
    hits: int = 0
    ranks: float = 0.0

    @property
    def rate(self) -> Optional[float]:
        """Hits in those that an answer followed, 0.0 to 1.0; None if none did."""
        return self.hits / self.memories if self.memories else None


@attrs.define(slots=True)
class Write:
    """What was written under a key, and whether somebody read it afterwards."""

    key: str
    text: str = ""
    writes: int = 0
    last: float = 0.0
    run_id: str = ""
    read: float = -1.0


@attrs.define(slots=True)
class _Waiting:
    """A recall whose answer is still to come; ``used`` are the names that calls of tools used meanwhile."""

    recall: Span
    used: Set[str] = attrs.Factory(set)
    followed: bool = False


class MemoryReport:
    """Adds up the memory spans of a store, in the order of their starts or of their ends.

    Memory grows with the number of different memories, keys and runs that use any, not with the number of spans.
    """

    def __init__(self) -> None:
        self.recalls = 0
        self.memories: Dict[str, Usage] = {}
        self.runs: Dict[str, Usage] = {}
        self.writes: Dict[str, Write] = {}
        self._tracker = MemoryHits()
        self._waiting: OrderedDict[str, List[_Waiting]] = OrderedDict()

    def add(self, spans: Iterable[Span]) -> MemoryReport:
        """Take spans, and return itself."""
        for span in spans:
            kind = span.kind
            if kind == "memory_read":
                self._read(span)
            elif kind == "memory_write":
                self._wrote(span)
            elif kind == "llm" and span.trace_id in self._waiting:
                self._answered(span)
        for waiting in self._waiting.values():  # only calls of tools followed
            self._count_all(each for each in waiting if each.followed)
        self._waiting.clear()
        return self

    @property
    def total(self) -> Usage:
        """The sums over all memories."""
        out = Usage("", recalls=self.recalls)
        for each in self.memories.values():
            out.memories += each.memories
            out.hits += each.hits
        return out

    def never_read(self) -> List[Write]:
        """Return the keys that nobody read after they were last written, the latest first."""
        unread = [each for each in self.writes.values() if each.writes and each.read < each.last]
        return sorted(unread, key=lambda each: -each.last)

    # -- spans ------------------------------------------------------------------------------------------------

    def _read(self, span: Span) -> None:
        memories = memories_of(span)
        keys = {memory_name(each) for each in memories} | {str(span.attributes.get("memory_key") or "")}
        for key in filter(None, keys):
            write = self.writes.setdefault(key, Write(key))
            write.read = max(write.read, span.start_time)
        if not span.attributes.get("recall"):
            return
        self.recalls += 1
        self.runs.setdefault(span.run_id, Usage(span.run_id)).recalls += 1
        for memory in memories:
            usage = self.memories.setdefault(memory_name(memory), Usage(memory_name(memory)))
            usage.recalls += 1
            usage.ranks += _number(memory.get("rank"))
            usage.text = str(memory.get("text") or "")[:_TEXT] or usage.text
        if memories:
            self._tracker.take(span, "memory_read")
            self._waiting.setdefault(span.trace_id, []).append(_Waiting(span))
            if len(self._waiting) > _MAX_TRACES:
                self._waiting.popitem(last=False)

    def _wrote(self, span: Span) -> None:
        key = str(span.attributes.get("memory_key") or "")
        if not key:
            return
        write = self.writes.setdefault(key, Write(key))
        write.writes += 1
        if span.start_time >= write.last:
            write.last, write.run_id = span.start_time, span.run_id
            write.text = str(span.attributes.get("input") or "")[:_TEXT]

    def _answered(self, span: Span) -> None:
        """Count the hits that are recorded; of spans without, written by others, those that the rule finds."""
        if span.attributes.get("memory_hits") is None:
            self._tracker.take(span, "llm")
        recorded = span.attributes.get("memory_hits")
        waiting = self._waiting[span.trace_id]
        before = [each for each in waiting if each.recall.start_time <= span.start_time + 0.001]
        if not before or not isinstance(recorded, list):
            return
        for each in before:
            each.followed = True
            each.used.update(map(str, recorded))
        if answer_of(span):
            self._waiting[span.trace_id] = [each for each in waiting if each not in before]
            self._count_all(before)

    def _count_all(self, answered: Iterable[_Waiting]) -> None:
        for each in answered:
            self._count(each.recall, each.used)

    def _count(self, recall: Span, used: Collection[str]) -> None:
        run = self.runs[recall.run_id]
        for memory in memories_of(recall):
            name = memory_name(memory)
            hit = name in used
            for usage in (self.memories[name], run):
                usage.memories += 1
                usage.hits += hit


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def usage_record(usage: Usage, label: str) -> Dict[str, Any]:
    """Return a usage as plain data."""
    return {
        label: usage.name,
        "recalls": usage.recalls,
        "answered": usage.memories,
        "hits": usage.hits,
        "hit_rate": usage.rate,
    }


def report_record(report: MemoryReport) -> Dict[str, Any]:
    """Return the whole report as plain data."""
    total = report.total
    return {
        "recalls": report.recalls,
        "memories_recalled": sum(each.recalls for each in report.memories.values()),
        "answered": total.memories,
        "hits": total.hits,
        "hit_rate": total.rate,
        "memories": [
            {**usage_record(each, "id"), "text": each.text, "mean_rank": each.ranks / each.recalls}
            for each in by_recalls(report.memories)
        ],
        "runs": [usage_record(each, "run_id") for each in report.runs.values()],
        "never_read_writes": [
            {
                "key": each.key,
                "writes": each.writes,
                "last_written": each.last,
                "run_id": each.run_id,
                "text": each.text,
            }
            for each in report.never_read()
        ],
    }


def by_recalls(memories: Mapping[str, Usage]) -> List[Usage]:
    """Return the memories, the most recalled first."""

    def order(usage: Usage) -> Tuple[int, int, str]:
        return -usage.recalls, usage.hits, usage.name

    return sorted(memories.values(), key=order)
