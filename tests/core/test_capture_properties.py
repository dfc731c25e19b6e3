"""What holds for every value."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import peekr
from peekr import Span, wire
from peekr.capture import document, text
from peekr.testing import MemoryExporter

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
any_text = st.text(max_size=30)  # lone surrogates too


class Rude:
    def __str__(self) -> str:
        raise ValueError("rude")

    def __repr__(self) -> str:
        raise ValueError("rude")


odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | any_text
    | st.binary(max_size=30)
    | st.dates()
    | st.decimals()
    | st.uuids()
    | st.complex_numbers()
    | st.builds(Rude)
    | st.just(object),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(any_text | st.integers() | st.none() | st.binary(max_size=3) | st.floats(), inner, max_size=5)
        | st.sets(st.integers(), max_size=5)
        | st.frozensets(st.text(max_size=3), max_size=5)
    ),
    max_leaves=30,
)


@given(json_values)
def test_json_below_the_limit_comes_back_as_it_was(value: Any) -> None:
    """TRACE-3: ``json.loads(attributes["input"])`` gives the arguments."""
    shown = text({"args": [value], "kwargs": {}})
    if not shown.endswith("…"):
        assert json.loads(shown) == {"args": [value], "kwargs": {}}


@given(json_values)
def test_json_is_written_as_json_dumps_does(value: Any) -> None:
    """TRACE-3"""
    shown = text(value, 100_000)
    assert json.loads(shown) == value
    if not any(c in json.dumps(value) for c in "e."):  # floats have several shortest forms, 1e22 and 1e+22
        assert shown == json.dumps(value, ensure_ascii=False)


@given(odd_values, st.integers(min_value=2, max_value=80))
def test_every_value_becomes_text_within_the_limit(value: Any, limit: int) -> None:
    """TRACE-4, SPAN-8: whole and JSON, or cut and marked; always text that a file can hold."""
    shown = text(value, limit)
    assert len(shown) <= limit
    assert shown.encode()
    if not shown.endswith("…"):
        json.loads(shown)


@given(odd_values, st.integers(min_value=200, max_value=2000))
def test_every_payload_is_json_within_the_limit(value: Any, limit: int) -> None:
    """MODEL-11, SPAN-8"""
    data, _ = document({"value": value}, limit)
    assert len(data) <= limit
    assert set(json.loads(data)) == {"value"}


@given(odd_values)
def test_capture_of_a_call_never_raises_and_never_changes_the_result(value: Any) -> None:
    """INST-13"""
    assert peekr.trace(lambda given: given, name="f")(value) is value


def closed_span(name: Any, attributes: Any) -> Span:
    span, token = peekr.start_span(name)
    span.attributes = attributes
    peekr.end_span(span, token)
    return span


@settings(max_examples=300)
@given(any_text, st.dictionaries(any_text | st.integers(), odd_values, max_size=5))
def test_every_record_is_one_line_of_json_and_the_same_as_to_dict(name: str, attributes: Any) -> None:
    """SPAN-1, SPAN-8, EXP-2"""
    span = closed_span(name, attributes)
    line = wire.encode(wire.record(span))
    assert b"\n" not in line
    assert json.loads(line) == json.loads(json.dumps(span.to_dict()))


@settings(max_examples=300)
@given(any_text, st.dictionaries(any_text | st.integers(), odd_values, max_size=5))
def test_from_dict_is_the_inverse_of_to_dict(name: str, attributes: Any) -> None:
    """IFACE-2"""
    record = closed_span(name, attributes).to_dict()
    assert Span.from_dict(record).to_dict() == record
    assert Span.from_dict(json.loads(json.dumps(record))).to_dict() == record


@given(st.integers(min_value=0, max_value=4 * 10**18), st.integers(min_value=1, max_value=10**16))
def test_times_survive_the_way_through_a_record(start_ns: int, duration_ns: int) -> None:
    """SPAN-3, IFACE-2"""
    span = Span("s")
    span._start_ns, span._t0, span._t1 = start_ns, 0, duration_ns
    record = span.to_dict()
    assert Span.from_dict(record).to_dict() == record
    assert math.isclose(record["end_time"] - record["start_time"], record["duration_ms"] / 1000, abs_tol=1e-6)


@given(st.lists(odd_values, max_size=6))
def test_no_value_ever_keeps_a_span_from_its_exporter(values: Any) -> None:
    """SPAN-8, EXP-1"""
    exporter = MemoryExporter()
    peekr.instrument(console=False, exporter=exporter, plugins=[])
    for value in values:
        peekr.trace(lambda given: given, name="f")(value)
    assert peekr.flush(10)
    assert len([span.to_dict() for span in exporter.spans]) == len(values)
