"""Which span_ids stand in a file more than once, found in constant memory before the file is read in earnest."""

from __future__ import annotations

import re
from typing import BinaryIO, Callable, Dict, Optional

from peekr_jsonl.lines import forwards

_SPAN_ID = re.compile(rb'"span_id"\s*:\s*"([^"\\]+)"')
#: A Bloom filter (Bloom 1970) with two bits a span: at 16 bits for each, about one id in 70 is suspected wrongly.
_BITS_PER_SPAN = 16
_TYPICAL_LINE = 400
_MIN_BYTES, _MAX_BYTES = 1 << 13, 1 << 24


def last_lines(file: BinaryIO, size: int, span_id_of: Callable[[bytes], Optional[str]]) -> Dict[str, int]:
    """Return span_id → offset of its last line, for every id that may occur more than once.

    Ids that are not in the result occur once; of one that is, only the line at that offset counts.

    :param size: of the file, in bytes; sets how much memory is used.
    :param span_id_of: reads the id of a line properly; asked about the few lines under suspicion.
    """
    seen = _Seen(size)
    last: Dict[str, int] = {}
    for offset, line in forwards(file):
        suspect = False
        for match in _SPAN_ID.finditer(line):
            suspect = seen.add(match.group(1)) or suspect
        if suspect:
            span_id = span_id_of(line)
            if span_id is not None:
                last[span_id] = offset
    return last


class _Seen:
    """Remembers ids roughly: never forgets one, and sometimes takes a new one for known."""

    __slots__ = ("_bits", "_mask")

    def __init__(self, size: int) -> None:
        wanted = size // _TYPICAL_LINE * _BITS_PER_SPAN // 8
        length = _MIN_BYTES
        while length < wanted and length < _MAX_BYTES:
            length *= 2
        self._bits = bytearray(length)
        self._mask = length * 8 - 1

    def add(self, key: bytes) -> bool:
        """Remember an id; return whether it may have been there before."""
        bits, mask = self._bits, self._mask
        value = hash(key)
        first, second = value & mask, (value >> 32) & mask
        known = bits[first >> 3] & (1 << (first & 7)) and bits[second >> 3] & (1 << (second & 7))
        bits[first >> 3] |= 1 << (first & 7)
        bits[second >> 3] |= 1 << (second & 7)
        return bool(known)
