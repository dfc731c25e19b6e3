"""Spans whose content is encrypted: judging opens them, and what is written back leaves nothing of it in the clear."""

from __future__ import annotations

from copy import copy
from typing import Any, Dict

from peekr.sealed_spans import parted
from peekr.sealing import FERNET, is_sealed
from peekr.spans import Span


def as_stored(span: Span) -> Span:
    """Return the span as its store has it, sealed content unopened. Before anybody looks into it."""
    stored = copy(span)
    if is_sealed(span._payload):
        stored._pending = None
    stored._attributes = dict(span._attributes or {})
    return stored


def is_encrypted(span: Span) -> bool:
    """Whether the content is encrypted. Before anybody looks into it."""
    payload = span._payload
    token = payload.encode("ascii", "replace") if isinstance(payload, str) else payload
    return isinstance(token, bytes) and token.startswith(FERNET)


def without_content(changes: Dict[str, Any]) -> Dict[str, Any]:
    """Return the changes that may stand beside an encrypted payload: scores and numbers, and of errors the type."""
    kept, content = parted(changes)
    errors = content.get("eval_errors")
    if isinstance(errors, dict):
        kept["eval_errors"] = {name: str(reason).partition(":")[0] for name, reason in errors.items()}
    return kept
