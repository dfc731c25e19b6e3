"""What LangChain's result of an LLM call says: pure functions of its LLMResult, or of a copy of it, by shape."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from peekr.usage import count, known, part
from peekr_langchain.outline import Json, fields_of, message_dict, refusal_of

Attributes = Dict[str, Any]

_MODELS = ("model_name", "model", "model_id")
_FINISHES = ("finish_reason", "stop_reason", "done_reason", "finishReason", "stopReason", "status")
#: Finish reasons, in lower case, of an answer that is none: Anthropic's, Bedrock's and Gemini's words for it.
_REASONS = {
    "refusal": "refusal",
    "model_context_window_exceeded": "context_length",
    "content_filtered": "content_filter",
    "error_toxic": "content_filter",
    "guardrail_intervened": "guardrail",
    "malformed_model_output": "json_parse",
    "malformed_tool_use": "json_parse",
    "malformed_function_call": "json_parse",
    "malformed_response": "json_parse",
    "unexpected_tool_call": "tool_error",
    "too_many_tool_calls": "tool_error",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "spii": "content_filter",
    "language": "content_filter",
    "model_armor": "content_filter",
    "image_safety": "content_filter",
    "image_prohibited_content": "content_filter",
    "image_recitation": "content_filter",
}


def answer_messages(result: Any) -> List[Any]:
    """Return the answers as messages; a completion's text as one."""
    out: List[Any] = []
    for generation in _generations(result):
        message = generation.get("message")
        if message is not None:
            out.append(message_dict(message))
        else:
            out.append({"role": "assistant", "content": generation.get("text")})
    return out


def answer_facts(result: Any) -> Attributes:
    """Return the attributes of an answer without its content: model, tokens, finish reason, response id."""
    generations = _generations(result)
    messages = [fields_of(generation.get("message")) for generation in generations]
    abouts = [_about(*pair) for pair in zip(generations, messages)]
    output = _dict(fields_of(result).get("llm_output"))
    about = {**output, **abouts[0]} if abouts else output
    finishes = [first_text(one, _FINISHES) or "" for one in abouts]
    out: Attributes = {
        "model": first_text(about, _MODELS),
        "finish_reason": ",".join(dict.fromkeys(filter(None, finishes))) or None,
        "response_id": first_text(about, ("id",)),
    }
    usage = messages[0].get("usage_metadata") if messages else None
    out.update(token_attributes(usage if isinstance(usage, dict) else part(output, "token_usage", "usage")))
    blocked = any(part(one, "prompt_feedback").get("block_reason") for one in abouts)
    out["error_reason"] = "content_filter" if blocked else _semantic_failure(messages, finishes)
    return {name: value for name, value in out.items() if value is not None}


def _generations(result: Any) -> List[Json]:
    """The fields of each candidate for a run's one prompt."""
    lists = fields_of(result).get("generations")
    return [fields_of(generation) for generation in lists[0]] if lists else []


def _about(generation: Json, message: Json) -> Json:
    """What came with an answer, however the integration passes it on."""
    own, told = generation.get("generation_info"), message.get("response_metadata")
    return {**_dict(own), **_dict(told)} if own else _dict(told)


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def first_text(values: Json, names: Any) -> Optional[str]:
    """Return the first of these entries that is a text with something in it."""
    if values:
        for name in names:
            value = values.get(name)
            if value and isinstance(value, str):
                return value
    return None


def _semantic_failure(messages: List[Json], finishes: List[str]) -> Optional[str]:
    if any(map(refusal_of, messages)):
        return "refusal"
    for finish in finishes:
        reason = _REASONS.get(finish.lower())
        if reason is not None:
            return reason
    if any("content_filter" in finish for finish in finishes):
        return "content_filter"
    return "json_parse" if any(message.get("invalid_tool_calls") for message in messages) else None


def token_attributes(usage: Mapping[str, Any]) -> Attributes:
    """Return ``tokens_*`` from ``usage_metadata``, or from a provider's own usage object in ``llm_output``.

    LangChain's ``input_tokens`` includes what came from the cache and went there, its ``output_tokens`` the
    reasoning. An answer that LangChain took from its own cache (it then writes a cost of 0) has spent none.
    """
    if usage.get("total_cost") == 0:
        return {"cached_response": True, "billed": False}
    counts = known(
        {
            "tokens_input": count(usage, "input_tokens", "prompt_tokens"),
            "tokens_output": count(usage, "output_tokens", "completion_tokens"),
            "tokens_total": count(usage, "total_tokens"),
        }
    )
    if not counts:
        return {}
    if "tokens_input" in counts and "tokens_output" in counts:
        counts.setdefault("tokens_total", counts["tokens_input"] + counts["tokens_output"])
    given = part(usage, "input_token_details", "prompt_tokens_details")
    if given:
        cached, written = count(given, "cache_read", "cached_tokens"), count(given, "cache_creation")
        counts.update(known({"tokens_cached": cached, "tokens_cache_write": written}))
    spent = part(usage, "output_token_details", "completion_tokens_details")
    if spent:
        counts.update(known({"tokens_reasoning": count(spent, "reasoning", "reasoning_tokens")}))
    return {**counts}
