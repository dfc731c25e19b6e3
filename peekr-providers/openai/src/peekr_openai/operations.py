"""Which requests make a span, by HTTP method and path, and how the span is called."""

from __future__ import annotations

from typing import Any, Dict, Optional

from peekr.stainless.operations import Operation, Routes

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
    "audio/speech": Operation("openai.audio.speech", "audio", binary=True),
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

routes = Routes(_POSTS, _GETS)


def classify(method: Any, url: Any) -> Optional[Operation]:
    """Return the operation of a request, or None if it makes no span."""
    return routes.find(method, url)
