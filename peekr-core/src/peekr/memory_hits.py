"""Which recalled memories an answer used (contract MEM-3).

The rule (D-10): the LLM call that follows a recall, in its trace, is the first one that began after it and answered
in words; of calls before it that only used tools, what they passed to the tools counts too. A memory is used

- if at least 0.3 of its five-word sequences stand in the answer, in any case of letters and with any punctuation
  (of a text with fewer words, the whole of it; Chinese and Japanese characters count as words), or
- if the answer mentions its id or title as it is written. An id that is a number below 10,000 is mentioned in
  brackets or behind a ``#``.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any, Dict, FrozenSet, List, Mapping, Sequence

from peekr.spans import Span

WORDS_IN_A_ROW = 5
LEAST_OVERLAP = 0.3
_MAX_TRACES = 1000
_MAX_RECALLS = 100
#: Compiled with the first memory: it takes longer than to load the rest of this module.
_WORD = r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+"
_SMALL_NUMBER = re.compile(r"\d{1,4}")
_TOLERANCE_NS = 1_000_000  # times that went through a file are floats


class Answer:
    """A model's answer, prepared to look memories up in it."""

    def __init__(self, said: str) -> None:
        self._said = said
        self._words = words(said)
        self._grams: Dict[int, FrozenSet[str]] = {}

    def uses(self, memory: Mapping[str, Any]) -> bool:
        """Whether the answer used the memory, by the rule of this module."""
        if any(self._mentions(str(memory[field])) for field in ("id", "title") if memory.get(field)):
            return True
        return self.overlap(str(memory.get("text") or "")) >= LEAST_OVERLAP

    def overlap(self, text: str) -> float:
        """Return the share of the text's word sequences that stand in the answer, 0.0 to 1.0."""
        own = words(text)
        length = min(WORDS_IN_A_ROW, len(own))
        if not length:
            return 0.0
        wanted = grams(own, length)
        if length not in self._grams:
            self._grams[length] = grams(self._words, length)
        return len(wanted & self._grams[length]) / len(wanted)

    def _mentions(self, name: str) -> bool:
        if name not in self._said:
            return False
        if _SMALL_NUMBER.fullmatch(name):
            return re.search(rf"[\[(#]{name}(?!\w)", self._said) is not None
        return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", self._said) is not None


def words(text: str) -> List[str]:
    """Return the words of a text without case and punctuation."""
    return re.findall(_WORD, text.casefold())


def grams(of: Sequence[str], length: int) -> FrozenSet[str]:
    """Return every sequence of so many words."""
    return frozenset(" ".join(of[at : at + length]) for at in range(len(of) - length + 1))


class MemoryHits:
    """Sets ``attributes.memory_hits`` on the LLM span that follows a recall: the ids of the memories it used.

    A processor that runs in the worker; spans of one trace come in the order of their ends, or of their starts. Keeps
    the recalls of 1000 traces; costs one comparison a span while there are none.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, List[Span]] = OrderedDict()

    def wanted(self, spans: List[Span]) -> List[Span]:
        """Return those to look at: as a rule there is no recall, before them or among them."""
        return spans if self._waiting or [True for span in spans if span._kind == "memory_read"] else []

    def process(self, span: Span) -> None:
        """Take a span that has ended."""
        kind = span._kind
        if kind == "memory_read" or (self._waiting and (kind == "llm" or span._parent is None)):
            self.take(span, span.kind)

    def take(self, span: Span, kind: str) -> None:
        """Note a recall, or look its memories up in the answer of an LLM span."""
        if kind == "memory_read":
            self._note(span)
        elif kind == "llm":
            self._look_up(span)
        elif span.parent_id is None and span.ended:
            self._waiting.pop(span.trace_id, None)

    def _note(self, span: Span) -> None:
        if not span.attributes.get("recall") or not memories_of(span):
            return
        recalls = self._waiting.setdefault(span.trace_id, [])
        if len(recalls) < _MAX_RECALLS:
            recalls.append(span)
        if len(self._waiting) > _MAX_TRACES:
            self._waiting.popitem(last=False)

    def _look_up(self, span: Span) -> None:
        recalls = self._waiting.get(span.trace_id)
        if not recalls:
            return
        from peekr.conversation import answer_of
        from peekr.recalls import memory_name

        before = [each for each in recalls if each._start_ns <= span._start_ns + _TOLERANCE_NS]
        if not before or span.status == "error":  # a call that failed is tried again
            return
        spoken = answer_of(span)
        answer = Answer(spoken or str(span.attributes.get("output") or ""))
        used = (memory_name(each) for recall in before for each in memories_of(recall) if answer.uses(each))
        span.attributes["memory_hits"] = list(dict.fromkeys(used))
        if spoken:
            left = [each for each in recalls if each not in before]
            self._waiting[span.trace_id] = left
            if not left:
                del self._waiting[span.trace_id]


def memories_of(span: Span) -> List[Mapping[str, Any]]:
    """Return the memories that a recall's span has."""
    memories = span.attributes.get("memories")
    return [each for each in memories if isinstance(each, Mapping)] if isinstance(memories, list) else []
