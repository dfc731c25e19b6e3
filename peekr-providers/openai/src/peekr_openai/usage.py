"""Token counts in peekr's terms from any usage object of the API."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from peekr.usage import count, known, part


def token_attributes(usage: Any, *, embedding: bool = False) -> Dict[str, int]:
    """Return ``tokens_*`` from a usage object; empty when it holds no token counts.

    ``tokens_input`` includes cached tokens and ``tokens_output`` includes reasoning, as the API counts them;
    ``tokens_cached``, ``tokens_cache_write`` and ``tokens_reasoning`` are parts of these, present when reported.

    :param embedding: of an embedding, whose output has no tokens.
    """
    if not isinstance(usage, dict):
        return {}
    out: Dict[str, Optional[int]] = {
        "tokens_input": count(usage, "prompt_tokens", "input_tokens"),
        "tokens_output": count(usage, "completion_tokens", "output_tokens"),
        "tokens_total": count(usage, "total_tokens"),
    }
    if out["tokens_input"] is None and out["tokens_output"] is None and out["tokens_total"] is None:
        return {}
    if embedding:
        out["tokens_output"] = 0
        if out["tokens_input"] is None:
            out["tokens_input"] = out["tokens_total"]
    if out["tokens_total"] is None and out["tokens_input"] is not None and out["tokens_output"] is not None:
        out["tokens_total"] = out["tokens_input"] + out["tokens_output"]
    details = part(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    out["tokens_cached"] = _first(count(details, "cached_tokens"), _cached_elsewhere(usage))
    out["tokens_cache_write"] = count(details, "cache_write_tokens")
    spent = part(usage, "completion_tokens_details", "output_tokens_details", "output_token_details")
    out["tokens_reasoning"] = count(spent, "reasoning_tokens")
    return known(out)


def _cached_elsewhere(usage: Mapping[str, Any]) -> Optional[int]:
    """Compatible servers: DeepSeek, Moonshot, Together."""
    return count(usage, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")


def _first(*values: Optional[int]) -> Optional[int]:
    return next((value for value in values if value is not None), None)
