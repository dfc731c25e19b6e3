"""aiobotocore, and aioboto3 on top of it: the same spans, in the same tasks."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Awaitable, Callable, Dict

import pytest
from botocore.exceptions import ClientError, EventStreamError

import peekr
from peekr.testing import record

session = pytest.importorskip("aiobotocore.session")

#: A body or stream that is given up leaves its connection to the collector, traced or not.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@asynccontextmanager
async def client(api: Any, **options: Any) -> AsyncIterator[Any]:
    """A client of the scripted service."""
    settings = api.settings(**options)
    from aiobotocore.config import AioConfig

    settings["config"] = AioConfig(**settings["config"]._user_provided_options)
    async with session.get_session().create_client("bedrock-runtime", **settings) as made:
        yield made


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(asyncio.wait_for(work(), 30))  # type: ignore[arg-type]


def test_a_conversation(api: Any, recording: Any) -> None:
    """LLM-2, CTX-1."""

    async def work() -> Any:
        async with client(api) as c:
            with peekr.span("turn"):
                return await asyncio.gather(*(c.converse(modelId=api.model, messages=api.messages) for _ in "abc"))

    assert len(run(work)) == 3
    spans = recording.named("bedrock.converse")
    (turn,) = recording.named("turn")
    assert [span.parent_id for span in spans] == [turn.span_id] * 3
    assert [(span.attributes["output"], span.attributes["tokens_total"]) for span in spans] == [("Paris.", 18)] * 3


def test_a_failure(api: Any, recording: Any) -> None:
    """LLM-8."""
    api.answers = [api.failure("ThrottlingException", "No.", 429)]

    async def work() -> None:
        async with client(api, attempts=2) as c:
            await c.converse(modelId=api.model, messages=api.messages)

    with pytest.raises(ClientError):
        run(work)
    attributes = recording.only.attributes
    assert (attributes["error_reason"], attributes["retry_count"]) == ("rate_limit", 1)


def test_a_stream(api: Any, recording: Any) -> None:
    """STREAM-3, STREAM-5, STREAM-7."""
    api.answers = [api.converse_events()]

    async def work() -> int:
        async with client(api) as c:
            stream = (await c.converse_stream(modelId=api.model, messages=api.messages))["stream"]
            assert peekr.get_current_span() is None
            return len([event async for event in stream])

    assert run(work) == 7
    span = recording.only
    assert (span.name, span.attributes["output"]) == ("bedrock.converse_stream", "Paris.")
    assert (span.attributes["tokens_total"], span.attributes["streaming"]) == (18, True)
    assert "stream_incomplete" not in span.attributes


def test_an_error_in_mid_stream(api: Any, recording: Any) -> None:
    """IFACE-11."""
    api.answers = [[*api.converse_events()[:3], api.exception("throttlingException", "Slow down.")]]

    async def work() -> None:
        async with client(api) as c:
            stream = (await c.converse_stream(modelId=api.model, messages=api.messages))["stream"]
            async for _ in stream:
                pass

    with pytest.raises(EventStreamError):
        run(work)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "rate_limit")
    assert (span.attributes["error_type"], span.attributes["output"]) == ("EventStreamError", "Paris")


def test_a_connection_cut_in_mid_stream(api: Any, recording: Any) -> None:
    """IFACE-11."""
    api.answers = [api.Answer([b"".join(api.converse_events())[:-20]], cut=True)]

    async def work() -> None:
        async with client(api) as c:
            async for _ in (await c.converse_stream(modelId=api.model, messages=api.messages))["stream"]:
                pass

    with pytest.raises(Exception, match=r"not complete|payload|Connection") as failure:
        run(work)
    span = recording.only
    assert (span.status, span.attributes["error_type"]) == ("error", type(failure.value).__name__)
    assert span.attributes["error_reason"] == "connection"


def test_a_cancelled_stream(api: Any, recording: Any) -> None:
    """LLM-8."""
    wait = threading.Event()
    api.answers = [api.Answer(api.converse_events(), wait=wait)]

    async def work() -> None:
        async with client(api) as c:
            stream = (await c.converse_stream(modelId=api.model, messages=api.messages))["stream"]
            async for _ in stream:
                pass

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(work(), 0.5))
    wait.set()
    assert recording.only.attributes["error_reason"] == "cancelled"


def test_a_stream_closed_early(api: Any, recording: Any) -> None:
    """STREAM-4."""
    api.answers = [api.converse_events()]

    async def work() -> None:
        async with client(api) as c:
            stream = (await c.converse_stream(modelId=api.model, messages=api.messages))["stream"]
            async for _ in stream:
                break
            stream.close()

    run(work)
    assert recording.only.attributes["stream_incomplete"] is True


async def _with(body: Any) -> bytes:
    async with body as stream:
        return bytes(await stream.read())


async def _chunks(body: Any) -> bytes:
    return b"".join([piece async for piece in body.iter_chunks(50)])


async def _iterate(body: Any) -> bytes:
    return b"".join([piece async for piece in body])


async def _lines(body: Any) -> bytes:
    return b"".join([line async for line in body.iter_lines()])


async def _pieces(body: Any) -> bytes:
    out = b""
    while True:
        piece = await body.read(9)
        if not piece:
            return out
        out += piece


READERS: Dict[str, Any] = {
    "read": lambda body: body.read(),
    "with": _with,
    "chunks": _chunks,
    "iterate": _iterate,
    "lines": _lines,
    "pieces": _pieces,
}


@pytest.mark.parametrize("way", READERS)
def test_every_way_of_reading_a_body(api: Any, recording: Any, way: str) -> None:
    """INST-12, LLM-13."""
    api.answers = [api.message()]

    async def work() -> bytes:
        async with client(api) as c:
            read: bytes = await READERS[way]((await c.invoke_model(modelId=api.model, body="{}"))["body"])
            return read

    assert json.loads(run(work)) == api.message()
    span = recording.only
    assert (span.name, span.status, span.attributes["output"]) == ("bedrock.invoke_model", "ok", "Paris.")
    assert span.attributes["tokens_total"] == 18
    assert "stream_incomplete" not in span.attributes


def test_a_body_cut_off(api: Any) -> None:
    """INST-12: the same exception as without tracing."""
    api.answers = [api.Answer(api.message(), cut=True)]

    async def work() -> None:
        async with client(api) as c:
            await (await c.invoke_model(modelId=api.model, body="{}"))["body"].read()

    with pytest.raises(Exception) as bare:
        run(work)
    with record(plugins=["bedrock"]) as recording, pytest.raises(type(bare.value)):
        run(work)
    (span,) = recording._exporter.spans
    assert (span.status, span.attributes["error_reason"]) == ("error", "connection")


def test_a_body_that_is_never_read(api: Any, recording: Any) -> None:
    """STREAM-4."""
    api.answers = [api.message()]

    async def work() -> None:
        async with client(api) as c:
            await c.invoke_model(modelId=api.model, body="{}")

    run(work)
    gc.collect()
    assert recording.only.attributes["stream_incomplete"] is True


def test_aioboto3_is_traced_through_aiobotocore(api: Any, recording: Any) -> None:
    """INST-6."""
    aioboto3 = pytest.importorskip("aioboto3")
    from aiobotocore.config import AioConfig

    async def work() -> None:
        settings = {**api.settings(), "config": AioConfig(read_timeout=10)}
        async with aioboto3.Session().client("bedrock-runtime", **settings) as c:
            await c.converse(modelId=api.model, messages=api.messages)

    run(work)
    assert recording.only.attributes["output"] == "Paris."


def test_uninstrument_puts_the_async_client_back() -> None:
    """INST-17."""
    from aiobotocore.client import AioBaseClient

    before = vars(AioBaseClient)["_make_api_call"]
    with record(plugins=["bedrock"]):
        assert vars(AioBaseClient)["_make_api_call"] is not before
    assert vars(AioBaseClient)["_make_api_call"] is before


def test_aiobotocore_may_be_imported_after_instrument() -> None:
    """INST-7."""
    import subprocess
    import sys

    code = (
        "import peekr, sys; peekr.instrument(console=False, storage=None)\n"
        "import botocore.client; assert 'aiobotocore' not in sys.modules\n"
        "import aiobotocore.client as a; print(a.AioBaseClient._make_api_call.__peekr__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["bedrock"], done.stderr
