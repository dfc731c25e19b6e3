"""Spans, stores and the command line for the tests of peekr-cost."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
from click.testing import CliRunner

from peekr import prices
from peekr.spans import Span
from peekr_cost import overrides
from peekr_cost.command import cost

_numbers = count(1)
START = 1_790_000_000.0


def call_record(number: int, **changes: Any) -> Dict[str, Any]:
    """A finished model call, alone in its trace; attributes that are given are added."""
    attributes = {"kind": "llm", **changes.pop("attributes", {})}
    record = {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "parent_id": None,
        "name": "openai.chat.completions",
        "start_time": START + number,
        "end_time": START + number + 0.5,
        "duration_ms": 500.0,
        "status": "ok",
        "attributes": attributes,
    }
    return {**record, **changes}


@pytest.fixture
def call() -> Callable[..., Span]:
    """Make a model call: ``call(model=…, tokens_input=…, …)``; top-level fields go in ``record=``."""

    def call(record: Any = None, **attributes: Any) -> Span:
        return Span.from_dict(call_record(next(_numbers), attributes=attributes, **(record or {})))

    return call


@pytest.fixture(autouse=True)
def _no_prices_of_others(monkeypatch: Any) -> Iterator[None]:
    """Each test begins and ends without prices of its own."""
    for name in ("PEEKR_PRICES", "PEEKR_PRICE_TABLE"):
        monkeypatch.delenv(name, raising=False)
    yield
    overrides._own.set, overrides._own.file, overrides._own.path = {}, {}, None
    prices.forget_prices(tables=True)


@pytest.fixture
def records() -> list[Dict[str, Any]]:
    """Calls of two tenants, users and days, one without a price, one failed, one not billed; and a tool."""

    def made(number: int, model: str, cost: Any, tokens: int, **changes: Any) -> Dict[str, Any]:
        attributes = {"model": model, "tokens_input": tokens, "tokens_output": 10, "tokens_total": tokens + 10}
        attributes.update(changes.pop("attributes", {}))
        if cost is not None:
            attributes["cost_usd"] = cost
        return call_record(number, attributes=attributes, **changes)

    day = 86_400.0
    return [
        made(1, "gpt-4o", 0.5, 100, tenant_id="acme", user_id="ann", attributes={"feature": "=chat"}),
        made(2, "gpt-4o", 0.25, 50, tenant_id="acme", user_id="bob", session_id="s1", duration_ms=9000.0),
        made(3, "gpt-4o-mini", 0.125, 25, tenant_id="globex", user_id="ann", status="error"),
        made(4, "house-model", None, 7, tenant_id="globex"),
        made(5, "gpt-4o", 99.0, 1000, tenant_id="acme", attributes={"billed": False}),
        call_record(6, name="tool.search", status="error", attributes={"kind": "tool", "cost_usd": 5.0}),
        made(7, "gpt-4o", 1.0, 200, tenant_id="acme", start_time=START + 3 * day, end_time=START + 3 * day + 1),
    ]


@pytest.fixture(params=["sqlite", "jsonl"])
def target(request: Any, tmp_path: Path, records: Any) -> str:
    """A store of :func:`records`: an SQLite database, and a file of lines."""
    from peekr_jsonl import JSONLExporter
    from peekr_sqlite import SQLiteExporter

    path = tmp_path / f"traces.{'db' if request.param == 'sqlite' else 'jsonl'}"
    exporter: Any = (SQLiteExporter if request.param == "sqlite" else JSONLExporter)(path)
    exporter.export_batch([Span.from_dict(record) for record in records])
    exporter.shutdown()
    return str(path)


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run ``peekr cost`` with these arguments: gives click's result."""
    try:
        runner = CliRunner(mix_stderr=False)  # click before 8.2
    except TypeError:
        runner = CliRunner()
    return lambda *arguments: runner.invoke(cost, [str(each) for each in arguments])
