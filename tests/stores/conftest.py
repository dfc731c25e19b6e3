"""One set of spans in three stores: one with nothing but the three required methods, JSONL and SQLite."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

import peekr
from peekr.spans import Span
from peekr.stores import ReadStore

START = 1_700_000_000.0
AGENT, HELPER, PLAIN, EMBEDS = "a" * 16, "b" * 16, "c" * 16, "d" * 16
TRACE_1, TRACE_2, TRACE_3 = "1" * 32, "2" * 32, "3" * 32


class MinimalStore(ReadStore):
    """What a third party writes at least."""

    @classmethod
    def recognises(cls, target: str) -> bool:
        return target.endswith(".minimal")

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._records = json.loads(Path(target).read_text(encoding="utf-8"))

    def iter_spans(self) -> Iterator[Span]:
        return map(Span.from_dict, self._records)


def record(span_id: str, trace_id: str, at: float, kind: str, run_id: str, **changes: Any) -> Dict[str, Any]:
    attributes = {"kind": kind, "run_id": run_id, **changes.pop("attributes", {})}
    end = changes.pop("end", at + 1)
    base = {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": None,
        "name": f"{kind} {span_id}",
        "start_time": START + at,
        "end_time": START + end,
        "duration_ms": (end - at) * 1000.0,
        "status": "ok",
        "tenant_id": None,
        "retention_class": None,
        "user_id": attributes.get("user_id"),
        "session_id": attributes.get("session_id"),
        "attributes": attributes,
    }
    return {**base, **changes}


@pytest.fixture(scope="session")
def records() -> List[Dict[str, Any]]:
    """A run with a nested run; a plain trace with an error; a lone embedding. By start."""
    alice = {"user_id": "alice", "session_id": "s1"}
    llm = {"model": "gpt-4o", "tokens_input": 60, "tokens_output": 40, "tokens_total": 100, "cost_usd": 0.002}
    return [
        record(AGENT, TRACE_1, 0, "run", AGENT, end=50, name="Support agent", tenant_id="acme",
               attributes={**alice, "agent_type": "support"}, payload={"metadata": {"team": "a"}}),
        record("e1", TRACE_1, 1, "llm", AGENT, parent_id=AGENT, name="openai.chat.completions", tenant_id="acme",
               attributes={**alice, **llm, "output": "Grüße aus Köln", "eval_scores": {"Rubric": 0.9}},
               payload={"request": {"messages": ["whole prompt"]}}),
        record("e2", TRACE_1, 3, "llm", AGENT, parent_id=AGENT, name="langchain.llm", tenant_id="acme",
               attributes={**alice, **llm, "billed": False}),
        record("e3", TRACE_1, 5, "tool", AGENT, parent_id=AGENT, name="tool.search", end=40, tenant_id="acme",
               attributes={**alice, "tool_name": "search"}),
        record(HELPER, TRACE_1, 6, "run", HELPER, parent_id="e3", end=30, name="helper", tenant_id="acme",
               status="error", attributes=alice),
        record("e4", TRACE_1, 7, "llm", HELPER, parent_id=HELPER, name="llm.call", tenant_id="acme",
               attributes={**alice, **llm, "eval_scores": {"Rubric": 0.5}}),
        record(PLAIN, TRACE_2, 100, "function", PLAIN, name="app.main"),
        record("e5", TRACE_2, 100.5, "tool", PLAIN, parent_id=PLAIN, name="tool.fetch_user", status="error",
               attributes={"error": "KeyError: 42%"}),
        record(EMBEDS, TRACE_3, 200, "embedding", EMBEDS, name="openai.embeddings", tenant_id="globex",
               attributes={"user_id": "bob", "model": "text-embedding-3-small", "tokens_total": 7}),
    ]  # fmt: skip


@pytest.fixture(scope="session", params=["minimal", "jsonl", "sqlite"])
def target(request: Any, records: List[Dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the spans in one of the stores."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        from peekr_sqlite import SQLiteExporter

        path = folder / "traces.db"
        exporter = SQLiteExporter(path)
        exporter.export_batch([Span.from_dict(one) for one in records])
        exporter.shutdown()
    elif request.param == "jsonl":
        path = folder / "traces.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    else:
        path = folder / "traces.minimal"
        path.write_text(json.dumps(records), encoding="utf-8")
    return os.fspath(path)


@pytest.fixture
def store(target: str) -> Iterator[ReadStore]:
    """Each store, open."""
    opened = MinimalStore(target) if MinimalStore.recognises(target) else peekr.open_store(target)
    with opened:
        yield opened


@pytest.fixture
def ids() -> Dict[str, str]:
    """The ids in use, by what they stand for."""
    return {
        "agent": AGENT,
        "helper": HELPER,
        "plain": PLAIN,
        "embeds": EMBEDS,
        "trace 1": TRACE_1,
        "trace 2": TRACE_2,
        "trace 3": TRACE_3,
    }
