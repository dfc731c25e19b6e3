"""``@trace`` on everything that can be called."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import traceback
from typing import Any, Callable, List, Optional

import pytest

import peekr
from peekr import trace
from peekr.testing import Recording, fixed, record


def plain(a: int, b: int = 2) -> int:
    """Adds."""
    return a + b


async def asynchronous(a: int, b: int = 2) -> int:
    """Adds, later."""
    await asyncio.sleep(0)
    return a + b


def inputs(span: Any) -> Any:
    return json.loads(span.attributes["input"])


class TestTheWaysToWriteIt:
    """TRACE-1, MODEL-10"""

    def test_bare(self, recording: Recording) -> None:
        @trace
        def f(x: int) -> int:
            return x

        assert f(1) == 1
        assert recording.only.name.endswith("TestTheWaysToWriteIt.test_bare.f")

    def test_called_without_arguments(self, recording: Recording) -> None:
        @trace()
        def f(x: int) -> int:
            return x

        assert f(1) == 1
        assert recording.only.attributes["output"] == "1"

    def test_with_a_name(self, recording: Recording) -> None:
        @trace(name="tool.search", capture_io=True)
        def f(x: int) -> int:
            return x

        assert f(1) == 1
        assert (recording.only.name, recording.only.kind) == ("tool.search", "tool")

    def test_as_a_function_call(self, recording: Recording) -> None:
        assert trace(plain, name="sum")(1) == 3
        assert recording.only.name == "sum"

    def test_twice_on_one_function_gives_two_spans(self, recording: Recording) -> None:
        trace(trace(plain, name="inner"), name="outer")(1)
        inner, outer = recording.spans
        assert (inner.name, outer.name, inner.parent_id) == ("inner", "outer", outer.span_id)


class TestTheDefaultName:
    """TRACE-2: module and qualified name, without ``<locals>``."""

    @pytest.mark.parametrize("function", [plain, asynchronous], ids=["sync", "async"])
    def test_of_a_function(self, recording: Recording, function: Any) -> None:
        result = trace(function)(1)
        if inspect.isawaitable(result):
            asyncio.run(result)  # type: ignore[arg-type]
        assert recording.only.name == f"{__name__}.{function.__name__}"

    def test_of_a_nested_function(self, recording: Recording) -> None:
        def outer() -> Callable[[], None]:
            @trace
            def inner() -> None: ...

            return inner

        outer()()
        assert recording.only.name == f"{__name__}.TestTheDefaultName.test_of_a_nested_function.outer.inner"

    def test_of_a_method(self, recording: Recording) -> None:
        Methods().method(1)
        assert recording.only.name == f"{__name__}.Methods.method"

    def test_of_a_lambda(self, recording: Recording) -> None:
        trace(lambda: 1)()
        assert recording.only.name.endswith("test_of_a_lambda.<lambda>")

    def test_of_a_partial(self, recording: Recording) -> None:
        trace(functools.partial(functools.partial(plain, 1), b=3))()
        assert recording.only.name == f"{__name__}.plain"

    def test_of_a_callable_object(self, recording: Recording) -> None:
        trace(Callme())(1)
        assert recording.only.name == f"{__name__}.Callme"

    def test_of_a_function_of_c(self, recording: Recording) -> None:
        assert trace(len)([1]) == 1
        assert recording.only.name == "builtins.len"


class Callme:
    def __call__(self, a: int) -> int:
        return a


class Methods:
    @trace
    def method(self, x: int) -> int:
        return x

    @trace
    async def later(self, x: int) -> int:
        return x

    @trace
    @classmethod
    def class_inside(cls, x: int) -> int:
        assert cls is Methods
        return x

    @classmethod
    @trace
    def class_outside(cls, x: int) -> int:
        assert cls is Methods
        return x

    @trace
    @staticmethod
    def static_inside(x: int) -> int:
        return x

    @staticmethod
    @trace
    def static_outside(x: int) -> int:
        return x

    @trace
    def __call__(self, x: int) -> int:
        return x


class TestMethods:
    """TRACE-7, TRACE-8: every kind of method works, and its receiver is not among the arguments."""

    @pytest.mark.parametrize(
        "name", ["method", "later", "class_inside", "class_outside", "static_inside", "static_outside", "__call__"]
    )
    @pytest.mark.parametrize("keyword", [False, True], ids=["positional", "keyword"])
    def test_the_receiver_is_left_out(self, recording: Recording, name: str, keyword: bool) -> None:
        method = getattr(Methods(), name)
        result = method(x=1) if keyword else method(1)
        if inspect.isawaitable(result):
            result = asyncio.run(result)  # type: ignore[arg-type]
        assert result == 1
        expected = {"args": [], "kwargs": {"x": 1}} if keyword else {"args": [1], "kwargs": {}}
        assert inputs(recording.only) == expected

    @pytest.mark.parametrize("name", ["class_inside", "class_outside", "static_inside", "static_outside"])
    def test_called_on_the_class(self, recording: Recording, name: str) -> None:
        assert getattr(Methods, name)(1) == 1
        assert inputs(recording.only) == {"args": [1], "kwargs": {}}

    def test_a_bound_method_has_its_receiver_already(self, recording: Recording) -> None:
        class Plain:
            def method(self, x: int) -> int:
                return x

        assert trace(Plain().method)(1) == 1
        assert inputs(recording.only) == {"args": [1], "kwargs": {}}

    def test_a_method_of_a_class_within_a_function(self, recording: Recording) -> None:
        class Local:
            @trace
            def method(self, x: int) -> int:
                return x

        assert Local().method(1) == 1
        assert inputs(recording.only) == {"args": [1], "kwargs": {}}

    def test_a_function_whose_parameter_is_called_self_keeps_it(self, recording: Recording) -> None:
        def f(self: int) -> int:
            return self

        assert trace(f)(1) == 1
        assert inputs(recording.only) == {"args": [1], "kwargs": {}}

    def test_an_abstract_method_stays_abstract(self) -> None:
        import abc

        class Base(abc.ABC):
            @trace
            @abc.abstractmethod
            def method(self) -> None: ...

        with pytest.raises(TypeError, match="abstract"):
            Base()  # type: ignore[abstract]


class TestCallables:
    """TRACE-1, TRACE-7"""

    def test_a_partial_of_a_coroutine_function(self, recording: Recording) -> None:
        traced = trace(functools.partial(asynchronous, b=5))
        assert inspect.iscoroutinefunction(traced)
        assert asyncio.run(traced(1)) == 6
        assert recording.only.attributes["output"] == "6"

    def test_an_object_with_an_async_call(self, recording: Recording) -> None:
        """The span covers the awaiting, not only the making of the coroutine."""

        class Later:
            async def __call__(self, a: int) -> int:
                with peekr.span("inside"):
                    await asyncio.sleep(0)
                return a

        assert asyncio.run(trace(Later(), name="later")(1)) == 1  # type: ignore[arg-type]
        inside, outside = recording.spans
        assert (inside.name, outside.name, inside.parent_id) == ("inside", "later", outside.span_id)
        assert (inputs(outside), outside.attributes["output"]) == ({"args": [1], "kwargs": {}}, "1")

    def test_a_function_that_returns_a_coroutine_is_over_when_it_returned(self, recording: Recording) -> None:
        coroutine = trace(lambda: asynchronous(1), name="f")()
        assert asyncio.run(coroutine) == 3
        assert recording.only.status == "ok"


class TestWhatStaysOfTheFunction:
    """TRACE-1: functools.wraps"""

    @pytest.mark.parametrize("function", [plain, asynchronous], ids=["sync", "async"])
    def test_name_docstring_and_signature(self, function: Any) -> None:
        traced = trace(function)
        assert (traced.__name__, traced.__qualname__) == (function.__name__, function.__qualname__)
        assert traced.__doc__ == function.__doc__
        assert inspect.signature(traced) == inspect.signature(function)
        assert traced.__wrapped__ is function

    def test_its_kind(self) -> None:
        def generator() -> Any:
            yield 1

        async def agenerator() -> Any:
            yield 1

        for function in (plain, asynchronous, generator, agenerator):
            for test in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
                assert test(trace(function)) == test(function)
        assert asyncio.iscoroutinefunction(trace(asynchronous)) if hasattr(asyncio, "iscoroutinefunction") else True

    def test_a_wrong_call_is_the_functions_own_type_error(self, recording: Recording) -> None:
        with pytest.raises(TypeError, match=r"plain\(\) missing 1 required positional argument: 'a'"):
            trace(plain)()
        assert recording.only.attributes["error_type"] == "TypeError"


class TestMisuse:
    """style.md 7: what happened, with the value, and what to do."""

    def test_a_name_without_the_keyword(self) -> None:
        with pytest.raises(TypeError, match=r"@trace\('tool.search'\) names no function.*@trace\(name='tool.search'\)"):
            trace("tool.search")

    def test_a_name_that_is_no_text(self) -> None:
        with pytest.raises(TypeError, match=r"takes text, not 5\. Write @trace\(name='tool.search'\)"):
            trace(name=5)

    @pytest.mark.parametrize("what", [5, [], property(lambda self: 1)], ids=["number", "list", "property"])
    def test_what_cannot_be_called(self, what: Any) -> None:
        with pytest.raises(TypeError, match="takes a function or method, not"):
            trace(what)

    def test_a_class(self) -> None:
        with pytest.raises(TypeError, match=r"not <class .*Methods'>\.\nDecorate the methods"):
            trace(Methods)


class TestInputAndOutput:
    """TRACE-3, TRACE-5"""

    def test_arguments_and_result_as_json(self, recording: Recording) -> None:
        @trace
        def f(*args: Any, **kwargs: Any) -> Any:
            return {"a": args}

        f(1, "x", key=None)
        attributes = recording.only.attributes
        assert attributes["input"] == '{"args": [1, "x"], "kwargs": {"key": null}}'
        assert attributes["output"] == '{"a": [1, "x"]}'

    def test_no_result_is_null(self, recording: Recording) -> None:
        trace(lambda: None)()
        assert recording.only.attributes["output"] == "null"

    def test_a_failed_call_has_an_input_and_no_output(self, recording: Recording) -> None:
        with pytest.raises(ZeroDivisionError):
            trace(lambda x: 1 / x)(0)
        assert inputs(recording.only) == {"args": [0], "kwargs": {}}
        assert "output" not in recording.only.attributes

    @pytest.mark.parametrize("function", [plain, asynchronous], ids=["sync", "async"])
    def test_none_of_it_when_the_function_says_so(self, recording: Recording, function: Any) -> None:
        result = trace(function, capture_io=False)(1)
        if inspect.isawaitable(result):
            asyncio.run(result)  # type: ignore[arg-type]
        span = recording.only
        assert not {"input", "output"} & set(span.attributes)
        assert span.payload is None
        assert span.status == "ok"
        assert span.duration_ms is not None and span.duration_ms > 0

    @pytest.mark.parametrize("function", [plain, asynchronous], ids=["sync", "async"])
    def test_none_of_it_when_instrument_says_so(self, function: Any) -> None:
        traced = trace(function)
        with record(plugins=[], capture_io=False) as recording:
            result = traced(1)
            if inspect.isawaitable(result):
                asyncio.run(result)  # type: ignore[arg-type]
            assert not {"input", "output"} & set(recording.only.attributes)
        with record(plugins=[]) as recording:
            result = traced(1)
            if inspect.isawaitable(result):
                asyncio.run(result)  # type: ignore[arg-type]
            assert recording.only.attributes["output"] == "3"

    def test_what_the_function_itself_sets_wins(self, recording: Recording) -> None:
        @trace
        def f(secret: str) -> str:
            span = peekr.get_current_span()
            assert span is not None
            span.attributes["input"] = "hidden"
            span.attributes["output"] = "hidden"
            return secret

        f("s")
        assert (recording.only.attributes["input"], recording.only.attributes["output"]) == ("hidden", "hidden")


class Stop(BaseException):
    """Not an Exception."""


class Silent(Exception):
    """Has no message."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message either")


