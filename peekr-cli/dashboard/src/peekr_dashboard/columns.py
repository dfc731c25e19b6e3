"""Many alike JSON objects as columns: half the size, and quick to read in the page. Pure.

``frontend/js/data.js`` is the inverse. A column is one of

* ``{"v": [value, …]}`` the values as they are, null where the object has no such key;
* ``{"d": [text, …], "i": [index, …]}`` texts that repeat; index -1 where there is none;
* ``{"o": columns}`` objects, as columns again; an object without one of its keys lacks it there too.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

#: A dictionary is worth it where texts come this often on average.
_REPEATED = 1.5


def encode(objects: Sequence[Optional[Mapping[str, Any]]]) -> Dict[str, Any]:
    """Return the objects as ``{"n": how many, "c": {key: column}}``. None counts as an object without keys."""
    keys: Dict[str, None] = {}
    for each in objects:
        if each:
            keys.update(dict.fromkeys(each))
    return {
        "n": len(objects),
        "c": {key: _column([each.get(key) if each else None for each in objects]) for key in keys},
    }


def _column(values: List[Any]) -> Dict[str, Any]:
    present = [value for value in values if value is not None]
    if present and all(type(value) is str for value in present):
        distinct = dict.fromkeys(present)
        if len(distinct) * _REPEATED < len(present):
            places = {text: place for place, text in enumerate(distinct)}
            return {"d": list(distinct), "i": [-1 if value is None else places[value] for value in values]}
    if present and all(isinstance(value, Mapping) for value in present):
        return {"o": encode(values)}
    return {"v": values}
