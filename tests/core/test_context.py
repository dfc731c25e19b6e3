"""Which span is whose parent, in tasks, threads, pools and loops."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Dict, Iterator, List

import pytest

import peekr
from peekr.testing import Recording


@peekr.trace(name="leaf")
def leaf(value: int = 0) -> int:
    return value


async def work(name: str, steps: int = 3) -> None:
    """A span with children, giving way to other tasks all the time."""
    async with peekr.span(name):
        for _ in range(steps):
            await asyncio.sleep(0)
            with peekr.span(f"{name}.child"):
                await asyncio.sleep(0)


def parents(recording: Recording) -> Dict[str, set[Any]]:
    """The names of the parents of the spans of each name."""
    names = {span.span_id: span.name for span in recording.spans}
    out: Dict[str, set[Any]] = {}
    for span in recording.spans:
        out.setdefault(span.name, set()).add(names.get(span.parent_id or ""))
    return out


class TestAsyncio:
    def test_gathered_siblings_are_never_each_others_parents(self, recording: Recording) -> None:
        """CTX-1"""

        async def main() -> None:
            with peekr.span("root"):
                await asyncio.gather(work("a"), work("b"), work("c"))

        asyncio.run(main())
        expected = {"root": {None}, **{name: {"root"} for name in "abc"}, **{f"{name}.child": {name} for name in "abc"}}
        assert parents(recording) == expected
        assert len({span.trace_id for span in recording.spans}) == 1

    def test_gathered_roots_are_traces_of_their_own(self, recording: Recording) -> None:
        """CTX-2"""

        async def main() -> None:
            await asyncio.gather(*[work(str(number)) for number in range(20)])

        asyncio.run(main())
        roots = [span for span in recording.spans if span.parent_id is None]
        assert len({span.trace_id for span in roots}) == 20
        for root in roots:
            children = recording.named(f"{root.name}.child")
            assert {child.trace_id for child in children} == {root.trace_id}

    def test_a_task_that_outlives_its_parent_stays_in_the_trace(self, recording: Recording) -> None:
        """CTX-3"""

        async def main() -> None:
            with peekr.span("parent"):
                task = asyncio.ensure_future(work("background"))
            with peekr.span("next"):
                await task

        asyncio.run(main())
        assert parents(recording)["background"] == {"parent"}
        (parent,), (background,), (following,) = (recording.named(n) for n in ("parent", "background", "next"))
        assert background.trace_id == parent.trace_id != following.trace_id

    def test_a_task_that_ends_a_span_leaves_its_creator_alone(self, recording: Recording) -> None:
        """CTX-1"""

        async def main() -> None:
            with peekr.span("outer") as outer:
                await asyncio.ensure_future(work("task"))
                assert peekr.get_current_span() is outer

        asyncio.run(main())

    @pytest.mark.parametrize("how", ["call_soon", "call_later", "call_soon_threadsafe"])
    def test_callbacks_of_the_loop(self, recording: Recording, how: str) -> None:
        """CTX-1"""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            done = loop.create_future()

            def callback() -> None:
                leaf()
                done.set_result(None)

            with peekr.span("outer"):
                if how == "call_later":
                    loop.call_later(0, callback)
                else:
                    getattr(loop, how)(callback)
            await done

        asyncio.run(main())
        assert parents(recording)["leaf"] == {"outer"}

    def test_to_thread(self, recording: Recording) -> None:
        """CTX-4"""

        async def main() -> None:
            with peekr.span("outer") as outer:
                await asyncio.gather(*[asyncio.to_thread(leaf, number) for number in range(5)])
                assert peekr.get_current_span() is outer
            await asyncio.to_thread(leaf, 9)

        asyncio.run(main())
        *inside, outside = recording.named("leaf")
        (outer,) = recording.named("outer")
        assert {span.parent_id for span in inside} == {outer.span_id}
        assert outside.parent_id is None

    @pytest.mark.parametrize("own_pool", [False, True])
    def test_run_in_executor(self, recording: Recording, own_pool: bool) -> None:
        """CTX-4"""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(1) as pool:
                executor = pool if own_pool else None
                with peekr.span("outer"):
                    await loop.run_in_executor(executor, leaf)
                await loop.run_in_executor(executor, leaf)

        asyncio.run(main())
        inside, outside = recording.named("leaf")
        (outer,) = recording.named("outer")
        assert (inside.parent_id, outside.parent_id) == (outer.span_id, None)


class TestThreads:
    """CTX-4"""

    def test_a_thread_joins_the_trace_of_the_span_it_was_started_under(self, recording: Recording) -> None:
        with peekr.span("outer"):
            thread = threading.Thread(target=leaf)
            thread.start()
            thread.join()
        assert parents(recording)["leaf"] == {"outer"}

    def test_a_thread_started_outside_is_a_root(self, recording: Recording) -> None:
        thread = threading.Thread(target=leaf)
        with peekr.span("outer"):
            pass
        thread.start()
        thread.join()
        assert parents(recording)["leaf"] == {None}

    def test_a_subclass_with_its_own_run(self, recording: Recording) -> None:
        class Worker(threading.Thread):
            result = 0

            def run(self) -> None:
                self.result = leaf(5)

        with peekr.span("outer"):
            worker = Worker()
            worker.start()
            worker.join()
        assert worker.result == 5
        assert parents(recording)["leaf"] == {"outer"}

    def test_a_timer(self, recording: Recording) -> None:
        with peekr.span("outer"):
            timer = threading.Timer(0, leaf)
            timer.start()
        timer.join()
        assert parents(recording)["leaf"] == {"outer"}

    def test_a_session_goes_along(self, recording: Recording) -> None:
        with peekr.session(user_id="alice"):
            thread = threading.Thread(target=leaf)
            thread.start()
            thread.join()
        assert recording.only.user_id == "alice"

    def test_starting_a_thread_twice_is_pythons_own_error(self, recording: Recording) -> None:
        go = threading.Event()
        with peekr.span("outer"):
            thread = threading.Thread(target=lambda: (go.wait(10), leaf()))
            thread.start()
            with pytest.raises(RuntimeError, match="once"):
                thread.start()
            go.set()
            thread.join()
        assert parents(recording)["leaf"] == {"outer"}

    def test_a_thousand_roots_in_threads_are_a_thousand_traces(self, recording: Recording) -> None:
        """CTX-2"""
        threads = [threading.Thread(target=lambda: [leaf() for _ in range(100)]) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spans = recording.spans
        assert len({span.trace_id for span in spans}) == len({span.span_id for span in spans}) == len(spans) == 1000
        assert {span.parent_id for span in spans} == {None}

    def test_a_thousand_roots_in_tasks_are_a_thousand_traces(self, recording: Recording) -> None:
        """CTX-2"""

        async def one() -> None:
            await asyncio.sleep(0)
            leaf()

        async def main() -> None:
            await asyncio.gather(*[one() for _ in range(1000)])

        asyncio.run(main())
        assert len({span.trace_id for span in recording.spans}) == len(recording.spans) == 1000


class TestThreadPools:
    """CTX-4: a pool's threads outlive many tasks."""

    def test_a_task_belongs_to_the_span_it_was_submitted_under(self, recording: Recording) -> None:
        with ThreadPoolExecutor(2) as pool:
            futures: List[Future[int]] = []
            for name in ("a", "b"):
                with peekr.span(name):
                    futures += [pool.submit(leaf, number) for number in range(3)]
            futures.append(pool.submit(leaf, 9))
            assert [future.result() for future in futures] == [0, 1, 2, 0, 1, 2, 9]
        owners = [span.parent_id for span in sorted(recording.named("leaf"), key=lambda s: s.start_time)]
        (a,), (b,) = recording.named("a"), recording.named("b")
        assert sorted(owners, key=str) == sorted([a.span_id] * 3 + [b.span_id] * 3 + [None], key=str)

    def test_the_span_under_which_a_thread_began_does_not_stay(self, recording: Recording) -> None:
        with ThreadPoolExecutor(1) as pool:
            with peekr.span("first"):
                pool.submit(leaf).result()
            assert pool.submit(peekr.get_current_span).result() is None
            with peekr.span("second"):
                pool.submit(leaf).result()
        assert parents(recording)["leaf"] == {"first", "second"}

    def test_a_task_that_leaves_a_span_open_does_not_hand_it_to_the_next(self, recording: Recording) -> None:
        with ThreadPoolExecutor(1) as pool:
            left_open, _ = pool.submit(peekr.start_span, "left open").result()
            assert pool.submit(peekr.get_current_span).result() is None
        peekr.end_span(left_open)

    def test_map_goes_the_same_way(self, recording: Recording) -> None:
        with ThreadPoolExecutor(2) as pool, peekr.span("outer"):
            assert list(pool.map(leaf, range(5))) == [0, 1, 2, 3, 4]
        assert parents(recording)["leaf"] == {"outer"}

    def test_parallel_tools_of_one_turn_share_its_trace(self, recording: Recording) -> None:
        """CTX-3, CTX-6"""
        with peekr.trace.run("turn") as run, ThreadPoolExecutor(4) as pool:
            wait([pool.submit(leaf) for _ in range(10)])
        assert {span.trace_id for span in recording.spans} == {run.trace_id}
        assert {span.run_id for span in recording.spans} == {run.run_id}

    def test_arguments_and_exceptions_pass_unchanged(self, recording: Recording) -> None:
        """INST-12"""
        error = ValueError("boom")

        def fail(*args: Any, fn: int, self: int) -> None:
            assert (args, fn, self) == ((1,), 2, 3)
            raise error

        with ThreadPoolExecutor(1) as pool, peekr.span("outer"):
            assert pool.submit(fail, 1, fn=2, self=3).exception() is error


