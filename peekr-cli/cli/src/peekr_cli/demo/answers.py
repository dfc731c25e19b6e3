"""What the demo's model says, in the shapes of OpenAI's API. Written for the demo; the token counts are estimates."""

from __future__ import annotations

import base64
import json
import math
import struct
import time
import uuid
from typing import Any, Dict, Iterator, List

import attrs

#: The model that the agent asks first for its last step, and that is over its limit then.
BUSY_MODEL = "gpt-4o"
SNAPSHOTS = {"gpt-4o": "gpt-4o-2024-08-06", "gpt-4o-mini": "gpt-4o-mini-2024-07-18"}
DIMENSIONS = 1536
ANSWER = (
    "Good news, Dana: the blue kettle is in stock, with 12 left in our warehouse. "
    "Order before 15:00 today with express delivery and it will be with you on Friday."
)
RATE_LIMIT = {
    "error": {
        "message": "Rate limit reached for gpt-4o in organization org-demo on tokens per min (TPM): Limit 30000, "
        "Used 29874, Requested 412. Please try again in 572ms. "
        "Visit https://platform.openai.com/account/rate-limits to learn more.",
        "type": "tokens",
        "param": None,
        "code": "rate_limit_exceeded",
    }
}


@attrs.define(slots=True, frozen=True)
class Answer:
    """One HTTP answer.

    :ivar delay_s: seconds before it starts, as a model would think.
    :ivar events: the chunks of a stream; None for a plain JSON ``body``.
    """

    status: int
    delay_s: float
    body: Any = None
    events: Any = None


def answer(path: str, request: Dict[str, Any]) -> Answer:
    """Return the scripted answer to a request of the API."""
    if path.endswith("/embeddings"):
        return Answer(200, 0.035, _embedding(request))
    if not path.endswith("/chat/completions"):
        message = f"Invalid URL (POST {path})"
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
        return Answer(404, 0, {"error": error})
    if request.get("tools"):
        return Answer(200, 0.21, _tool_call(request))
    if request.get("model") == BUSY_MODEL:
        return Answer(429, 0.02, RATE_LIMIT)
    if request.get("stream"):
        return Answer(200, 0.14, events=_stream(request))
    return Answer(200, 0.3, _completion(request, {"role": "assistant", "content": ANSWER}, "stop"))


def _embedding(request: Dict[str, Any]) -> Dict[str, Any]:
    texts = request.get("input")
    texts = texts if isinstance(texts, list) else [texts]
    used = _tokens(texts)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": _vector(str(text), request.get("encoding_format"))}
            for at, text in enumerate(texts)
        ],
        "model": request.get("model"),
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _vector(text: str, encoding: Any) -> Any:
    """A unit vector that is the same for the same text."""
    seed = sum(text.encode()) or 1
    raw = [math.sin(seed * (at + 1)) for at in range(DIMENSIONS)]
    length = math.sqrt(sum(value * value for value in raw))
    vector = [value / length for value in raw]
    return base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *vector)).decode() if encoding == "base64" else vector


def _tool_call(request: Dict[str, Any]) -> Dict[str, Any]:
    call = {
        "id": "call_" + uuid.uuid4().hex[:24],
        "type": "function",
        "function": {"name": "stock_level", "arguments": '{"sku":"KTL-BLUE"}'},
    }
    return _completion(request, {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")


def _completion(request: Dict[str, Any], message: Dict[str, Any], finish_reason: str) -> Dict[str, Any]:
    choice = {
        "index": 0,
        "message": {**message, "refusal": None, "annotations": []},
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    said = message.get("content") or message.get("tool_calls")
    return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(request, said)}


def _stream(request: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Yield the chunks of the answer, a word or so each, as the API cuts them."""
    head = _head(request, "chat.completion.chunk")
    counted = bool((request.get("stream_options") or {}).get("include_usage"))

    def chunk(choices: List[Any], usage: Any = None) -> Dict[str, Any]:
        return {**head, "choices": choices, **({"usage": usage} if counted else {})}

    def delta(content: Dict[str, Any], finish_reason: Any = None) -> List[Any]:
        return [{"index": 0, "delta": content, "logprobs": None, "finish_reason": finish_reason}]

    yield chunk(delta({"role": "assistant", "content": "", "refusal": None}))
    for at, word in enumerate(ANSWER.split(" ")):
        yield chunk(delta({"content": word if at == 0 else " " + word}))
    yield chunk(delta({}, "stop"))
    if counted:
        yield chunk([], _usage(request, ANSWER))


def _head(request: Dict[str, Any], kind: str) -> Dict[str, Any]:
    model = str(request.get("model"))
    return {
        "id": "chatcmpl-" + uuid.uuid4().hex[:29],
        "object": kind,
        "created": int(time.time()),
        "model": SNAPSHOTS.get(model, model),
        "service_tier": "default",
        "system_fingerprint": "fp_0ba0d124f1",
    }


def _usage(request: Dict[str, Any], said: Any) -> Dict[str, Any]:
    prompt = _tokens(request.get("messages")) + _tokens(request.get("tools"))
    completion = _tokens(said)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _tokens(value: Any) -> int:
    """Four characters a token, which is near enough for English."""
    if not value:
        return 0
    return max(1, len(value if isinstance(value, str) else json.dumps(value)) // 4)
