"""Scores of evaluators as events of the span that they judge."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Tuple

from peekr_otlp.conventions import Table

Event = Tuple[str, Dict[str, Any]]


def score_events(attributes: Mapping[str, Any], table: Table) -> Iterator[Event]:
    """Yield an event for each score and each failed evaluator."""
    names = table.evaluation
    about = {names["response_id"]: attributes["response_id"]} if attributes.get("response_id") else {}
    for key, field in (("eval_scores", "score"), ("eval_errors", "error")):
        found = attributes.get(key)
        for name, value in found.items() if isinstance(found, dict) else ():
            if field == "error":
                value = str(value).partition(":")[0]
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            yield names["event"], {names["name"]: str(name), names[field]: value, **about}


def exception_event(attributes: Mapping[str, Any]) -> Event:
    """Return OpenTelemetry's event of an exception."""
    found = {"exception.type": attributes.get("error_type"), "exception.message": attributes.get("error")}
    return "exception", {name: value for name, value in found.items() if value}
