"""What an interaction says about the call: pure functions of the JSON of the interactions API."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

from peekr.capture import LLM_LIMIT, text
from peekr.messages import compose, lighten
from peekr_gemini.data import Json, get, objects, word
from peekr_gemini.errors import reason
from peekr_gemini.request import model_name
from peekr_gemini.usage import interaction_tokens

Attributes = Dict[str, Any]


def interaction_attributes(interaction: Json) -> Attributes:
    """Return the attributes that an interaction gives: model, tokens, output, status and more."""
    words: List[str] = []
    calls: List[Attributes] = []
    rest: List[Any] = []
    for step in output_steps(interaction):
        kind = step.get("type")
        if kind == "function_call":
            calls.append({"name": step.get("name"), "arguments": text(step.get("arguments") or {}, LLM_LIMIT)})
        elif kind == "model_output":
            for content in objects(step.get("content")):
                if content.get("type") == "text":
                    words.append(word(content.get("text")))
                else:
                    rest.append(dict(content))
        elif kind == "text":  # the first shape of this API
            words.append(word(step.get("text")))
        elif kind != "thought":
            rest.append(dict(step))
    whole = "".join(words)
    out: Attributes = {
        "model": model_name(interaction.get("model")),
        "agent": word(interaction.get("agent")) or None,
        "response_id": word(interaction.get("id")) or None,
        "service_tier": word(get(interaction, "serviceTier")) or None,
        **interaction_tokens(interaction.get("usage"), empty=not (whole or calls or rest)),
        "output": compose(whole, calls) if whole or calls or not rest else text(lighten(rest), LLM_LIMIT),
        "tool_calls": len(calls) or None,
        "finish_reason": word(interaction.get("status")) or None,
    }
    out.update(_failure(interaction))
    return out


def output_steps(interaction: Json) -> Iterator[Json]:
    """Yield what the model made; the input's own steps come back with it in some cases."""
    for step in objects(interaction.get("steps") or interaction.get("outputs")):
        if step.get("type") != "user_input":
            yield step


def _failure(interaction: Json) -> Attributes:
    """A 200 answer whose generation failed; its span has failed."""
    errors = [*objects(interaction.get("errors")), *objects([interaction.get("error")])]
    if interaction.get("status") != "failed" and "error" not in interaction:
        return {}
    error: Json = errors[-1] if errors else {}
    code = word(error.get("code")) or None
    message = word(error.get("message")) or code or "the API reported that the interaction failed"
    return {
        "error": message,
        "error_type": code or "error",
        "error_reason": reason(None, code.upper() if code else None, message),
    }
