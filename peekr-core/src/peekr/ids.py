"""Span and trace ids: random, W3C-sized, kept as integers until somebody reads them.

The W3C Trace Context recommendation asks for 16 random bytes for a trace and 8 for a span, neither all zero.
https://www.w3.org/TR/trace-context/#trace-id
"""

from __future__ import annotations

import os
import random
from typing import Callable, Union

#: An id as it is kept: an integer when peekr made it, any text when it was read from a file.
RawId = Union[int, str]

_random = random.Random()

#: ``random_bits(n)`` returns an integer of n random bits; one C call, hence safe among threads.
random_bits: Callable[[int], int] = _random.getrandbits


def format_trace_id(value: RawId) -> str:
    """Return a trace id as 32 lower-case hex digits; text passes unchanged."""
    return value.to_bytes(16, "big").hex() if type(value) is int else str(value)


def format_span_id(value: RawId) -> str:
    """Return a span id as 16 lower-case hex digits; text passes unchanged."""
    return value.to_bytes(8, "big").hex() if type(value) is int else str(value)


def reseed() -> None:
    """Take new entropy from the system, so that a forked child does not repeat its parent's ids."""
    _random.seed(os.urandom(32))
