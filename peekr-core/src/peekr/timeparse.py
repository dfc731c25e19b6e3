"""Points in time as people write them: ``--since 24h``, ``--until 2026-01-31T12:00Z``."""

from __future__ import annotations

import re
from datetime import datetime
from time import time
from typing import Optional

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
#: Above this an epoch is taken for milliseconds: as seconds it would be the year 5138.
_MILLISECONDS_FROM = 1e11
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)


def parse_time(text: str, now: Optional[float] = None) -> float:
    """Return Unix seconds.

    :param text: an age before now (``15m``, ``24h``, ``7d``, ``1h30m``; units ms, s, m, h, d, w), an ISO 8601 date
        or date and time (local time where no zone is given), or Unix seconds or milliseconds.
    :param now: Unix seconds that ages count from; the present by default.
    :raises ValueError: naming the text and the forms that are understood.
    """
    given = text.strip()
    if _AGE.fullmatch(given.lower()):
        age = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(given.lower()))
        return (time() if now is None else now) - age
    try:
        if re.fullmatch(r"\d+(\.\d+)?", given, re.ASCII):
            number = float(given)
            return number / 1000 if number >= _MILLISECONDS_FROM else number
        return _iso(given)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text!r} is no time.\nWrite an age (15m, 24h, 7d), a date (2026-01-31, 2026-01-31T12:00Z) or Unix seconds"
        ) from None


def _iso(text: str) -> float:
    """Python 3.9's fromisoformat knows neither ``Z`` nor fractions of other than 3 or 6 digits."""
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    day, minute, second, fraction, zone = match.groups()
    stamp = f"{day}T{minute or '00:00'}{second or ':00'}.{(fraction or '0')[:6]:0<6}"
    if zone:
        digits = zone.replace(":", "")
        stamp += "+00:00" if zone in "Zz" else f"{digits[:3]}:{digits[3:] or '00'}"
    return datetime.fromisoformat(stamp).timestamp()
