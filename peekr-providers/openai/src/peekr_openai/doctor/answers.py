"""The API's answers, small and always the same: each call spends 11 tokens of input and 7 of output."""

from __future__ import annotations

import re
from typing import Any, Dict, List

from peekr.probes import Reply, Request

TOKENS = 18
EMBEDDING_TOKENS = 11
_MODEL = "gpt-4o-2024-08-06"
_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": TOKENS}
_UNITS = {"input_tokens": 11, "output_tokens": 7, "total_tokens": TOKENS}
_TEXT = '{"capital": "Paris"}'


def answer(request: Request) -> Reply:
    """Answer one request by its path."""
    path = request.path.partition("?")[0]
    body = request.json() if "json" in request.headers.get("content-type", "") else {}
    if "/chat/completions" in path:
        return _chat(body)
    if re.search(r"/responses/\w+$", path) and not path.endswith("/compact"):
        return Reply.json(_response())
    if path.endswith("/responses"):
        return _responses(body)
    if path.endswith("/completions"):
        return _completion(body)
    if path.endswith("/audio/speech"):
        return Reply(b"\x00\x01" * 8, "audio/mpeg")
    known = next((data for end, data in _PLAIN.items() if path.endswith(end)), None)
    if known is None:
        raise LookupError(f"no answer for {path}")
    return Reply.json(known)


def _chat(body: Dict[str, Any]) -> Reply:
    head = {"id": "chatcmpl-1", "created": 1, "model": _MODEL}
    if not body.get("stream"):
        message = {"role": "assistant", "content": _TEXT, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return Reply.json({**head, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    return _chunks({**head, "object": "chat.completion.chunk"}, body, _chat_choice)


def _chat_choice(text: Any, finish: Any) -> Dict[str, Any]:
    delta = {} if text is None else {"role": "assistant", "content": text}
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _completion(body: Dict[str, Any]) -> Reply:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct"}
    if not body.get("stream"):
        return Reply.json({**head, "choices": [_text_choice(_TEXT, "stop")], "usage": _USAGE})
    return _chunks(head, body, _text_choice)


def _text_choice(text: Any, finish: Any) -> Dict[str, Any]:
    return {"index": 0, "text": text or "", "logprobs": None, "finish_reason": finish}


def _chunks(head: Dict[str, Any], body: Dict[str, Any], choice: Any) -> Reply:
    """A stream: the counts come last, and only for those who ask."""
    chunks = [{**head, "choices": [choice(piece, None)]} for piece in ('{"capital": ', '"Paris"}')]
    chunks.append({**head, "choices": [choice(None, "stop")]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _USAGE})
    return Reply.events(chunks, end="[DONE]")


def _item(status: str, *content: Any) -> Dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": list(content)}


_PART = {"type": "output_text", "text": _TEXT, "annotations": [], "logprobs": []}


def _response(**changes: Any) -> Dict[str, Any]:
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "model": _MODEL, "status": "completed"}
    asked = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}, "error": None}
    usage = {**_UNITS, **details}
    return {**whole, **asked, "output": [_item("completed", _PART)], "usage": usage, **changes}


def _responses(body: Dict[str, Any]) -> Reply:
    if not body.get("stream"):
        return Reply.json(_response())
    begun = _response(status="in_progress", output=[], usage=None)
    at: Dict[str, Any] = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    empty, half = {**_PART, "text": ""}, len(_TEXT) // 2
    events: List[Dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": _item("in_progress")},
        {"type": "response.content_part.added", **at, "part": empty},
        {"type": "response.output_text.delta", **at, "delta": _TEXT[:half], "logprobs": []},
        {"type": "response.output_text.delta", **at, "delta": _TEXT[half:], "logprobs": []},
        {"type": "response.output_text.done", **at, "text": _TEXT, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": _PART},
        {"type": "response.output_item.done", "output_index": 0, "item": _item("completed", _PART)},
        {"type": "response.completed", "response": _response()},
    ]
    return Reply.events([{**one, "sequence_number": number} for number, one in enumerate(events)], named=True)


_RUN = {"id": "run_1", "object": "thread.run", "created_at": 1, "thread_id": "thread_1", "assistant_id": "asst_1"}
_VIDEO = {"id": "video_1", "object": "video", "created_at": 1, "model": "sora-2", "status": "queued", "progress": 0}
#: By the end of the path.
_PLAIN: Dict[str, Any] = {
    "/responses/compact": {
        "id": "resp_2",
        "object": "response.compaction",
        "created_at": 1,
        "output": [],
        "usage": _response()["usage"],
    },
    "/responses/input_tokens": {"object": "response.input_tokens", "input_tokens": 11},
    "/embeddings": {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAAA="}],
        "usage": {"prompt_tokens": EMBEDDING_TOKENS, "total_tokens": EMBEDDING_TOKENS},
    },
    "/decisions": {
        "id": "dec_1",
        "object": "decision",
        "created_at": 1,
        "model": "gpt-6-luna",
        "answers": [{"type": "predicate", "probability": 0.9}],
        "usage": _UNITS,
    },
    "/moderations": {
        "id": "modr-1",
        "model": "omni-moderation-latest",
        "results": [{"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}],
    },
    "/images/generations": {"created": 1, "data": [{"b64_json": "aGk="}], "usage": _UNITS},
    "/images/edits": {"created": 1, "data": [{"b64_json": "aGk="}], "usage": _UNITS},
    "/images/variations": {"created": 1, "data": [{"b64_json": "aGk="}]},
    "/audio/transcriptions": {"text": "hello there", "usage": {"type": "tokens", **_UNITS}},
    "/audio/translations": {"text": "hello there"},
    "/batches": {
        "id": "batch_1",
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "input_file_id": "file_1",
        "completion_window": "24h",
        "status": "validating",
        "created_at": 1,
    },
    "/vector_stores/vs_1/search": {"object": "vector_store.search_results.page", "search_query": ["q"], "data": []},
    "/threads/thread_1/runs": {**_RUN, "status": "completed", "model": "gpt-4o", "usage": _USAGE},
    "/videos": _VIDEO,
    "/videos/video_1/remix": _VIDEO,
}
