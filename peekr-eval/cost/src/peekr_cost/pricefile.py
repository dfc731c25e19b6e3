"""Reading a file with prices of one's own: JSON, model → prices in US dollars for one million tokens.

::

    {
      "my-model": {"input": 1.0, "output": 4.0, "cached": 0.1},
      "gpt-4o": {"input": 2.0, "output": 8.0, "batch": {"input": 1.0, "output": 4.0},
                 "long_context": [{"above": 200000, "input": 4.0, "output": 12.0}]}
    }
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Any, Dict, List, Tuple

from peekr.errors import ConfigurationError
from peekr.prices import Price

#: Fields that are numbers.
NUMBERS = ("input", "output", "cached", "cache_write", "cache_write_1h", "reasoning", "web_search")
_FIELDS = (*NUMBERS, "batch", "long_context")
#: Ten dollars a token, dearer than any model was: a slip of the decimal point.
_MOST = 10_000_000.0


class _Wrong(Exception):
    """What is wrong with one entry.

    :ivar at: keys that lead to it, for finding its line.
    """

    def __init__(self, message: str, *at: str) -> None:
        super().__init__(message)
        self.at = at


def read_prices(path: str) -> Dict[str, Price]:
    """Return the prices of a file by model.

    :raises ConfigurationError: if it cannot be read, or something in it is no price; it names file, line and field.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        content = json.loads(text, object_pairs_hook=_without_doubles)
        return prices_from(content, path)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}.\n{_HINT}") from None
    except _Wrong as error:
        end = "" if str(error).endswith("?") else "."
        raise ConfigurationError(f"{path}, line {_line(text, error.at)}: {error}{end}\n{_HINT}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"the prices file {path} cannot be read: {reason}.\n{_HINT}") from error


_HINT = 'It has to be JSON such as {"my-model": {"input": 1.0, "output": 4.0}}, in dollars for a million tokens'


def prices_from(content: Any, source: str) -> Dict[str, Price]:
    """Return the prices of a decoded file by model."""
    if not isinstance(content, dict):
        raise _Wrong(f"the file holds {_kind(content)} where it should hold an object, model by model")
    return {model: _price(fields, source, model) for model, fields in content.items()}


def _price(fields: Any, source: str, *at: str) -> Price:
    if not isinstance(fields, dict):
        raise _Wrong(f"{'.'.join(at)} is {_kind(fields)} where an object with input and output is wanted", *at)
    for name in fields:
        if name not in _FIELDS:
            near = get_close_matches(name, _FIELDS, 1)
            known = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_FIELDS)}"
            raise _Wrong(f"{'.'.join(at)} has a field {name!r}, which is no price; {known}", *at, name)
    numbers: Dict[str, Any] = {name: _amount(fields[name], *at, name) for name in NUMBERS if name in fields}
    if "input" not in numbers and "output" not in numbers:
        raise _Wrong(f"{'.'.join(at)} has neither an input nor an output price", *at)
    batch = _price(fields["batch"], source, *at, "batch") if "batch" in fields else None
    return Price(**numbers, batch=batch, long_context=_dearer(fields, source, *at), source=source)


def _dearer(fields: Dict[str, Any], source: str, *at: str) -> Tuple[Tuple[int, Price], ...]:
    steps = fields.get("long_context", [])
    where = (*at, "long_context")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _Wrong(f"{'.'.join(where)} is no list of objects", *where)
    out = []
    for step in steps:
        above = step.get("above")
        if not isinstance(above, int) or isinstance(above, bool) or above <= 0:
            raise _Wrong(f"{'.'.join(where)} needs 'above', a number of tokens, got {above!r}", *where)
        rest = {name: value for name, value in step.items() if name != "above"}
        standard = {name: fields[name] for name in NUMBERS if name in fields}
        out.append((above, _price({**standard, **rest}, source, *where)))
    return tuple(sorted(out, key=lambda each: each[0]))


def _amount(value: Any, *at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MOST:
        raise _Wrong(f"{'.'.join(at)} is {value!r}, which is no price from 0 to {_MOST:,.0f} dollars", *at)
    return float(value)


def _without_doubles(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    out: Dict[str, Any] = {}
    for name, value in pairs:
        if name in out:
            raise _Wrong(f"{name!r} stands twice in one object", name)
        out[name] = value
    return out


def _kind(value: Any) -> str:
    words = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return words.get(type(value), "a number")


def _line(text: str, at: Tuple[str, ...]) -> int:
    """The line on which the last of these keys stands, each looked for behind the one before."""
    place = 0
    for key in at:
        found = text.find(json.dumps(key, ensure_ascii=False), place)
        place = found if found >= 0 else place
    return text.count("\n", 0, place) + 1
