"""What an answer means and how long to wait before the next attempt. Pure functions."""

from __future__ import annotations

import random
from datetime import timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Callable, Optional

#: Statuses after which the same request may succeed (contract HTTPX-2).
RETRYABLE = frozenset((429, 500, 502, 503, 504))
BASE_S = 0.25
CAP_S = 30.0
#: A server may ask for more patience than this; it does not get it.
MAX_RETRY_AFTER_S = 3600.0


class Verdict(Enum):
    """What to do with a batch after an answer."""

    SENT = "sent"
    SPLIT = "split"
    PLAIN = "plain"  # the server cannot decompress
    DENIED = "denied"  # the key, not the batch, is wrong
    REJECTED = "rejected"
    RETRY = "retry"


def verdict_of(status: int, compressed: bool = False) -> Verdict:
    """Return what a status code means for the batch that it answers."""
    if 200 <= status < 300:
        return Verdict.SENT
    if status in RETRYABLE:
        return Verdict.RETRY
    if status == 413:
        return Verdict.SPLIT
    if status == 415 and compressed:
        return Verdict.PLAIN
    return Verdict.DENIED if status in (401, 403) else Verdict.REJECTED


def backoff_s(attempt: int, uniform: Callable[[float, float], float] = random.uniform) -> float:
    """Return how many seconds to wait after the n-th failed attempt (from 1): exponential with full jitter.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
    """
    return uniform(0.0, min(CAP_S, BASE_S * 2.0 ** min(attempt - 1, 30)))


def retry_after_s(value: Optional[str], now: float) -> Optional[float]:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3), None where it asks for none.

    :param value: a number of seconds or an HTTP date.
    :param now: Unix seconds.
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            date = date.replace(tzinfo=timezone.utc)
        asked = date.timestamp() - now
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(asked, 0.0), MAX_RETRY_AFTER_S)
