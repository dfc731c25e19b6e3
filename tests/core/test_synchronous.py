"""Synchronous mode: for functions that are frozen when they return (issue 4, design section 7)."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any, List

import pytest

import peekr


@pytest.fixture
def path(tmp_path: Path) -> Any:
    yield tmp_path / "traces.jsonl"
    peekr.uninstrument()


def names(path: Path) -> List[str]:
    return [json.loads(line)["name"] for line in path.read_text().splitlines()]


def switch_on(path: Path, **settings: Any) -> None:
    pytest.importorskip("peekr_jsonl")
    peekr.instrument(console=False, storage="jsonl", jsonl_path=str(path), synchronous=True, **settings)


def test_everything_is_in_the_file_when_the_root_has_ended(path: Path) -> None:
    switch_on(path)

    @peekr.trace(name="handler")
    def handler() -> None:
        for number in range(3):
            with peekr.span(f"step {number}"):
                pass

    for count in range(1, 4):
        handler()
        assert names(path) == ["step 0", "step 1", "step 2", "handler"] * count


def test_a_run_and_a_coroutine_are_too(path: Path) -> None:
    switch_on(path)

    @peekr.trace(name="coroutine")
    async def handler() -> None:
        with peekr.span("inside"):
            await asyncio.sleep(0)

    asyncio.run(handler())
    assert names(path) == ["inside", "coroutine"]
    with peekr.trace.run("run"):
        peekr.trace.tool(tool_name="t", tool_args={}, tool_result=1)
    assert names(path)[2:] == ["tool.t", "run"]


def test_so_is_what_continues_a_trace_from_elsewhere(path: Path) -> None:
    switch_on(path)
    with peekr.extract({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}), peekr.span("served"):
        pass
    assert names(path) == ["served"]


def test_an_exporter_that_hangs_delays_a_call_no_longer_than_the_timeout(path: Path) -> None:
    stuck = threading.Event()

    class Hangs:
        def export(self, span: Any) -> None:
            stuck.wait(30)

    peekr.instrument(console=False, exporter=Hangs(), synchronous=True, shutdown_timeout=0.05)
    with peekr.span("root"):
        pass
    assert not stuck.is_set()  # it came back although nothing was exported
    stuck.set()
