"""Spans by OTLP/HTTP: what arrives at a receiver (contract OTLP-1, OTLP-2, OTLP-4)."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any, List

import pytest

import peekr
from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr.testing import MemoryExporter
from peekr.testing.conformance import ExporterConformance, sample_span
from peekr_otlp import OTLPExporter

INTERNAL, CLIENT = 1, 3
OK, ERROR = 1, 2


class TestConformance(ExporterConformance):
    """The suite that every exporter inherits (EXP-1, EXP-4)."""

    entry_point = "otlp"

    @pytest.fixture(autouse=True)
    def _receiver(self, receiver: Any) -> None:
        self.receiver = receiver

    def make_exporter(self) -> Any:
        return OTLPExporter(self.receiver.url)


@pytest.mark.parametrize("suffix", ["", "/", "/v1/traces", "/v1/traces/"])
def test_the_endpoint_may_be_given_with_or_without_its_path(receiver: Any, suffix: str) -> None:
    """OTLP-1."""
    OTLPExporter(receiver.url + suffix).export(sample_span())
    (request,) = receiver.requests
    assert request[0] == "/v1/traces" and request[1]["content-type"] == "application/x-protobuf"


def test_a_path_before_that_of_the_protocol_is_kept(receiver: Any) -> None:
    """OTLP-1."""
    OTLPExporter(receiver.url + "/otlp/team").export(sample_span())
    assert receiver.requests[0][0] == "/otlp/team/v1/traces"


def test_without_an_endpoint_the_environment_names_it(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP-1: OTEL_EXPORTER_OTLP_ENDPOINT, with the headers and the compression of the environment."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc%20d, x-team = red")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    OTLPExporter(headers={"X-Team": "blue"}).export(sample_span())
    ((path, headers, _),) = receiver.requests
    assert path == "/v1/traces"
    assert (headers["x-key"], headers["x-team"], headers["content-encoding"]) == ("abc d", "blue", "gzip")


def test_an_endpoint_for_traces_alone_is_taken_as_it_is(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP-1: as the official exporters read OTEL_EXPORTER_OTLP_TRACES_ENDPOINT."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", receiver.url + "/custom")
    OTLPExporter().export(sample_span())
    assert receiver.requests[0][0] == "/custom"


def test_without_any_setting_the_standard_port_is_used() -> None:
    """OTLP-1."""
    assert OTLPExporter().endpoint == "http://localhost:4318/v1/traces"


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "localhost:4318"},
        {"endpoint": "ftp://host"},
        {"endpoint": "http://"},
        {"endpoint": "http://host:port"},
        {"endpoint": 4318},
        {"service_name": ""},
        {"headers": "x=y"},
        {"headers": {"x": "a\r\nb: c"}},
        {"protocol": "http/json"},
        {"conventions": "latest"},
        {"span_names": "semconv"},
        {"compression": "zip"},
        {"timeout": 0},
        {"timeout": "soon"},
        {"max_attempts": 0},
        {"retry_timeout": -1},
        {"resource_attributes": "team=a"},
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_once(options: Any) -> None:
    """A ValueError that names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        OTLPExporter(**options)


def test_a_run_with_a_tool_arrives_as_parent_and_child(receiver: Any) -> None:
    """OTLP-1, OTLP-2, OTLP-4 (E4-20): through Trace(exporter=…)."""
    trace = peekr.Trace(exporter=OTLPExporter(endpoint=receiver.url))
    with trace.run("planner"):
        trace.tool("search", {"q": "x"}, ["r"])
    trace.shutdown()
    assert len(receiver.spans) == 2
    run, tool = receiver.named("planner"), receiver.named("tool.search")
    assert tool.parent_id == run.span_id and tool.trace_id == run.trace_id and run.parent_id is None


def test_ids_times_and_status_are_those_of_the_span(receiver: Any, traced: Any) -> None:
    """OTLP-2: no parentless zero-length spans stamped at export time."""
    memory = MemoryExporter()
    traced()
    peekr.add_exporter(memory)
    with peekr.span("outer"):
        with peekr.span("llm.call", kind="llm"):
            pass
        with pytest.raises(KeyError), peekr.span("broken"):
            raise KeyError("nothing here")
    assert peekr.flush(10)
    assert len(memory.spans) == len(receiver.spans) == 3
    for span in memory.spans:
        got = receiver.named(span.name)
        assert (got.trace_id, got.span_id, got.parent_id) == (span.trace_id, span.span_id, span.parent_id)
        assert got.message.start_time_unix_nano == span._start_ns
        assert got.message.end_time_unix_nano - got.message.start_time_unix_nano == span._t1 - span._t0 > 0
        assert got.scope == "peekr"
    assert receiver.named("llm.call").kind == CLIENT and receiver.named("outer").kind == INTERNAL
    assert receiver.named("outer").status.code == OK
    broken = receiver.named("broken")
    assert (broken.status.code, broken.status.message) == (ERROR, "'nothing here'")
    assert broken.events == [("exception", {"exception.type": "KeyError", "exception.message": "'nothing here'"})]


