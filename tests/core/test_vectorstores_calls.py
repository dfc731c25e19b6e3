"""Calls of a vector store's SDK, whatever it is: a small one stands for all. LLM-15, INST-7 to INST-17, CTX-1."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, Iterator

import pytest

import peekr
from peekr import patching
from peekr.testing import MemoryExporter, Recording
from peekr.tracer import Tracer
from peekr.vectorstores import VectorStoreProvider
from peekr.vectorstores.calls import Calls, Content, Operation

SHELF = ["Emma", "Moby Dick"]


class Index:
    """An SDK's client."""

    name = "books"

    def query(self, text: str, top_k: int = 10, where: Any = None) -> Any:
        """Find something."""
        if text == "nothing":
            raise LookupError("no such book")
        return SHELF[:top_k]

    def query_many(self, texts: Any) -> Any:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(self.query, texts))

    def add(self, *, documents: Any) -> None:
        self.added = documents


class AsyncIndex:
    name = "books"

    async def query(self, text: str, top_k: int = 10) -> Any:
        if text == "slow":
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        return SHELF[:top_k]

    async def query_many(self, texts: Any) -> Any:
        return await asyncio.gather(*[self.query(text) for text in texts])


def _given(index: Any, arguments: Any) -> Any:
    return {"collection": index.name, "top_k": arguments.get("top_k")}


def _found(result: Any) -> Any:
    return {"result_count": len(result)}


def _shown(result: Any) -> Content:
    return Content(result, [{"text": title} for title in result if isinstance(title, str)])


def _query(arguments: Any) -> Any:
    return arguments.get("text")


def _unreadable(result: Any) -> Any:
    raise ValueError("cannot be read")


CALLS = Calls(
    "shelf",
    {
        "query": Operation("shelf.query", _given, _found, _shown, _query, ("where",)),
        "query_many": Operation("shelf.query_many", _given, _found),
        "add": Operation("shelf.add", _given, _unreadable),
    },
)


