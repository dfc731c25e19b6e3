"""``@trace`` on generators and async generators: the span covers the iteration (TRACE-7)."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, AsyncIterator, Generator, Iterator, List

import pytest

import peekr
from peekr import trace
from peekr.testing import Recording, record


@trace(name="numbers")
def numbers(count: int) -> Iterator[int]:
    yield from range(count)


@trace(name="anumbers")
async def anumbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


async def collect(iterable: AsyncIterator[Any]) -> List[Any]:
    return [item async for item in iterable]


class TestAGenerator:
    def test_has_one_span_over_its_iteration(self, recording: Recording) -> None:
        generator = numbers(3)
        assert recording.spans == []
        assert list(generator) == [0, 1, 2]
        span = recording.only
        assert (span.name, span.status, span.attributes["output"]) == ("numbers", "ok", "[0, 1, 2]")
        assert span.attributes["input"] == '{"args": [3], "kwargs": {}}'

    def test_that_is_never_iterated_has_no_span(self, recording: Recording) -> None:
        numbers(3)
        gc.collect()
        assert recording.spans == []

    def test_is_no_parent_of_what_its_consumer_does(self, recording: Recording) -> None:
        """CTX-1: it is current only while its own code runs."""
        with peekr.span("consumer") as consumer:
            for _ in numbers(2):
                assert peekr.get_current_span() is consumer
                with peekr.span("between"):
                    pass
        assert {span.parent_id for span in recording.named("between")} == {consumer.span_id}

    def test_is_the_parent_of_what_its_own_code_does(self, recording: Recording) -> None:
        @trace(name="generator")
        def generator() -> Iterator[int]:
            with peekr.span("step"):
                pass
            yield 1
            with peekr.span("step"):
                pass

        list(generator())
        assert {span.parent_id for span in recording.named("step")} == {recording.named("generator")[0].span_id}

    def test_keeps_a_span_of_its_own_open_over_a_yield(self, recording: Recording) -> None:
        @trace(name="generator")
        def generator() -> Iterator[int]:
            with peekr.span("inner"):
                yield 1
                with peekr.span("leaf"):
                    pass
            with peekr.span("after"):
                pass

        with peekr.span("consumer") as consumer:
            for _ in generator():
                assert peekr.get_current_span() is consumer
            assert peekr.get_current_span() is consumer
        (inner,), (leaf,), (after,) = (recording.named(name) for name in ("inner", "leaf", "after"))
        (own,) = recording.named("generator")
        assert (inner.parent_id, leaf.parent_id, after.parent_id) == (own.span_id, inner.span_id, own.span_id)

    def test_passes_on_what_is_sent_and_what_it_returns(self, recording: Recording) -> None:
        @trace
        def echo() -> Generator[Any, Any, str]:
            got = yield "first"
            while got is not None:
                got = yield got
            return "done"

        generator = echo()
        assert next(generator) == "first"
        assert generator.send("a") == "a"
        assert generator.send("b") == "b"
        with pytest.raises(StopIteration) as stop:
            generator.send(None)
        assert stop.value.value == "done"
        assert recording.only.attributes["output"] == '["first", "a", "b"]'

    def test_works_under_yield_from(self, recording: Recording) -> None:
        def outer() -> Iterator[Any]:
            result = yield from inner()
            yield result

        @trace
        def inner() -> Generator[int, None, str]:
            yield 1
            return "result"

        assert list(outer()) == [1, "result"]
        assert recording.only.status == "ok"

    def test_passes_on_what_is_thrown(self, recording: Recording) -> None:
        error = ValueError("thrown")

        @trace
        def patient() -> Iterator[str]:
            try:
                yield "waiting"
            except ValueError as caught:
                yield "caught" if caught is error else "another"

        generator: Any = patient()
        next(generator)
        assert generator.throw(error) == "caught"
        assert list(generator) == []
        assert recording.only.status == "ok"

    def test_lets_out_what_it_does_not_catch(self, recording: Recording) -> None:
        error = ValueError("thrown")
        generator: Any = numbers(3)
        next(generator)
        with pytest.raises(ValueError) as failure:
            generator.throw(error)
        assert failure.value is error
        assert error.__context__ is None
        assert (recording.only.status, recording.only.attributes["error"]) == ("error", "thrown")

    def test_that_fails_is_an_error(self, recording: Recording) -> None:
        error = ValueError("boom")

        @trace
        def failing() -> Iterator[int]:
            yield 1
            raise error

        with pytest.raises(ValueError) as failure:
            list(failing())
        assert failure.value is error
        assert (recording.only.status, recording.only.attributes["error_type"]) == ("error", "ValueError")

    @pytest.mark.parametrize("how", ["close", "break", "abandon"])
    def test_that_is_left_early_is_no_error_but_incomplete(self, recording: Recording, how: str) -> None:
        """IFACE-11"""
        generator: Any = numbers(1000)
        if how == "break":
            for _ in generator:
                break
            generator.close()
        else:
            next(generator)
            if how == "close":
                generator.close()
            else:
                del generator
                gc.collect()
        span = recording.only
        assert (span.status, span.attributes["incomplete"], span.attributes["output"]) == ("ok", True, "[0]")

    def test_cleans_up_under_its_own_span(self, recording: Recording) -> None:
        @trace(name="generator")
        def generator() -> Iterator[int]:
            try:
                yield 1
            finally:
                with peekr.span("cleaning"):
                    pass

        running: Any = generator()
        next(running)
        running.close()
        cleaning, span = recording.spans
        assert cleaning.parent_id == span.span_id

    def test_whose_cleaning_up_fails_is_an_error(self, recording: Recording) -> None:
        @trace
        def generator() -> Iterator[int]:
            try:
                yield 1
            finally:
                raise ValueError("while closing")

        running: Any = generator()
        next(running)
        with pytest.raises(ValueError, match="while closing"):
            running.close()
        assert recording.only.status == "error"

    def test_that_ignores_being_closed_is_pythons_own_error(self, recording: Recording) -> None:
        @trace
        def stubborn() -> Iterator[int]:
            try:
                yield 1
            except GeneratorExit:
                yield 2

        running: Any = stubborn()
        next(running)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            running.close()
        assert recording.only.status == "error"

    def test_two_at_once_do_not_mix(self, recording: Recording) -> None:
        @trace
        def generator(name: str) -> Iterator[int]:
            for _ in range(2):
                with peekr.span(name):
                    pass
                yield 1

        assert list(zip(generator("a"), generator("b"))) == [(1, 1), (1, 1)]
        a, b = recording.named("a"), recording.named("b")
        assert len({span.parent_id for span in a}) == len({span.parent_id for span in b}) == 1
        assert a[0].parent_id != b[0].parent_id
        assert a[0].trace_id != b[0].trace_id

    def test_collects_no_more_than_it_shows(self, recording: Recording) -> None:
        """TRACE-4"""
        written = []

        class Item:
            def __str__(self) -> str:
                written.append(1)
                return "item"

        @trace
        def generator() -> Iterator[Item]:
            for _ in range(10_000):
                yield Item()

        assert len(list(generator())) == 10_000
        output = recording.only.attributes["output"]
        assert (len(output), output[-1]) == (500, "…")
        assert len(written) < 100

    def test_what_is_left_out_always_shows(self, recording: Recording) -> None:
        """TRACE-4"""
        for length in range(1, 20):
            list(trace(lambda length=length: (yield from ["x" * length] * 500), name="g")())
        outputs = [span.attributes["output"] for span in recording.named("g")]
        assert len(outputs) == 19
        assert all(len(output) == 500 and output.endswith("…") for output in outputs)

    def test_captures_nothing_when_told_so(self, recording: Recording) -> None:
        """TRACE-5"""
        list(trace(lambda: (yield 1), name="g", capture_io=False)())
        assert not {"input", "output"} & set(recording.only.attributes)
        with record(plugins=[], capture_io=False) as quiet:
            list(numbers(1))
            assert not {"input", "output"} & set(quiet.only.attributes)


class TestAnAsyncGenerator:
    def test_has_one_span_over_its_iteration(self, recording: Recording) -> None:
        assert asyncio.run(collect(anumbers(3))) == [0, 1, 2]
        span = recording.only
        assert (span.name, span.status, span.attributes["output"]) == ("anumbers", "ok", "[0, 1, 2]")
        assert span.attributes["input"] == '{"args": [3], "kwargs": {}}'

    def test_is_no_parent_of_what_its_consumer_does(self, recording: Recording) -> None:
        """CTX-1"""

        async def main() -> None:
            with peekr.span("consumer") as consumer:
                async for _ in anumbers(2):
                    assert peekr.get_current_span() is consumer
                    with peekr.span("between"):
                        await asyncio.sleep(0)

        asyncio.run(main())
        (consumer,) = recording.named("consumer")
        assert {span.parent_id for span in recording.named("between")} == {consumer.span_id}

    def test_keeps_a_span_of_its_own_open_over_a_yield(self, recording: Recording) -> None:
        @trace(name="generator")
        async def generator() -> AsyncIterator[int]:
            async with peekr.span("inner"):
                yield 1
                with peekr.span("leaf"):
                    await asyncio.sleep(0)

        asyncio.run(collect(generator()))
        (inner,), (leaf,), (own,) = (recording.named(name) for name in ("inner", "leaf", "generator"))
        assert (inner.parent_id, leaf.parent_id) == (own.span_id, inner.span_id)

    def test_passes_on_what_is_sent_and_thrown(self, recording: Recording) -> None:
        @trace
        async def echo() -> Any:
            got = yield "first"
            while True:
                try:
                    got = yield got
                except ValueError as caught:
                    got = f"caught {caught}"

        async def main() -> None:
            generator = echo()
            assert await generator.asend(None) == "first"
            assert await generator.asend("a") == "a"
            assert await generator.athrow(ValueError("x")) == "caught x"
            await generator.aclose()

        asyncio.run(main())
        assert (recording.only.status, recording.only.attributes["incomplete"]) == ("ok", True)

    def test_that_fails_is_an_error(self, recording: Recording) -> None:
        error = ValueError("boom")

        @trace
        async def failing() -> AsyncIterator[int]:
            yield 1
            raise error

        with pytest.raises(ValueError) as failure:
            asyncio.run(collect(failing()))
        assert failure.value is error
        assert recording.only.status == "error"

    def test_that_is_closed_early_is_incomplete_and_cleans_up_under_its_span(self, recording: Recording) -> None:
        """IFACE-11"""

        @trace(name="generator")
        async def generator() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                with peekr.span("cleaning"):
                    await asyncio.sleep(0)

        async def main() -> None:
            running: Any = generator()
            async for _ in running:
                break
            await running.aclose()

        asyncio.run(main())
        cleaning, span = recording.spans
        assert (span.status, span.attributes["incomplete"]) == ("ok", True)
        assert cleaning.parent_id == span.span_id

    def test_that_is_abandoned_is_closed_by_the_loop(self, recording: Recording) -> None:
        """The loop closes it from a task of its own, where no token of ours is valid."""

        async def main() -> None:
            with peekr.span("consumer") as consumer:
                async for _ in anumbers(1000):
                    break
                gc.collect()
                await asyncio.sleep(0)
                assert peekr.get_current_span() is consumer

        asyncio.run(main())
        span = recording.named("anumbers")[0]
        assert (span.status, span.attributes["incomplete"]) == ("ok", True)

    def test_that_is_cancelled_is_an_error(self, recording: Recording) -> None:
        @trace
        async def endless() -> AsyncIterator[int]:
            while True:
                await asyncio.sleep(60)
                yield 1

        async def main() -> None:
            task = asyncio.ensure_future(collect(endless()))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert (recording.only.status, recording.only.attributes["error_type"]) == ("error", "CancelledError")

    def test_two_at_once_do_not_mix(self, recording: Recording) -> None:
        @trace
        async def generator(name: str) -> AsyncIterator[int]:
            for _ in range(3):
                with peekr.span(name):
                    await asyncio.sleep(0)
                yield 1

        async def main() -> None:
            await asyncio.gather(collect(generator("a")), collect(generator("b")))

        asyncio.run(main())
        a, b = recording.named("a"), recording.named("b")
        assert len({span.parent_id for span in a}) == len({span.parent_id for span in b}) == 1
        assert a[0].trace_id != b[0].trace_id
