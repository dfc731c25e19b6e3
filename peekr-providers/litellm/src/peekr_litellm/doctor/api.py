"""The APIs behind LiteLLM, as far as the probes ask them: OpenAI's, Anthropic's messages, and Jina's rerank."""

from __future__ import annotations

from typing import Any, Dict, List

from peekr.probes import Reply, Request

TOKENS = 18
ANSWER = "Paris."
_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": TOKENS}
_INPUT_USAGE = {"input_tokens": 11, "output_tokens": 7, "total_tokens": TOKENS}


def answer(request: Request) -> Reply:
    """Answer a request as the API of its path does.

    :raises LookupError: if there is none.
    """
    body = request.json()
    for end, reply in (
        ("/chat/completions", _chat),
        ("/completions", _completion),
        ("/embeddings", _embedding),
        ("/responses", _response),
        ("/v1/messages", _message),
        ("/images/generations", _image),
        ("/moderations", _moderation),
        ("/rerank", _rerank),
        ("/audio/speech", _speech),
        ("/audio/transcriptions", _transcription),
    ):
        if request.path.partition("?")[0].endswith(end):
            return reply(body)
    raise LookupError(request.path)


def _head(kind: str, body: Dict[str, Any]) -> Dict[str, Any]:
    return {"id": "id-1", "object": kind, "created": 1, "model": body.get("model", "model-1")}


def _asked(body: Dict[str, Any]) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))


def _chat(body: Dict[str, Any]) -> Reply:
    if not body.get("stream"):
        message = {"role": "assistant", "content": ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply.json({**_head("chat.completion", body), "choices": [choice], "usage": _USAGE})
    head = _head("chat.completion.chunk", body)
    deltas: List[Any] = [({"role": "assistant", "content": ""}, None), ({"content": "Par"}, None)]
    deltas += [({"content": "is."}, None), ({}, "stop")]
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    return Reply.events([*events, *_usage_chunk(head, body)], end="[DONE]")


def _usage_chunk(head: Dict[str, Any], body: Dict[str, Any]) -> List[Any]:
    """OpenAI sends the counts of a stream only to those who ask."""
    return [{**head, "choices": [], "usage": _USAGE}] if _asked(body) else []


def _completion(body: Dict[str, Any]) -> Reply:
    head = _head("text_completion", body)
    if not body.get("stream"):
        choice = {"index": 0, "text": ANSWER, "logprobs": None, "finish_reason": "stop"}
        return Reply.json({**head, "choices": [choice], "usage": _USAGE})
    pieces: List[Any] = [("Par", None), ("is.", None), ("", "stop")]
    events = [
        {**head, "choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": end}]}
        for piece, end in pieces
    ]
    return Reply.events([*events, *_usage_chunk(head, body)], end="[DONE]")


def _embedding(body: Dict[str, Any]) -> Reply:
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
    usage = {"prompt_tokens": 11, "total_tokens": 11}
    return Reply.json({"object": "list", "data": [vector], "model": body.get("model"), "usage": usage})


def _response(body: Dict[str, Any]) -> Reply:
    content = [{"type": "output_text", "text": ANSWER, "annotations": []}]
    message = {"type": "message", "id": "msg-1", "role": "assistant", "status": "completed", "content": content}
    whole: Dict[str, Any] = {
        **_head("response", body),
        "created_at": 1,
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _INPUT_USAGE,
    }
    if not body.get("stream"):
        return Reply.json(whole)
    place = {"item_id": "msg-1", "output_index": 0, "content_index": 0}
    deltas = [{"type": "response.output_text.delta", **place, "delta": piece} for piece in ("Par", "is.")]
    open_one = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: List[Any] = [{"type": "response.created", "response": open_one}, *deltas]
    events.append({"type": "response.completed", "response": whole})
    return Reply.events([{**event, "sequence_number": number} for number, event in enumerate(events)], named=True)


def _message(body: Dict[str, Any]) -> Reply:
    head = {"id": "msg-1", "type": "message", "role": "assistant", "model": body.get("model")}
    usage = {"input_tokens": 11, "output_tokens": 7}
    if not body.get("stream"):
        content = [{"type": "text", "text": ANSWER}]
        return Reply.json(
            {**head, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        )
    start: Dict[str, Any] = {
        **head,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 11, "output_tokens": 1},
    }
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in ("Par", "is.")
    ]
    events: List[Any] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return Reply.events(events, named=True)


def _image(body: Dict[str, Any]) -> Reply:
    return Reply.json({"created": 1, "data": [{"url": "http://127.0.0.1/paris.png"}]})


def _moderation(body: Dict[str, Any]) -> Reply:
    result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.01}}
    return Reply.json({"id": "modr-1", "model": "moderation-1", "results": [result]})


def _rerank(body: Dict[str, Any]) -> Reply:
    results = [{"index": 0, "relevance_score": 0.9}]
    return Reply.json({"id": "id-1", "model": body.get("model"), "results": results, "usage": {"total_tokens": 11}})


def _speech(body: Dict[str, Any]) -> Reply:
    return Reply(b"ID3 no music", "audio/mpeg")


def _transcription(body: Dict[str, Any]) -> Reply:
    return Reply.json({"text": ANSWER})
