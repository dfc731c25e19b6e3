"""Whole texts for evaluators and guardrails: LLM spans keep them in their attributes until just before storage.

An attribute of an LLM span has at most 1000 characters in a store (contract LLM-11). While somebody judges answers
that limit is that of the payload, so that a long context is not taken for missing (EVAL-12); :func:`narrow` cuts
the attributes to what is stored.
"""

from __future__ import annotations

from typing import Any

import msgspec

from peekr.capture import LLM_LIMIT, PAYLOAD_LIMIT, widened
from peekr.spans import Span


def widen(on: bool) -> None:
    """Let capture keep whole texts from now on, or no longer."""
    if on:
        widened[LLM_LIMIT] = PAYLOAD_LIMIT
    else:
        widened.clear()


def narrow(span: Span) -> None:
    """Cut the texts among a span's attributes to the length that is stored, in place. Never raises."""
    attributes = span._attributes
    if not attributes:
        return
    for name, value in attributes.items():  # the keys stay, so it may be changed meanwhile
        if type(value) is str and len(value) > LLM_LIMIT:
            attributes[name] = _conversation(value) if name == "input" else _shortened(value)


def _shortened(value: str) -> str:
    return value[: LLM_LIMIT - 1] + "…"


def _conversation(value: str) -> str:
    """As capture would have cut it: with what the user said last."""
    from peekr.messages import messages_text  # here: fewer modules for programs without judges

    plain = _shortened(value)
    try:
        messages: Any = msgspec.json.decode(value)
    except (msgspec.MsgspecError, ValueError):
        return plain
    abridged = messages_text(messages, LLM_LIMIT - 1)  # a limit that is not widened
    return plain if abridged[:-1] == value[: LLM_LIMIT - 2] else abridged
