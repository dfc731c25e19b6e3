"""Memory, forks and failures: tracing never breaks or fills the program that is traced."""

from __future__ import annotations

import logging
import os
import uuid
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.runnables import RunnableLambda

import peekr
from peekr_langchain import runs
from peekr_langchain.runs import registry


def test_nothing_is_kept_of_runs_that_have_ended(kit: Any, recording: Any) -> None:
    """B 21: but where the last ones were, for children that come late."""
    for _ in range(300):
        RunnableLambda(lambda x: x).batch(["x"] * 5)
    assert not registry.open
    assert len(registry._ended) == runs.MAX_ENDED


def test_runs_whose_end_is_never_told_do_not_pile_up(recording: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """B 21: the oldest is ended as incomplete, not lost."""
    monkeypatch.setattr(runs, "MAX_OPEN", 10)
    manager = CallbackManager.configure()
    for number in range(15):
        manager.on_chain_start({"name": f"c{number}"}, {})
    assert len(registry.open) == 10
    assert [span.name for span in recording.spans] == [f"langchain.chain.c{number}" for number in range(5)]
    assert all(span.attributes["incomplete"] for span in recording.spans)
    registry.forget()


def test_a_child_may_begin_after_its_parent_has_ended(kit: Any, recording: Any) -> None:
    """CTX-3."""
    run = CallbackManager.configure().on_chain_start({"name": "c"}, {})
    child = run.get_child()
    run.on_chain_end({})
    child.on_tool_start({"name": "t"}, "").on_tool_end("x")
    assert kit.outline(recording.spans) == ["langchain.chain.c", "  langchain.tool.t"]


def test_a_cancelled_run_takes_its_children_with_it(kit: Any, recording: Any) -> None:
    """TRACE-6: LangChain does not tell the end of all of them."""
    run = CallbackManager.configure().on_chain_start({"name": "c"}, {})
    run.get_child().on_tool_start({"name": "t"}, "")
    run.on_chain_error(KeyboardInterrupt())
    assert [(span.status, span.attributes["error_reason"]) for span in recording.spans] == [("error", "cancelled")] * 2


def test_what_goes_wrong_in_a_callback_stays_in_it(
    kit: Any, recording: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """INST-13: counted, logged once, and the span ends all the same."""
    from peekr import patching
    from peekr_langchain import llm

    def fail(*args: Any) -> Any:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(llm, "take_result", fail)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert kit.model().invoke("x").content == "Paris."
    assert len(recording.spans) == 3
    assert len([one for one in caplog.records if one.name == "peekr"]) == 1
    assert list(peekr.stats()["captures"]["failed"].values()) == [3]
    patching.failures.clear()


def test_huge_and_odd_values_are_bounded(recording: Any) -> None:
    """LLM-11, SPAN-8: capture looks at a part of them only."""
    circle: Any = {}
    circle["self"] = circle
    for value in ([["x" * 1000] * 1000] * 1000, circle, {1: {2: object()}}, [float("nan"), b"\xff"], None):
        assert RunnableLambda(lambda x: x).invoke(value) is value
    for span in recording.spans:
        assert len(span.attributes["input"]) <= 500
        assert len(span.attributes["output"]) <= 500


def test_a_long_conversation_is_cut_in_attributes_and_whole_in_the_payload(kit: Any, recording: Any) -> None:
    """LLM-11, MODEL-11."""
    kit.model().invoke([("system", "s" * 5000), ("user", "the question")])
    span = recording.only
    assert len(span.attributes["input"]) <= 1000
    assert "the question" in span.attributes["input"]
    assert len(span.payload["request"]["messages"][0]["content"]) == 5000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_leaves_the_parents_runs_alone(recording: Any) -> None:
    """QUEUE-6, B 2: each run is ended by the process that began it."""
    run = CallbackManager.configure().on_chain_start({"name": "c"}, {})
    pid = os.fork()
    if pid == 0:
        os._exit(len(registry.open))
    _, status = os.waitpid(pid, 0)
    assert os.WEXITSTATUS(status) == 0
    run.on_chain_end({})
    assert recording.only.status == "ok"


def test_a_run_id_may_be_used_again(recording: Any) -> None:
    """LC-4: a program gives ids of its own."""
    for _ in range(2):
        RunnableLambda(lambda x: x).invoke("x", config={"run_id": uuid.UUID(int=1)})
    assert len(recording.spans) == 2
