"""Which runs are too old (contract DB-1, DB-6)."""

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from peekr.errors import ConfigurationError, StoreError
from peekr.retention import DAY_S, Policy, parse_classes, upkeep_of

NOW = 1_800_000_000.0


def over(policy: Policy, days: float, *classes: Optional[str]) -> bool:
    return policy.is_over(NOW - days * DAY_S, classes or (None,), NOW)


def test_without_classes_all_go_by_their_days() -> None:
    """DB-1; DB-6: unset → all by --retention-days."""
    policy = Policy.of(30)
    assert over(policy, 31) and over(policy, 31, "long")
    assert not over(policy, 29)


@pytest.mark.parametrize("days", [0, -1])
def test_no_days_keep_everything(days: float) -> None:
    """DB-1: N ≤ 0 disables."""
    assert not over(Policy.of(days), 10_000)
    assert Policy.of(days).youngest_cutoff(NOW) is None


def test_classes_have_days_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """DB-6."""
    monkeypatch.setenv("TRACE_RETENTION_CLASSES", "short=7, default=30,long=365,pii=7,forever=0")
    policy = Policy.of(default=90)
    assert over(policy, 8, "short") and not over(policy, 6, "short")
    assert over(policy, 31) and not over(policy, 29)
    assert not over(policy, 100, "long") and over(policy, 366, "long")
    assert over(policy, 31, "unknown")
    assert not over(policy, 10_000, "forever")


def test_days_that_are_asked_for_hold_where_no_class_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """DB-6: --retention-days is for what the policy does not name."""
    monkeypatch.setenv("TRACE_RETENTION_CLASSES", "default=30,pii=7")
    policy = Policy.of(3)
    assert over(policy, 4) and not over(policy, 4, "pii") and over(policy, 8, "pii")


def test_the_shortest_class_among_a_runs_spans_counts() -> None:
    """DB-6: what is kept for seven days only must not stay because of its neighbours."""
    policy = Policy.of(30, classes="pii=7,long=365")
    assert over(policy, 8, None, "pii") and over(policy, 8, "long", "pii")
    assert not over(policy, 100, None, "long")


@pytest.mark.parametrize("text", ["short", "short=", "=7", "short=week", "short=nan", "a=1,b"])
def test_classes_that_cannot_be_read_are_named(text: str) -> None:
    """DB-6: a ConfigurationError with an example."""
    with pytest.raises(ConfigurationError, match="short=7,default=30"):
        parse_classes(text)


def test_a_store_that_cannot_be_pruned_says_so() -> None:
    """DB-1: a file of lines is no database."""

    class Lines:
        target = "traces.jsonl"

    with pytest.raises(StoreError, match=r"traces\.jsonl is no database"):
        upkeep_of(Lines())


def test_a_store_with_the_methods_is_taken_as_it_is() -> None:
    """DB-1: any plugin's store may have them."""

    class Own:
        def prune(self, policy: Policy, **given: Any) -> List[str]:
            return []

        def vacuum(self) -> int:
            return 0

        def backup(self, path: str, progress: Any = None) -> int:
            return 0

    store = Own()
    assert upkeep_of(store) is store
