"""What an answer was made from: retrieved chunks, attached to the LLM calls that were given them.

::

    chunks = retriever.search(question)
    with peekr.evidence(chunks):
        client.chat.completions.create(...)

Every LLM span inside then has ``attributes.evidence_chunks``, and detailed evaluators say which chunk supports or
contradicts which claim (contract MEM-5).
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from hashlib import sha256
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from peekr.context import Block
from peekr.plain import clean_text, text_of
from peekr.settings import settings
from peekr.spans import Span
from peekr.tracer import hooks

#: Characters of a chunk's text that are kept, and chunks of one span.
TEXT_LIMIT = 800
MAX_CHUNKS = 100
_NAME_LIMIT = 200

Chunk = Dict[str, Any]
Chunks = Tuple[Chunk, ...]

_chunks: ContextVar[Chunks] = ContextVar("peekr_evidence", default=())

#: Where the retrievers in use keep each field, the first that is there counts.
_NAMES = {
    "id": ("id", "chunk_id", "doc_id", "document_id", "node_id", "id_"),
    "text": ("text", "page_content", "content", "document", "body", "chunk"),
    "title": ("title", "name", "file_name"),
    "source_kind": ("source_kind", "kind", "type"),
    "source_url": ("source_url", "url", "source", "uri", "link"),
    "score": ("score", "similarity", "relevance_score", "relevance"),
    "rank": ("rank",),
}


def record_evidence(chunks: Optional[Iterable[Any]], *, append: bool = False) -> List[Chunk]:
    """Attach chunks to every LLM call that follows in this thread or task, until other ones or :func:`clear_evidence`.

    :param chunks: mappings, texts, objects with such attributes (LangChain's documents, LlamaIndex's nodes) or pairs of
        one and its score, best first. None stands for none.
    :param append: add to those recorded before instead of replacing them.
    :return: the chunks as they are stored: ``n`` from 1, ``id``, ``text`` (800 characters at most), ``title``,
        ``source_kind``, ``source_url``, ``score``, ``rank``; what is not known is None.
    """
    before = _chunks.get() if append else ()
    _set((*before, *described(chunks, first=len(before) + 1))[:MAX_CHUNKS])
    return [dict(chunk) for chunk in _chunks.get()]


def clear_evidence() -> None:
    """Attach nothing to the LLM calls that follow in this thread or task."""
    _chunks.set(())


class evidence(Block[List[Chunk]]):
    """Attach chunks to the LLM calls of a block: ``with peekr.evidence(chunks):``, or ``async with``.

    Behind the block, what was recorded before it holds again. Chunks as for :func:`record_evidence`.
    """

    __slots__ = ("_chunks", "_tokens")

    def __init__(self, chunks: Optional[Iterable[Any]]) -> None:
        self._chunks = tuple(described(chunks))[:MAX_CHUNKS]
        self._tokens: List[Token[Chunks]] = []

    def __enter__(self) -> List[Chunk]:
        self._tokens.append(_set(self._chunks))
        return [dict(chunk) for chunk in self._chunks]

    def _leave(self, error: Optional[BaseException]) -> None:
        try:
            _chunks.reset(self._tokens.pop())
        except (ValueError, RuntimeError, IndexError):  # left in another context: nothing of ours holds there
            pass


def _set(chunks: Chunks) -> Token[Chunks]:
    hooks.llm = attach  # until evidence is first used, an LLM span costs one look at this
    return _chunks.set(chunks)


def attach(span: Span) -> None:
    """Put the evidence in force on an LLM span. In the traced program's thread; never raises."""
    chunks = _chunks.get()
    if chunks:
        span.attributes["evidence_chunks"] = [_shown(chunk) for chunk in chunks]
        if not settings.capture_io:
            from peekr.withheld import withheld

            withheld.put(span, {"evidence_chunks": [dict(chunk) for chunk in chunks]})


def _shown(chunk: Chunk) -> Chunk:
    """With ``capture_io=False`` no content is recorded, only which chunks there were."""
    return dict(chunk) if settings.capture_io else {**chunk, "text": None, "title": None}


# -- chunks -----------------------------------------------------------------------------------------------------------


def described(chunks: Optional[Iterable[Any]], first: int = 1) -> List[Chunk]:
    """Return chunks of any origin in the shape of :func:`record_evidence`. Never raises."""
    if chunks is None:
        return []
    if isinstance(chunks, (str, bytes, Mapping)) or not isinstance(chunks, Iterable):
        chunks = [chunks]
    found: List[Chunk] = []
    try:
        for chunk in chunks:
            if len(found) >= MAX_CHUNKS:
                break
            found.append(_described(chunk, first + len(found)))
    except Exception:  # a retriever's iterator that fails: what it gave is evidence
        pass
    return found


def _described(chunk: Any, n: int) -> Chunk:
    score = None
    if isinstance(chunk, tuple) and len(chunk) == 2 and _number(chunk[1]) is not None:
        chunk, score = chunk[0], _number(chunk[1])
    if isinstance(chunk, (str, bytes)):
        chunk = {"text": chunk.decode(errors="replace") if isinstance(chunk, bytes) else chunk}
    look = [each for each in (chunk, _get(chunk, "metadata"), _get(chunk, "node")) if each is not None]
    text = _text(_first(look, "text"))
    if text is None:
        text = text_of(chunk)
    rank = _number(_first(look, "rank"))
    return {
        "n": n,
        "id": _text(_first(look, "id"), _NAME_LIMIT) or _id_of(text),
        "text": text[:TEXT_LIMIT],
        "title": _text(_first(look, "title"), _NAME_LIMIT),
        "source_kind": _text(_first(look, "source_kind"), _NAME_LIMIT),
        "source_url": _text(_first(look, "source_url"), 2000),
        "score": _number(_first(look, "score")) if score is None else score,
        "rank": n if rank is None else int(rank),
    }


def _id_of(text: str) -> str:
    """The same text has the same id in every trace."""
    return "chunk-" + sha256(text.encode(errors="replace")).hexdigest()[:12]


def _first(places: List[Any], field: str) -> Any:
    for name in _NAMES[field]:
        for place in places:
            value = _get(place, name)
            if value is not None and not callable(value):
                return value
    return None


def _get(place: Any, name: str) -> Any:
    try:
        return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
    except Exception:
        return None


def _text(value: Any, limit: Optional[int] = None) -> Optional[str]:
    return None if value is None else clean_text(value if type(value) is str else text_of(value))[:limit]


def _number(value: Any) -> Optional[float]:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)  # numpy's numbers too
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1e300 and not isinstance(value, str) else None