def test_ids_of_other_origin_are_mapped_to_the_same_ones_every_time(receiver: Any) -> None:
    """OTLP-2, SPAN-5: records of older versions have span ids of 32 hex digits; readers accept any text."""
    old = {"trace_id": "trace-1", "start_time": 1.0, "end_time": 2.0}
    parent = Span.from_dict({**old, "span_id": "ab" * 16, "name": "parent"})
    child = Span.from_dict({**old, "span_id": "cd" * 16, "parent_id": "ab" * 16, "name": "child"})
    OTLPExporter(receiver.url).export_batch([child])
    OTLPExporter(receiver.url).export_batch([parent])
    got = receiver.named("child")
    assert got.parent_id == receiver.named("parent").span_id and got.trace_id == receiver.named("parent").trace_id
    assert (len(got.message.span_id), len(got.message.trace_id)) == (8, 16)
    assert got.attributes["peekr.span.id"] == "cd" * 16


def test_the_resource_names_service_tenant_and_sdk(receiver: Any) -> None:
    """OTLP-1: each tenant has a resource of its own in one request."""
    exporter = OTLPExporter(receiver.url, "shop", resource_attributes={"deployment.environment.name": "test"})
    exporter.export_batch([sample_span(1), sample_span(3, tenant_id="other"), sample_span(5)])
    assert len(receiver.requests) == 1
    tenants = [span.resource["peekr.tenant.id"] for span in receiver.spans]
    assert sorted(tenants) == ["acme", "acme", "other"]
    resource = receiver.spans[0].resource
    assert resource["service.name"] == "shop" and resource["deployment.environment.name"] == "test"
    assert resource["telemetry.sdk.language"] == "python" and resource["telemetry.distro.name"] == "peekr"


def test_the_environment_may_name_the_service(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP-1: where the argument is left out."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-env")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=red")
    OTLPExporter(receiver.url).export(sample_span())
    assert receiver.only.resource["service.name"] == "from-env" and receiver.only.resource["team"] == "red"
    monkeypatch.delenv("OTEL_SERVICE_NAME")
    OTLPExporter(receiver.url).export(sample_span(3))
    assert receiver.spans[1].resource["service.name"] == "peekr"


def test_every_kind_of_attribute_arrives(receiver: Any) -> None:
    """OTLP-2, SPAN-8: hostile values break neither the span nor the others."""
    odd = {
        "whole": 2**62,
        "huge": 2**80,
        "part": 0.5,
        "yes": True,
        "none": None,
        "nan": float("nan"),
        "texts": ["a", "b"],
        "mixed": [1, "a", None],
        "deep": {"a": {"b": [1]}},
        "lone": "a\ud800b",
        "žluť\ud800": "kůň",
        "thing": object,
    }
    span = sample_span(1, attributes=odd, name="n\ud800")
    OTLPExporter(receiver.url).export_batch([span, sample_span(3)])
    got = receiver.spans[0].attributes
    assert got["whole"] == 2**62 and got["huge"] == str(2**80) and got["part"] == 0.5 and got["yes"] is True
    assert "none" not in got and "nan" not in got
    assert got["texts"] == ["a", "b"] and got["mixed"] == '[1,"a",null]' and got["deep"] == '{"a":{"b":[1]}}'
    assert got["lone"] == "a\ufffdb" and got["žluť\ufffd"] == "kůň" and "class" in got["thing"]
    assert len(receiver.spans) == 2


def test_an_open_span_waits_for_its_end(receiver: Any, traced: Any) -> None:
    """EXP-4: OTLP cannot update a span, so it is sent once, complete."""
    traced()
    with peekr.Trace().run("long") as run:
        run.tool("search", {}, None)
        assert peekr.flush(10)
        assert [span.name for span in receiver.spans] == ["tool.search"]
    assert peekr.flush(10)
    assert [span.name for span in receiver.spans] == ["tool.search", "long"]


