"""The SDK's own OpenTelemetry spans: neither disturbed nor counted twice."""

from __future__ import annotations

import asyncio
from typing import Any, List

import anthropic
import pytest

from peekr.testing import record

trace = pytest.importorskip("opentelemetry.sdk.trace")
export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
processors = pytest.importorskip("opentelemetry.sdk.trace.export")

pytestmark = pytest.mark.skipif(
    "open_telemetry" not in anthropic.Anthropic.__init__.__code__.co_varnames, reason="this SDK has no spans of its own"
)


class Native:
    """The SDK's spans of one client."""

    def __init__(self) -> None:
        self._exporter = export.InMemorySpanExporter()
        provider = trace.TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processors.SimpleSpanProcessor(self._exporter))
        self.option = {"tracer_provider": provider, "traces": {"content_mode": "content"}}

    def take(self) -> List[Any]:
        """The spans so far without their times, as comparable data; only once each."""
        spans = self._exporter.get_finished_spans()
        self._exporter.clear()
        return [(span.name, span.kind, span.status.status_code, _lasting(span.attributes)) for span in spans]


def _lasting(attributes: Any) -> Any:
    return {name: value for name, value in attributes.items() if "time" not in name}


@pytest.fixture
def native() -> Native:
    """Collects the SDK's spans."""
    return Native()


def play(api: Any, make: Any, native: Native, mode: str) -> Any:
    """Make one call through a client that has spans of its own."""
    api.answers = [make.sse(make.stream_events()) if "stream" in mode or mode == "closed" else make.message()]
    if mode == "failing":
        api.answers = [(400, make.failure("invalid_request_error"))]
    client = api.client(open_telemetry=native.option)
    if mode == "helper stream":
        with client.messages.stream(**make.ask) as stream:
            return stream.get_final_message().to_dict()
    if mode == "raw":
        return client.messages.with_raw_response.create(**make.ask).parse().to_dict()
    if mode == "failing":
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**make.ask)
        return None
    answer = client.messages.create(**make.ask, stream=mode != "create")
    if mode == "closed":
        with answer:
            return next(answer).to_dict()
    return answer.to_dict() if mode == "create" else [event.to_dict() for event in answer]


@pytest.mark.parametrize("mode", ["create", "raw", "stream", "helper stream", "closed", "failing"])
def test_the_sdks_own_span_is_what_it_is_without_tracing(mode: str, api: Any, make: Any, native: Native) -> None:
    """Issue: neither disturbed nor counted twice; field D.3: one span per call, ended by the body."""
    bare = play(api, make, native, mode)
    expected = native.take()
    assert len(expected) == 1
    with record(plugins=["anthropic"]) as recording:
        assert play(api, make, native, mode) == bare
        assert [span.name for span in recording.spans] == ["anthropic.messages"]
        recorded = recording.only.attributes
    assert native.take() == expected
    if mode in ("create", "raw", "stream", "helper stream"):
        assert recorded["tokens_total"] == 18


def test_the_sdks_own_span_of_an_async_stream_is_untouched(api: Any, make: Any, native: Native) -> None:
    """Issue."""
    api.answers = [make.sse(make.stream_events())]

    async def go() -> Any:
        client = api.async_client(open_telemetry=native.option)
        stream = await client.messages.create(**make.ask, stream=True)
        return [event.to_dict() async for event in stream]

    bare, expected = asyncio.run(go()), native.take()
    with record(plugins=["anthropic"]) as recording:
        assert asyncio.run(go()) == bare
        assert recording.only.attributes["tokens_total"] == 18
    assert native.take() == expected


def test_the_trace_context_of_the_sdk_still_goes_out(api: Any, make: Any, native: Native) -> None:
    """Issue: the header is the SDK's own, peekr adds none."""
    seen: List[Any] = []

    def answer(request: Any) -> Any:
        seen.append(request.headers.get("traceparent"))
        return make.message()

    api.answers = [answer]
    with record(plugins=["anthropic"]) as recording:
        api.client(open_telemetry=native.option).messages.create(**make.ask)
        ours = recording.only.trace_id
    assert seen[0] is not None
    assert ours not in seen[0]
