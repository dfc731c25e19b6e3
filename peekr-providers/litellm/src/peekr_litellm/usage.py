"""Token counts in peekr's terms from LiteLLM's usage objects."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from peekr.usage import count, known, part


def token_attributes(usage: Any, *, embedding: bool = False, beside: bool = False) -> Dict[str, int]:
    """Return ``tokens_*`` from a usage object; empty when it holds no token counts.

    ``tokens_input`` includes the cached tokens and those written to a cache, ``tokens_output`` the reasoning.

    :param embedding: of an embedding, whose output has no tokens.
    :param beside: whether ``prompt_tokens`` leaves out what Anthropic counts beside it, as in the streams of older
        versions. Where they cannot be included, they are not, whatever is said here.
    """
    if not isinstance(usage, dict):
        return {}
    given, output = count(usage, "prompt_tokens", "input_tokens"), count(usage, "completion_tokens", "output_tokens")
    total = count(usage, "total_tokens")
    if not (given or output or total):  # a usage object that nobody has filled in
        return {}
    details = part(usage, "prompt_tokens_details", "input_tokens_details")
    read = _first(count(usage, "cache_read_input_tokens"), count(details, "cached_tokens"))
    written = _first(count(usage, "cache_creation_input_tokens"), count(details, "cache_creation_tokens"))
    if embedding:
        output = 0
        given = total if given is None else given
    elif given is not None and (read or written):
        apart = (read or 0) + (written or 0)
        if given < apart or (beside and _is_anthropics(usage)):
            given, total = given + apart, None
    if total is None and given is not None and output is not None:
        total = given + output
    out: Dict[str, Optional[int]] = {
        "tokens_input": given,
        "tokens_output": output,
        "tokens_total": total,
        "tokens_cached": read,
        "tokens_cache_write": written,
        "tokens_reasoning": count(
            part(usage, "completion_tokens_details", "output_tokens_details"), "reasoning_tokens"
        ),
    }
    return known(out)


def _is_anthropics(usage: Mapping[str, Any]) -> bool:
    return "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage


def _first(*values: Optional[int]) -> Optional[int]:
    return next((value for value in values if value is not None), None)
