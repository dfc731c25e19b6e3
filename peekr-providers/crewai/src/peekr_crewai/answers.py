"""What CrewAI's calls of models are given and return, as plain data: pure functions, by shape."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from peekr.messages import compose
from peekr.usage import count, known, part
from peekr_crewai.outline import plain_of, said

Json = Dict[str, Any]

#: Parameters of a model that are part of each request.
_PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
)


def messages_of(messages: Any) -> List[Any]:
    """Return what a model is asked as messages; a text is what the user says."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if isinstance(messages, (list, tuple)):
        return [_without_files(message) for message in messages]
    return [] if messages is None else [{"role": "user", "content": said(messages)}]


def _without_files(message: Any) -> Any:
    if isinstance(message, dict) and message.get("files"):
        files = message["files"]
        return {**message, "files": list(files) if isinstance(files, dict) else len(files)}
    return plain_of(message)


def parameters_of(llm: Any) -> Json:
    """Return the parameters that are set on a model's object."""
    found = {name: getattr(llm, name, None) for name in _PARAMETERS}
    return {name: plain_of(value, 100) for name, value in found.items() if value not in (None, [], ())}


def tool_calls_of(answer: Any) -> Optional[List[Json]]:
    """Return an answer that is a list of tool calls as ``{"name", "arguments"}`` each; None if it is none.

    Each is the object of some provider's SDK: OpenAI's, Anthropic's, Bedrock's or Gemini's.
    """
    if not isinstance(answer, list) or not answer:
        return None
    calls = [_tool_call(one) for one in answer]
    return None if any(call is None for call in calls) else [call for call in calls if call is not None]


def _tool_call(value: Any) -> Optional[Json]:
    fields = _fields(value)
    inner = fields.get("function") or fields.get("function_call")
    fields = _fields(inner) if inner is not None else fields
    name = fields.get("name")
    if not isinstance(name, str):
        return None
    for key in ("arguments", "input", "args"):
        if fields.get(key) is not None:
            return {"name": name, "arguments": plain_of(fields[key])}
    return {"name": name, "arguments": None} if inner is not None else None


def _fields(value: Any) -> Mapping[str, Any]:
    found = value if isinstance(value, dict) else getattr(value, "__dict__", None)
    return found if isinstance(found, dict) else {}


def answer_message(answer: Any) -> Json:
    """Return an answer as a message."""
    calls = tool_calls_of(answer)
    if calls is not None:
        return {"role": "assistant", "content": None, "tool_calls": calls}
    return {"role": "assistant", "content": answer if isinstance(answer, str) else plain_of(answer)}


def output_attributes(message: Mapping[str, Any]) -> Json:
    """Return ``output`` and ``tool_calls`` of an answer."""
    calls = message.get("tool_calls")
    if calls:
        return {"output": compose("", calls), "tool_calls": len(calls)}
    content = message.get("content")
    return {} if content is None else {"output": said(content)}


def usage_attributes(usages: Sequence[Mapping[str, Any]]) -> Dict[str, int]:
    """Return ``tokens_*`` of a call from what CrewAI noted of each of its requests, in the provider's own words."""
    out: Dict[str, int] = {}
    for usage in usages:
        for name, value in _counts(usage).items():
            out[name] = out.get(name, 0) + value
    return out


def _counts(usage: Mapping[str, Any]) -> Dict[str, int]:
    given = _fields(part(usage, "prompt_tokens_details") or usage.get("prompt_tokens_details"))
    spent = _fields(part(usage, "completion_tokens_details") or usage.get("completion_tokens_details"))
    cached = count(usage, "cached_prompt_tokens", "cached_tokens", "cache_read_input_tokens", "cacheReadInputTokens")
    counts = known(
        {
            "tokens_input": count(usage, "prompt_tokens", "input_tokens", "prompt_token_count", "inputTokens"),
            "tokens_output": count(
                usage, "completion_tokens", "output_tokens", "candidates_token_count", "outputTokens"
            ),
            "tokens_total": count(usage, "total_tokens", "total_token_count", "totalTokens"),
            "tokens_cached": cached if cached is not None else count(given, "cached_tokens"),
            "tokens_reasoning": count(usage, "reasoning_tokens") or count(spent, "reasoning_tokens"),
        }
    )
    if "tokens_total" not in counts and "tokens_input" in counts and "tokens_output" in counts:
        counts["tokens_total"] = counts["tokens_input"] + counts["tokens_output"]
    return counts
