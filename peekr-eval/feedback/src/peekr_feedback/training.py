"""What a rated trace is as training data. Pure functions of its spans."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence

from peekr import Span
from peekr.conversation import answer_of, messages_of, text_of_content
from peekr_feedback.ratings import Rating

Record = Dict[str, Any]
_ROLES = ("system", "user", "assistant")


def openai_record(spans: Sequence[Span]) -> Optional[Record]:
    """Return ``{"messages": [...]}`` of OpenAI's chat format, or None where nothing was said.

    Of a trace's LLM calls the last one with an answer (D-9); of a trace without any, the root's input and output.
    https://platform.openai.com/docs/guides/supervised-fine-tuning
    """
    calls = [span for span in spans if span.kind == "llm" and answer_of(span)]
    if calls:
        last = max(calls, key=lambda span: span.start_time)
        messages = [message for message in messages_of(last) if message["role"] in _ROLES and message["content"]]
        return _record(messages, answer_of(last))
    root = next((span for span in spans if span.parent_id is None), None)
    if root is None:
        return None
    asked, answered = _said(root.attributes.get("input")), _said(root.attributes.get("output"))
    return _record([{"role": "user", "content": asked}] if asked else [], answered)


def _record(messages: List[Dict[str, str]], answer: Optional[str]) -> Optional[Record]:
    if not answer or not any(message["role"] == "user" for message in messages):
        return None
    return {"messages": [*messages, {"role": "assistant", "content": answer}]}


def _said(value: Any) -> str:
    """The text of a function's captured arguments or result: the one text among them, else the JSON."""
    if not isinstance(value, str):
        return ""
    try:
        data = json.loads(value)
    except ValueError:
        return value
    if isinstance(data, dict) and set(data) == {"args", "kwargs"}:
        given = [*data["args"], *data["kwargs"].values()]
        data = given[0] if len(given) == 1 else data
    if isinstance(data, str):
        return data
    return text_of_content(data) or value


def raw_record(rating: Rating, spans: Sequence[Span]) -> Record:
    """Return the rating with its spans."""
    return {
        "trace_id": rating.trace_id,
        "rating": rating.rating,
        "note": rating.note,
        "spans": [span.to_dict() for span in spans],
    }
