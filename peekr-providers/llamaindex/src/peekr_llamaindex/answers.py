"""What LlamaIndex' response of a model says: pure functions of a ChatResponse or CompletionResponse, by shape.

LlamaIndex hands on the provider's own answer as ``raw``, an object or a dict of whichever SDK it is, and leaves it to
each integration whether it tells token counts.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from peekr.usage import count, known, part
from peekr_llamaindex.outline import Json, fields_of, message_dict, text_of

Attributes = Dict[str, Any]

_MODELS = ("model", "model_name", "model_id", "modelId", "model_version", "modelVersion")
_FINISHES = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason")
_USAGES = ("usage", "usage_metadata", "usageMetadata")
_INPUTS = ("prompt_tokens", "prompt_token_count", "promptTokenCount", "prompt_eval_count")
_OUTPUTS = (
    "completion_tokens",
    "output_tokens",
    "outputTokens",
    "candidates_token_count",
    "candidatesTokenCount",
    "eval_count",
)
_TOTALS = ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount")
#: What the APIs that leave cached tokens out of ``input_tokens`` count apart: read from the cache, written to it.
_READ = ("cache_read_input_tokens", "cacheReadInputTokens")
_WRITTEN = ("cache_creation_input_tokens", "cacheWriteInputTokens")
_THOUGHTS = ("thoughts_token_count", "thoughtsTokenCount")
#: Words for the end of an answer that is none, in lower case.
_REASONS = {
    "refusal": "refusal",
    "model_context_window_exceeded": "context_length",
    "guardrail_intervened": "guardrail",
    "malformed_function_call": "json_parse",
    **dict.fromkeys(
        ("content_filter", "content_filtered", "safety", "recitation", "prohibited_content", "blocklist", "spii"),
        "content_filter",
    ),
}


def answer_message(response: Any) -> Optional[Json]:
    """Return the answer as a message; a completion's text as one; None where there is none."""
    fields = fields_of(response)
    if fields.get("message") is not None:
        return message_dict(fields["message"])
    if isinstance(fields.get("text"), str):
        return {"role": "assistant", "content": fields["text"]}
    return None


def answer_facts(response: Any) -> Attributes:
    """Return the attributes of an answer without its content: model, tokens, finish reason, response id."""
    fields = fields_of(response)
    raw, extra = _plain(fields.get("raw")), _plain(fields.get("additional_kwargs"))
    finish = _finish(raw)
    out: Attributes = {
        "model": first_text(raw, _MODELS),
        "finish_reason": finish,
        "response_id": first_text(raw, ("id", "response_id", "responseId")),
        "error_reason": _semantic_failure(fields, finish),
        **token_attributes(_usage(raw, extra)),
    }
    return {name: value for name, value in out.items() if value is not None}


def _plain(value: Any) -> Json:
    """An object's fields, also those that its class does not declare."""
    more = getattr(value, "__pydantic_extra__", None)
    return {**fields_of(value), **more} if isinstance(more, dict) else fields_of(value)


def first_text(values: Mapping[str, Any], names: Tuple[str, ...]) -> Optional[str]:
    """Return the first of these entries that is a text with something in it."""
    return next(filter(None, (text_of(values.get(name)) for name in names)), None)


def _finish(raw: Json) -> Optional[str]:
    found = first_text(raw, _FINISHES)
    for name in ("choices", "candidates"):
        several = raw.get(name)
        if found is None and isinstance(several, (list, tuple)) and several:
            first = _plain(several[0])
            found = next(filter(None, (_name_of(first.get(one)) for one in _FINISHES)), None)
    return found


def _name_of(value: Any) -> Optional[str]:
    """A text, or the name of an enumeration's member, whose value may be a number."""
    text = text_of(value)
    name = getattr(value, "name", None)
    return text if text is not None else name if isinstance(name, str) else None


def _semantic_failure(fields: Json, finish: Optional[str]) -> Optional[str]:
    message = fields_of(fields.get("message"))
    extra = message.get("additional_kwargs")
    if isinstance(extra, dict) and extra.get("refusal"):
        return "refusal"
    return _REASONS.get(finish.lower()) if finish else None


def _usage(raw: Json, extra: Json) -> Json:
    """The object that counts tokens, wherever it is: usage of the API, its answer itself, what LlamaIndex adds."""
    for name in _USAGES:
        usage = _plain(raw.get(name))
        if count(usage, *_INPUTS, "input_tokens", "inputTokens") is not None:
            return usage
    return raw if count(raw, *_INPUTS) is not None else extra


def token_attributes(usage: Json) -> Attributes:
    """Return ``tokens_*`` from a provider's usage object, empty where it counts nothing.

    ``tokens_input`` includes what came from the prompt cache and went there, ``tokens_output`` the reasoning.
    """
    read, written = count(usage, *_READ), count(usage, *_WRITTEN)
    spent, made = count(usage, *_INPUTS), count(usage, *_OUTPUTS)
    total, thoughts = count(usage, *_TOTALS), count(usage, *_THOUGHTS)
    given = _details(usage, "prompt_tokens_details", "input_tokens_details")
    if spent is None:
        spent = count(usage, "input_tokens", "inputTokens")
        if spent is not None and (read or written):
            spent, total = spent + (read or 0) + (written or 0), None
    if made is not None and thoughts:
        made += thoughts
    if total is None and spent is not None and made is not None:
        total = spent + made
    cached = read if read is not None else count(given, "cached_tokens")
    if cached is None:
        cached = count(usage, "cached_content_token_count", "cachedContentTokenCount")
    reasoning = count(_details(usage, "completion_tokens_details", "output_tokens_details"), "reasoning_tokens")
    counts = {"tokens_input": spent, "tokens_output": made, "tokens_total": total, "tokens_cached": cached}
    return {**known({**counts, "tokens_cache_write": written, "tokens_reasoning": reasoning or thoughts})}


def _details(usage: Json, *names: str) -> Mapping[str, Any]:
    return part({name: _plain(usage[name]) for name in names if usage.get(name) is not None}, *names)
