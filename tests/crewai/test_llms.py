"""CrewAI's models: alone, beside a provider's plugin, of one's own making."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import peekr
from peekr.testing import Recording, record

pytest.importorskip("crewai", reason="crewai is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # CrewAI's own, and those of what it is built on

try:
    from crewai import BaseLLM
except ImportError:
    BaseLLM = None  # type: ignore[assignment, misc]

needs_base = pytest.mark.skipif(BaseLLM is None, reason="crewai has no BaseLLM")
needs_counts = pytest.mark.skipif(
    not hasattr(BaseLLM, "_track_token_usage_internal"), reason="models of crewai do not count tokens themselves"
)
TOKENS = ("tokens_input", "tokens_output", "tokens_total")


def own_model(answer: Any = "Paris.", usage: Any = None, **methods: Any) -> Any:
    """A model of the program's own making."""

    class Own(BaseLLM):  # type: ignore[misc, valid-type]
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            if usage is not None:
                self._track_token_usage_internal(usage)
            if isinstance(answer, BaseException):
                raise answer
            return answer() if callable(answer) else answer

        async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return self.call(messages)

    return Own(model="own-1", **methods)


def test_a_call_is_one_span(server: Any, recording: Recording) -> None:
    """LLM-3, LLM-4, LLM-11."""
    from crewai.utilities.token_counter_callback import TokenCalcHandler

    counts = hasattr(BaseLLM, "_track_token_usage_internal")
    callbacks = [] if counts else [TokenCalcHandler(None)]  # with which older versions count
    assert server.model(temperature=0.5).call("Capital of France?", callbacks=callbacks).endswith("Paris.")
    span = recording.only
    known = span.attributes
    assert (span.name, span.kind, span.status, known["model"]) == ("crewai.llm.call", "llm", "ok", "gpt-4o")
    assert known["input"] == '[{"role": "user", "content": "Capital of France?"}]'
    assert known["output"].endswith("Final Answer: Paris.")
    assert [known[name] for name in TOKENS] == [11, 7, 18]
    assert span.payload is not None and span.payload["request"]["temperature"] == 0.5
    assert span.payload["response"]["content"] == known["output"]


@needs_base
def test_the_async_twin_is_one_span(server: Any, recording: Recording, run: Any) -> None:
    """LLM-3."""

    model = server.model()
    if not hasattr(model, "acall"):
        pytest.skip("crewai has no LLM.acall")

    async def work() -> None:
        await asyncio.gather(*(model.acall(f"Question {at}") for at in range(3)))

    run(work())
    assert len(recording.spans) == 3
    assert sorted(span.attributes["input"][-13:-3] for span in recording.spans) == [f"Question {at}" for at in range(3)]
    assert {span.attributes["tokens_total"] for span in recording.spans} == {18}


def test_beside_the_providers_plugin_one_of_the_two_is_billed(kit: Any, server: Any) -> None:
    """LC-6 for CrewAI: with either plugin alone, and with both, the sum is the same."""
    pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")
    for plugins in (["crewai"], ["openai"], ["crewai", "openai"]):
        with record(plugins=plugins) as recording:
            server.crew().kickoff()
            spans = recording.spans
        assert kit.billed_tokens(spans) == 18, plugins
    names = kit.outline(spans)
    assert names[-2:] == ["      crewai.llm.call", "        openai.chat.completions"]
    (wrapper,) = [span for span in spans if span.name == "crewai.llm.call"]
    assert wrapper.attributes["billed"] is False and wrapper.payload is None
    assert not set(TOKENS) & set(wrapper.attributes)
    assert wrapper.attributes["output"].endswith("Paris.")


@needs_base
def test_a_call_that_both_record_is_judged_once(server: Any) -> None:
    """EVAL-5: a judge is paid for each call; alone, CrewAI's span is the call."""
    pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")

    class Once(peekr.eval.BaseEvaluator):
        def __init__(self) -> None:
            self.seen: list = []

        def evaluate(self, span: peekr.Span) -> float:
            self.seen.append((span.name, span.attributes["output"][-6:]))
            return 1.0

    both = (["crewai", "openai"], "openai.chat.completions")
    for capture_io in (True, False):
        for plugins, judged in (both, (["crewai"], "crewai.llm.call")):
            judge = Once()
            with record(plugins=plugins, evaluators=[judge], capture_io=capture_io) as recording:
                server.model().call("x")
                assert recording.spans
            assert judge.seen == [(judged, "Paris.")]