class TestExceptions:
    """TRACE-6, INST-12"""

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (ValueError("boom"), "boom"),
            (Silent(), "Silent"),
            (Mute(), "Mute"),
            (KeyError("k"), "'k'"),
            (Stop("enough"), "enough"),
            (KeyboardInterrupt(), "KeyboardInterrupt"),
            (SystemExit(3), "3"),
            (GeneratorExit(), "GeneratorExit"),
            (StopIteration(1), "1"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
    )
    @pytest.mark.parametrize("capture", [True, False], ids=["with io", "without io"])
    def test_pass_through_unchanged_and_are_recorded(
        self, recording: Recording, error: BaseException, message: str, capture: bool
    ) -> None:
        @trace(capture_io=capture)
        def fail() -> None:
            raise error

        with pytest.raises(type(error)) as failure:
            fail()
        assert failure.value is error
        assert failure.value.__cause__ is failure.value.__context__ is None
        span = recording.only
        assert (span.status, span.attributes["error"]) == ("error", message)
        assert span.attributes["error_type"] == type(error).__name__

    def test_the_traceback_shows_the_users_own_line_last(self, recording: Recording) -> None:
        @trace
        def fail() -> None:
            raise ValueError("boom")

        with pytest.raises(ValueError) as failure:
            fail()
        frames = traceback.extract_tb(failure.value.__traceback__)
        assert [frame.name for frame in frames] == [
            "test_the_traceback_shows_the_users_own_line_last",
            "traced",
            "fail",
        ]

    def test_of_a_coroutine(self, recording: Recording) -> None:
        error = ValueError("boom")

        @trace
        async def fail() -> None:
            await asyncio.sleep(0)
            raise error

        with pytest.raises(ValueError) as failure:
            asyncio.run(fail())
        assert failure.value is error
        assert recording.only.attributes["error"] == "boom"

    def test_cancellation_is_an_error(self, recording: Recording) -> None:
        @trace
        async def wait() -> None:
            await asyncio.sleep(60)

        async def main() -> None:
            task = asyncio.ensure_future(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert (recording.only.status, recording.only.attributes["error_type"]) == ("error", "CancelledError")

    def test_one_that_is_handled_inside_is_none(self, recording: Recording) -> None:
        @trace
        def f() -> int:
            try:
                raise ValueError
            except ValueError:
                return 1

        f()
        assert recording.only.status == "ok"

    def test_recursion_without_end_is_pythons_own_error(self, recording: Recording) -> None:
        @trace(name="f")
        def f(n: int) -> int:
            return f(n + 1)

        with pytest.raises(RecursionError):
            f(0)
        assert recording.spans[-1].parent_id is None
        assert peekr.get_current_span() is None


class TestTheTree:
    """CTX-1, MODEL-3, SPAN-3"""

    def test_nested_calls_are_children(self, recording: Recording) -> None:
        @trace(name="leaf")
        def leaf() -> None: ...

        @trace(name="branch")
        def branch() -> None:
            leaf()
            leaf()

        branch()
        one, two, root = recording.spans
        assert [span.name for span in (one, two, root)] == ["leaf", "leaf", "branch"]
        assert one.parent_id == two.parent_id == root.span_id
        assert root.parent_id is None
        assert {span.trace_id for span in (one, two, root)} == {root.trace_id}

    def test_a_recursive_function_is_a_chain(self, recording: Recording) -> None:
        @trace(name="f")
        def f(n: int) -> Optional[int]:
            return f(n - 1) if n else None

        f(3)
        spans: List[Any] = recording.spans
        assert [span.parent_id for span in spans] == [*[span.span_id for span in spans[1:]], None]

    def test_two_calls_in_a_row_are_two_traces(self, recording: Recording) -> None:
        """CTX-2"""
        for _ in range(2):
            trace(plain)(1)
        one, two = recording.spans
        assert one.trace_id != two.trace_id

    def test_time_is_that_of_the_call(self, recording: Recording) -> None:
        with fixed() as clock:

            @trace
            def f() -> None:
                clock.advance(12.5)

            f()
        span = recording.only
        assert (span.start_time, span.duration_ms) == (1_700_000_000.0, 12.5)
        assert span.end_time == 1_700_000_000.0125

    @pytest.mark.parametrize(("name", "kind"), [("tool.x", "tool"), ("toolx", "function"), ("f", "function")])
    def test_the_kind_follows_from_the_name(self, recording: Recording, name: str, kind: str) -> None:
        trace(plain, name=name)(1)
        assert recording.only.to_dict()["attributes"]["kind"] == recording.only.kind == kind

    def test_the_kind_that_the_program_sets_wins(self, recording: Recording) -> None:
        @trace(name="tool.x")
        def f() -> None:
            peekr.get_current_span().attributes["kind"] = "retrieval"  # type: ignore[union-attr]

        f()
        assert recording.only.to_dict()["attributes"]["kind"] == recording.only.kind == "retrieval"


def test_a_traced_function_works_without_instrument() -> None:
    """TRACE-9, INST-13: tracing that is off records nothing and changes nothing."""
    assert trace(plain)(1) == 3
    assert asyncio.run(trace(asynchronous)(1)) == 3
    with pytest.raises(ZeroDivisionError):
        trace(lambda: 1 / 0)()


class Rude(Exception):
    """An exception that cannot even be asked."""

    def __str__(self) -> str:
        raise RuntimeError

    @property
    def status_code(self) -> int:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (json.JSONDecodeError("no", "{", 0), "json_parse"),
        (TimeoutError("late"), "timeout"),
        (ConnectionResetError("gone"), "connection"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyError("x"), "tool_error"),
        (Rude(), "tool_error"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_tool_that_fails_says_why_and_which_it_is(recording: Recording, error: BaseException, reason: str) -> None:
    """LLM-8, DASH-19, E3-06: sync and async alike"""

    @trace(name="tool.search")
    def search() -> None:
        raise error

    @trace(name="tool.search")
    async def search_later() -> None:
        raise error

    with pytest.raises(type(error)):
        search()
    with pytest.raises(type(error)):
        asyncio.run(search_later())
    for each in recording.records:
        attributes = each["attributes"]
        assert (attributes["tool_name"], attributes["error_reason"]) == ("search", reason)


def test_a_record_of_a_tool_stays_as_it_was_written(recording: Recording) -> None:
    """IFACE-2: from_dict is the inverse of to_dict, for records of older versions too"""
    trace(lambda: 1, name="tool.search")()
    written = recording.records[0]
    assert peekr.Span.from_dict(written).to_dict() == written
    del written["attributes"]["tool_name"]
    assert peekr.Span.from_dict(written).to_dict() == written


def test_a_function_that_is_no_tool_has_no_tools_name(recording: Recording) -> None:
    """MODEL-3, D-11"""
    with pytest.raises(TimeoutError):
        trace(lambda: (_ for _ in ()).throw(TimeoutError("late")), name="toolbox")()
    assert not {"tool_name", "error_reason"} & set(recording.records[0]["attributes"])
