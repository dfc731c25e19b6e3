"""What a response says about the call: pure functions of its JSON. LiteLLM gives every answer in OpenAI's shape."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Tuple

from peekr.capture import LLM_LIMIT, cut, text
from peekr.messages import compose, lighten
from peekr.reasons import is_json, reason_of
from peekr_litellm.usage import token_attributes

Json = Mapping[str, Any]
Attributes = Dict[str, Any]


def response_attributes(family: str, response: Json, *, beside: bool = False) -> Attributes:
    """Return the attributes that a response gives: model, tokens, output, finish reason and more.

    :param family: of :class:`~peekr_litellm.operations.Operation`.
    :param beside: see :func:`~peekr_litellm.usage.token_attributes`.
    """
    out: Attributes = {}
    for name, key in (("model", "model"), ("response_id", "id"), ("service_tier", "service_tier")):
        value = response.get(key)
        if isinstance(value, str) and value:
            out[name] = value
    out.update(token_attributes(response.get("usage"), embedding=family == "embeddings", beside=beside))
    out.update(_FAMILIES[family](response))
    return {name: value for name, value in out.items() if value is not None}


def _objects(value: Any) -> Iterable[Json]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _chat(response: Json) -> Attributes:
    words: List[str] = []
    calls: List[Attributes] = []
    finishes: List[str] = []
    made: List[Any] = []
    refused = False
    for choice in _objects(response.get("choices")):
        message = choice.get("message")
        message = message if isinstance(message, dict) else {"content": choice.get("text")}
        words.append(_words(message))
        calls.extend(_calls(message))
        made.extend(_objects(message.get("images")))
        finish = choice.get("finish_reason")
        refused = refused or bool(_refusal(message)) or finish == "refusal"
        if finish:
            finishes.append(str(finish))
    out = _generated(words, calls, finishes, refused)
    if made and not out["output"]:
        out["output"] = text(lighten(made), LLM_LIMIT)
    return out


def _words(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in _objects(content))
    audio = message.get("audio")
    spoken = audio.get("transcript") if isinstance(audio, dict) else None
    return str(content or _refusal(message) or spoken or "")


def _refusal(message: Json) -> Any:
    """LiteLLM keeps what its own messages have no field for beside them."""
    more = message.get("provider_specific_fields")
    return message.get("refusal") or (more.get("refusal") if isinstance(more, dict) else None)


#: How the ids of tools begin that Anthropic has called itself: nobody is asked to.
_OF_THE_SERVER = "srvtoolu_"


def _calls(message: Json) -> Iterator[Attributes]:
    asked = (call for call in _objects(message.get("tool_calls")) if not str(call.get("id")).startswith(_OF_THE_SERVER))
    for function in (message.get("function_call"), *(call.get("function") for call in asked)):
        if isinstance(function, dict):
            yield {"name": function.get("name"), "arguments": function.get("arguments")}


def _generated(words: List[str], calls: List[Attributes], finishes: List[str], refused: bool) -> Attributes:
    reason = None
    if refused:
        reason = "refusal"
    elif "content_filter" in finishes:
        reason = "content_filter"
    elif not all(is_json(call["arguments"]) for call in calls):
        reason = "json_parse"
    return {
        "output": compose("\n\n".join(part for part in words if part), calls),
        "tool_calls": len(calls) or None,
        "finish_reason": ",".join(dict.fromkeys(finishes)) or None,
        "error_reason": reason,
    }


def _responses(response: Json) -> Attributes:
    words: List[str] = []
    calls: List[Attributes] = []
    made: List[Any] = []
    refused = False
    for item in _objects(response.get("output")):
        kind = item.get("type")
        if kind == "message":
            said, refusal = _parts(item)
            words.append(said)
            refused = refused or refusal
        elif kind in ("function_call", "custom_tool_call"):
            calls.append({"name": item.get("name"), "arguments": item.get("arguments", item.get("input"))})
        elif kind != "reasoning":
            made.append(item)
    details, status = response.get("incomplete_details"), response.get("status")
    finish = details.get("reason") if isinstance(details, dict) else None
    out = _generated(words, calls, [str(finish or status)] if finish or status else [], refused)
    if made and not out["output"]:
        out["output"] = text(lighten(made), LLM_LIMIT)
    error = response.get("error")
    if status == "failed" and isinstance(error, dict):
        message, code = str(error.get("message") or "the API reported an error"), str(error.get("code") or "error")
        out.update(error=message, error_type=code, error_reason=reason_of(None, code, message))
    return out


def _parts(message: Json) -> Tuple[str, bool]:
    parts = list(_objects(message.get("content")))
    words = "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
    return words, any(part.get("type") == "refusal" for part in parts)


def _embeddings(response: Json) -> Attributes:
    data = response.get("data")
    data = data if isinstance(data, dict) else {}
    return {"embeddings_count": data.get("count"), "embeddings_dimensions": data.get("dimensions")}


def _images(response: Json) -> Attributes:
    images = list(_objects(response.get("data")))
    return {"output": text(lighten(images), LLM_LIMIT), "images_count": len(images)}


def _moderations(response: Json) -> Attributes:
    results = []
    for result in _objects(response.get("results")):
        categories = result.get("categories")
        found = [name for name, hit in categories.items() if hit] if isinstance(categories, dict) else []
        results.append({"flagged": result.get("flagged"), "categories": found})
    return {"output": text(results, LLM_LIMIT), "flagged": any(result["flagged"] for result in results)}


def _rerank(response: Json) -> Attributes:
    results = list(_objects(response.get("results")))
    return {"output": text(results, LLM_LIMIT), "results_count": len(results)}


def _transcription(response: Json) -> Attributes:
    words = response.get("text")
    return {
        "output": cut(words, LLM_LIMIT) if isinstance(words, str) else None,
        "audio_seconds": response.get("duration"),
    }


def _speech(response: Json) -> Attributes:
    return {"audio_bytes": response.get("size_bytes")}


_FAMILIES: Dict[str, Callable[[Json], Attributes]] = {
    "chat": _chat,
    "completions": _chat,
    "responses": _responses,
    "embeddings": _embeddings,
    "images": _images,
    "moderations": _moderations,
    "rerank": _rerank,
    "transcription": _transcription,
    "speech": _speech,
}
