"""What LangChain's result of an LLM call says: pure functions of its LLMResult, by shape."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from peekr.usage import count, known, part
from peekr_langchain.outline import message_dict, refusal_of

Attributes = Dict[str, Any]

_MODELS = ("model_name", "model", "model_id")
_FINISHES = ("finish_reason", "stop_reason", "done_reason", "finishReason", "stopReason")


def generations(result: Any) -> List[Any]:
    """Return the candidates of a run's one prompt."""
    lists = getattr(result, "generations", None) or []
    return list(lists[0]) if lists else []


def answer_messages(result: Any) -> List[Any]:
    """Return the answers as messages; a completion's text as one."""
    out: List[Any] = []
    for generation in generations(result):
        message = getattr(generation, "message", None)
        if message is not None:
            out.append(message_dict(message))
        else:
            out.append({"role": "assistant", "content": getattr(generation, "text", None)})
    return out


def answer_facts(result: Any) -> Attributes:
    """Return the attributes of an answer without its content: model, tokens, finish reason, response id."""
    candidates = generations(result)
    message = getattr(candidates[0], "message", None) if candidates else None
    about = _about(candidates[0]) if candidates else {}
    output = getattr(result, "llm_output", None)
    output = output if isinstance(output, Mapping) else {}
    out: Attributes = {
        "model": _first(about, _MODELS) or _first(output, _MODELS),
        "finish_reason": ",".join(dict.fromkeys(filter(None, map(_finish, candidates)))) or None,
        "response_id": _first(about, ("id",)) or _first(output, ("id",)),
    }
    out.update(_usage(message, output))
    out["error_reason"] = _semantic_failure(candidates, out["finish_reason"])
    return {name: value for name, value in out.items() if value is not None}


def _about(generation: Any) -> Mapping[str, Any]:
    """What came with an answer, however the integration passes it on."""
    told = getattr(generation, "generation_info", None)
    metadata = getattr(getattr(generation, "message", None), "response_metadata", None)
    return {**(told if isinstance(told, dict) else {}), **(metadata if isinstance(metadata, dict) else {})}


def _first(values: Mapping[str, Any], names: Any) -> Optional[str]:
    return next((values[name] for name in names if isinstance(values.get(name), str) and values[name]), None)


def _finish(generation: Any) -> Optional[str]:
    return _first(_about(generation), _FINISHES)


def _semantic_failure(candidates: List[Any], finish: Optional[str]) -> Optional[str]:
    messages = [generation.message for generation in candidates if getattr(generation, "message", None) is not None]
    if finish == "refusal" or any(map(refusal_of, messages)):
        return "refusal"
    if finish and "content_filter" in finish:
        return "content_filter"
    return "json_parse" if any(getattr(message, "invalid_tool_calls", None) for message in messages) else None


def _usage(message: Any, output: Mapping[str, Any]) -> Attributes:
    usage = getattr(message, "usage_metadata", None)
    if isinstance(usage, Mapping):
        return token_attributes(usage)
    return token_attributes(part(output, "token_usage", "usage"))


def token_attributes(usage: Mapping[str, Any]) -> Attributes:
    """Return ``tokens_*`` from ``usage_metadata``, or from a provider's own usage object in ``llm_output``.

    LangChain's ``input_tokens`` includes what came from the cache and went there, its ``output_tokens`` the
    reasoning. An answer that LangChain took from its own cache (it then writes a cost of 0) has spent none.
    """
    if usage.get("total_cost") == 0:
        return {"cached_response": True, "billed": False}
    counts = {
        "tokens_input": count(usage, "input_tokens", "prompt_tokens"),
        "tokens_output": count(usage, "output_tokens", "completion_tokens"),
        "tokens_total": count(usage, "total_tokens"),
    }
    if all(value is None for value in counts.values()):
        return {}
    if counts["tokens_total"] is None:
        counts["tokens_total"] = (counts["tokens_input"] or 0) + (counts["tokens_output"] or 0)
    given = part(usage, "input_token_details", "prompt_tokens_details")
    counts["tokens_cached"] = count(given, "cache_read", "cached_tokens")
    counts["tokens_cache_write"] = count(given, "cache_creation")
    spent = part(usage, "output_token_details", "completion_tokens_details")
    counts["tokens_reasoning"] = count(spent, "reasoning", "reasoning_tokens")
    return {**known(counts)}
