"""The texts of cards: ``{claims.total}`` and ``{claims.contradicted_share:percent}`` become values. Pure.

The forms, alike in ``frontend/engine.js``: ``percent`` (0.3 → ``30%``, below 10 % with one digit after the point),
``score`` (two digits), ``change`` (a score with its sign), ``drop`` (without), ``days`` (of seconds), ``list`` (joined
by commas), and none: whole numbers with separators for thousands, others with up to two digits, texts cut at 120
characters. ``{claims.total?claim is|claims are}`` becomes the first words where the number is 1, else the others.
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, Match

from peekr_dashboard.diagnostics.expressions import Scope, lookup

#: Characters of a name in a text; a hostile one may have a million.
MAX_NAME = 120
#: Names in a list before "and 3 more".
MAX_LIST = 5
_PLACE = re.compile(r"\{([a-z_][a-z0-9_.]*)(?::([a-z]+)|\?([^{}|]*)\|([^{}|]*))?\}")
_DAY_S = 86_400


def render(text: str, scope: Scope) -> str:
    """Return the text with its places filled; what has no value is written ``–``."""
    return _PLACE.sub(lambda place: _filled(place, lookup(scope, place[1])), text)


def _filled(place: Match[str], value: Any) -> str:
    if place[3] is None:
        return show(value, place[2] or "")
    return place[3] if value == 1 and value is not True else place[4]


def show(value: Any, form: str = "") -> str:
    """Return a value in one of the forms above."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return _listed([_plain(each) for each in value])
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _plain(value)
    return _FORMS.get(form, _number)(value)


def _listed(names: Any) -> str:
    more = len(names) - MAX_LIST
    return ", ".join(names[:MAX_LIST]) + (f" and {more} more" if more > 0 else "")


def _plain(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value)
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else "–"
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"


def _rounded(value: float, digits: int) -> str:
    """Half away from zero: Python's and JavaScript's own roundings differ."""
    factor = 10**digits
    units = math.floor(abs(value) * factor + 0.5)
    sign = "-" if value < 0 and units else ""
    whole = f"{sign}{units // factor:,}"
    return f"{whole}.{units % factor:0{digits}d}" if digits else whole


def _number(value: float) -> str:
    text = _rounded(value, 2)
    return text.rstrip("0").rstrip(".")


def _percent(value: float) -> str:
    text = _rounded(value * 100, 1)
    return (text[:-2] if text.endswith(".0") or abs(value) >= 0.1 else text) + "%"


def _score(value: float) -> str:
    return _rounded(value, 2)


def _change(value: float) -> str:
    return ("+" if value > 0 else "") + _rounded(value, 2)


def _drop(value: float) -> str:
    return _rounded(abs(value), 2)


def _days(value: float) -> str:
    days = math.floor(value / _DAY_S)
    return f"{_rounded(days, 0)} day{'' if days == 1 else 's'}"


_FORMS: Dict[str, Callable[[float], str]] = {
    "percent": _percent,
    "score": _score,
    "change": _change,
    "drop": _drop,
    "days": _days,
}
