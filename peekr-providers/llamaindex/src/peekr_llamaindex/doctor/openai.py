"""OpenAI's models through LlamaIndex: the API's answers, and the ways to call them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Dict, List

from peekr.probes import Probe, Reply, Request
from peekr_llamaindex.doctor.entries import TOKENS, of_model

_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024-08-06"}
_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": TOKENS}


def answer(request: Request) -> Reply:
    """Answer a chat completion."""
    body = request.json()
    if not body.get("stream"):
        message = {"role": "assistant", "content": "Paris."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply.json({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    head = {**_HEAD, "object": "chat.completion.chunk"}
    delta = {"role": "assistant", "content": "Paris."}
    chunks: List[Dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _USAGE})
    return Reply.events(chunks, end="[DONE]")


def probes() -> List[Probe]:
    """Return all of them."""
    return of_model("OpenAI", _model, TOKENS)


def _model(url: str) -> Any:
    kind: Any = import_module("llama_index.llms.openai").OpenAI
    asking = {"stream_options": {"include_usage": True}}
    options = {"api_base": f"{url}/v1", "api_key": "none", "max_retries": 0, "reuse_client": False}
    return kind(model="gpt-4o", additional_kwargs=asking, **options)
