"""Token counts in peekr's terms from any usage object, header or metric that Bedrock and its models report."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence

from peekr.usage import count, known, part

Usage = Mapping[str, Any]

_INPUT = ("inputTokens", "input_tokens", "inputTokenCount", "inputTextTokenCount", "prompt_token_count")
_OUTPUT = (
    "outputTokens",
    "output_tokens",
    "completion_tokens",
    "outputTokenCount",
    "totalOutputTextTokenCount",
    "generation_token_count",
)
_TOTAL = ("totalTokens", "total_tokens")
_CACHED = ("cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens")
_CACHE_WRITE = ("cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_creation_input_tokens")
_HEADER = "x-amzn-bedrock-"
_HEADERS = {
    "input-token-count": "inputTokenCount",
    "output-token-count": "outputTokenCount",
    "cache-read-input-token-count": "cacheReadInputTokenCount",
    "cache-write-input-token-count": "cacheWriteInputTokenCount",
}


def token_attributes(reports: Sequence[Any], *, embedding: bool = False) -> Dict[str, int]:
    """Return ``tokens_*`` from the first report that tells input and output, completed by the others.

    ``tokens_input`` includes cached tokens and ``tokens_output`` includes reasoning; ``tokens_cached``,
    ``tokens_cache_write`` (of which ``tokens_cache_write_1h`` at the price of one hour) and ``tokens_reasoning``
    are parts of these. What no report holds is absent.

    :param reports: usage objects, the most trusted first; what is no mapping is passed over.
    :param embedding: of an embedding, whose output has no tokens.
    """
    read = [_read(report) for report in reports if isinstance(report, dict)]
    read.sort(key=lambda one: not ("tokens_input" in one and "tokens_output" in one))
    out: Dict[str, int] = {}
    for one in read:
        for name, value in one.items():
            out.setdefault(name, value)
    if not out:
        return {}
    if embedding:
        out["tokens_output"] = 0
        out.setdefault("tokens_input", out.get("tokens_total", 0))
    if "tokens_input" in out and "tokens_output" in out:
        out["tokens_total"] = max(out.get("tokens_total", 0), out["tokens_input"] + out["tokens_output"])
    return out


def _read(usage: Usage) -> Dict[str, int]:
    """One report. Bedrock and Anthropic count cached tokens apart from the input, OpenAI's format within it.

    The documentation of Converse does not say so, but its total does: it is the sum of all four.
    """
    given, output, total = count(usage, *_INPUT), count(usage, *_OUTPUT), count(usage, *_TOTAL)
    cached, written = count(usage, *_CACHED), count(usage, *_CACHE_WRITE)
    if given is None:
        given = count(usage, "prompt_tokens")
        cached = count(part(usage, "prompt_tokens_details"), "cached_tokens")
    elif not (total is not None and total == given + (output or 0)):
        given += (cached or 0) + (written or 0)
    spent = part(usage, "completion_tokens_details", "output_tokens_details")
    return known(
        {
            "tokens_input": given,
            "tokens_output": output,
            "tokens_total": total,
            "tokens_cached": cached,
            "tokens_cache_write": written,
            "tokens_cache_write_1h": _written_1h(usage),
            "tokens_reasoning": count(spent, "reasoning_tokens", "thinking_tokens"),
        }
    )


def _written_1h(usage: Usage) -> Optional[int]:
    """What was written to the cache for an hour, which has a price of its own: by Converse, by Anthropic."""
    long = count(part(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    details = usage.get("cacheDetails")
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict) and one.get("ttl") == "1h":
            long = (long or 0) + (count(one, "inputTokens") or 0)
    return long or None


def header_usage(headers: Mapping[str, Any]) -> Dict[str, int]:
    """Return what the headers of an InvokeModel response tell, as a usage object."""
    out = {}
    for header, name in _HEADERS.items():
        value = headers.get(_HEADER + header)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            out[name] = int(value)
    return out
