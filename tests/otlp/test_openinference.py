"""Spans with OpenInference's names (contract OTLP-3)."""

from __future__ import annotations

from typing import Any, Dict

import pytest

import peekr
from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr.testing.conformance import ExporterConformance, sample_span
from peekr_otlp import OTelExporter

REQUEST: Dict[str, Any] = {
    "model": "gpt-4o",
    "temperature": 0.5,
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Weather in Paris?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather"}}],
}
RESPONSE = {
    "choices": [{"message": {"role": "assistant", "content": "Sunny."}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens_details": {"audio_tokens": 6, "cached_tokens": 4},
        "completion_tokens_details": {"audio_tokens": 5, "reasoning_tokens": 2},
    },
}


def llm_span(**attributes: Any) -> Span:
    return sample_span(
        2,
        attributes={
            "kind": "llm",
            "provider": "openai",
            "model": "gpt-4o-2024-08-06",
            "model_requested": "gpt-4o",
            "input": "[…]",
            "output": "Sunny.",
            "tokens_input": 21,
            "tokens_output": 7,
            "tokens_total": 28,
            "tokens_cached": 4,
            "tokens_reasoning": 2,
            "user_id": "alice",
            "session_id": "s1",
            "eval_scores": {"Rubric": 0.5},
            **attributes,
        },
        payload={"request": REQUEST, "response": RESPONSE},
        session_id="s1",
    )


class TestConformance(ExporterConformance):
    """The suite that every exporter inherits."""

    entry_point = "otel"

    @pytest.fixture(autouse=True)
    def _receiver(self, receiver: Any) -> None:
        self.receiver = receiver

    def make_exporter(self) -> Any:
        return OTelExporter(endpoint=self.receiver.url)


def test_an_llm_span_has_the_names_of_openinference(receiver: Any) -> None:
    """OTLP-3."""
    OTelExporter(endpoint=receiver.url, headers={"api_key": "k"}).export(llm_span())
    got = receiver.only.attributes
    assert receiver.requests[0][1]["api_key"] == "k"
    assert receiver.only.resource["service.name"] == "peekr"
    wanted = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.request.model_name": "gpt-4o",
        "llm.response.model_name": "gpt-4o-2024-08-06",
        "llm.provider": "openai",
        "input.value": "[…]",
        "output.value": "Sunny.",
        "output.mime_type": "text/plain",
        "llm.token_count.prompt": 21,
        "llm.token_count.completion": 7,
        "llm.token_count.total": 28,
        "llm.token_count.prompt_details.cache_read": 4,
        "llm.token_count.prompt_details.audio": 6,
        "llm.token_count.completion_details.reasoning": 2,
        "llm.token_count.completion_details.audio": 5,
        "session.id": "s1",
        "user.id": "alice",
        "peekr.eval.Rubric": 0.5,
        "llm.invocation_parameters": '{"temperature":0.5}',
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be short.",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "weather",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"city":"Paris"}',
        "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c1",
        "llm.input_messages.3.message.role": "tool",
        "llm.input_messages.3.message.tool_call_id": "c1",
        "llm.input_messages.3.message.content": "sunny",
        "llm.output_messages.0.message.content": "Sunny.",
        "llm.tools.0.tool.json_schema": '{"type":"function","function":{"name":"weather"}}',
    }
    assert {name: got.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("tool", "TOOL"), ("run", "AGENT"), ("function", "CHAIN"), ("retriever", "RETRIEVER"), ("embedding", "EMBEDDING")],
)
def test_every_kind_of_span_has_a_kind(receiver: Any, kind: str, shown: str) -> None:
    """OTLP-3."""
    span = sample_span(1, name="tool.search", attributes={"kind": kind, "input": '{"q": 1}', "output": "x"})
    OTelExporter(endpoint=receiver.url).export(span)
    got = receiver.only.attributes
    assert got["openinference.span.kind"] == shown
    assert (got["input.value"], got["input.mime_type"], got["output.value"]) == ('{"q": 1}', "application/json", "x")
    if kind == "tool":
        assert got["tool.name"] == "search" and got["tool.parameters"] == '{"q": 1}'


def test_retrieved_documents_are_listed(receiver: Any) -> None:
    """OTLP-3."""
    found = {"kind": "retriever", "rag.query": "q", "rag.retrieved_docs": ["one", {"id": "d2", "content": "two"}]}
    OTelExporter(endpoint=receiver.url).export(sample_span(1, attributes=found))
    got = receiver.only.attributes
    assert got["retrieval.documents.0.document.content"] == "one"
    assert got["retrieval.documents.1.document.id"] == "d2"


