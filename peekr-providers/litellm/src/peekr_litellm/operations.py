"""Which functions of LiteLLM make a span, and how the span is called."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Tuple

import attrs


@attrs.frozen
class Operation:
    """One thing to ask a model for, sync or async.

    :ivar name: of the span.
    :ivar family: which extraction fits its request and response.
    :ivar kind: of the span; None, that is ``function``, where nothing is billed by tokens.
    :ivar group: operations of one group that run inside each other are one call: LiteLLM translates completions to
        responses and back, and its async functions run their sync twins.
    """

    name: str
    family: str
    kind: Optional[str] = "llm"
    group: str = attrs.field(default=attrs.Factory(lambda self: self.family, takes_self=True))


CHAT = Operation("litellm.completion", "chat", group="text")
TEXT = Operation("litellm.text_completion", "completions", group="text")
RESPONSES = Operation("litellm.responses", "responses", group="text")
EMBEDDING = Operation("litellm.embedding", "embeddings", "embedding")
IMAGE = Operation("litellm.image_generation", "images")
MODERATION = Operation("litellm.moderation", "moderations", None)
RERANK = Operation("litellm.rerank", "rerank", "retrieval")
TRANSCRIPTION = Operation("litellm.transcription", "transcription")
SPEECH = Operation("litellm.speech", "speech")

Names = Mapping[str, Operation]


def _twins(operation: Operation, name: str) -> Dict[str, Operation]:
    return {name: operation, f"a{name}": operation}


#: Modules → the functions in them, by the names under which they may be found. The same function may be in several.
FUNCTIONS: Dict[str, Names] = {
    "litellm": {
        **_twins(CHAT, "completion"),
        **_twins(TEXT, "text_completion"),
        **_twins(EMBEDDING, "embedding"),
        **_twins(RESPONSES, "responses"),
        **_twins(IMAGE, "image_generation"),
        **_twins(RERANK, "rerank"),
    },
    "litellm.main": {
        **_twins(CHAT, "completion"),
        **_twins(CHAT, "completion_with_retries"),
        **_twins(TEXT, "text_completion"),
        **_twins(EMBEDDING, "embedding"),
        **_twins(IMAGE, "image_generation"),
        **_twins(MODERATION, "moderation"),
        **_twins(TRANSCRIPTION, "transcription"),
        **_twins(SPEECH, "speech"),
    },
    "litellm.images.main": _twins(IMAGE, "image_generation"),
    "litellm.responses.main": _twins(RESPONSES, "responses"),
    "litellm.rerank_api.main": _twins(RERANK, "rerank"),
}
#: Methods of the Router: what is inside, retries and fallbacks to other models, is one call.
ROUTER: Names = {
    **_twins(CHAT, "completion"),
    **_twins(TEXT, "text_completion"),
    **_twins(EMBEDDING, "embedding"),
    **_twins(IMAGE, "image_generation"),
    "atranscription": TRANSCRIPTION,
    "aspeech": SPEECH,
    "arerank": RERANK,
}
#: Where LiteLLM calls what the program registered with it: calls that are made there are no part of the call.
CALLBACKS: Tuple[str, ...] = (
    "pre_call",
    "post_call",
    "success_handler",
    "async_success_handler",
    "failure_handler",
    "async_failure_handler",
)
#: Modules → the classes of its streams.
STREAMS: Dict[str, Tuple[str, ...]] = {
    "litellm.litellm_core_utils.streaming_handler": ("CustomStreamWrapper",),
    "litellm.utils": ("TextCompletionStreamWrapper",),
    "litellm.responses.streaming_iterator": (
        "ResponsesAPIStreamingIterator",
        "SyncResponsesAPIStreamingIterator",
        "MockResponsesAPIStreamingIterator",
        "CachedResponsesAPIStreamingIterator",
    ),
    "litellm.responses.litellm_completion_transformation.streaming_iterator": ("LiteLLMCompletionStreamingIterator",),
}
