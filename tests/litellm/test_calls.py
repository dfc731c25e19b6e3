"""Plain calls: what the span of each function says."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

import pytest

litellm = pytest.importorskip("litellm", reason="litellm is not installed")

from litellm import acompletion, completion  # noqa: E402 - bound before instrument(), as programs do

import peekr  # noqa: E402
from peekr.probes import Reply  # noqa: E402
from peekr.testing import Recording, record  # noqa: E402

bound = functools.partial(completion, temperature=0.5)
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def chat_reply(message: Any = None, finish: str = "stop", usage: Any = None, **more: Any) -> Reply:
    """A chat completion of OpenAI's API."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **(message or {})}, "finish_reason": finish}
    head = {"id": "id-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06"}
    return Reply.json({**head, "choices": [choice], "usage": usage or USAGE, **more})


def test_a_completion_is_a_span_with_the_essentials(api: Any, recording: Recording) -> None:
    """LLM-2, LLM-3, LLM-4."""
    api.replies.append(chat_reply({"content": "Paris."}))
    litellm.completion(**api.chat(temperature=0.5))
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, span.status) == ("litellm.completion", "llm", "ok")
    assert (attributes["provider"], attributes["model"]) == ("openai", "gpt-4o-2024-08-06")
    assert attributes["model_requested"] == "openai/gpt-4o"
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 7, 18)
    assert json.loads(attributes["input"]) == [{"role": "user", "content": "What is the capital of France?"}]
    assert attributes["output"] == "Paris." and attributes["finish_reason"] == "stop"
    assert "retry_count" not in attributes and "billed" not in attributes
    payload = span.payload or {}
    assert payload["request"]["temperature"] == 0.5
    assert payload["response"]["choices"][0]["message"]["content"] == "Paris."


@pytest.mark.parametrize("ask", ["chat", "claude"])
def test_the_provider_is_the_one_that_litellm_resolved(api: Any, recording: Recording, run: Any, ask: str) -> None:
    """LLM-2: attributes.provider, sync and async."""
    given = getattr(api, ask)()
    litellm.completion(**given)
    run(litellm.acompletion(**given))
    assert [span.attributes["provider"] for span in recording.spans] == [given["model"].split("/")[0]] * 2
    assert [span.attributes["tokens_total"] for span in recording.spans] == [18, 18]


def test_functions_that_were_imported_by_name_before_are_traced(api: Any, recording: Recording, run: Any) -> None:
    """INST-7: the function itself is reached, in whatever variable."""
    completion(**api.chat())
    bound(**api.chat())
    run(acompletion(**api.chat()))
    litellm.main.completion(**api.chat())
    run(litellm.main.acompletion(**api.chat()))
    assert [span.name for span in recording.spans] == ["litellm.completion"] * 5


def test_the_functions_look_as_before_and_are_as_before_afterwards() -> None:
    """INST-12, INST-17: the same objects with the same signature, and their own code again."""
    functions = [completion, acompletion, litellm.embedding, litellm.moderation, litellm.text_completion]
    before = [(each.__code__, inspect.signature(each), dict(vars(each)), each.__name__) for each in functions]
    with record(plugins=["litellm"]):
        for each, (code, signature, _, name) in zip(functions, before):
            assert each.__code__ is not code
            assert (inspect.signature(each), each.__name__) == (signature, name)
        assert litellm.completion is completion
        assert inspect.iscoroutinefunction(acompletion) and not inspect.iscoroutinefunction(completion)
    assert [(each.__code__, inspect.signature(each), dict(vars(each)), each.__name__) for each in functions] == before


def test_a_call_is_a_child_of_the_current_span_which_stays_current(api: Any, recording: Recording, run: Any) -> None:
    """LLM-3, CTX: sync and async."""
    with peekr.span("parent") as parent:
        litellm.completion(**api.chat())
        assert peekr.get_current_span() is parent

    async def work() -> None:
        with peekr.span("parent") as inner:
            await litellm.acompletion(**api.chat())
            assert peekr.get_current_span() is inner

    run(work())
    calls = recording.named("litellm.completion")
    assert [call.parent_id for call in calls] == [span.span_id for span in recording.named("parent")]


def test_positional_arguments_are_read_by_name(api: Any, recording: Recording) -> None:
    """LLM-4."""
    litellm.completion("openai/gpt-4o", [{"role": "user", "content": "hi"}], **api.openai())
    litellm.embedding("openai/text-embedding-3-small", ["hi"], **api.openai())
    first, second = recording.spans
    assert first.attributes["model_requested"] == "openai/gpt-4o" and "hi" in first.attributes["input"]
    assert second.attributes["input"] == '["hi"]'


def test_the_result_is_the_same_as_without_tracing(api: Any, kit: Any) -> None:
    """INST-12."""
    bare = litellm.completion(**api.chat())
    with record(plugins=["litellm"]):
        traced = litellm.completion(**api.chat())
    assert type(traced) is type(bare) and kit.plain(traced) == kit.plain(bare)