def test_a_tracer_of_the_program_gets_the_spans_with_their_ids() -> None:
    """OTLP-3: tracer=; the spans go its provider's way, and the provider is not shut down."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    peekr.instrument(console=False, storage=(), plugins=[], exporter=OTelExporter(provider.get_tracer("app")))
    with peekr.span("outer") as outer, peekr.span("llm.call", kind="llm") as inner:
        inner.attributes.update(model="gpt-4o", tokens_input=3, eval_scores={"Rubric": 1.0})
        inner.record_error(ValueError("broken"))
    assert peekr.shutdown()
    first, second = memory.get_finished_spans()
    assert f"{first.context.trace_id:032x}" == outer.trace_id == f"{second.context.trace_id:032x}"
    assert f"{first.context.span_id:016x}" == inner.span_id
    assert first.parent is not None and f"{first.parent.span_id:016x}" == outer.span_id and second.parent is None
    assert first.attributes["llm.model_name"] == "gpt-4o" and first.attributes["llm.token_count.prompt"] == 3
    assert first.attributes["peekr.eval.Rubric"] == 1.0
    assert first.status.status_code.name == "ERROR" and first.kind.name == "CLIENT"
    assert [event.name for event in first.events] == ["exception", "gen_ai.evaluation.result"]
    assert first.end_time - first.start_time == inner._t1 - inner._t0
    with provider.get_tracer("app").start_as_current_span("still works"):
        pass
    assert len(memory.get_finished_spans()) == 3
    provider.shutdown()


def test_a_tracer_of_no_sdk_makes_spans_of_its_own() -> None:
    """OTLP-3: any object with start_span; peekr's ids are attributes then."""

    class Made:
        def __init__(self, name: str, options: Dict[str, Any]) -> None:
            self.name, self.options, self.events, self.ended, self.status = name, options, [], 0, None

        def add_event(self, name: str, attributes: Any, timestamp: int) -> None:
            self.events.append(name)

        def set_status(self, status: Any) -> None:
            self.status = status.status_code.name

        def end(self, end_time: int) -> None:
            self.ended = end_time

    class Tracer:
        def __init__(self) -> None:
            self.made: Any = []

        def start_span(self, name: str, **options: Any) -> Made:
            self.made.append(Made(name, options))
            return self.made[-1]

    tracer = Tracer()
    exporter = OTelExporter(tracer)
    exporter.export_batch([llm_span(), sample_span(5)])
    exporter.flush()
    exporter.shutdown()
    llm, failed = tracer.made
    assert llm.options["attributes"]["llm.model_name"] == "gpt-4o-2024-08-06"
    assert llm.options["attributes"]["peekr.span.id"] == f"{2:016x}"
    assert llm.ended - llm.options["start_time"] == 500_000_000
    assert (llm.status, failed.status) == ("OK", "ERROR")


def test_openinference_is_an_option_of_the_other_exporter(receiver: Any, traced: Any) -> None:
    """Issue 4: OpenInference as an option."""
    traced(conventions="openinference")
    with peekr.span("x"):
        pass
    assert peekr.flush(10)
    assert receiver.only.attributes["openinference.span.kind"] == "CHAIN" and receiver.only.schema_url == ""


def test_it_is_a_storage_and_a_public_name(receiver: Any) -> None:
    """OTLP-3, PKG-11."""
    assert peekr.OTelExporter is OTelExporter
    peekr.instrument(console=False, storage="otel", plugins=[], storage_options={"otel": {"endpoint": receiver.url}})
    with peekr.span("x"):
        pass
    assert peekr.shutdown()
    assert receiver.only.attributes["openinference.span.kind"] == "CHAIN"


def test_a_tracer_without_a_provider_loses_nothing_silently() -> None:
    """EXP-6: the API's no-op tracer would swallow the spans; they count as failed."""
    from opentelemetry.trace import NoOpTracer

    peekr.instrument(console=False, storage=(), plugins=[], exporter=OTelExporter(NoOpTracer()))
    with peekr.span("x"):
        pass
    assert peekr.flush(10)
    counts = peekr.stats()["exporters"]["OTelExporter"]
    assert counts["failed"] == 1 and "no tracer provider" in counts["last_error"]


def test_options_that_a_tracer_makes_meaningless_are_refused() -> None:
    """Misuse fails early, with the names."""
    with pytest.raises(ConfigurationError, match="compression, timeout"):
        OTelExporter(object(), timeout=3, compression="gzip")


def test_a_burst_does_not_overrun_the_queue_of_the_sdk() -> None:
    """EXP-6: a BatchSpanProcessor holds 2048 spans and drops the others without a word."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(memory))
    exporter = OTelExporter(provider.get_tracer("app"))
    exporter.export_batch([sample_span(number) for number in range(1, 5001)])
    exporter.shutdown()
    assert len(memory.get_finished_spans()) == 5000
    provider.shutdown()