@needs_counts
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_model_of_ones_own_is_traced(asynchronous: bool, recording: Recording, run: Any) -> None:
    """INST-6: a subclass that exists only after instrument(), and has nothing of CrewAI's below it."""
    model = own_model(usage={"prompt_tokens": 3, "completion_tokens": 2})
    messages = [{"role": "user", "content": "Capital of France?"}]
    assert (run(model.acall(messages)) if asynchronous else model.call(messages)) == "Paris."
    span = recording.only
    assert [span.attributes[name] for name in TOKENS] == [3, 2, 5]
    assert (span.attributes["model"], span.attributes["output"]) == ("own-1", "Paris.")


@needs_counts
def test_a_call_of_several_requests_adds_them_up(recording: Recording) -> None:
    """LLM-10: one call."""
    model = own_model()
    used = [{"input_tokens": 3, "output_tokens": 2}, {"input_tokens": 30, "output_tokens": 20}]
    type(model).call = _twice(type(model).call, used)  # after tracing began: as a program may
    model.call("x")
    assert [recording.only.attributes[name] for name in TOKENS] == [33, 22, 55]


def _twice(original: Any, used: Any) -> Any:
    class_call = original.__wrapped__

    def call(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        for usage in used:
            self._track_token_usage_internal(usage)
        return class_call(self, messages)

    from peekr_crewai.llm import LLMCall

    return LLMCall().wrap(call)


@needs_counts
def test_a_model_that_calls_another_is_billed_once(kit: Any, recording: Recording) -> None:
    """LC-6: a fallback, a router."""
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    inner = own_model(usage=usage)
    outer = own_model(lambda: inner.call("x"), usage=usage)
    assert outer.call("x") == "Paris."
    assert kit.outline(recording.spans) == ["crewai.llm.call", "  crewai.llm.call"]
    assert kit.billed_tokens(recording.spans) == 18


@needs_counts
def test_a_tool_inside_a_call_is_not_a_part_of_it(kit: Any, recording: Recording) -> None:
    """LC-6: what the tool asks a model for is another call, and both are billed."""
    from crewai.tools import tool

    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    inner = own_model(usage=usage)

    @tool("ask")
    def ask(word: str) -> str:
        """Ask."""
        return inner.call(word)

    own_model(lambda: ask.run(word="x"), usage=usage).call("x")
    assert kit.outline(recording.spans) == ["crewai.llm.call", "  crewai.tool.ask", "    crewai.llm.call"]
    assert kit.billed_tokens(recording.spans) == 36


def test_a_failure_is_the_sdks_own(server: Any, recording: Recording) -> None:
    """LLM-8, INST-12."""
    server.script = [401]
    with pytest.raises(Exception) as failure:
        server.model(max_retries=0).call("x")
    known = recording.only.attributes
    assert (known["error_type"], known["error_reason"]) == (type(failure.value).__name__, "auth")
    assert known["input"] and not set(TOKENS) & set(known)


@needs_base
def test_a_cancelled_call_says_so(recording: Recording, run: Any) -> None:
    """LLM-8."""

    class Slow(BaseLLM):  # type: ignore[misc, valid-type]
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            return ""

        async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            await asyncio.Event().wait()

    async def work() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(Slow(model="own-1").acall("x"), 0.01)

    run(work())
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "cancelled")


@needs_counts
def test_calls_in_threads_do_not_mix(recording: Recording) -> None:
    """CTX-1: one model used by several threads at once."""
    barrier = threading.Barrier(3)
    model = own_model(lambda: f"answer {barrier.wait(10) >= 0}", usage={"prompt_tokens": 1, "completion_tokens": 1})
    threads = [threading.Thread(target=model.call, args=(f"question {at}",)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [span.attributes["tokens_total"] for span in recording.spans] == [2, 2, 2]
    assert len({span.trace_id for span in recording.spans}) == 3


@needs_base
def test_what_the_caller_changes_later_is_not_recorded(recording: Recording) -> None:
    """INST-13: messages are copied when the call begins."""
    messages = [{"role": "user", "content": "before"}]

    def answer() -> str:
        messages[0]["content"] = "after"
        return "ok"

    own_model(answer).call(messages)
    assert "before" in recording.only.attributes["input"]


@needs_base
def test_a_class_made_while_tracing_works_after_it() -> None:
    """INST-17: and is as its program wrote it."""
    with record(plugins=["crewai"]):
        model = own_model()
        assert getattr(type(model).call, "__peekr__", None) == "crewai"
    assert not hasattr(type(model).call, "__peekr__")
    assert "__init_subclass__" in vars(BaseLLM) or BaseLLM is not None
    assert model.call("x") == "Paris."
    assert own_model().call("x") == "Paris."
