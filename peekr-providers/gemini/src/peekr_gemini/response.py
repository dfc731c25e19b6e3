"""What a response says about the call: pure functions of its JSON, one for each family of operations."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional

from peekr.capture import LLM_LIMIT, text
from peekr.messages import compose, lighten
from peekr_gemini.data import Json, get, objects, word
from peekr_gemini.errors import reason
from peekr_gemini.interaction import interaction_attributes
from peekr_gemini.request import model_name
from peekr_gemini.usage import embedding_tokens, token_attributes

Attributes = Dict[str, Any]

#: Finish reasons that say: the answer was withheld.
_FILTERED = frozenset(
    (
        "SAFETY",
        "RECITATION",
        "PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "LANGUAGE",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    )
)
_OTHER_FAILURES = {
    "MALFORMED_FUNCTION_CALL": "json_parse",
    "MALFORMED_RESPONSE": "json_parse",
    "UNEXPECTED_TOOL_CALL": "tool_error",
    "TOO_MANY_TOOL_CALLS": "tool_error",
}
#: The numbers on which all versions of the API agree; some servers send them instead of names.
_FINISH_NUMBERS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}


def response_attributes(family: str, response: Json) -> Attributes:
    """Return the attributes that a response gives: model, tokens, output, finish reason and more.

    :param family: of :class:`~peekr_gemini.operations.Operation`.
    """
    out = _FAMILIES[family](response)
    return {name: value for name, value in out.items() if value is not None}


def finish_reason(value: Any) -> Optional[str]:
    """Return the name of a finish reason; None where none is told."""
    if type(value) is int:
        value = _FINISH_NUMBERS.get(value, str(value) if value else None)
    return value if isinstance(value, str) and value and value != "FINISH_REASON_UNSPECIFIED" else None


def blocked(response: Json) -> Optional[str]:
    """Return why the prompt was blocked, or None if it was not."""
    reason = get(get(response, "promptFeedback"), "blockReason")
    return str(reason) if reason else None


def _generate(response: Json) -> Attributes:
    words: List[str] = []
    calls: List[Attributes] = []
    rest: List[Any] = []
    finishes: List[str] = []
    told: List[str] = []
    for candidate in objects(response.get("candidates")):
        said, other = _said(candidate)
        words.append(said)
        rest.extend(other)
        calls.extend(_calls(candidate))
        given = get(candidate, "finishReason")
        finish = finish_reason(given)
        if finish is not None:
            finishes.append(finish)
            told.append(finish if given == finish or finish == str(given) else f"{finish} ({given})")
    block = blocked(response)
    whole = "\n\n".join(filter(None, words))
    usage = get(response, "usageMetadata")
    empty = not (whole or calls or rest)
    out: Attributes = {
        "model": model_name(get(response, "modelVersion")),
        "response_id": word(get(response, "responseId")) or None,
        "service_tier": word(get(usage, "serviceTier")).lower() or None,
        **token_attributes(usage, complete=bool(finishes or block), empty=empty),
        "output": compose(whole, calls) if whole or calls or not rest else text(lighten(rest), LLM_LIMIT),
        "tool_calls": len(calls) or None,
        "finish_reason": ",".join(dict.fromkeys(told)) or block,
        "block_reason": block,
        "error_reason": _reason(block, finishes),
    }
    out.update(_failure(response.get("error")))
    return out


def _failure(error: Any) -> Attributes:
    """An error that came as an event of a stream; older versions of the SDK pass over it in silence."""
    if not isinstance(error, dict):
        return {}
    code, status = error.get("code"), word(error.get("status")) or None
    code = code if type(code) is int else None
    message = word(error.get("message")) or status or "the API reported an error"
    return {
        "error": message,
        "error_type": status or "error",
        "error_code": status,
        "status_code": code,
        "error_reason": reason(code, status, message),
    }


def _parts(candidate: Json) -> Iterator[Json]:
    return objects(get(candidate.get("content"), "parts"))


def _said(candidate: Json) -> Any:
    """The text of a candidate without its thoughts, and its other parts: images, code that was run."""
    texts: List[str] = []
    rest: List[Any] = []
    for part in _parts(candidate):
        if part.get("thought"):
            continue
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif get(part, "functionCall") is None:
            rest.append({name: value for name, value in part.items() if name not in ("thoughtSignature", "thought")})
    return "".join(texts), [part for part in rest if part]


def _calls(candidate: Json) -> Iterator[Attributes]:
    for part in _parts(candidate):
        call = get(part, "functionCall")
        if isinstance(call, dict):
            yield {"name": call.get("name"), "arguments": text(call.get("args") or {}, LLM_LIMIT)}


def _reason(block: Optional[str], finishes: List[str]) -> Optional[str]:
    if block is not None or _FILTERED.intersection(finishes):
        return "content_filter"
    return next((_OTHER_FAILURES[finish] for finish in finishes if finish in _OTHER_FAILURES), None)


def _embed(response: Json) -> Attributes:
    vectors = response.get("embeddings")
    return {
        **embedding_tokens(response),
        "embeddings_count": get(vectors, "count"),
        "embeddings_dimensions": get(vectors, "dimensions"),
    }


def _count(response: Json) -> Attributes:
    """A count is no consumption, so it sets no ``tokens_*``, which sums would take for such."""
    total = get(response, "totalTokens")
    return {"token_count": total if type(total) is int else None, "output": text(dict(response), LLM_LIMIT)}


def _media(response: Json) -> Attributes:
    made = response.get("predictions") or get(response, "generatedImages")
    return {
        "output": text(lighten(dict(response)), LLM_LIMIT),
        "images_count": len(made) if isinstance(made, list) else None,
    }


_FAMILIES: Dict[str, Callable[[Json], Attributes]] = {
    "generate": _generate,
    "embed": _embed,
    "count": _count,
    "media": _media,
    "interactions": interaction_attributes,
}


def served_by(vertex: bool, host: Optional[str]) -> Attributes:
    """Return ``provider`` and, away from Google's own addresses, ``server``.

    :param host: of the client's base URL.
    """
    out: Attributes = {"provider": "vertex" if vertex else "gemini"}
    if host and not host.endswith(".googleapis.com"):
        out["server"] = host
    return out
