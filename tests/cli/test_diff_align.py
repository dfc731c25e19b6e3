"""Laying two trees upon each other, and the counts of durations: pure functions of ``peekr_cli.diff``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peekr_cli.diff.align import aligned
from peekr_cli.diff.groups import Durations
from peekr_cli.tree import build


def pairs(a, b):
    return [(pair.a and pair.a.span_id, pair.b and pair.b.span_id, pair.depth) for pair in aligned(build(a), build(b))]


def test_one_call_more_in_between_shifts_nothing(span):
    """Equal inputs belong together."""
    a = [span("a", None, "root"), *(span(f"a{at}", "a", "search", at, input=str(at)) for at in (1, 3))]
    b = [span("b", None, "root"), *(span(f"b{at}", "b", "search", at, input=str(at)) for at in (1, 2, 3))]
    assert pairs(a, b) == [("a", "b", 0), ("a1", "b1", 1), (None, "b2", 1), ("a3", "b3", 1)]


def test_names_without_their_module_belong_together(span):
    """The script here is a module there."""
    assert pairs([span("a", None, "__main__.fetch")], [span("b", None, "shop.stock.fetch")]) == [("a", "b", 0)]


def test_calls_of_another_sdk_belong_together(span):
    """A model was exchanged for one of another provider."""
    a = [span("a", None, "root"), span("a1", "a", "openai.chat.completions", kind="llm")]
    b = [span("b", None, "root"), span("b1", "b", "anthropic.messages", kind="llm")]
    assert pairs(a, b) == [("a", "b", 0), ("a1", "b1", 1)]


def test_steps_below_a_new_step_are_new(span):
    """Nothing is paired across levels."""
    a = [span("a", None, "root")]
    b = [span("b", None, "root"), span("b1", "b", "retry", 1), span("b2", "b1", "fetch", 2)]
    assert pairs(a, b) == [("a", "b", 0), (None, "b1", 1), (None, "b2", 2)]


@settings(max_examples=50, deadline=None)
@given(left=st.lists(st.sampled_from("xyz"), max_size=12), right=st.lists(st.sampled_from("xyz"), max_size=12))
def test_every_step_is_told_once(left, right):
    """Whatever the two sides are: no span is lost, none comes twice."""
    from peekr import Span

    def tree(names, side):
        records = [{"trace_id": "t", "span_id": side, "name": "root", "start_time": 1.0}]
        for at, name in enumerate(names):
            records.append(
                {"trace_id": "t", "span_id": f"{side}{at}", "parent_id": side, "name": name, "start_time": 2.0 + at}
            )
        return [Span.from_dict(record) for record in records]

    found = pairs(tree(left, "a"), tree(right, "b"))
    assert sorted(a for a, _, _ in found if a) == sorted(["a", *(f"a{at}" for at in range(len(left)))])
    assert sorted(b for _, b, _ in found if b) == sorted(["b", *(f"b{at}" for at in range(len(right)))])
    same = sum(min(left.count(name), right.count(name)) for name in "xyz")
    assert sum(a is not None and b is not None for a, b, _ in found) == same + 1


def test_quantiles_are_right_within_a_hundredth():
    """DDSketch with a fixed width."""
    durations = Durations()
    for milliseconds in range(1, 1001):
        durations.add(float(milliseconds))
    assert durations.quantile(0.5) == pytest.approx(500, rel=0.011)
    assert durations.quantile(0.95) == pytest.approx(950, rel=0.011)
    assert Durations().quantile(0.5) is None
