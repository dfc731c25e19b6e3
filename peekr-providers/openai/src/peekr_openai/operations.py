"""Which requests make a span, by HTTP method and path, and how the span is called."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import attrs


@attrs.frozen
class Operation:
    """One endpoint.

    :ivar name: of the span.
    :ivar family: which extraction fits its request and response.
    :ivar kind: ``llm`` where a model generates; None, that is ``function``, where nothing is billed by tokens.
    :ivar counts: whether the tokens in its answer are spent by this very call. A fetch of an earlier response
        repeats that response's usage, so it must not count it again.
    """

    name: str
    family: str
    kind: Optional[str] = "llm"
    counts: bool = True


CHAT = Operation("openai.chat.completions", "chat")
COMPLETIONS = Operation("openai.completions", "completions")
RESPONSES = Operation("openai.responses", "responses")
RETRIEVE = Operation("openai.responses.retrieve", "responses", None, counts=False)

#: Paths as the SDK's resources give them; ``*`` stands for an id. Longer ones first: ``/completions`` ends both.
_POSTS: Dict[str, Operation] = {
    "threads/*/runs/*/submit_tool_outputs": Operation("openai.threads.runs.submit_tool_outputs", "threads"),
    "vector_stores/*/search": Operation("openai.vector_stores.search", "search", "retrieval"),
    "responses/*/cancel": Operation("openai.responses.cancel", "responses", None, counts=False),
    "threads/*/runs": Operation("openai.threads.runs", "threads"),
    "videos/*/remix": Operation("openai.videos.remix", "media"),
    "chat/completions": CHAT,
    "responses/compact": Operation("openai.responses.compact", "responses"),
    "responses/input_tokens": Operation("openai.responses.input_tokens", "other", None, counts=False),
    "images/generations": Operation("openai.images.generate", "images"),
    "images/edits": Operation("openai.images.edit", "images"),
    "images/variations": Operation("openai.images.create_variation", "images"),
    "audio/transcriptions": Operation("openai.audio.transcriptions", "audio"),
    "audio/translations": Operation("openai.audio.translations", "audio"),
    "audio/speech": Operation("openai.audio.speech", "audio"),
    "threads/runs": Operation("openai.threads.runs", "threads"),
    "videos/edits": Operation("openai.videos.edit", "media"),
    "videos/extensions": Operation("openai.videos.extend", "media"),
    "completions": COMPLETIONS,
    "responses": RESPONSES,
    "embeddings": Operation("openai.embeddings", "embeddings", "embedding"),
    "moderations": Operation("openai.moderations", "moderations", None),
    "decisions": Operation("openai.decisions", "decisions"),
    "videos": Operation("openai.videos", "media"),
    "batches": Operation("openai.batches", "other", None),
}
_GETS: Dict[str, Operation] = {"responses/*": RETRIEVE}

_Patterns = List[Tuple[List[str], Operation]]


def _patterns(table: Dict[str, Operation]) -> _Patterns:
    return [(path.split("/"), operation) for path, operation in table.items()]


_PATTERNS: Dict[str, _Patterns] = {"POST": _patterns(_POSTS), "GET": _patterns(_GETS)}
_EXACT = {f"/{path}": operation for path, operation in _POSTS.items() if "*" not in path}


def classify(method: Any, url: Any) -> Optional[Operation]:
    """Return the operation of a request, or None if it makes no span.

    :param url: a path as the SDK's resources give it, or an absolute URL, as text or as an httpx.URL.
    """
    if method == "post":
        found = _EXACT.get(url) if type(url) is str else None
        if found is not None:
            return found
    patterns = _PATTERNS.get(str(method).upper())
    if patterns is None:
        return None
    path = str(url).partition("?")[0].partition("#")[0].rstrip("/")
    parts = path.split("/")
    for pattern, operation in patterns:
        tail = parts[-len(pattern) :]
        if len(tail) == len(pattern) and all(want in ("*", have) for want, have in zip(pattern, tail)):
            return operation
    return None
