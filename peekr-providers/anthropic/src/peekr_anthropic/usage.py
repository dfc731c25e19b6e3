"""Token counts in peekr's terms from the API's usage object."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from peekr.usage import count, known, part


def token_attributes(usage: Any) -> Dict[str, int]:
    """Return ``tokens_*`` from a usage object; a count that it does not tell is absent.

    The API's ``input_tokens`` leaves out what was read from and written to the prompt cache; ``tokens_input`` is the
    sum of all three. ``tokens_output`` includes thinking, as the API counts it. ``tokens_cached``,
    ``tokens_cache_write`` (of which ``tokens_cache_write_1h`` at the price of one hour) and ``tokens_reasoning``
    are parts of these. Tokens of an advisor or a compaction, in ``usage.iterations``, are not among them.
    """
    if not isinstance(usage, dict):
        return {}
    read = count(usage, "cache_read_input_tokens")
    written, written_1h = _written(usage)
    fresh, output = count(usage, "input_tokens"), count(usage, "output_tokens")
    entered = None if fresh is None else fresh + (read or 0) + (written or 0)
    return known(
        {
            "tokens_input": entered,
            "tokens_output": output,
            "tokens_total": None if entered is None or output is None else entered + output,
            "tokens_cached": read,
            "tokens_cache_write": written,
            "tokens_cache_write_1h": written_1h or None,
            "tokens_reasoning": count(part(usage, "output_tokens_details"), "thinking_tokens"),
        }
    )


def _written(usage: Mapping[str, Any]) -> Tuple[Optional[int], Optional[int]]:
    by_ttl = part(usage, "cache_creation")
    short, long = count(by_ttl, "ephemeral_5m_input_tokens"), count(by_ttl, "ephemeral_1h_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    if written is None and (short is not None or long is not None):
        written = (short or 0) + (long or 0)
    return written, long


def billing_attributes(usage: Any) -> Dict[str, Any]:
    """Return what else changes the price: ``service_tier``, ``speed``, ``inference_geo``, ``web_search_requests``."""
    if not isinstance(usage, dict):
        return {}
    texts = {name: usage.get(name) for name in ("service_tier", "speed", "inference_geo")}
    out: Dict[str, Any] = {name: value for name, value in texts.items() if isinstance(value, str) and value}
    searches = count(part(usage, "server_tool_use"), "web_search_requests")
    return {**out, "web_search_requests": searches} if searches else out
