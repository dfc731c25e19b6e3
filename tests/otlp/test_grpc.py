"""OTLP by gRPC, where the extra is installed (issue 4)."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterator, List

import pytest

grpc = pytest.importorskip("grpc", reason="grpcio is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: E402
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (  # noqa: E402
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from peekr.errors import ConfigurationError  # noqa: E402
from peekr.testing.conformance import sample_span  # noqa: E402
from peekr_otlp import OTLPExporter  # noqa: E402
from peekr_otlp.exporter import ExportError  # noqa: E402
from peekr_otlp.settings import target_of  # noqa: E402


class Service(TraceServiceServicer):  # type: ignore[misc]
    """Takes requests, after as many refusals as ``script`` has."""

    def __init__(self) -> None:
        self.requests: List[ExportTraceServiceRequest] = []
        self.metadata: List[Any] = []
        self.script: List[Any] = []

    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:
        self.metadata.append({pair.key: pair.value for pair in context.invocation_metadata()})
        if self.script:
            code, details, trailing = self.script.pop(0)
            context.set_trailing_metadata(trailing)
            context.abort(code, details)
        self.requests.append(request)
        return ExportTraceServiceResponse()


@pytest.fixture
def service() -> Iterator[Any]:
    made = Service()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(made, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    made.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    yield made
    server.stop(None).wait(10)


def retry_info(seconds: float) -> Any:
    from google.rpc.error_details_pb2 import RetryInfo

    info = RetryInfo()
    info.retry_delay.nanos = int(seconds * 1e9)
    return (("google.rpc.retryinfo-bin", info.SerializeToString()),)


def test_spans_arrive_with_headers_and_compression(service: Any) -> None:
    """Issue 4: gRPC where the extra is installed."""
    exporter = OTLPExporter(service.url, headers={"X-Key": "k"}, protocol="grpc", compression="gzip")
    exporter.export_batch([sample_span(1), sample_span(2)])
    exporter.shutdown()
    (request,) = service.requests
    assert len(request.resource_spans[0].scope_spans[0].spans) == 2
    assert service.metadata[0]["x-key"] == "k" and "peekr-otlp" in service.metadata[0]["user-agent"]


def test_what_may_pass_is_tried_again(service: Any) -> None:
    """The protocol's retryable codes; RESOURCE_EXHAUSTED only with RetryInfo."""
    service.script = [(grpc.StatusCode.UNAVAILABLE, "later", retry_info(0.01))]
    service.script += [(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", retry_info(0.01))]
    exporter = OTLPExporter(service.url, protocol="grpc")
    exporter.export_batch([sample_span(1)])
    exporter.shutdown()
    assert len(service.requests) == 1 and len(service.metadata) == 3


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"])
def test_what_will_not_pass_is_not_tried_again(service: Any, code: str) -> None:
    """OTLP: not retryable."""
    service.script = [(grpc.StatusCode[code], "no", ())]
    exporter = OTLPExporter(service.url, protocol="grpc")
    with pytest.raises(ExportError, match=f"{code}: no"):
        exporter.export_batch([sample_span(1)])
    exporter.shutdown()
    assert len(service.metadata) == 1


def test_the_environment_chooses_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenTelemetry's own programs: OTEL_EXPORTER_OTLP_PROTOCOL, and whether an address is secure."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert target_of().url == "http://localhost:4317"
    assert target_of("collector:4317").url == "https://collector:4317"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "true")
    assert target_of("collector:4317").url == "http://collector:4317"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    assert target_of().protocol == "http/protobuf"
    with pytest.raises(ConfigurationError, match="protocol"):
        target_of(protocol="http/json")


def test_without_grpc_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP-4: an ImportError that names the extra."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(ImportError, match=r"pip install peekr-otlp\[grpc\]"):
        OTLPExporter(protocol="grpc")
