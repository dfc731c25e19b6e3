"""Spans → tree (contract CLI-VIEW-2, CLI-VIEW-6)."""

from __future__ import annotations

import pytest

from peekr_cli.tree import build, tokens_of


def names(tree):
    return [(depth, span.name) for depth, span in tree.walk()]


def test_children_stand_under_their_parent_by_start_time(span):
    """CLI-VIEW-6: order of the file, which is the order of ends, does not matter."""
    late, early, root = span("c", "a", "late", at=5), span("b", "a", "early", at=1), span("a", None, "root")
    assert names(build([late, early, root])) == [(0, "root"), (1, "early"), (1, "late")]


def test_a_span_whose_parent_is_missing_is_a_root(span):
    """CLI-VIEW-6: nothing is hidden because something else is lost."""
    tree = build([span("a", None, "root"), span("b", "gone", "orphan", at=3), span("c", "b", "child", at=4)])
    assert names(tree) == [(0, "root"), (0, "orphan"), (1, "child")]


def test_spans_that_are_each_others_parents_are_shown_once(span):
    """A broken file may hold a ring; each of its spans is shown, and nothing runs for ever."""
    tree = build([span("a", "c", "first"), span("b", "a", "second", at=1), span("c", "b", "third", at=2)])
    assert names(tree) == [(0, "first"), (1, "second"), (2, "third")]


def test_a_span_that_is_its_own_parent_is_a_root(span):
    assert names(build([span("a", "a", "selfish")])) == [(0, "selfish")]


def test_a_span_id_that_comes_twice_counts_once_the_last(span):
    """JSONL-3: the last line wins."""
    tree = build([span("a", None, "before", tokens_total=1), span("a", None, "after", tokens_total=2)])
    assert (names(tree), tree.tokens) == ([(0, "after")], 2)


def test_depth_and_width_have_no_limit(span):
    """10,000 spans, 2,000 deep, neither recurse nor take long."""
    chain = [span(f"d{at}", f"d{at - 1}" if at else None, at=at) for at in range(2000)]
    tree = build([*chain, *(span(f"w{at}", "d0", at=at) for at in range(8000))])
    walked = list(tree.walk())
    assert (len(walked), max(depth for depth, _ in walked)) == (10_000, 1999)


def test_the_sum_of_tokens_leaves_out_what_was_not_billed(span):
    """LLM calls that a framework reports a second time are marked, and count once."""
    tree = build([span("a", None, tokens_total=5), span("b", "a", tokens_total=5, billed=False)])
    assert tree.tokens == 5


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"tokens_total": 7}, 7),
        ({"tokens_input": 3, "tokens_output": 4}, 7),
        ({"tokens_total": "many"}, 0),
        ({"tokens_total": True}, 0),
        ({"tokens_total": -5}, 0),
        ({"tokens_total": None, "tokens_input": 2}, 2),
        ({}, 0),
    ],
)
def test_tokens_are_read_from_any_record(span, attributes, expected):
    """Foreign records hold anything; what is no number counts nothing."""
    assert tokens_of(span("a", attributes=attributes)) == expected


def test_the_duration_is_the_roots(span):
    """CLI-VIEW-2; a background child may outlive it."""
    assert build([span("a", ms=20), span("b", "a", ms=500)]).duration_ms == 20


def test_without_a_root_the_duration_spans_all_that_is_there(span):
    """Part of a trace that another process began."""
    tree = build([span("b", "remote", at=0, ms=10), span("c", "remote", at=90, ms=10)])
    assert tree.duration_ms == pytest.approx(100)
