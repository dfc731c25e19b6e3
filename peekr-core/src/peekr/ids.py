"""Span and trace ids: W3C-sized, kept as integers until somebody reads them.

16 bytes for a trace and 8 for a span, neither all zero (https://www.w3.org/TR/trace-context/#trace-id). They begin with
the time, which comes round after 275 seconds, the rest is random. So what is written together stands together in an
index: inserting costs less than with ids in no order, and a batch changes few pages, however large the database is.
A trace's id has the time in its first three digits only, steps of 67 ms, since people tell traces apart by the first
eight; a span's in the first six, 16 µs. Samplers look at the last bytes.
"""

from __future__ import annotations

import os
import random
from typing import Callable, Union

#: An id as it is kept: an integer when peekr made it, any text when it was read from a file.
RawId = Union[int, str]

_random = random.Random()

#: Returns an integer of n random bits; one C call, hence safe among threads.
_random_bits: Callable[[int], int] = _random.getrandbits


def new_span_id(now_ns: int) -> int:
    """Return a span id for this Unix time in nanoseconds."""
    return (now_ns >> 14 & 0xFFFFFF) << 40 | _random_bits(40) or 1


def new_trace_id(now_ns: int) -> int:
    """Return a trace id for this Unix time in nanoseconds."""
    return (now_ns >> 26 & 0xFFF) << 116 | _random_bits(116) or 1


def format_trace_id(value: RawId) -> str:
    """Return a trace id as 32 lower-case hex digits; text passes unchanged."""
    return value.to_bytes(16, "big").hex() if type(value) is int else str(value)


def format_span_id(value: RawId) -> str:
    """Return a span id as 16 lower-case hex digits; text passes unchanged."""
    return value.to_bytes(8, "big").hex() if type(value) is int else str(value)


def reseed() -> None:
    """Take new entropy from the system, so that a forked child does not repeat its parent's ids."""
    _random.seed(os.urandom(32))
