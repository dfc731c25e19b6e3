"""Recalled memories inside a prompt: found by their text, and put in another order, replaced or taken out."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from peekr.errors import ReplayError
from peekr.replaying import Request
from peekr.spans import Span


def recalled_before(spans: Sequence[Span], call: Span) -> List[Any]:
    """Return the memories of the last recall of the trace before a call, those in the payload in full."""
    recalls = [span for span in spans if span.start_time <= call.start_time and memories_of(span)]
    return memories_of(max(recalls, key=lambda span: span.start_time)) if recalls else []


def memories_of(span: Span) -> List[Any]:
    """Return what a span of kind ``memory_read`` recalled; empty for any other."""
    if span.kind != "memory_read":
        return []
    payload = span.payload if isinstance(span.payload, Mapping) else {}
    for holder in (payload, span.attributes):
        memories = holder.get("memories")
        if isinstance(memories, list) and memories:
            return memories
    return []


def text_of(memory: Any) -> str:
    """Return the text of a memory: of itself, or of its ``text`` or ``content``."""
    if isinstance(memory, Mapping):
        memory = memory.get("text") or memory.get("content")
    return memory if isinstance(memory, str) else ""


def rearranged(request: Request, before: Sequence[Any], after: Sequence[Any]) -> Request:
    """Return the request with the texts of ``after`` in the places of those of ``before``.

    The places are filled in order. Those left over are taken out, with their line if there is nothing else in it but
    a bullet or number; memories left over follow the last place, each on a line that begins as its line does.

    :raises ReplayError: if none of the texts stands in the request.
    """
    texts = sorted(filter(None, map(text_of, before)), key=len, reverse=True)
    leaves = list(_texts(request, ()))
    places = [(at, start, end) for at, (_, text) in enumerate(leaves) for start, end in _places(text, texts)]
    if not places:
        raise ReplayError(
            "none of the recalled memories stands in the request as it was recalled, so they cannot be exchanged.\n"
            "Change the messages instead: messages=function"
        )
    new: List[Optional[str]] = [text_of(memory) for memory in after]
    extra = [text for text in new[len(places) :] if text]
    new = (new + [None] * len(places))[: len(places)]
    changed = {at: text for at, (_, text) in enumerate(leaves)}
    for number in range(len(places) - 1, -1, -1):
        at, start, end = places[number]
        more = extra if number == len(places) - 1 else []
        changed[at] = _exchanged(changed[at], start, end, new[number], more)
    return _rebuilt(request, {leaves[at][0]: text for at, text in changed.items()}, ())  # type: ignore[no-any-return]


def _places(text: str, wanted: Sequence[str]) -> List[Tuple[int, int]]:
    """Where the texts stand, in order, without overlaps: longer ones are looked for first."""
    taken: List[Tuple[int, int]] = []
    for each in wanted:
        start = text.find(each)
        while start >= 0:
            end = start + len(each)
            if all(end <= other or start >= last for other, last in taken):
                taken.append((start, end))
            start = text.find(each, end)
    return sorted(taken)


def _exchanged(text: str, start: int, end: int, new: Optional[str], extra: Sequence[str]) -> str:
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    lead = text[line_start:start]
    bullet = lead if not any(character.isalpha() for character in lead) else ""
    if new is None:
        alone = lead == bullet and (line_end < 0 or line_end == end)
        if not alone:
            return text[:start] + text[end:]
        return text[:line_start] + text[line_end + 1 :] if line_end >= 0 else text[:line_start].rstrip("\n")
    return text[:start] + new + "".join(f"\n{bullet}{each}" for each in extra) + text[end:]


Path = Tuple[Any, ...]


def _texts(value: Any, path: Path) -> Iterator[Tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, (*path, at))


def _rebuilt(value: Any, changed: Dict[Path, str], path: Path) -> Any:
    if isinstance(value, str):
        return changed.get(path, value)
    if isinstance(value, Mapping):
        return {name: _rebuilt(item, changed, (*path, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_rebuilt(item, changed, (*path, at)) for at, item in enumerate(value)]
    return value