class TestConsumers:
    """CTX-1: what a generator of the user does with spans stays in it as far as Python lets it."""

    def test_copied_contexts_are_apart(self, recording: Recording) -> None:
        context = contextvars.copy_context()
        span, token = context.run(peekr.start_span, "elsewhere")
        assert peekr.get_current_span() is None
        context.run(peekr.end_span, span, token)
        assert context.run(peekr.get_current_span) is None

    def test_a_traced_generator_stepped_in_many_contexts(self, recording: Recording) -> None:
        """Web frameworks step a generator in a pool, each step in a copy of the context."""

        @peekr.trace(name="generator")
        def generator() -> Iterator[int]:
            for number in range(3):
                with peekr.span("step"):
                    yield number

        running = generator()
        with peekr.span("request") as request:
            while contextvars.copy_context().run(functools.partial(next, running, None)) is not None:
                assert peekr.get_current_span() is request
        assert parents(recording) == {"step": {"generator"}, "generator": {"request"}, "request": {None}}

    @pytest.mark.parametrize("threaded", [True, False])
    def test_a_body_that_is_sent_after_the_handler_returned_is_in_the_trace_of_the_request(
        self, recording: Recording, threaded: bool
    ) -> None:
        """Field B 7: the span around the whole application holds what a StreamingResponse does, and lasts as long."""

        @peekr.trace(name="tool")
        def tool(number: int) -> int:
            return number

        def handler() -> Iterator[int]:
            with peekr.span("handler"):
                return (tool(number) for number in range(3))

        async def application() -> None:
            body = handler()
            for _ in range(3):
                await asyncio.to_thread(next, body) if threaded else next(body)

        async def serve() -> None:
            with peekr.span("request"):
                await application()

        asyncio.run(serve())
        assert parents(recording) == {"handler": {"request"}, "tool": {"request"}, "request": {None}}
        *_, last = recording.spans
        assert last.name == "request"


def test_threads_are_pythons_own_again_after_uninstrument() -> None:
    """INST-17"""
    before = threading.Thread.start, ThreadPoolExecutor.submit
    peekr.instrument(console=False, exporter=_Null(), plugins=[])
    assert (threading.Thread.start, ThreadPoolExecutor.submit) != before
    peekr.uninstrument()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


class _Null:
    def export_batch(self, spans: Any) -> None: ...
