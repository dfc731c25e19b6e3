"""The API's answers, small and always the same: each call spends 11 tokens of input and 7 of output."""

from __future__ import annotations

from typing import Any, Dict, List

from peekr.probes import Reply, Request, eventstream

TOKENS = 18
_TEXT = '{"capital": "Paris"}'
_BATCH = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-01-02T00:00:00Z",
}


def answer(request: Request) -> Reply:
    """Answer one request by its path, as the API itself or a platform that serves its models does."""
    path = request.path.partition("?")[0]
    if path.endswith(("/count_tokens", "count-tokens:rawPredict")):
        return Reply.json({"input_tokens": 11})
    if path.endswith("/batches"):
        return Reply.json(_BATCH)
    if path.endswith("/v1/complete"):
        return _completion(request.json())
    if path.endswith("-with-response-stream"):
        return eventstream.reply([eventstream.chunk(one) for one in _events()])
    if request.json().get("stream") or path.endswith(":streamRawPredict"):
        return Reply.events(_events(), named=True)
    if path.endswith(("/v1/messages", "/invoke", ":rawPredict")):
        return Reply.json(_message(request.json()))
    raise LookupError(f"no answer for {path}")


def _message(body: Dict[str, Any]) -> Dict[str, Any]:
    """A message; it asks for the tool first, where there is one."""
    block: Dict[str, Any] = {"type": "text", "text": _TEXT}
    asks = bool(body.get("tools")) and len(body.get("messages") or ()) == 1
    if asks:
        block = {"type": "tool_use", "id": "toolu_1", "name": "capital", "input": {"country": "France"}}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-20260901",
        "content": [block],
        "stop_reason": "tool_use" if asks else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


def _events() -> List[Dict[str, Any]]:
    begun = {**_message({}), "content": [], "stop_reason": None, "usage": {"input_tokens": 11, "output_tokens": 1}}
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    half = len(_TEXT) // 2
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _TEXT[:half]}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _TEXT[half:]}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


def _completion(body: Dict[str, Any]) -> Reply:
    """Text completions, which the API serves no more, told no usage."""
    whole = {"id": "compl_1", "type": "completion", "model": "claude-2.1", "completion": "Paris."}
    if body.get("stream"):
        return Reply.events([{**whole, "stop_reason": "stop_sequence"}], named=True)
    return Reply.json({**whole, "stop_reason": "stop_sequence"})
