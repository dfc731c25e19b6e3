"""Shared by the tests of peekr-mcp: span records, stores of both kinds, and the SDK's client where it is installed."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Optional

import pytest

START = 1_780_000_000.0
_FIELDS = ("tenant_id", "user_id", "session_id", "status", "duration_ms", "end_time", "name", "trace_id")


def make_record(number: int, parent: Optional[int] = None, trace: int = 0, **given: Any) -> Dict[str, Any]:
    """A span record, started ``number`` seconds after START; what is no field of one becomes an attribute."""
    record = {
        "trace_id": f"{trace or number:032x}",
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "name": "openai.chat.completions",
        "start_time": START + number,
        "end_time": START + number + 0.5,
        "duration_ms": 500.0,
        "status": "ok",
    }
    record.update({field: given.pop(field) for field in _FIELDS if field in given})
    return {**record, "attributes": {"kind": "llm", **given}}


def some_records() -> List[Dict[str, Any]]:
    """Three traces: an agent with a call and a failed tool; a call with a wrapper; one of a tenant and session."""
    return [
        make_record(1, trace=1, name="agent", kind="run", input="find the price", output="3 EUR"),
        make_record(
            2, 1, trace=1, model="gpt-4o", input="what does it cost?", output="It costs 3 EUR.", tokens_input=100,
            tokens_output=20, tokens_total=120, tokens_cached=60, cost_usd=0.002, eval_scores={"Hallucination": 0.25},
            hallucination_details={
                "total": 4, "supported": 1, "contradicted": 1, "unsupported": 2,
                "claims": [
                    {"text": "it is 3 EUR", "verdict": "supported"},
                    {"text": "it is blue", "verdict": "unsupported"},
                    {"text": "it is new", "verdict": "unsupported"},
                    {"text": "it is heavy", "verdict": "contradicted"},
                ],
            },
        ),
        make_record(
            3, 1, trace=1, name="tool.lookup", kind="tool", status="error", error="no such sku: A-1",
            error_type="KeyError", error_reason="not_found", input={"sku": "A-1"},
        ),
        make_record(4, trace=4, name="litellm.completion", model="claude", tokens_total=70, billed=False,
                    tokens_input=50, tokens_output=20, cost_usd=9.0),
        make_record(5, 4, trace=4, model="claude", tokens_input=50, tokens_output=20, tokens_total=70,
                    eval_scores={"Hallucination": 0.0, "Rubric": 1.0}),
        make_record(6, trace=6, model="gpt-4o", tokens_input=10, tokens_output=10, tokens_total=20, cost_usd=0.001,
                    eval_scores={"Hallucination": 0.9}, tenant_id="acme", session_id="s-1"),
    ]  # fmt: skip


@pytest.fixture
def record() -> Callable[..., Dict[str, Any]]:
    """Makes a span record: see :func:`make_record`."""
    return make_record


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes records to a .jsonl file, or to a database where the name ends in .db."""

    def write_file(records: List[Dict[str, Any]], name: str = "traces.jsonl") -> Path:
        path = tmp_path / name
        if path.suffix == ".db":
            from peekr import Span
            from peekr_sqlite import SQLiteExporter

            exporter = SQLiteExporter(path)
            exporter.export_batch([Span.from_dict(each) for each in records])
            exporter.shutdown()
        else:
            path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
        return path

    return write_file


@pytest.fixture(params=["traces.jsonl", "traces.db"])
def store(request: pytest.FixtureRequest, write: Callable[..., Path]) -> Iterator[Any]:
    """An open store with :func:`some_records`; once a file of lines, once a database."""
    from peekr import open_store

    with open_store(write(some_records(), request.param)) as opened:
        yield opened


@pytest.fixture
def opened(write: Callable[..., Path]) -> Iterator[Callable[..., Any]]:
    """Opens a store that holds the records given."""
    from peekr import open_store

    stores: List[Any] = []

    def open_with(*records: Dict[str, Any], name: str = "traces.jsonl") -> Any:
        stores.append(open_store(write(list(records), name)))
        return stores[-1]

    yield open_with
    for each in stores:
        each.close()


class Tools:
    """The tools of a server as a client sees them; answers are dicts with the names of the protocol."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def list(self) -> Dict[str, Dict[str, Any]]:
        found = (await self._client.list_tools()).tools
        return {each.name: each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in found}

    async def call(self, name: str, **arguments: Any) -> Dict[str, Any]:
        result = await self._client.call_tool(name, arguments)
        return result.model_dump(mode="json", by_alias=True)  # type: ignore[no-any-return]

    async def text(self, name: str, **arguments: Any) -> str:
        return str((await self.call(name, **arguments))["content"][0]["text"])


@asynccontextmanager
async def in_memory(server: Any) -> AsyncIterator[Tools]:
    """Connect the SDK's client to a server in this process."""
    import mcp

    if hasattr(mcp, "Client"):  # version 2
        async with mcp.Client(server) as client:
            yield Tools(client)
    else:
        from mcp.shared.memory import create_connected_server_and_client_session

        async with create_connected_server_and_client_session(server) as session:
            yield Tools(session)


@asynccontextmanager
async def over_stdio(command: str, *arguments: str, cwd: Path, errors: Any) -> AsyncIterator[Tools]:
    """Start a server as an MCP client does, and connect to it."""
    from mcp import ClientSession, StdioServerParameters, stdio_client

    parameters = StdioServerParameters(command=command, args=list(arguments), cwd=str(cwd))
    async with AsyncExitStack() as stack:
        streams = await stack.enter_async_context(stdio_client(parameters, errlog=errors))
        session = await stack.enter_async_context(ClientSession(*streams))
        await session.initialize()
        yield Tools(session)


@pytest.fixture
def connect() -> Callable[[Any], Any]:
    """Connects to a server over a store: ``async with connect(path) as tools``."""

    def connected(path: Any) -> Any:
        from peekr_mcp.server import build_server
        from peekr_mcp.source import Source

        return in_memory(build_server(Source(None if path is None else str(path))))

    return connected


@pytest.fixture
def start_server() -> Callable[..., Any]:
    """Starts a server in a process of its own: see :func:`over_stdio`."""
    return over_stdio
