"""What goes into a vector store and comes out of it, in few words: records stay readable, vectors become their size.

Pure functions, bounded: of however many records, the first ones are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Any, Dict, List, Optional

from peekr.capture import LLM_LIMIT, cut
from peekr.plain import integer, key_of, text_of

#: Items of a list and entries of an object that are kept, characters of a text, levels.
ITEMS, TEXT, DEPTH = 20, 200, 8
#: Characters and values in all; what is more would be cut in the attribute anyway.
_ROOM = 2 * LLM_LIMIT
#: From this length on, a list of floats is a vector wherever it stands.
_LONG = 9
#: What may be a vector in a field of this name: any list of floats, as integers are ids there; any list of numbers.
_ANYWHERE, _FLOATS, _NUMBERS = 0, 1, 2
_FIELDS: Dict[Any, int] = {
    **dict.fromkeys(("query", "positive", "negative", "target", "nearest"), _FLOATS),
    **dict.fromkeys(("vector", "vectors", "values", "dense", "sparse", "indices", "embedding", "embeddings"), _NUMBERS),
    **dict.fromkeys(("query_vector", "query_vectors", "query_embeddings"), _NUMBERS),
    **dict.fromkeys(("sparse_vector", "sparse_values", "sparse_indices"), _NUMBERS),
}


def outline(value: Any) -> Any:
    """Return ``value`` as plain JSON data in which a vector is a text: ``vector of 1536 numbers``. Never raises.

    :param value: the SDK's own objects too: pydantic, msgspec, dataclasses, protobuf, numpy.
    """
    try:
        return _Outline().of(value, 0, _ANYWHERE)
    except Exception as error:  # a container that misbehaves, or changes meanwhile
        return f"<{type(value).__name__}: {type(error).__name__}>"


def count(value: Any) -> Optional[int]:
    """Return how many records were given: one or a list of them; None where that is not known, as of an iterator."""
    if value is None:
        return None
    if isinstance(value, (str, bytes, Mapping)):
        return 1
    try:
        return len(value)
    except TypeError:
        return None


def known(attributes: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the attributes that are not None."""
    return {name: value for name, value in attributes.items() if value is not None}


def field(value: Any, name: str, default: Any = None) -> Any:
    """Return an entry of a mapping or an attribute of an object that is no method."""
    if type(value) is dict or isinstance(value, Mapping):
        return value.get(name, default)
    found = getattr(value, name, default)
    return default if callable(found) else found


class _Outline:
    """One value on its way to plain data.

    :ivar left: how many more characters and values there is room for.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _ROOM

    def of(self, value: Any, depth: int, where: int) -> Any:
        kind = type(value)
        self.left -= 1
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return integer(value)
        if kind is str:
            return self.text(value)
        if depth > DEPTH or self.left <= 0:
            return "…"
        if kind is dict:
            return self.mapping(value, depth, where)
        if kind is list or kind is tuple:
            return self.sequence(value, depth, where)
        return self.odd(value, depth, where)

    def text(self, value: str) -> str:
        shown = cut(value, TEXT)
        self.left -= len(shown)
        return shown

    def odd(self, value: Any, depth: int, where: int) -> Any:
        if isinstance(value, Enum):
            return self.of(value.value, depth + 1, _ANYWHERE)
        if isinstance(value, Mapping):
            return self.mapping(value, depth, where)
        if hasattr(type(value), "shape"):  # of the class: objects that give their entries as attributes have any name
            return _array(value)
        if isinstance(value, (bytes, bytearray)):
            return f"{len(value)} bytes"
        if isinstance(value, Sequence) and not isinstance(value, str):
            return self.sequence(value, depth, where)
        fields = None if isinstance(value, (str, type)) or callable(value) else _fields(value)
        if not fields:
            return self.text(text_of(value))
        return self.mapping({name: item for name, item in fields.items() if item is not None}, depth, where)

    def mapping(self, value: Mapping[Any, Any], depth: int, where: int) -> Dict[str, Any]:
        """A field of several named vectors is one of vectors; the records in a list of ``vectors`` are none."""
        out = {}
        for key, item in islice(value.items(), ITEMS):
            out[key_of(key)] = self.of(item, depth + 1, max(where, _FIELDS.get(key, _ANYWHERE)))
        if len(value) > ITEMS:
            out["…"] = f"{len(value) - ITEMS} more"
        return out

    def sequence(self, value: Sequence[Any], depth: int, where: int) -> Any:
        length = len(value)
        if length and _is_vector(value, where):
            return f"vector of {length} numbers"
        width = _width(value[0], where) if length else None
        if width is not None:
            return _vectors(length, width)
        items: List[Any] = []
        for item in islice(value, ITEMS):
            if self.left <= 0:
                break
            items.append(self.of(item, depth + 1, where if isinstance(item, (list, tuple)) else _ANYWHERE))
        if length > len(items):
            items.append(f"… {length - len(items)} more")
        return items


def _is_vector(value: Sequence[Any], where: int) -> bool:
    first = value[0]
    if isinstance(first, bool):
        return False
    if isinstance(first, int):
        return where == _NUMBERS
    if not isinstance(first, float) and getattr(first, "shape", None) != ():
        return False
    return where != _ANYWHERE or len(value) >= _LONG


def _width(value: Any, where: int) -> Optional[int]:
    """How many numbers the first of several vectors has; None if it is none."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return shape[0] if len(shape) == 1 else None
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence) or not len(value):
        return None
    return len(value) if _is_vector(value, where) else None


def _array(value: Any) -> Any:
    """An array of numpy or torch; whatever else has a shape, such as a data frame, by its class."""
    shape = tuple(value.shape)
    if not shape and hasattr(value, "item"):
        return value.item()
    if not hasattr(value, "dtype") or len(shape) not in (1, 2):
        return f"<{type(value).__name__} of {'×'.join(map(str, shape))}>"
    return f"vector of {shape[0]} numbers" if len(shape) == 1 else _vectors(*shape)


def _vectors(number: int, width: int) -> str:
    return f"{number} {'vector' if number == 1 else 'vectors'} of {width} numbers"


def _fields(value: Any) -> Optional[Mapping[str, Any]]:
    """The fields of an object of the SDK."""
    names = getattr(type(value), "__struct_fields__", None)
    if names is not None:
        return {name: getattr(value, name) for name in names}
    own: Mapping[str, Any] = vars(value) if type(value).__dictoffset__ else {}
    if isinstance(own.get("_data_store"), dict):
        return own["_data_store"]  # type: ignore[no-any-return]
    if hasattr(type(value), "ListFields"):
        return {descriptor.name: item for descriptor, item in value.ListFields()}
    public = {name: item for name, item in own.items() if not name.startswith("_")}
    return value.to_dict() if not public and hasattr(type(value), "to_dict") else public
