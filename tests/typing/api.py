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


provider: Provider = MyProvider()
processor: Processor = MyProcessor()
mine: Exporter = MyExporter()
