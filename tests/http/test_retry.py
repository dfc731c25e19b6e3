"""How long to wait before the next attempt, as pure functions."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peekr_http.retry import CAP_S, MAX_RETRY_AFTER_S, RETRYABLE, Verdict, backoff_s, retry_after_s, verdict_of

NOW = 1_700_000_000.0


@given(st.integers(1, 10_000))
def test_the_backoff_has_full_jitter_below_an_exponential_bound(attempt: int) -> None:
    assert backoff_s(attempt, lambda low, high: low) == 0
    bound = backoff_s(attempt, lambda low, high: high)
    assert bound == min(0.25 * 2 ** min(attempt - 1, 30), CAP_S)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("9" * 400, MAX_RETRY_AFTER_S),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW + 90), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        (formatdate(NOW + 10**7, usegmt=True), MAX_RETRY_AFTER_S),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: object, seconds: object) -> None:
    """RFC 9110, 10.2.3"""
    assert retry_after_s(value, NOW) == seconds  # type: ignore[arg-type]


@given(st.text())
def test_no_retry_after_header_breaks_anything(value: str) -> None:
    seconds = retry_after_s(value, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S


@given(st.integers(100, 599), st.booleans())
def test_a_status_is_tried_again_only_where_that_may_help(status: int, compressed: bool) -> None:
    """HTTPX-2"""
    verdict = verdict_of(status, compressed)
    assert (verdict is Verdict.SENT) == (200 <= status < 300)
    assert (verdict is Verdict.RETRY) == (status in RETRYABLE)
    assert (verdict is Verdict.SPLIT) == (status == 413)
