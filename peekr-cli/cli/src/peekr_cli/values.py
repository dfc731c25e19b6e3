"""How inputs, outputs, errors and scores are written: one short line each, harmless on a terminal."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping, Optional

from peekr.terminal import neutral

#: Characters of an input or output (contract CLI-VIEW-3).
VALUE_LIMIT = 120
ERROR_LIMIT = 300
#: Longer texts are told to be JSON by their first character alone.
_PARSE_LIMIT = 20_000
_BARE_KWARGS = re.compile(r'\{\s*"args"\s*:\s*\[\s*\]\s*,\s*"kwargs"\s*:\s*(?=\{\s*")', re.DOTALL)


def shown(value: Any, limit: int = VALUE_LIMIT) -> str:
    """Return a captured value on one line of at most ``limit`` characters.

    JSON stays as it is, other text is quoted as JSON; of arguments captured as ``{"args": [], "kwargs": {…}}``
    only the keywords are shown.
    """
    return cut(neutral(_serialised(value)[: limit * 2]), limit)


def _serialised(value: Any) -> str:
    if not isinstance(value, str):  # a record of another program
        return _dumps(_without_empty_args(value))
    if len(value) > _PARSE_LIMIT or value.endswith("…"):
        return _unparsed(value)
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return _dumps(value)
    bare = _without_empty_args(parsed)
    return _dumps(bare) if bare is not parsed or "\n" in value else value


def _unparsed(value: str) -> str:
    """JSON that capture cut, or text that is too long to parse for the sake of its first characters."""
    bare = _BARE_KWARGS.sub("", value[: VALUE_LIMIT * 4], count=1)
    if value[:1] in ("{", "[") or (value[:1] == '"' and '"' not in value[1:].replace('\\"', "")):
        return " ".join(bare.split()) if "\n" in bare else bare
    return _dumps(value[: VALUE_LIMIT * 4])


def _without_empty_args(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"args", "kwargs"} and value["args"] == [] and value["kwargs"]:
        return value["kwargs"]
    return value


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return json.dumps(f"<{type(value).__name__}, too deep to show>")


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, the last one ``…`` if something was left out."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def error_text(attributes: Mapping[str, Any]) -> str:
    """Return what went wrong, on one line, with the classified reason where there is one."""
    text = str(attributes.get("error") or attributes.get("error_type") or "failed")
    reason = attributes.get("error_reason")
    line = cut(neutral(text[: ERROR_LIMIT * 2]), ERROR_LIMIT)
    return f"{line}  ({neutral(str(reason))[:40]})" if reason and str(reason) not in ("other", "tool_error") else line


def scores_text(attributes: Mapping[str, Any]) -> Optional[str]:
    """Return ``{Rubric: 0.92, NotEmpty: 1.0}``, or None where nothing was scored."""
    scores = attributes.get("eval_scores")
    if not isinstance(scores, Mapping) or not scores:
        return None
    return "{" + ", ".join(f"{neutral(str(name))[:60]}: {_score(value)}" for name, value in scores.items()) + "}"


def _score(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(round(float(value), 2))
    return cut(neutral(str(value)), 20)


def milliseconds(value: float) -> str:
    """Return ``1,234ms``, ``56ms``, ``7.8ms`` or ``0.09ms``: three digits are enough to compare."""
    if value >= 9.95:
        return f"{value:,.0f}ms"
    return f"{value:.1f}ms" if value >= 0.095 else f"{value:.2f}ms"


def tokens(value: int) -> str:
    """Return ``1,234tok``."""
    return f"{value:,}tok"
