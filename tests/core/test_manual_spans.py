"""Spans by hand: ``start_span``, ``end_span``, ``span``, ``get_current_span``."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

import peekr
from peekr import end_span, get_current_span, start_span
from peekr.testing import Recording, fixed, record


class TestStartAndEnd:
    def test_the_example_of_the_documentation(self, recording: Recording) -> None:
        """MSPAN-1, E1-05"""
        span, token = start_span("my.op")
        span.attributes["k"] = "v"
        span.status = "ok"
        assert get_current_span() is span
        end_span(span, token)
        assert get_current_span() is None
        only = recording.only
        assert (only.name, only.attributes["k"], only.status, only.kind) == ("my.op", "v", "ok", "function")

    @pytest.mark.parametrize("fail", [False, True])
    def test_spans_in_between_become_children(self, recording: Recording, fail: bool) -> None:
        """MSPAN-3, E0-17"""

        @peekr.trace(name="inner")
        def do_work() -> None:
            if fail:
                raise ValueError("boom")

        span, token = start_span("my.operation")
        try:
            do_work()
        except ValueError as error:
            span.status = "error"
            span.attributes["error"] = str(error)
        finally:
            end_span(span, token)
        inner, outer = recording.spans
        assert inner.parent_id == outer.span_id
        assert outer.status == inner.status == ("error" if fail else "ok")

    def test_a_second_end_does_nothing(self, recording: Recording) -> None:
        """MSPAN-2: handed over exactly once, with the time of the first end."""
        with fixed() as clock:
            span, token = start_span("s")
            clock.advance(1)
            end_span(span, token)
            clock.advance(1)
            end_span(span, token)
            end_span(span)
        assert recording.only.duration_ms == 1

    def test_without_a_token_the_span_ends_and_stays_current(self, recording: Recording) -> None:
        span, token = start_span("s")
        end_span(span)
        assert get_current_span() is span
        end_span(span, token)
        assert get_current_span() is None
        assert recording.only is span

    def test_a_token_of_another_thread_restores_nothing(self, recording: Recording) -> None:
        """MSPAN-6"""
        span, token = start_span("s")
        thread = threading.Thread(target=end_span, args=(span, token))
        thread.start()
        thread.join()
        assert get_current_span() is span
        assert recording.only is span
        end_span(span, token)
        assert get_current_span() is None

    def test_a_token_of_another_context_restores_nothing(self, recording: Recording) -> None:
        """MSPAN-6"""
        span, token = contextvars.copy_context().run(start_span, "s")
        assert get_current_span() is None
        with peekr.span("other") as other:
            end_span(span, token)
            assert get_current_span() is other
        assert [each.name for each in recording.spans] == ["s", "other"]

    def test_ends_out_of_order_lose_nothing_and_leave_nothing_current(self, recording: Recording) -> None:
        """MSPAN-2, CTX-2"""

        def cross() -> None:
            outer, outer_token = start_span("outer")
            inner, inner_token = start_span("inner")
            end_span(outer, outer_token)
            assert get_current_span() is None
            end_span(inner, inner_token)
            assert get_current_span() is None
            with peekr.span("later"):
                pass

        contextvars.copy_context().run(cross)
        outer, inner, later = recording.spans
        assert later.trace_id != outer.trace_id and later.parent_id is None
        assert (outer.name, inner.name, inner.parent_id) == ("outer", "inner", outer.span_id)

    def test_a_span_in_a_task_that_another_task_ends(self, recording: Recording) -> None:
        """MSPAN-6, INST-13"""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            pair: Any = await loop.create_task(_start())
            await loop.create_task(_end(*pair))

        async def _start() -> Any:
            return start_span("s")

        async def _end(span: Any, token: Any) -> None:
            end_span(span, token)

        asyncio.run(main())
        assert recording.only.name == "s"

    def test_the_kind_may_be_given(self, recording: Recording) -> None:
        """MODEL-3"""
        end_span(*start_span("s", kind="retrieval"))
        assert recording.only.to_dict()["attributes"]["kind"] == "retrieval"

    @pytest.mark.parametrize(("given", "stored"), [(5, "5"), (None, "None"), ("", "?"), ("\ud800", "�")])
    def test_an_odd_name_harms_nobody(self, recording: Recording, given: Any, stored: str) -> None:
        """INST-13: other spans of the same batch are stored too."""
        end_span(*start_span(given))
        end_span(*start_span("fine"))
        assert [record["name"] for record in recording.records] == [stored, "fine"]
        assert [peekr.Span.from_dict(record).name for record in recording.records] == [stored, "fine"]

    def test_an_odd_name_given_later_harms_nobody(self, recording: Recording) -> None:
        """INST-13"""
        with peekr.span("s") as span:
            span.name = 5  # type: ignore[assignment]
        assert recording.records[0]["name"] == "5"

    def test_an_unknown_status_is_stored_as_ok(self, recording: Recording) -> None:
        """SPAN-4: exactly ok or error."""
        with peekr.span("s") as span:
            span.status = "failed"
        assert recording.records[0]["status"] == "ok"

    def test_attributes_may_be_replaced(self, recording: Recording) -> None:
        """MSPAN-1"""
        with peekr.span("s") as span:
            span.attributes = {"a": 1}
            assert span.attributes == {"a": 1}
        assert recording.only.attributes["a"] == 1


class TestTheContextManager:
    """MSPAN-5"""

    def test_gives_the_span_and_ends_it(self, recording: Recording) -> None:
        with peekr.span("s", kind="chain", model="m") as span:
            assert get_current_span() is span
            assert not span.ended
        assert span.ended and get_current_span() is None
        assert (span.kind, span.attributes, span.status) == ("chain", {"model": "m"}, "ok")
        assert recording.only is span

    def test_an_exception_is_recorded_and_passes_unchanged(self, recording: Recording) -> None:
        error = ValueError("boom")
        with pytest.raises(ValueError) as failure:
            with peekr.span("s"):
                raise error
        assert failure.value is error
        attributes = recording.only.attributes
        assert (attributes["error"], attributes["error_type"]) == ("boom", "ValueError")
        assert recording.only.status == "error"

    def test_async_with(self, recording: Recording) -> None:
        async def main() -> None:
            async with peekr.span("outer") as outer:
                await asyncio.sleep(0)
                assert get_current_span() is outer
                with pytest.raises(ValueError):
                    async with peekr.span("inner"):
                        raise ValueError("boom")

        asyncio.run(main())
        inner, outer = recording.spans
        assert (inner.status, inner.parent_id, outer.status) == ("error", outer.span_id, "ok")

    def test_ended_by_hand_inside_it_is_handed_over_once(self, recording: Recording) -> None:
        """MSPAN-2"""
        with peekr.span("s") as span:
            end_span(span)
        assert recording.only is span

    def test_one_object_may_be_used_again_and_within_itself(self, recording: Recording) -> None:
        block = peekr.span("s")
        with block as outer:
            with block as inner:
                assert get_current_span() is inner
            assert get_current_span() is outer
        with block:
            pass
        one, two, three = recording.spans
        assert (one.parent_id, two.parent_id, three.parent_id) == (two.span_id, None, None)

    def test_attributes_of_one_object_are_not_shared(self, recording: Recording) -> None:
        block = peekr.span("s", a=1)
        for number in range(2):
            with block as span:
                span.attributes["b"] = number
        assert [span.attributes["b"] for span in recording.spans] == [0, 1]


class TestTheCurrentSpan:
    """MSPAN-4"""

    def test_none_outside_of_all(self) -> None:
        assert get_current_span() is None

    def test_anywhere_in_the_call_stack(self, recording: Recording) -> None:
        def deep_inside() -> Any:
            return get_current_span()

        with peekr.span("s") as span:
            assert deep_inside() is span

    def test_that_of_a_traced_function(self, recording: Recording) -> None:
        @peekr.trace(name="f")
        def f() -> None:
            span = get_current_span()
            assert span is not None
            span.attributes["note"] = "hello"

        f()
        assert recording.only.attributes["note"] == "hello"
        assert recording.only.attributes["input"] == '{"args": [], "kwargs": {}}'

    def test_within_a_session_the_span_around_it(self, recording: Recording) -> None:
        with peekr.session():
            assert get_current_span() is None
            with peekr.span("s") as span, peekr.session():
                assert get_current_span() is span


def test_a_span_shows_what_it_is() -> None:
    with fixed() as clock, peekr.span("s") as span:
        assert repr(span) == "<Span 's' 0000000000000001 ok open>"
        clock.advance(1.5)
    assert repr(span) == "<Span 's' 0000000000000001 ok 1.5ms>"


def test_every_span_handed_over_has_ended(recording: Recording) -> None:
    """MSPAN-2"""
    with peekr.span("outer"):
        end_span(*start_span("inner"))
        assert [span.name for span in recording.spans] == ["inner"]
    assert all(span.ended for span in recording.spans)


def test_a_traced_functions_span_that_is_ended_by_hand_is_recorded_once() -> None:
    """MSPAN-2"""

    @peekr.trace
    def early() -> None:
        span = peekr.get_current_span()
        assert span is not None
        peekr.end_span(span)

    with record() as recording:
        early()
        assert len(recording.spans) == 1