class ShelfProvider(VectorStoreProvider):
    name = target = "shelf_sdk"
    owners = (("shelf_sdk", "Index"), ("shelf_sdk.later", "AsyncIndex"), ("shelf_sdk", "Older"))
    essential = frozenset(["query"])

    def calls(self) -> Calls:
        return CALLS

    def is_expected(self, module: str) -> bool:
        return False


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK, as imported."""
    made, later = ModuleType("shelf_sdk"), ModuleType("shelf_sdk.later")
    made.Index = type("Index", (), dict(vars(Index)))  # type: ignore[attr-defined]
    later.AsyncIndex = type("AsyncIndex", (), dict(vars(AsyncIndex)))  # type: ignore[attr-defined]
    made.later = later  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shelf_sdk", made)
    monkeypatch.setitem(sys.modules, "shelf_sdk.later", later)
    return made


@pytest.fixture
def provider() -> Iterator[ShelfProvider]:
    provider = ShelfProvider()
    yield provider
    provider.uninstrument()


@pytest.fixture
def recording(sdk: Any, provider: ShelfProvider) -> Iterator[Recording]:
    exporter = MemoryExporter()
    peekr.instrument(console=False, exporter=exporter, plugins=[])
    patching.failures.clear()
    provider.instrument(Tracer())
    yield Recording(exporter)
    assert peekr.get_current_span() is None
    peekr.uninstrument()
    patching.failures.clear()


def test_a_call_is_a_span_with_what_was_asked_and_found(sdk: Any, recording: Recording) -> None:
    """LLM-15."""
    assert sdk.Index().query("whales", 1, where={"year": 1851}) == ["Emma"]
    span = recording.only
    assert (span.name, span.kind, span.status) == ("shelf.query", "retrieval", "ok")
    assert span.attributes == {
        "method": "query",
        "collection": "books",
        "top_k": 1,
        "input": '{"text": "whales", "top_k": 1, "where": {"year": 1851}}',
        "filter": '{"year": 1851}',
        "rag.query": "whales",
        "result_count": 1,
        "output": '["Emma"]',
        "rag.retrieved_docs": [{"text": "Emma"}],
    }


def test_a_default_is_told_too(sdk: Any, recording: Recording) -> None:
    sdk.Index().query("whales")
    assert recording.only.attributes["top_k"] == 10
    assert recording.only.attributes["input"] == '{"text": "whales"}'


def test_the_steps_of_a_call_in_threads_of_its_own_are_no_calls(sdk: Any, recording: Recording) -> None:
    """One logical call is one span."""
    sdk.Index().query_many(["whales", "ships", "sea"])
    assert [(span.name, span.attributes["result_count"]) for span in recording.spans] == [("shelf.query_many", 3)]


def test_the_steps_of_a_call_in_tasks_of_its_own_are_no_calls(sdk: Any, recording: Recording) -> None:
    asyncio.run(sdk.later.AsyncIndex().query_many(["whales", "ships"]))
    assert [span.name for span in recording.spans] == ["shelf.query_many"]


def test_another_object_called_inside_is_a_call_of_its_own(sdk: Any, recording: Recording) -> None:
    """CTX-1: as where a store is asked while another one embeds."""
    other = sdk.Index()

    class Nested(sdk.Index):  # type: ignore[misc]
        def query_many(self, texts: Any) -> Any:
            return [other.query(text) for text in texts]

    Nested.query_many = CALLS.wrapper(CALLS.operations["query_many"], "query_many")(Nested.query_many)  # type: ignore[method-assign]
    Nested().query_many(["whales"])
    inner, outer = recording.spans
    assert (inner.name, inner.parent_id) == ("shelf.query", outer.span_id)


def test_calls_at_once_are_siblings(sdk: Any, recording: Recording) -> None:
    """CTX-1."""

    async def program() -> None:
        index = sdk.later.AsyncIndex()
        with peekr.span("answer"):
            await asyncio.gather(index.query("whales"), index.query("ships"))

    asyncio.run(program())
    first, second, answer = recording.spans
    assert first.parent_id == second.parent_id == answer.span_id


def test_a_failure_is_the_sdks_own_exception(sdk: Any, recording: Recording) -> None:
    """INST-12, LLM-8."""
    with pytest.raises(LookupError, match="no such book"):
        sdk.Index().query("nothing")
    attributes = recording.only.attributes
    assert (recording.only.status, attributes["error"], attributes["error_type"], attributes["error_reason"]) == (
        "error",
        "no such book",
        "LookupError",
        "bad_request",
    )


def test_a_cancelled_call_ends_as_cancelled(sdk: Any, recording: Recording) -> None:
    """LLM-8."""

    async def program() -> None:
        task = asyncio.ensure_future(sdk.later.AsyncIndex().query("slow"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(program())
    assert recording.only.attributes["error_reason"] == "cancelled"


def test_a_coroutine_that_is_never_awaited_is_no_call(sdk: Any, recording: Recording) -> None:
    sdk.later.AsyncIndex().query("whales").close()
    assert recording.spans == []


def test_a_result_that_cannot_be_read_is_counted_and_the_call_goes_on(
    sdk: Any, recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    """INST-13."""
    index = sdk.Index()
    index.add(documents=["Kim"])
    assert index.added == ["Kim"]
    assert recording.only.status == "ok"
    assert peekr.stats()["captures"]["failed"] == {"reading the result of shelf.add: ValueError": 1}
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_methods_look_as_before(sdk: Any, recording: Recording) -> None:
    """INST-12."""
    assert inspect.signature(sdk.Index.query) == inspect.signature(Index.query)
    assert sdk.Index.query.__doc__ == "Find something."
    assert inspect.iscoroutinefunction(sdk.later.AsyncIndex.query)
    assert not inspect.iscoroutinefunction(sdk.Index.query)


def test_a_class_whose_module_comes_later_is_patched_then(
    monkeypatch: pytest.MonkeyPatch, sdk: Any, provider: ShelfProvider
) -> None:
    """INST-7."""
    later = sys.modules.pop("shelf_sdk.later")
    provider.instrument(Tracer())
    assert hasattr(sdk.Index.query, "__peekr__")
    assert not hasattr(later.AsyncIndex.query, "__peekr__")
    monkeypatch.setitem(sys.modules, "shelf_sdk.later", later)
    provider.instrument(Tracer())
    assert hasattr(later.AsyncIndex.query, "__peekr__")


def test_uninstrument_puts_everything_back_and_quietens_what_is_held(
    sdk: Any, recording: Recording, provider: Any
) -> None:
    """INST-17."""
    held = sdk.Index().query
    provider.uninstrument()
    assert not hasattr(sdk.Index.query, "__peekr__")
    assert held("whales") == SHELF
    assert recording.spans == []


def test_instrumenting_twice_traces_once_and_for_the_newest(sdk: Any, recording: Recording, provider: Any) -> None:
    """INST-9, INST-10."""
    provider.instrument(Tracer(capture_io=False))
    sdk.Index().query("whales")
    assert "input" not in recording.only.attributes
    assert recording.only.attributes["result_count"] == 2


def test_an_essential_method_that_is_gone_is_a_warning(
    sdk: Any, provider: ShelfProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """INST-8: the others are traced."""
    del sdk.Index.query
    provider.instrument(Tracer())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Index.query" in caplog.text
    assert hasattr(sdk.Index.query_many, "__peekr__")


def test_a_promise_ends_the_call_when_it_is_kept(recording: Recording) -> None:
    """And only once, however often it says so."""
    promised: Any = []

    def later(result: Any, settle: Any) -> bool:
        promised.append(settle)
        return True

    calls = Calls("shelf", CALLS.operations, later)
    calls.tracer = Tracer()
    query = calls.wrapper(calls.operations["query"], "query")(Index.query)
    with peekr.span("program"):
        query(Index(), "whales")
    assert [span.name for span in recording.spans] == ["program"]
    thread = threading.Thread(target=promised[0], args=(SHELF, None))
    thread.start()
    thread.join(10)
    promised[0](None, ValueError("too late"))
    program, call = recording.spans
    assert (call.parent_id, call.status, call.attributes["result_count"]) == (program.span_id, "ok", 2)
