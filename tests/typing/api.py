"""Checked by mypy, never run: what a checker must infer for users of peekr."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional, Sequence

from typing_extensions import assert_type

import peekr
from peekr import trace
from peekr.interfaces import Exporter, Processor, Provider
from peekr.stores import ReadStore
from peekr.tracer import Tracer


@trace
def bare(x: int) -> str:
    return str(x)


@trace(name="tool.search", capture_io=False)
async def named(query: str) -> List[str]:
    return [query]


class Service:
    @trace
    def method(self, x: int) -> Dict[str, int]:
        return {"x": x}


assert_type(bare(1), str)
assert_type(asyncio.run(named("q")), List[str])
assert_type(Service().method(1), Dict[str, int])
assert_type(trace(len)([1]), int)

with peekr.span("name", kind="tool", extra=1) as span:
    assert_type(span, peekr.Span)
    assert_type(span.duration_ms, Optional[float])
    assert_type(span.attributes, Dict[str, Any])

started, token = peekr.start_span("manual")
peekr.end_span(started, token)
assert_type(peekr.get_current_span(), Optional[peekr.Span])
assert_type(peekr.flush(1.5), bool)
assert_type(peekr.stats(), Dict[str, Any])

with peekr.session(user_id="alice") as session:
    assert_type(session.session_id, Optional[str])

with peekr.trace.run("agent") as run:
    assert_type(run, peekr.TraceContext)
    run.llm(model="m", prompt="p", response="r")

with peekr.open_store("traces.db") as store:
    assert_type(store, ReadStore)
    assert_type(list(store.spans(limit=1)), List[peekr.Span])

exporter: Exporter = peekr.JSONLExporter("traces.jsonl")
other: Exporter = peekr.SQLiteExporter("traces.db")
peekr.instrument(storage=["jsonl", "sqlite"], exporter=exporter, sample_rate=0.5)


class MyProvider:
    name = "mine"
    target = "mine"

    def instrument(self, tracer: Tracer) -> None: ...

    def uninstrument(self) -> None: ...


class MyProcessor:
    def process(self, span: peekr.Span) -> None:
        span.attributes.pop("input", None)


class MyExporter:
    def export_batch(self, spans: Sequence[peekr.Span]) -> None: ...


class MyEvaluator(peekr.eval.BaseEvaluator):
    def evaluate(self, span: peekr.Span) -> float:
        return 0.5


class MyGuardrail(peekr.guard.BaseGuardrail):
    def run(self, span: peekr.Span) -> None:
        raise peekr.guard.GuardrailError("no")


class MyAlert(peekr.alert.ErrorRate):
    def on_trigger(self, message: str) -> None:
        assert_type(self.name, str)


assert_type(peekr.eval.NotEmpty().evaluate(started), float)
assert_type(peekr.eval.Rubric("be brief").name, str)
assert_type(peekr.guard.PIIRedact().redact("text"), str)
peekr.instrument(
    evaluators=[MyEvaluator(), peekr.eval.Hallucination(detailed=True), peekr.eval.CitationAccuracy()],
    guardrails=[MyGuardrail(), peekr.guard.Blocklist(terms=["x"]), peekr.guard.HallucinationBlock(threshold=0.5)],
    alerts=[MyAlert(), peekr.alert.LatencyP95(500).with_sinks(peekr.alert.StderrSink())],
)
others: List[Exporter] = [peekr.exporters.OTLPExporter("http://localhost:4318"), peekr.exporters.ConsoleExporter()]
peekr.eval.Halucination  # type: ignore[attr-defined]  # a misspelt name is an error
peekr.guard.PIIRedakt  # type: ignore[attr-defined]
peekr.alert.ErrorRates  # type: ignore[attr-defined]

provider: Provider = MyProvider()
processor: Processor = MyProcessor()
mine: Exporter = MyExporter()
