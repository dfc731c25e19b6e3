"""How --since and --until are written (IFACE-13)."""

from __future__ import annotations

import time

import pytest

from peekr.timeparse import parse_time

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("15m", 900),
        ("24h", 86_400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("30s", 30),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("1.5H", 5400),
        (" 3m ", 180),
    ],
)
def test_ages_count_back_from_now(text: str, age: float) -> None:
    """IFACE-13"""
    assert parse_time(text, NOW) == NOW - age


def test_ages_count_from_the_present_by_default() -> None:
    """IFACE-13"""
    assert abs(parse_time("1h") - (time.time() - 3600)) < 5


@pytest.mark.parametrize("text", ["1700000000", "1700000000.0", "1700000000000"])
def test_epoch_seconds_and_milliseconds(text: str) -> None:
    """IFACE-13"""
    assert parse_time(text, NOW) == 1_700_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T22:13:20.25z", 1_700_000_000.25),
        ("2023-11-14T22:13:20.123456789+00:00", 1_700_000_000.123456),
        ("2023-11-14 23:13:20+01:00", 1_700_000_000),
        ("2023-11-14T23:13:20+01", 1_700_000_000),
        ("2023-11-14T17:43:20-0430", 1_700_000_000),
        ("2023-11-14T22:13Z", 1_699_999_980),
        ("2023-11-14Z", 1_699_920_000),
    ],
)
def test_iso_8601_with_a_zone(text: str, expected: float) -> None:
    """IFACE-13: on Python 3.9 too, which reads fewer forms by itself."""
    assert parse_time(text, NOW) == pytest.approx(expected, abs=1e-6)


def test_iso_8601_without_a_zone_is_local_time() -> None:
    """D-15: people write the time of their clock."""
    assert parse_time("2023-11-14T22:13:20") == time.mktime((2023, 11, 14, 22, 13, 20, 0, 0, -1))
    assert parse_time("2023-11-14") == time.mktime((2023, 11, 14, 0, 0, 0, 0, 0, -1))


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-5m", "5 m", "5x", "2023-13-01", "2023-11-14T25:00", "1e5", "٣m", "h"]
)
def test_other_texts_are_refused_with_the_forms_that_are_known(text: str) -> None:
    """CLI-11"""
    with pytest.raises(ValueError, match=r"is no time\.\nWrite an age \(15m, 24h, 7d\)"):
        parse_time(text)