def test_tool_calls_without_text_are_the_output(api: Any, recording: Recording) -> None:
    """LLM-7."""
    function = {"name": "lookup", "arguments": '{"city": "Paris"}'}
    calls = [{"id": "call-1", "type": "function", "function": function}]
    api.replies.append(chat_reply({"tool_calls": calls}, "tool_calls"))
    litellm.completion(**api.chat())
    attributes = recording.only.attributes
    assert json.loads(attributes["output"]) == [function] and attributes["tool_calls"] == 1


@pytest.mark.parametrize(
    ("message", "finish", "reason"),
    [({"content": "x"}, "content_filter", "content_filter"), ({"refusal": "I will not."}, "stop", "refusal")],
)
def test_a_refusal_is_no_failure(api: Any, recording: Recording, message: Any, finish: str, reason: str) -> None:
    """LLM-9."""
    api.replies.append(chat_reply(message, finish))
    result = litellm.completion(**api.chat())
    if reason == "refusal" and "I will not" not in str(result):
        pytest.skip("this LiteLLM drops the refusal of a message")
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", reason)


def test_a_system_prompt_leads_the_input(api: Any, recording: Recording) -> None:
    """LLM-5."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    litellm.completion(**{**api.claude(), "messages": messages})
    assert json.loads(recording.only.attributes["input"]) == messages
    assert recording.only.attributes["system"] == "Be brief."


def test_messages_that_came_back_may_be_sent_again(api: Any, recording: Recording) -> None:
    """LLM-4: LiteLLM's own objects in the history, as its documentation has it."""
    function = {"name": "lookup", "arguments": "{}"}
    api.replies.append(chat_reply({"tool_calls": [{"id": "c1", "type": "function", "function": function}]}))
    said = litellm.completion(**api.chat()).choices[0].message
    messages = [{"role": "user", "content": "hi"}, said, {"role": "tool", "tool_call_id": "c1", "content": "4"}]
    litellm.completion(**{**api.chat(), "messages": messages})
    shown = json.loads(recording.spans[1].attributes["input"])
    assert shown[1]["role"] == "assistant" and shown[1]["tool_calls"][0]["function"] == function
    assert shown[2]["content"] == "4"


def test_keys_are_recorded_nowhere(api: Any, recording: Recording) -> None:
    """PRIV: what is no question to the model is not captured."""
    litellm.completion(**api.chat(extra_headers={"x-key": "sk-secret-3"}, metadata={"key": "sk-secret-4"}))
    assert "secret" not in json.dumps(recording.records)


def test_without_capture_there_is_no_content(api: Any, run: Any) -> None:
    """LLM-12: plain, streamed, failed."""
    with record(plugins=["litellm"], capture_io=False) as recording:
        litellm.completion(**api.chat("a secret"))
        list(litellm.completion(**api.chat("a secret", stream=True)))
        litellm.embedding(model="openai/text-embedding-3-small", input=["a secret"], **api.openai())
        spans = recording.spans
    for span in spans:
        assert not {"input", "output", "system"} & set(span.attributes) and span.payload is None
        assert span.attributes["model"] and span.attributes["tokens_input"] == 11


def test_a_mocked_answer_is_an_answer(recording: Recording) -> None:
    """LLM-3: LiteLLM's own mock_response, plain and streamed."""
    messages = [{"role": "user", "content": "hi"}]
    litellm.completion(model="gpt-4o", messages=messages, mock_response="Paris.")
    list(litellm.completion(model="gpt-4o", messages=messages, mock_response="Paris.", stream=True))
    for span in recording.spans:
        assert (span.attributes["output"], span.attributes["model"]) == ("Paris.", "gpt-4o")


def test_each_call_of_a_batch_is_a_span_under_the_caller(api: Any, recording: Recording) -> None:
    """LLM-10: batch_completion calls in threads."""
    given = api.chat()
    messages = [given.pop("messages")] * 3
    with peekr.span("parent") as parent:
        litellm.batch_completion(messages=messages, **given)
    calls = recording.named("litellm.completion")
    assert [call.parent_id for call in calls] == [parent.span_id] * 3


def test_an_embedding_is_counted_and_its_vectors_are_not_kept(api: Any, recording: Recording, run: Any) -> None:
    """LLM-6."""
    given = api.openai(model="openai/text-embedding-3-small", input=["hi"])
    litellm.embedding(**given)
    run(litellm.aembedding(**given))
    for span in recording.spans:
        attributes = span.attributes
        assert (span.name, span.kind, attributes["provider"]) == ("litellm.embedding", "embedding", "openai")
        assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 0, 11)
        assert (attributes["embeddings_count"], attributes["embeddings_dimensions"]) == (1, 2)
        assert "0.25" not in json.dumps(span.to_dict())


