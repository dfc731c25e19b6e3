"""What a response says about the call: pure functions of its JSON, one for each family of operations."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from peekr.capture import LLM_LIMIT, cut, text
from peekr.messages import compose, lighten
from peekr.reasons import is_json, reason_of
from peekr_openai.usage import token_attributes

Json = Mapping[str, Any]
Attributes = Dict[str, Any]

#: Output items of the Responses API that ask the caller to do something, and where each keeps its arguments.
_CALLS = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
    "mcp_approval_request": "arguments",
}


def response_attributes(family: str, response: Json, *, counts: bool = True) -> Attributes:
    """Return the attributes that a response gives: model, tokens, output, finish reason and more.

    :param family: of :class:`~peekr_openai.operations.Operation`.
    :param counts: whether its tokens were spent by this call.
    """
    out: Attributes = {}
    for name, key in (("model", "model"), ("response_id", "id"), ("service_tier", "service_tier")):
        value = response.get(key)
        if isinstance(value, str) and value:
            out[name] = value
    if counts:
        out.update(token_attributes(response.get("usage"), embedding=family == "embeddings"))
    out.update(_FAMILIES.get(family, _other)(response))
    error = response.get("error")
    if family in ("chat", "completions", "embeddings") and isinstance(error, dict) and not response.get("choices"):
        out.update(failure_attributes(error))  # a router whose own request has failed
    return {name: value for name, value in out.items() if value is not None}


def _objects(value: Any) -> Iterable[Json]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


# -- chat and completions -------------------------------------------------------------------------------------


def _chat(response: Json) -> Attributes:
    words: List[str] = []
    calls: List[Attributes] = []
    finishes: List[str] = []
    refused = False
    made: List[Any] = []
    failure: Optional[Json] = None
    for choice in _objects(response.get("choices")):
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        words.append(_words(message))
        calls.extend(_chat_calls(message))
        refused = refused or bool(message.get("refusal"))
        made.extend(_objects(message.get("images")))
        if choice.get("finish_reason"):
            finishes.append(str(choice["finish_reason"]))
        if isinstance(choice.get("error"), dict):  # OpenRouter, of the provider behind it
            failure = choice["error"]
    out = _generated(words, calls, finishes, refused)
    if made and not out["output"]:
        out["output"] = text(lighten(made), LLM_LIMIT)
    if failure is not None and out["error_reason"] is None:
        out["error_reason"] = failure_attributes(failure)["error_reason"]
    return out


def _generated(words: List[str], calls: List[Attributes], finishes: List[str], refused: bool) -> Attributes:
    """Attributes that all generating calls have in common."""
    reason = None
    if refused:
        reason = "refusal"
    elif "content_filter" in finishes:
        reason = "content_filter"
    elif any(not is_json(call["arguments"]) for call in calls if not call.pop("free", False)):
        reason = "json_parse"
    for call in calls:
        call.pop("free", None)
    return {
        "output": compose("\n\n".join(part for part in words if part), calls),
        "tool_calls": len(calls) or None,
        "finish_reason": ",".join(dict.fromkeys(finishes)) or None,
        "error_reason": reason,
    }


def _words(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):  # Mistral and others answer in parts
        content = "".join(str(part.get("text") or "") for part in _objects(content))
    audio = message.get("audio")
    spoken = audio.get("transcript") if isinstance(audio, dict) else None
    return str(content or message.get("refusal") or spoken or "")


def _chat_calls(message: Json) -> Iterable[Attributes]:
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        yield {"name": legacy.get("name"), "arguments": legacy.get("arguments")}
    for call in _objects(message.get("tool_calls")):
        function = call.get("function")
        if isinstance(function, dict):
            yield {"name": function.get("name"), "arguments": function.get("arguments")}
        elif isinstance(call.get("custom"), dict):
            yield {"name": call["custom"].get("name"), "arguments": call["custom"].get("input"), "free": True}


def _completions(response: Json) -> Attributes:
    choices = list(_objects(response.get("choices")))
    finishes = [str(choice["finish_reason"]) for choice in choices if choice.get("finish_reason")]
    return _generated([str(choice.get("text") or "") for choice in choices], [], finishes, False)


# -- responses ------------------------------------------------------------------------------------------------


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
        elif isinstance(kind, str) and kind in _CALLS:
            name = item.get("name") or kind.replace("_call", "")
            given = item.get(_CALLS[kind], item.get("actions"))
            calls.append({"name": name, "arguments": given, "free": kind != "function_call"})
        elif kind != "reasoning":
            made.append(item)
    out = _generated(words, calls, [_response_finish(response)], refused)
    out["finish_reason"] = out["finish_reason"] or None
    if made and not out["output"]:
        out["output"] = text(lighten(made), LLM_LIMIT)  # an image, a search without an answer
    error = response.get("error")
    if response.get("status") == "failed" and isinstance(error, dict):
        out.update(failure_attributes(error))
    return out


def _parts(message: Json) -> Tuple[str, bool]:
    words = []
    refused = False
    for part in _objects(message.get("content")):
        refused = refused or part.get("type") == "refusal"
        words.append(str(part.get("text") or part.get("refusal") or part.get("transcript") or ""))
    return "".join(words), refused


def _response_finish(response: Json) -> str:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return str(reason or response.get("status") or "")


def failure_attributes(error: Json) -> Attributes:
    """Return the attributes of an error object inside a successful HTTP answer; its span has failed."""
    code = error.get("code") or error.get("type")
    status = code if type(code) is int and code >= 400 else None  # OpenRouter
    message = str(error.get("message") or code or "the API reported an error")
    return {
        "error": message,
        "error_type": str(code or "error"),
        "error_reason": reason_of(status, str(code) if code else None, message),
    }


# -- everything else ------------------------------------------------------------------------------------------


def _embeddings(response: Json) -> Attributes:
    data = response.get("data")
    data = data if isinstance(data, dict) else {}
    return {"embeddings_count": data.get("count"), "embeddings_dimensions": data.get("dimensions")}


def _images(response: Json) -> Attributes:
    images = list(_objects(response.get("data")))
    return {"output": text(lighten(images), LLM_LIMIT), "images_count": len(images)}


def _audio(response: Json) -> Attributes:
    usage = response.get("usage")
    seconds = usage.get("seconds") if isinstance(usage, dict) else None
    words = response.get("text")
    return {
        "output": cut(words, LLM_LIMIT) if isinstance(words, str) else None,
        "audio_seconds": seconds if seconds is not None else response.get("duration"),
        "audio_bytes": response.get("size_bytes"),
    }


def _moderations(response: Json) -> Attributes:
    results = []
    for result in _objects(response.get("results")):
        categories = result.get("categories")
        categories = categories if isinstance(categories, dict) else {}
        results.append(
            {"flagged": result.get("flagged"), "categories": [name for name in categories if categories[name]]}
        )
    return {"output": text(results, LLM_LIMIT), "flagged": any(result["flagged"] for result in results)}


def _decisions(response: Json) -> Attributes:
    answers = list(_objects(response.get("answers")))
    refused = any(answer.get("type") == "refusal" for answer in answers)
    return {"output": text(answers, LLM_LIMIT), "error_reason": "refusal" if refused else None}


def _search(response: Json) -> Attributes:
    found = list(_objects(response.get("data")))
    return {"output": text(found, LLM_LIMIT), "results_count": len(found)}


def _threads(response: Json) -> Attributes:
    words = response.get("output_text")
    out: Attributes = {"finish_reason": response.get("status"), "output": words or None}
    error = response.get("last_error")
    if response.get("status") == "failed" and isinstance(error, dict):
        out.update(failure_attributes(error))
    return out


def _other(response: Json) -> Attributes:
    return {"output": text(lighten(dict(response)), LLM_LIMIT)}


_FAMILIES: Dict[str, Callable[[Json], Attributes]] = {
    "chat": _chat,
    "completions": _completions,
    "responses": _responses,
    "embeddings": _embeddings,
    "images": _images,
    "audio": _audio,
    "moderations": _moderations,
    "decisions": _decisions,
    "search": _search,
    "threads": _threads,
}


def served_by(client: str, host: Optional[str]) -> Attributes:
    """Return ``provider`` and, away from the API's own address, ``server``.

    :param client: class name of the SDK's client.
    :param host: of its base URL.
    """
    azure = "azure" in client.lower() or (host or "").endswith((".azure.com", ".azure.us", ".azure.cn"))
    out: Attributes = {"provider": "azure" if azure else "openai"}
    if host and host != "api.openai.com":
        out["server"] = host
    return out
