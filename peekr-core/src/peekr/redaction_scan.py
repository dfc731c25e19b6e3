"""The quick look that spares nearly every span the slow one: may there be anything to redact in these bytes?

Right in the negative, for secrets that JSON encodes as they are; wrong in the positive now and then, which costs time
only. One regular expression for all keys takes 40 µs for 2 KB, searching them one by one 15 µs; so the bytes are
shortened to what tells a key from others, with each key just before a colon, and the ends of all names are looked up
at once.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import FrozenSet, Iterator, List, Optional, Tuple

from peekr.canary import Canary
from peekr.redaction_keys import Keys
from peekr.redaction_patterns import Patterns

#: Characters of the end of a shortened name that are looked up.
_TAIL = 4
_tail = itemgetter(slice(-_TAIL, None))

#: Left out: letters that keys can be told without (a, e and f are digits of ids, and part their digits), quotes, and
#: what may stand between the words of a key, or between a key and its colon.
_LEFT_OUT = b"oiughjlmqvxzOIUGHJLMQVXZ \t\"'`\\_"


def _table() -> bytes:
    """Lower case, every digit as 0, ``=`` as a colon."""
    table = bytearray(range(256))
    table[ord("A") : ord("Z") + 1] = bytes(range(ord("a"), ord("z") + 1))
    table[ord("0") : ord("9") + 1] = b"0" * 10
    table[ord("=")] = ord(":")
    return bytes(table)


_TABLE = _table()


def shortened(data: bytes) -> bytes:
    """Return JSON in the form in which it is searched."""
    return data.translate(_TABLE, _LEFT_OUT)


_CARD, _GROUPED, _BEARER = b"0" * 13, b"00-0000", shortened(b"bearer")
_CARD_OR_SSN = re.compile(rb"\d{3}-\d\d-\d{4}|\d-?\d-?(?:[ -]?\d){11}")
#: What msgspec writes as it is, and other encoders may not.
_ESCAPED = re.compile(rb"\\(?:/|u00[2-7])")
_ELLIPSIS = "…".encode()
_WINDOW = 200


class Scanner:
    """Tells, of JSON in UTF-8, whether it is worth a closer look.

    :ivar always: everything is, because there are patterns or keys that bytes cannot be searched for.
    """

    def __init__(self, keys: Keys, patterns: Patterns, canary: Optional[Canary]) -> None:
        endings = keys.endings()
        self.always = bool(patterns.own) or not all(ending.isascii() for ending in endings)
        self._canary = canary
        forms = {shortened(ending.encode()) for ending in endings}
        self._names: Tuple[bytes, ...] = tuple(sorted(forms))
        spelled = {spelling for form in forms for spelling in _dashed(form)}
        self._tails: FrozenSet[bytes] = frozenset(each[-_TAIL:] for each in spelled if len(each) >= _TAIL)
        self._short: List[bytes] = sorted(each + b":" for each in spelled if len(each) < _TAIL)

    @property
    def needles(self) -> Tuple[bytes, ...]:
        """What of the environment's secrets is looked for: the same object as long as it is the same."""
        return () if self._canary is None else self._canary.needles

    def suspects(self, data: bytes) -> bool:
        """Whether there may be a secret in the bytes."""
        if self.always:
            return True
        short = shortened(data)
        pieces = short.split(b":")
        if not self._tails.isdisjoint(map(_tail, pieces)) and self._is_key(pieces):
            return True
        if _CARD in short or _BEARER in short or (_GROUPED in short and _CARD_OR_SSN.search(data)):
            return True
        for name in self._short:
            if name in short:
                return True
        if self._canary is not None and self._canary.suspects(data):
            return True
        return not data.isascii() and self._suspects_cut(data)

    def is_escaped(self, data: bytes) -> bool:
        """Whether JSON that another encoder wrote may hide a secret behind an escape."""
        return b"\\" in data and _ESCAPED.search(data) is not None

    def _is_key(self, pieces: List[bytes]) -> bool:
        names = self._names
        return any(
            piece[-48:].translate(None, b"-.").endswith(names) for piece in pieces if piece[-_TAIL:] in self._tails
        )

    def _suspects_cut(self, data: bytes) -> bool:
        """Whether a number or a secret of the environment was cut in the middle."""
        # By the last of its three bytes, the rarest: one byte is found ten times as fast as three.
        at = data.find(_ELLIPSIS[2:])
        while at >= 0:
            if data[at - 2 : at] == _ELLIPSIS[:2]:
                window = data[max(at - _WINDOW, 0) : at - 2]
                if window[-1:] and window[-1:] in b"0123456789 -":
                    return True
                if self._canary is not None and self._canary.suspects_cut(window):
                    return True
            at = data.find(_ELLIPSIS[2:], at + 1)
        return False


def _dashed(form: bytes) -> Iterator[bytes]:
    """Yield a name with and without a dash or dot between two of the letters that are looked up."""
    yield form
    for at in range(max(len(form) - _TAIL, 1), len(form)):
        yield form[:at] + b"-" + form[at:]
        yield form[:at] + b"." + form[at:]
