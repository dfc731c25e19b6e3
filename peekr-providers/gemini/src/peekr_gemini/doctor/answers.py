"""The API's answers, small and always the same: each call of a model spends 11 tokens of input and 7 of output."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List

from peekr.probes import Reply, Request

TOKENS = 18
MODEL = "gemini-2.5-flash"
_USAGE = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": TOKENS}
_SPENT = {
    "total_input_tokens": 11,
    "total_cached_tokens": 0,
    "total_output_tokens": 7,
    "total_thought_tokens": 0,
    "total_tool_use_tokens": 0,
    "total_tokens": TOKENS,
}
_VECTOR = {"values": [0.5, 0.25]}
_IMAGE = {"mimeType": "image/png", "bytesBase64Encoded": "aGk="}


def answer(request: Request) -> Reply:
    """Answer one request by its path, as the Gemini API and Vertex AI do."""
    path, _, query = request.path.partition("?")
    body = request.json()
    if path.endswith("/interactions"):
        return _interaction(body)
    method = path.rpartition(":")[2]
    if method == "generateContent":
        return Reply.json(_content(body))
    if method == "streamGenerateContent":
        chunks = _chunks(body)
        return Reply.events(chunks) if "alt=sse" in query else Reply(json.dumps(chunks).encode())
    known = _PLAIN.get(method)
    if known is None:
        raise LookupError(f"no answer for {path}")
    return Reply.json(known)


_PLAIN: Dict[str, Any] = {
    "countTokens": {"totalTokens": 11},
    "computeTokens": {"tokensInfo": [{"tokenIds": ["1"], "tokens": ["aGk="]}]},
    "embedContent": {"embedding": _VECTOR},
    "batchEmbedContents": {"embeddings": [_VECTOR]},
    "predict": {"predictions": [_IMAGE]},
    "predictLongRunning": {"name": "models/veo/operations/1", "done": False},
}


def _content(body: Dict[str, Any], *parts: Any, ends: bool = True) -> Dict[str, Any]:
    """A response; it asks for the function first, where there is one."""
    asks = bool(body.get("tools")) and len(body.get("contents") or ()) == 1
    if asks:
        parts = ({"functionCall": {"name": "capital", "args": {"country": "France"}}},)
    candidate: Dict[str, Any] = {"content": {"role": "model", "parts": list(parts or ({"text": "Paris."},))}}
    candidate["index"] = 0
    if ends:
        candidate["finishReason"] = "STOP"
    usage = _USAGE if ends else {"promptTokenCount": 11, "totalTokenCount": 11}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": f"{MODEL}-001", "responseId": "r1"}


def _chunks(body: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [_content(body, {"text": "Par"}, ends=False), _content(body, {"text": "is."})]


def _interaction(body: Dict[str, Any]) -> Reply:
    """An interaction: its answer is called steps since version 2 of the SDK, and so are the events."""
    old = str(getattr(sys.modules.get("google.genai"), "__version__", "")).startswith("1.")
    said = {"type": "text", "text": "Paris."}
    whole: Dict[str, Any] = {"id": "v1_1", "model": MODEL, "status": "completed", "object": "interaction"}
    whole.update(created="2026-01-01T00:00:00Z", updated="2026-01-01T00:00:00Z")
    if not body.get("stream"):
        output = {"outputs": [said]} if old else {"steps": [{"type": "model_output", "content": [said]}]}
        return Reply.json({**whole, **output, "usage": _SPENT})
    first, last = ("start", "complete") if old else ("created", "completed")
    unit = "content" if old else "step"
    begun = {"type": "text", "text": ""} if old else {"type": "model_output"}
    events: List[Dict[str, Any]] = [
        {"event_type": f"interaction.{first}", "interaction": {**whole, "status": "in_progress"}},
        {"event_type": f"{unit}.start", "index": 0, unit: begun},
        {"event_type": f"{unit}.delta", "index": 0, "delta": said},
        {"event_type": f"{unit}.stop", "index": 0},
        {"event_type": f"interaction.{last}", "interaction": {**whole, "usage": _SPENT}},
    ]
    texts = [f"event: {one['event_type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return Reply([text.encode() for text in texts], "text/event-stream")
