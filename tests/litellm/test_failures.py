"""Calls that fail, are tried again, or turn to another model."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

litellm = pytest.importorskip("litellm", reason="litellm is not installed")

from peekr.probes import Reply  # noqa: E402
from peekr.testing import Recording, record  # noqa: E402

TOO_LONG = "This model's maximum context length is 8192 tokens."


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (401, "Incorrect API key provided", "auth"),
        (429, "slow down", "rate_limit"),
        (400, "no such thing", "bad_request"),
        (400, TOO_LONG, "context_length"),
        (500, "broken", "server_error"),
    ],
)
def test_a_failure_is_litellms_own_exception_with_its_reason(
    api: Any, recording: Recording, run: Any, is_async: bool, status: int, message: str, reason: str
) -> None:
    """LLM-3, LLM-8, INST-12."""
    api.fails(status, message)
    given = api.chat(max_retries=0)
    with pytest.raises(Exception) as failure:
        run(litellm.acompletion(**given)) if is_async else litellm.completion(**given)
    span = recording.only
    assert type(failure.value).__module__.startswith("litellm")
    assert span.status == "error" and span.attributes["error_type"] == type(failure.value).__name__
    assert span.attributes["error_reason"] == reason and span.attributes["provider"] == "openai"
    assert span.attributes["input"] and "tokens_total" not in span.attributes


def test_a_lost_connection_is_called_one(recording: Recording) -> None:
    """LLM-8: LiteLLM calls it an internal error of the server."""
    given = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    with pytest.raises(Exception, match="onnect"):
        litellm.completion(api_base="http://127.0.0.1:9/v1", api_key="x", max_retries=0, **given)
    assert recording.only.attributes["error_reason"] == "connection"


def test_a_timeout_is_called_one(api: Any, recording: Recording) -> None:
    """LLM-8."""
    with pytest.raises(litellm.Timeout):
        litellm.completion(**api.chat(mock_response=litellm.Timeout("slow", "gpt-4o", "openai")))
    assert recording.only.attributes["error_reason"] == "timeout"


@pytest.mark.parametrize("is_async", [False, True])
def test_retries_inside_are_one_call(api: Any, recording: Recording, kit: Any, run: Any, is_async: bool) -> None:
    """LLM-10: num_retries, the tokens once and the number of retries."""
    pytest.importorskip("tenacity", reason="LiteLLM retries with tenacity")
    for given in (api.claude(num_retries=2), api.chat(num_retries=2)):
        api.fails(500, "broken")
        run(litellm.acompletion(**given)) if is_async else litellm.completion(**given)
    first, second = recording.spans
    assert (first.status, first.attributes["retry_count"], len(api.requests)) == ("ok", 1, 4)
    assert second.status == "ok"  # OpenAI's SDK does it, and LiteLLM hears nothing of it
    assert kit.billed(recording.spans) == 36


@pytest.mark.parametrize("is_async", [False, True])
def test_a_fallback_to_another_model_is_one_call(api: Any, recording: Recording, run: Any, is_async: bool) -> None:
    """LLM-10: model and provider are those that answered."""
    api.fails(500, "broken")
    claude = {key: value for key, value in api.claude().items() if key != "messages"}
    given = api.chat(fallbacks=[claude], max_retries=0)
    run(litellm.acompletion(**given)) if is_async else litellm.completion(**given)
    span = recording.only
    assert (span.attributes["provider"], span.attributes["model"]) == ("anthropic", "claude-sonnet-4-5")
    assert span.attributes["model_requested"] == "openai/gpt-4o"
    assert span.attributes["retry_count"] in (1, 2)  # LiteLLM 1.55 runs once more through itself


def router(api: Any, **settings: Any) -> Any:
    """A Router that turns from OpenAI to Anthropic."""
    of_openai = {"model": "openai/gpt-4o", **api.openai(max_retries=0)}
    claude = {key: value for key, value in api.claude().items() if key != "messages"}
    models = [
        {"model_name": "good", "litellm_params": of_openai},
        {"model_name": "other", "litellm_params": claude},
        {"model_name": "embedder", "litellm_params": {"model": "openai/text-embedding-3-small", **api.openai()}},
    ]
    given = {"fallbacks": [{"good": ["other"]}], "num_retries": 0, "cooldown_time": 0, **settings}
    return litellm.Router(model_list=models, **given)


MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_call_of_the_router_is_one_span(api: Any, recording: Recording, run: Any, is_async: bool) -> None:
    """LLM-2, LLM-10."""
    routed = router(api)
    if is_async:
        run(routed.acompletion("good", MESSAGES))
        run(routed.aembedding("embedder", ["hi"]))
    else:
        routed.completion("good", MESSAGES)
        routed.embedding("embedder", ["hi"])
    call, embedding = recording.spans
    assert (call.name, call.attributes["model_requested"]) == ("litellm.completion", "good")
    assert (call.attributes["provider"], call.attributes["tokens_total"]) == ("openai", 18)
    assert (embedding.name, embedding.attributes["tokens_total"]) == ("litellm.embedding", 11)
    assert "retry_count" not in call.attributes


@pytest.mark.parametrize("is_async", [False, True])
def test_retries_of_the_router_are_one_call(api: Any, recording: Recording, run: Any, is_async: bool) -> None:
    """LLM-10."""
    api.fails(500, "broken")
    routed = router(api, num_retries=1, fallbacks=[], retry_after=0)
    run(routed.acompletion("good", MESSAGES)) if is_async else routed.completion("good", MESSAGES)
    assert recording.only.attributes["retry_count"] == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_a_fallback_of_the_router_is_one_call(api: Any, recording: Recording, run: Any, is_async: bool) -> None:
    """LLM-10."""
    api.fails(401, "no key")
    routed = router(api)
    run(routed.acompletion("good", MESSAGES)) if is_async else routed.completion("good", MESSAGES)
    span = recording.only
    assert (span.attributes["provider"], span.attributes["tokens_total"]) == ("anthropic", 18)
    assert span.attributes["retry_count"] == 1 and span.status == "ok"


def test_a_router_made_before_is_traced(api: Any) -> None:
    """INST-7."""
    routed = router(api)
    with record(plugins=["litellm"]) as recording:
        routed.completion("good", MESSAGES)
        assert recording.only.attributes["tokens_total"] == 18


def test_a_cancelled_call_says_so(api: Any, recording: Recording, run: Any) -> None:
    """LLM-8."""
    let_go, asked = threading.Event(), threading.Event()

    class Slow:
        """Replies when it may."""

        def pop(self, index: int) -> Any:
            asked.set()
            let_go.wait(10)
            return None

    api.replies = Slow()

    async def work() -> None:
        task = asyncio.ensure_future(litellm.acompletion(**api.chat()))
        await asyncio.get_running_loop().run_in_executor(None, asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    try:
        run(work())
    finally:
        let_go.set()
        api.replies = []
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "cancelled")


def test_a_repeat_by_the_caller_is_linked_to_the_failed_call(api: Any, recording: Recording) -> None:
    """LLM-10: retry_of and attempt."""
    import peekr

    api.fails(500, "broken")
    with peekr.span("parent"):
        for _ in range(2):
            try:
                litellm.completion(**api.chat(max_retries=0))
            except (litellm.InternalServerError, litellm.exceptions.APIError):
                continue
    failed, repeated = recording.named("litellm.completion")
    assert repeated.attributes["retry_of"] == failed.span_id and repeated.attributes["attempt"] == 2


def test_what_capture_cannot_read_leaves_the_call_alone(api: Any, caplog: Any) -> None:
    """INST-13: arguments that misbehave."""

    class Hostile(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            raise RuntimeError("no")

    with record(plugins=["litellm"]) as recording:
        result = litellm.completion(**api.chat(metadata=Hostile(a=1), response_format={"type": "text"}))
        assert result.choices[0].message.content == "Paris."
        assert recording.only.attributes["tokens_total"] == 18


def test_a_guardrail_stops_a_call_before_it_leaves_and_an_answer_before_it_is_seen(api: Any, run: Any) -> None:
    """GUARD, INST-13: sync and async."""
    import peekr

    class Nothing(peekr.guard.BaseGuardrail):
        def __init__(self, what: str) -> None:
            self.what = what

        def check_input(self, span: Any) -> None:
            if self.what in span.attributes.get("input", ""):
                raise peekr.GuardrailError("not that")

        def check_output(self, span: Any) -> None:
            if self.what in span.attributes.get("output", ""):
                raise peekr.GuardrailError("not that")

    for what, asked in (("capital", 0), ("Paris", 1)):
        for is_async in (False, True):
            api.requests.clear()
            with record(plugins=["litellm"], guardrails=[Nothing(what)]) as recording:
                with pytest.raises(peekr.GuardrailError):
                    run(litellm.acompletion(**api.chat())) if is_async else litellm.completion(**api.chat())
                span = recording.only
            assert len(api.requests) == asked
            assert (span.status, span.attributes["error_reason"]) == ("error", "guardrail")


def test_an_error_inside_a_good_answer_is_litellms_affair(api: Any, recording: Recording) -> None:
    """LLM-8: what LiteLLM makes of it is what the span says."""
    api.replies.append(Reply.json({"error": {"message": "upstream", "code": 502}}))
    with pytest.raises(Exception) as failure:
        litellm.completion(**api.chat(max_retries=0))
    assert recording.only.attributes["error_type"] == type(failure.value).__name__
