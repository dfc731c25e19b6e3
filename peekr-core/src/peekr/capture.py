"""Bounded capture: any value as JSON text, cut *while* encoding, so that a huge value costs no more than a small one.

Runs in the traced program's thread. Small values of plain JSON types take msgspec; everything else takes
:class:`_Bounded`, which stops as soon as its room is used up.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from json.encoder import encode_basestring as _quote_text
from typing import Any, Dict, List, Tuple, Union

import msgspec

from peekr.plain import MAX_DEPTH, clean_text, integer, key_of, text_of
from peekr.repeats import Repeats

#: Characters of an attribute of a traced function (contract TRACE-4) and of an LLM call (LLM-11).
FUNCTION_LIMIT = 500
LLM_LIMIT = 1000
#: Bytes of a payload.
PAYLOAD_LIMIT = 256 * 1024
#: Limits in force in the place of others: evaluators and guardrails read whole texts, see :mod:`peekr.fulltext`.
widened: Dict[int, int] = {}

_encode = msgspec.json.Encoder().encode
_format = msgspec.json.format
_CONSTANTS = {None: "null", True: "true", False: "false"}
_FIXED = frozenset((int, float, bool, type(None)))
_texts = Repeats()
#: What a call takes besides its arguments.
_CALL_ROOM = len('{"args": , "kwargs": }')
#: Containers without a JSON form whose str() costs as much as they are large.
_LARGE = (set, frozenset, deque)


#: What :func:`snapshot` returns: compact JSON still to be spaced and cut, or the finished text.
Snapshot = Union[bytes, str]


def snapshot(value: Any, limit: int = FUNCTION_LIMIT) -> Snapshot:
    """Return ``value`` as it is now, at the least cost to the caller; :func:`finish` makes the text of it.

    Never raises. The cost is bounded by ``limit``, whatever the size of the value.
    """
    try:
        if room([value], limit) >= 0:
            return _encode(value)
    except Exception:  # a key that is no text, a lone surrogate, an integer of more than 64 bits
        pass
    return cut(_Bounded(limit).whole(value), limit)


def snapshot_call(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Snapshot:
    """Return :func:`snapshot` of ``{"args": args, "kwargs": kwargs}``, in less time."""
    try:
        if room([args, kwargs], FUNCTION_LIMIT - _CALL_ROOM) >= 0:
            return _encode({"args": args, "kwargs": kwargs})
    except Exception:  # as above
        pass
    return cut(_Bounded(FUNCTION_LIMIT).whole({"args": args, "kwargs": kwargs}), FUNCTION_LIMIT)


def finish(taken: Snapshot, limit: int = FUNCTION_LIMIT) -> str:
    """Return the text of a snapshot: at most ``limit`` characters, spaced as :func:`json.dumps` does."""
    if isinstance(taken, str):
        return taken
    out = _texts.known.get(taken)
    if out is None:
        out = str(_format(taken, indent=0), "utf-8")
        _texts.note([taken], out)
    return out if len(out) <= limit else cut(out, limit)


def text(value: Any, limit: int = FUNCTION_LIMIT) -> str:
    """Return ``value`` as JSON text of at most ``limit`` characters; a cut text ends with ``…``.

    Never raises. Spacing is that of :func:`json.dumps`; other alphabets stay readable.
    """
    limit = widened.get(limit, limit)
    return finish(snapshot(value, limit), limit)


def cut(value: str, limit: int = LLM_LIMIT) -> str:
    """Return plain text of at most ``limit`` characters, the last one ``…`` if something was cut."""
    limit = widened.get(limit, limit)
    return value if len(value) <= limit else value[: limit - 1] + "…"


def document(value: Any, limit: int = PAYLOAD_LIMIT) -> Tuple[bytes, bool]:
    """Return ``value`` as a complete JSON document of ``limit`` bytes at most, and whether it was cut.

    A cut document is still valid JSON: long strings are shortened, lists and objects end early.
    """
    try:
        if room([value], limit) >= 0:
            whole = _encode(value)
            if len(whole) <= limit:
                return whole, False
    except Exception:
        pass
    left = limit
    while True:  # a second time where characters take more than a byte
        bounded = _Bounded(left)
        out = bounded.whole(value).encode()
        if len(out) <= limit or left <= 0:
            return out, bounded.left <= 0 or bounded.cut
        left = min(left * limit // len(out), left * 9 // 10)


def room(todo: List[Any], left: int) -> int:
    """Return how much of ``left`` characters remains after some values; negative if they may not fit.

    Negative too for whatever is not exactly a plain JSON type, so that a result of 0 or more means: cheap to hand
    to the fast encoder as it is. Looks at no more than ``left`` items, so a circular value ends too. One loop
    over a growing list, because a call per container would cost more than all the rest.

    :param todo: the values; a list of the function's own from then on.
    :raises TypeError: if a key has no length.
    """
    for value in todo:  # which grows meanwhile
        kind = type(value)
        if kind is dict:
            left -= 6 * len(value) + 2
            if left < 0:
                return -1
            for key, item in value.items():
                inner = type(item)
                if inner is str:
                    left -= len(key) + len(item)
                elif inner in _FIXED:
                    left -= len(key)
                else:
                    left -= len(key)
                    todo.append(item)
        elif kind is list or kind is tuple:
            left -= 2 * len(value) + 2
            if left < 0:
                return -1
            todo += value
        elif kind is str:
            left -= len(value)
        elif kind not in _FIXED:
            return -1
    return left


class _Bounded:
    """Writes JSON text until the room is used up.

    :ivar left: characters of room that remain.
    :ivar cut: whether something was left out. The text is valid JSON all the same, and longer than the limit.
    """

    __slots__ = ("cut", "left", "out")

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.cut = False
        self.out: List[str] = []

    def whole(self, value: Any) -> str:
        try:
            self.value(value, 0)
        except Exception as error:  # RecursionError near the program's own limit, containers that misbehave
            self.cut = True
            return _quote_text(f"<{type(value).__name__}: {type(error).__name__}>")
        return clean_text("".join(self.out))

    def put(self, piece: str) -> None:
        self.out.append(piece)
        self.left -= len(piece)

    def string(self, value: str) -> None:
        if len(value) > self.left:
            self.cut = True
            value = value[: max(self.left, 0)] + "…"
        self.put(_quote_text(value))

    def value(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            self.string(value)
        elif kind is dict or kind is list or kind is tuple:
            self.container(value, depth)
        elif kind is float:
            self.put(float.__repr__(value) if value - value == 0 else "null")
        elif kind is int:
            self.number(integer(value))
        elif value is None or kind is bool:
            self.put(_CONSTANTS[value])
        else:
            self.odd(value, depth)

    def odd(self, value: Any, depth: int) -> None:
        """Write subclasses of JSON's types as what they are, other values as their text."""
        if isinstance(value, str):
            self.string(str.__getitem__(value, slice(max(self.left, 0) + 1)))
        elif isinstance(value, int):
            self.number(integer(value))
        elif isinstance(value, float):
            self.value(float(value), depth)
        elif isinstance(value, (dict, list, tuple)):
            self.container(value, depth)
        elif isinstance(value, (bytes, bytearray)):
            self.string(str(bytes(value[: max(self.left, 0)])))
        elif type(value) in _LARGE and len(value) > self.left:
            self.string(text_of(type(value)(self.first(value))))
        else:
            self.string(text_of(value))

    def number(self, value: Union[int, str]) -> None:
        if isinstance(value, str):
            self.string(value)
        else:
            self.put(int.__repr__(value))

    def first(self, items: Any) -> List[Any]:
        """As many items as there is room for, and one more; taken at once, since another thread may change them."""
        return list(islice(items, max(self.left, 0) // 2 + 1))

    def container(self, value: Any, depth: int) -> None:
        """Write a container. One that misbehaves is replaced by a note; what stands around it stays."""
        mark, left = len(self.out), self.left
        try:
            if depth >= MAX_DEPTH:
                self.cut = True
                self.put('"…"')
            elif isinstance(value, dict):
                self.mapping(self.first(value.items()), depth + 1)
            else:
                self.sequence(self.first(value), depth + 1)
        except Exception as error:
            del self.out[mark:]
            self.left, self.cut = left, True
            self.string(f"<{type(value).__name__}: {type(error).__name__}>")

    def mapping(self, items: List[Tuple[Any, Any]], depth: int) -> None:
        self.put("{")
        for number, (key, item) in enumerate(items):
            if self.full(number):
                break
            self.string(key if type(key) is str else key_of(key))
            self.put(": ")
            self.value(item, depth)
        self.put("}")

    def sequence(self, items: List[Any], depth: int) -> None:
        self.put("[")
        for number, item in enumerate(items):
            if self.full(number):
                break
            self.value(item, depth)
        self.put("]")

    def full(self, number: int) -> bool:
        """Whether there is no room for one more item; else write what separates it from the one before."""
        if self.left <= 0:
            self.cut = True
            return True
        if number:
            self.put(", ")
        return False