def test_it_works_with_add_exporter_and_shutdown_flushes(receiver: Any) -> None:
    """OTLP-4."""
    peekr.instrument(console=False, storage=(), plugins=[])
    peekr.add_exporter(OTLPExporter(receiver.url))
    for number in range(100):
        with peekr.span(f"s{number}"):
            pass
    assert peekr.shutdown()
    assert [span.name for span in receiver.spans] == [f"s{number}" for number in range(100)]


def test_it_works_in_a_composite_beside_an_exporter_of_events(receiver: Any) -> None:
    """OTLP-4, EXP-5: it takes spans, the other one event dicts."""

    class Events:
        def __init__(self) -> None:
            self.types: List[str] = []

        def initialize(self) -> None:
            pass

        def export_batch(self, events: Any) -> None:
            self.types.extend(event["type"] for event in events)

        def shutdown(self) -> None:
            pass

    events = Events()
    trace = peekr.Trace(exporter=peekr.CompositeExporter([OTLPExporter(receiver.url), events]))
    with trace.run("planner"):
        trace.tool("search", {}, "r")
    trace.shutdown()
    assert [span.name for span in receiver.spans] == ["tool.search", "planner"]
    assert events.types == ["run_start", "tool_call", "run_end"]


def test_it_is_a_public_name() -> None:
    """OTLP-1, PKG-11."""
    assert peekr.OTLPExporter is OTLPExporter and peekr.exporters.OTLPExporter is OTLPExporter


def test_content_may_be_kept_here(receiver: Any) -> None:
    """LLM-12 for one receiver: the local store keeps what was said, the receiver gets the rest."""
    span = sample_span(2, attributes={"kind": "llm", "model": "gpt-4o", "input": "SECRET", "output": "SECRET"})
    tool = sample_span(4, attributes={"kind": "tool", "input": "SECRET", "rag.query": "SECRET", "tool_name": "t"})
    for conventions in ("genai", "openinference"):
        exporter = OTLPExporter(receiver.url, conventions=conventions, capture_content=False)
        exporter.export_batch([span, tool])
    assert len(receiver.spans) == 4
    assert not [span for span in receiver.spans if "SECRET" in str(span.message)]
    assert receiver.spans[0].attributes["gen_ai.request.model"] == "gpt-4o"


def test_the_programs_own_opentelemetry_is_left_alone(receiver: Any) -> None:
    """Issue 4: no provider, no propagator, no current span of ours."""
    program = textwrap.dedent(
        f"""
        import peekr
        from opentelemetry import propagate, trace
        from opentelemetry.context import get_current
        before = propagate.get_global_textmap()
        peekr.instrument(console=False, storage="otlp", plugins=[], storage_options={{"otlp": {{
            "endpoint": {receiver.url!r}, "join_active_trace": True}}}})
        with peekr.span("x"):
            assert not trace.get_current_span().get_span_context().is_valid and not get_current()
        assert peekr.flush(10)
        assert propagate.get_global_textmap() is before
        assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
        assert trace._TRACER_PROVIDER is None
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert receiver.only.name == "x"


def test_without_opentelemetry_the_error_says_what_to_install() -> None:
    """OTLP-4: an ImportError that names the extra; the distribution itself can still be imported."""
    program = textwrap.dedent(
        """
        import sys
        sys.modules["opentelemetry"] = None
        import peekr, peekr_otlp
        for make in (peekr.OTLPExporter, peekr.OTelExporter, lambda: peekr.instrument(storage="otlp", console=False)):
            try:
                make()
            except ImportError as error:
                assert "pip install peekr[otel]" in str(error), error
            else:
                raise SystemExit("no ImportError")
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_connects_anew(receiver: Any, traced: Any) -> None:
    """Issue 4: the parent's connection is the parent's; nothing appears twice."""
    os = pytest.importorskip("os")
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    traced()
    with peekr.span("before"):
        pass
    assert peekr.flush(10)
    exporter: Any = OTLPExporter(receiver.url)
    exporter.export(sample_span(1))
    child = os.fork()
    if not child:
        code = 1
        try:
            with peekr.span("in child"):
                pass
            code = 0 if peekr.flush(10) else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with peekr.span("after"):
        pass
    assert peekr.flush(10)
    names: List[str] = sorted(span.name for span in receiver.spans)
    assert names == ["after", "agent.run", "before", "in child"]
