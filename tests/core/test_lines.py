"""What stores write of a span: the same by either way (MODEL-3, JSONL-1, SQLITE-2)."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

import peekr
from peekr import lines, wire
from peekr.capture import snapshot
from peekr.spans import Span
from peekr.testing import record


def written(span: Span) -> str:
    """The line of a span, which both ways must agree on to the letter."""
    line = lines.line(span)
    assert line == wire.encode(wire.record(span))
    attributes, *columns = lines.attributes_row(span)
    found = wire.record_attributes(span)
    assert attributes == str(wire.encode(found), "utf-8")
    assert columns == [found.get("user_id"), found.get("session_id"), found["run_id"], found["kind"]]
    return str(line, "utf-8")


@given(st.text(), st.recursive(st.text() | st.integers() | st.none(), st.lists), st.booleans())
def test_a_functions_span_is_written_as_every_other_span(name: str, value: Any, ended: bool) -> None:
    span = Span(name, Span("parent"))
    span._input, span._output = snapshot({"args": [value]}), snapshot(value)
    span._t1 = span._t0 + 12_345 if ended else 0
    written(span)


def changed(**values: Any) -> Callable[[Span], None]:
    def change(span: Span) -> None:
        for name, value in values.items():
            setattr(span, name, value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed(name="tool.search"),
        changed(name="lone \ud800"),
        changed(name=7),
        changed(status="error"),
        changed(attributes={"model": "m"}),
        changed(payload={"request": {}}),
        changed(_trace="not of ours", _parent="p", _id="i"),
        changed(_end_ns=5),
        changed(_input=None, _output=None),
        changed(_output='"cut…'),
        lambda span: span.record_error(ValueError("x")),
    ],
)
def test_what_is_not_as_usual_is_written_all_the_same(change: Callable[[Span], None]) -> None:
    span = Span("work")
    span._input, span._output = snapshot({"args": [1]}), snapshot(2)
    span._t1 = span._t0 + 1
    change(span)
    written(span)


def test_who_it_was_for_is_written(traced_spans: List[Span]) -> None:
    """SESS-1, TEN-1."""
    assert [span.session_id for span in traced_spans] == ["s", "s", None]
    assert '"user_id":"u","session_id":"s","attributes":{"kind":"function"' in written(traced_spans[0])
    assert '"variant":"b"' in written(traced_spans[1])
    assert '"user_id":null' in written(traced_spans[2])


@pytest.fixture
def traced_spans() -> List[Span]:
    """Spans of one function: in a session, in one with tags, outside."""

    @peekr.trace
    def work(n: int) -> int:
        return n

    with record() as recording:
        with peekr.session(user_id="u", session_id="s", tenant_id="t"):
            work(1)
            with peekr.session(tags={"variant": "b"}):
                work(2)
        work(3)
    return list(recording.spans)
