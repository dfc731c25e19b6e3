"""Workflows and their steps."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

import peekr
from peekr.testing import Recording

pytest.importorskip("llama_index.core.workflow", reason="llama-index-core is not installed", exc_type=ImportError)

from llama_index.core.workflow import Event, StartEvent, StopEvent, Workflow, step


@peekr.trace(name="helper")
def helper(number: int) -> int:
    return 2 * number


def run(make: Any) -> Any:
    """Run what needs an event loop from its beginning."""

    async def work() -> Any:
        return await make()

    return asyncio.run(work())


class Middle(Event):
    number: int


class Flow(Workflow):
    @step
    async def begin(self, event: StartEvent) -> Middle:
        return Middle(number=helper(event.number))

    @step
    def finish(self, event: Middle) -> StopEvent:
        if event.number < 0:
            raise ValueError("negative")
        return StopEvent(result=helper(event.number))


class Slow(Workflow):
    @step
    async def wait(self, event: StartEvent) -> StopEvent:
        await asyncio.sleep(60)
        return StopEvent()


def test_a_workflow_and_its_steps_are_spans(kit: Any, recording: Recording) -> None:
    """LLM-15, CTX-4: async steps, and others, which LlamaIndex runs in threads."""
    assert run(lambda: Flow().run(number=1)) == 4
    flow, begin, finish = "llamaindex.workflow.Flow", "  llamaindex.step.begin", "  llamaindex.step.finish"
    assert kit.outline(recording.spans) == [flow, begin, "    helper", finish, "    helper"]
    shown = [(span.attributes["input"], span.attributes["output"]) for span in recording.spans if span.kind == "chain"]
    assert shown == [('{"number": 1}', '{"number": 2}'), ('{"number": 2}', "4"), ('{"number": 1}', "4")]


def test_a_step_that_fails_fails_the_workflow(recording: Recording) -> None:
    """LLM-8."""
    with pytest.raises(Exception, match="negative"):
        run(lambda: Flow().run(number=-1))
    by_name = {span.name: span for span in recording.spans if span.kind == "chain"}
    assert by_name["llamaindex.step.begin"].status == "ok"
    assert by_name["llamaindex.step.finish"].attributes["error_type"] == "ValueError"
    assert by_name["llamaindex.workflow.Flow"].status == "error"
    assert "negative" in by_name["llamaindex.workflow.Flow"].attributes["error"]


def test_a_workflow_that_takes_too_long_timed_out(recording: Recording) -> None:
    """LLM-8."""
    with pytest.raises(Exception, match="timed out"):
        run(lambda: Slow(timeout=0.1).run())
    (flow,) = recording.named("llamaindex.workflow.Slow")
    assert (flow.status, flow.attributes["error_reason"]) == ("error", "timeout")
    assert recording.named("llamaindex.step.wait")[0].attributes["error_reason"] == "cancelled"


def test_a_workflow_that_is_cancelled_is_cancelled(recording: Recording) -> None:
    """LLM-8: by LlamaIndex' own method, which ends it as if all was well."""
    if asyncio.iscoroutinefunction(Workflow.run):
        pytest.skip("this version of LlamaIndex cannot cancel a run")

    async def work() -> None:
        handler = Slow(timeout=None).run()
        while not handler.is_done() and not _steps_begun():
            await asyncio.sleep(0.01)
        await handler.cancel_run()
        with suppress(Exception):  # what it says to this differs between the versions
            await handler

    asyncio.run(work())
    (flow,) = recording.named("llamaindex.workflow.Slow")
    assert (flow.status, flow.attributes["error_reason"]) == ("error", "cancelled")


def _steps_begun() -> bool:
    from peekr_llamaindex.operations import registry

    return any(operation.group == "step" for operation in registry.open.values())