def test_anthropics_cached_tokens_are_part_of_the_input(api: Any, recording: Recording) -> None:
    """LLM-6, field.md row 15: inclusive totals, with the subsets beside them."""
    usage = {"input_tokens": 10, "output_tokens": 7, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30}
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "stop_reason": "end_turn",
    }
    content = [{"type": "text", "text": "Paris."}]
    api.replies.append(Reply.json({**message, "content": content, "stop_sequence": None, "usage": usage}))
    litellm.completion(**api.claude())
    attributes = recording.only.attributes
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (140, 7, 147)
    assert (attributes["tokens_cached"], attributes["tokens_cache_write"]) == (100, 30)


def test_anthropics_cached_tokens_are_part_of_the_input_of_a_stream(api: Any, recording: Recording) -> None:
    """LLM-6, STREAM-7, field.md row 15: in the streams of older versions LiteLLM leaves them out."""
    usage = {"input_tokens": 500, "output_tokens": 1, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30}
    start = {"id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": []}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris."}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    events = [{"type": "message_start", "message": {**start, "usage": usage}}, block, delta]
    events += [{"type": "content_block_stop", "index": 0}, end, {"type": "message_stop"}]
    api.replies.append(Reply.events(events, named=True))
    list(litellm.completion(**api.claude(stream=True)))
    attributes = recording.only.attributes
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (630, 7, 637)
    assert (attributes["tokens_cached"], attributes["tokens_cache_write"]) == (100, 30)


def test_cached_and_reasoning_tokens_of_openai_are_kept_beside_the_totals(api: Any, recording: Recording) -> None:
    """LLM-6."""
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 5}}
    api.replies.append(chat_reply({"content": "x"}, usage={**USAGE, **details}))
    litellm.completion(**api.chat())
    attributes = recording.only.attributes
    assert (attributes["tokens_total"], attributes["tokens_cached"], attributes["tokens_reasoning"]) == (18, 4, 5)


def test_an_answer_from_litellms_cache_is_not_billed(api: Any, recording: Recording, kit: Any) -> None:
    """Money: the second answer cost nothing."""
    litellm.cache = litellm.Cache(type="local")
    litellm.completion(**api.chat("cached?"))
    try:
        litellm.completion(**api.chat("cached?"))
    except ImportError as error:
        pytest.skip(f"the cache of this LiteLLM wants more: {error}")
    assert len(api.requests) == 1
    first, second = recording.spans
    assert "billed" not in first.attributes and kit.billed(recording.spans) == 18
    assert second.attributes["cached_response"] is True and second.attributes["billed"] is False


def test_calls_that_callbacks_make_are_calls_of_their_own(api: Any, recording: Recording) -> None:
    """A program's own callback may ask a model too: under the call, and counted."""
    from litellm.integrations.custom_logger import CustomLogger

    class Judge(CustomLogger):
        asked = 0

        def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
            if not self.asked:
                self.asked += 1
                litellm.completion(**api.chat("is that allowed?"))

    litellm.callbacks = [Judge()]
    litellm.completion(**api.chat("the question"))
    inner, outer = sorted(recording.spans, key=lambda span: "the question" in span.attributes["input"])
    assert inner.parent_id == outer.span_id
    assert [span.attributes["tokens_total"] for span in (inner, outer)] == [18, 18]
    assert "billed" not in outer.attributes and "retry_count" not in outer.attributes


@pytest.mark.skipif(not hasattr(litellm, "responses"), reason="this LiteLLM has no responses()")
def test_the_responses_api_is_traced(api: Any, recording: Recording, run: Any) -> None:
    """LLM-13; of another provider's model it is translated into a completion, which is the same call."""
    given = {"input": "What is the capital of France?", "instructions": "Be brief."}
    litellm.responses(model="openai/gpt-4o", **api.openai(), **given)
    run(litellm.aresponses(model="openai/gpt-4o", **api.openai(), **given))
    claude = {"model": "anthropic/claude-sonnet-4-5", "api_base": api.url, "api_key": "x"}
    litellm.responses(**claude, **given)
    run(litellm.aresponses(**claude, **given))
    for span in recording.spans:
        assert span.name == "litellm.responses" and span.attributes["output"] == "Paris."
        assert span.attributes["tokens_total"] == 18 and span.attributes["system"] == "Be brief."
        assert "retry_count" not in span.attributes
    assert [span.attributes["provider"] for span in recording.spans] == ["openai", "openai", "anthropic", "anthropic"]


def test_long_content_is_cut_and_the_callers_objects_are_left_alone(api: Any, recording: Recording) -> None:
    """LLM-11."""
    given = api.chat("x" * 300_000)
    before = json.dumps(given["messages"])
    litellm.completion(**given)
    span = recording.only
    assert len(span.attributes["input"]) <= 1000 and span.attributes["input"].endswith("…")
    assert (span.payload or {})["truncated"] is True and json.dumps(given["messages"]) == before
