"""OpenAI's chat models through LangChain: the API's answers, and the ways to call them."""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import Any, Dict, List

from peekr.probes import Probe, Reply, Request
from peekr_langchain.doctor.entries import TOKENS, of_model

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
    chunks: List[Dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Paris."}, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _USAGE})
    return Reply.events(chunks, end="[DONE]")


def probes() -> List[Probe]:
    """Return all of them."""
    return of_model("ChatOpenAI", _model, TOKENS)


#: LangChain keeps an HTTP client for each URL, which would outlive the event loop it was made in.
_numbers = itertools.count()


def _model(url: str) -> Any:
    kind: Any = import_module("langchain_openai").ChatOpenAI
    base = f"{url}/{next(_numbers)}/v1"
    return kind(model="gpt-4o", api_key="none", base_url=base, max_retries=0, stream_usage=True)
