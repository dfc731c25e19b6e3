"""Kinds of settings: how each is read from an environment variable, and what makes a value wrong.

A check returns the value in its normal form, or raises ValueError with the end of a sentence: ``must be …``.
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, Callable, List, Optional

import attrs

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


@attrs.define(slots=True, frozen=True)
class Kind:
    """:ivar read: text of an environment variable → value, still to be checked. ValueError as in a check.
    :ivar secret: whether the value may never be shown.
    """

    check: Callable[[Any], Any]
    read: Callable[[str], Any] = str
    secret: bool = False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def rate() -> Kind:
    """A share, 0 to 1."""

    def check(value: Any) -> float:
        if not _is_number(value) or not 0 <= value <= 1:
            raise ValueError("must be a number between 0 and 1")
        return float(value)

    return Kind(check, _read_float)


def whole(low: Optional[int] = None, high: Optional[int] = None) -> Kind:
    """A whole number, in a range if one is given."""
    span = "" if low is None else f", {low} or more" if high is None else f", between {low} and {high}"

    def check(value: Any) -> int:
        if (
            not _is_number(value)
            or value != int(value)
            or (low is not None and value < low)
            or (high is not None and value > high)
        ):
            raise ValueError(f"must be a whole number{span}")
        return int(value)

    return Kind(check, _read_float)


def limit() -> Kind:
    """A whole number above zero, or None; an empty variable and 0 mean None too."""
    inner = whole(1)
    return Kind(
        lambda value: None if value is None else inner.check(value),
        lambda text: _read_float(text) if text.strip() not in ("", "0") else None,
    )


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a number") from None


def flag() -> Kind:
    """True or False."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("must be True or False")
        return value

    def read(text: str) -> bool:
        value = _FLAGS.get(text.strip().lower())
        if value is None:
            raise ValueError("must be true, 1 or yes, or false, 0 or no")
        return value

    return Kind(check, read)


def words(optional: bool = False, secret: bool = False, starts: str = "") -> Kind:
    """Text; an optional one that is empty is None."""

    def check(value: Any) -> Optional[str]:
        if optional and (value is None or value == ""):
            return None
        if not isinstance(value, str) or not value or not value.startswith(starts):
            raise ValueError("must be text" + (f" that begins with {starts!r}" if starts else ""))
        return value

    return Kind(check, secret=secret)


def path(optional: bool = False) -> Kind:
    """Path of a file, as text or os.PathLike."""

    def check(value: Any) -> Optional[str]:
        if optional and (value is None or value == ""):
            return None
        text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
        if not isinstance(text, str) or not text or "\0" in text:
            raise ValueError("must be the path of a file")
        return text

    return Kind(check)


def level() -> Kind:
    """A log level, in any case of letters."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value.strip().upper() not in LEVELS:
            raise ValueError("must be one of " + ", ".join(LEVELS))
        return value.strip().upper()

    return Kind(check)


def texts() -> Kind:
    """A list of texts; in a variable separated by commas, or a JSON array."""

    def check(value: Any) -> List[str]:
        if isinstance(value, (str, bytes)) or not isinstance(value, (list, tuple, set, frozenset)):
            raise ValueError("must be a list of texts")
        if not all(isinstance(item, str) and item for item in value):
            raise ValueError("must be a list of texts, none of them empty")
        return list(value)

    return Kind(check, read_list)


def patterns() -> Kind:
    """A list of regular expressions; in a variable as :func:`texts`."""
    inner = texts()

    def check(value: Any) -> List[str]:
        checked: List[str] = inner.check(value)
        for pattern in checked:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(
                    f"must be regular expressions; {pattern!r} is none ({error}). In an environment variable, a pattern"
                    ' with a comma needs the form of a JSON array: ["a{1,3}", "b"]'
                ) from None
        return checked

    return Kind(check, read_list)


def read_list(text: str) -> Any:
    """Return the items of a comma list or a JSON array."""
    if text.lstrip().startswith("["):
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, list):
            return value
    return [item.strip() for item in text.split(",") if item.strip()]
