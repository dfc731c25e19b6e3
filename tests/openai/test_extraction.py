"""The pure functions between JSON and attributes, without any SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peekr.messages import compose, lighten, messages_text
from peekr.reasons import error_attributes, is_json, reason_of
from peekr_openai import body
from peekr_openai.events import accumulator
from peekr_openai.operations import classify
from peekr_openai.request import files_note, input_text
from peekr_openai.response import response_attributes, served_by
from peekr_openai.usage import token_attributes

# -- operations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [
        ("post", "/chat/completions", "openai.chat.completions"),
        ("post", "/completions", "openai.completions"),
        ("POST", "chat/completions", "openai.chat.completions"),
        ("post", "https://x.example/v1/chat/completions/?a=1#b", "openai.chat.completions"),
        ("post", "/responses?beta=true", "openai.responses"),
        ("post", "/responses/compact", "openai.responses.compact"),
        ("post", "/responses/resp_1/cancel", "openai.responses.cancel"),
        ("get", "/responses/resp_1", "openai.responses.retrieve"),
        ("post", "/vector_stores/vs_1/search", "openai.vector_stores.search"),
        ("post", "/threads/t_1/runs", "openai.threads.runs"),
        ("post", "/audio/speech", "openai.audio.speech"),
        ("get", "/responses/resp_1/input_items", None),
        ("get", "/chat/completions", None),
        ("post", "/files", None),
        ("get", "/threads/t_1/runs/r_1", None),
        ("delete", "/responses/resp_1", None),
        ("post", "/organization/completions/x", None),
    ],
)
def test_a_request_is_known_by_method_and_path(method: str, url: str, name: Any) -> None:
    """LLM-1, LLM-13, MODEL-2."""
    found = classify(method, url)
    assert (found.name if found else None) == name


# -- usage --------------------------------------------------------------------------------------------------------


def test_cached_and_reasoning_tokens_are_parts_not_additions() -> None:
    """Design 5, field B 15 and 16."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    assert token_attributes(usage) == {
        "tokens_input": 100,
        "tokens_output": 50,
        "tokens_total": 150,
        "tokens_cached": 80,
        "tokens_cache_write": 5,
        "tokens_reasoning": 30,
    }


@pytest.mark.parametrize("usage", [None, {}, "x", [], {"type": "duration", "seconds": 3}, {"prompt_tokens": None}])
def test_no_usage_gives_no_tokens(usage: Any) -> None:
    """Never a zero that nobody reported."""
    assert token_attributes(usage) == {}


def test_a_missing_total_is_the_sum() -> None:
    """LLM-6."""
    assert token_attributes({"input_tokens": 3, "output_tokens": 4})["tokens_total"] == 7


def test_an_embedding_has_no_output_tokens() -> None:
    """LLM-6; a compatible server may report some."""
    found = token_attributes({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 5}, embedding=True)
    assert found == {"tokens_input": 5, "tokens_output": 0, "tokens_total": 5}


# -- requests -----------------------------------------------------------------------------------------------------


def test_a_short_conversation_is_json() -> None:
    """LLM-4."""
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Žluťoučký kůň"}]
    assert json.loads(input_text("chat", {"messages": messages}) or "") == messages


def test_a_long_message_is_cut() -> None:
    """LLM-11."""
    shown = input_text("chat", {"messages": [{"role": "user", "content": "x" * 5000}]}) or ""
    assert (len(shown), shown[-1], shown[:20]) == (1000, "…", '[{"role": "user", "c')


def test_the_last_question_stays_visible_behind_a_long_history() -> None:
    """LLM-11: what was asked is worth more than the rest of a system prompt."""
    history = [{"role": role, "content": "blah " * 100} for role in ("system", "user", "assistant")]
    messages = [*history, {"role": "user", "content": "And in Rome?"}, {"role": "tool", "content": "sunny"}]
    shown = messages_text(messages)
    assert len(shown) <= 1000
    assert shown.startswith('[{"role": "system", "content": "blah blah')
    assert "And in Rome?" in shown
    assert "sunny" in shown
    assert shown.endswith("…")


def test_the_last_part_of_a_question_stays_visible() -> None:
    parts = [{"type": "text", "text": "context " * 100} for _ in range(4)] + [{"type": "text", "text": "Sum it up."}]
    shown = messages_text([{"role": "user", "content": parts}])
    assert len(shown) <= 1000
    assert "Sum it up." in shown


def test_base64_is_named_by_its_length() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    audio = {"type": "input_audio", "input_audio": {"data": "B" * 5000, "format": "wav"}}
    shown = json.dumps(lighten([image, audio, {"type": "text", "text": "C " * 200}]))
    assert "data:image/png;base64,<5000 characters>" in shown
    assert "<base64, 5000 characters>" in shown
    assert shown.count("C ") == 200


@pytest.mark.parametrize(
    ("request_", "shown"),
    [
        ({"prompt": "Once upon"}, "Once upon"),
        ({"prompt": ["a", "b"]}, '["a", "b"]'),
        ({"input": "x", "model": "m"}, "x"),
        ({"query": "q"}, "q"),
        ({"model": "m"}, None),
        ({"messages": None}, None),
    ],
)
def test_other_requests_show_what_was_said(request_: Any, shown: Any) -> None:
    assert input_text("other", request_) == shown


def test_uploads_are_described_not_read() -> None:
    class File:
        name = "b.mp3"

        def read(self) -> bytes:
            raise AssertionError("read")

    files = [("image[]", ("a.png", b"123", "image/png")), ("file", File()), ("more", ("c.mp3",))]
    assert files_note(files) == [
        {"field": "image[]", "name": "a.png", "size_bytes": 3},
        {"field": "file", "name": "b.mp3"},
        {"field": "more", "name": "c.mp3"},
    ]


# -- responses ----------------------------------------------------------------------------------------------------


def _chat(*messages: Any, finish: str = "stop") -> Any:
    return {"choices": [{"message": message, "finish_reason": finish} for message in messages]}


def test_several_choices_are_joined() -> None:
    found = response_attributes("chat", _chat({"content": "one"}, {"content": "two"}))
    assert (found["output"], found["finish_reason"]) == ("one\n\ntwo", "stop")


def test_text_and_tool_calls_are_both_visible() -> None:
    """LLM-7, also when both are long."""
    call = {"name": "lookup", "arguments": '{"q": "%s"}' % ("y" * 2000)}
    shown = compose("z" * 5000, [call])
    assert len(shown) <= 1000
    assert shown.startswith("zzz")
    assert '[{"name": "lookup", "arguments": "{' in shown


def test_a_legacy_function_call_is_a_tool_call() -> None:
    found = response_attributes("chat", _chat({"content": None, "function_call": {"name": "f", "arguments": "{}"}}))
    assert (found["output"], found["tool_calls"]) == ('[{"name": "f", "arguments": "{}"}]', 1)


def test_spoken_answers_and_parts_are_text() -> None:
    assert response_attributes("chat", _chat({"audio": {"transcript": "hi"}}))["output"] == "hi"
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "hi"}]
    assert response_attributes("chat", _chat({"content": parts}))["output"] == "hi"


def test_a_custom_tool_takes_any_text() -> None:
    """Its input is no JSON, which is no error."""
    item = {"type": "custom_tool_call", "name": "run", "input": "print(1)"}
    found = response_attributes("responses", {"output": [item], "status": "completed"})
    assert "error_reason" not in found
    assert found["output"] == '[{"name": "run", "arguments": "print(1)"}]'


def test_an_incomplete_response_says_why() -> None:
    """LLM-9."""
    response = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []}
    found = response_attributes("responses", response)
    assert (found["finish_reason"], found["error_reason"]) == ("content_filter", "content_filter")


@pytest.mark.parametrize(
    "family", ["chat", "responses", "embeddings", "images", "audio", "moderations", "threads", "x"]
)
@pytest.mark.parametrize("response", [{}, {"choices": [3], "output": "x", "data": 7, "results": [None], "error": "e"}])
def test_odd_responses_raise_nothing(family: str, response: Any) -> None:
    """INST-13."""
    assert "tokens_total" not in response_attributes(family, response)


def test_embeddings_are_counted_in_both_encodings() -> None:
    floats = b'{"data":[{"embedding":[0.1, 0.2, 3]},{"embedding":[1,2,3]}],"model":"m","usage":{"total_tokens":4}}'
    packed = b'{"data":[{"embedding":"AACAPwAAAEAAAEBA"}],"model":"m"}'
    assert body.read(floats, "embeddings")["data"] == {"count": 2, "dimensions": 3}
    assert body.read(packed, "embeddings") == {"model": "m", "data": {"count": 1, "dimensions": 3}}


def test_a_body_that_is_no_json_is_text() -> None:
    assert body.read(b"1\nhello", "audio") == {"text": "1\nhello"}
    assert body.read(b'"hello"', "audio") == {"text": "hello"}
    assert body.read(b'{"a": NaN}', "chat").keys() == {"a"}


def test_servers_are_named() -> None:
    assert served_by("OpenAI", "api.openai.com") == {"provider": "openai"}
    assert served_by("AsyncAzureOpenAI", "x.example") == {"provider": "azure", "server": "x.example"}
    assert served_by("OpenAI", "a.openai.azure.com") == {"provider": "azure", "server": "a.openai.azure.com"}


# -- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (413, None, "input is too long for requested model", "context_length"),
        (400, "content_policy_violation", "", "content_filter"),
        (500, None, "content filter service down", "server_error"),
        (408, None, "", "timeout"),
        (None, "rate_limit_exceeded", "", "rate_limit"),
        (413, "rate_limit_exceeded", "Request too large on tokens per minute", "rate_limit"),
        (402, None, "Insufficient balance", "rate_limit"),
        (400, None, "This model's maximum prompt length is 8 but the request contains 9 tokens.", "context_length"),
        (400, None, "the request exceeds the available context size", "context_length"),
        (400, "invalid_prompt", "flagged as potentially violating our usage policy", "content_filter"),
        (None, None, "?", "other"),
    ],
)
def test_reasons(status: Any, code: Any, message: str, reason: str) -> None:
    """D-1."""
    assert reason_of(status, code, message) == reason


def test_an_error_whose_message_cannot_be_read_has_a_reason() -> None:
    """INST-13."""

    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert error_attributes(Odd()) == {"error_reason": "other"}


@pytest.mark.parametrize("family", ["chat", "completions", "embeddings"])
def test_a_router_that_reports_an_error_with_a_200_has_failed(family: str) -> None:
    """LLM-8: the SDK hands out an answer without choices."""
    found = response_attributes(family, {"error": {"code": 429, "message": "Provider is busy"}, "user_id": "u"})
    assert (found["error"], found["error_type"], found["error_reason"]) == ("Provider is busy", "429", "rate_limit")


def test_an_answer_with_an_error_beside_its_choices_is_an_answer() -> None:
    """LLM-3."""
    found = response_attributes("chat", {"error": {"message": "x"}, "choices": [{"message": {"content": "Paris."}}]})
    assert found["output"] == "Paris." and "error" not in found


def test_fields_of_another_type_than_the_api_s_do_no_harm() -> None:
    """LLM-6, INST-13: the rest is read."""
    found = response_attributes("responses", {"output": [{"type": ["x"]}, {"type": "message", "content": 5}]})
    assert "error" not in found
    chunks = [{"choices": [{"index": "0", "delta": {"content": "a"}}]}, {"choices": [{"index": 0, "delta": {}}]}]
    folded = accumulator("chat")
    for chunk in chunks:
        folded.add(chunk)
    assert folded.response()["choices"][0]["message"]["content"] == "a"


def test_json_of_arguments() -> None:
    assert is_json("") and is_json(None) and is_json("{}")
    assert not is_json("{")


# -- streams ------------------------------------------------------------------------------------------------------


def _fold(family: str, *chunks: Any) -> Any:
    folded = accumulator(family)
    for chunk in chunks:
        folded.add(chunk)
    return folded.response()


def test_several_choices_are_folded_apart() -> None:
    def part(index: int, text: str) -> Any:
        return {"choices": [{"index": index, "delta": {"content": text}}]}

    choices = _fold("chat", part(0, "a"), part(1, "x"), part(0, "b"), part(1, "y"))["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["ab", "xy"]


def test_tool_calls_that_share_an_index_are_told_apart_by_id() -> None:
    """Some compatible servers give every call the index 0."""

    def part(id_: str, name: str) -> Any:
        call = {"index": 0, "id": id_, "function": {"name": name, "arguments": "{}"}}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    message = _fold("chat", part("a", "f"), part("b", "g"))["choices"][0]["message"]
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["f", "g"]


def test_reasoning_of_compatible_servers_is_kept_in_the_payload() -> None:
    chunk = {"choices": [{"index": 0, "delta": {"reasoning_content": "hm", "content": "yes"}}]}
    message = _fold("chat", chunk, chunk)["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("hmhm", "yesyes")


def test_an_interrupted_function_call_is_kept() -> None:
    item = {"type": "function_call", "name": "f", "arguments": ""}
    found = _fold(
        "responses",
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"a":'},
    )
    assert found["output"] == [{"type": "function_call", "name": "f", "arguments": '{"a":'}]


def test_a_streamed_transcription_has_text_and_usage() -> None:
    found = _fold(
        "audio",
        {"type": "transcript.text.delta", "delta": "hel"},
        {"type": "transcript.text.delta", "delta": "lo"},
        {"type": "transcript.text.done", "text": "hello", "usage": {"total_tokens": 3}},
    )
    assert found == {"text": "hello", "usage": {"total_tokens": 3}}


def test_a_streamed_image_is_not_copied() -> None:
    done = {"type": "image_generation.completed", "b64_json": "A" * 999, "usage": {"total_tokens": 3}}
    found = _fold("images", {"type": "image_generation.partial_image", "b64_json": "B"}, done)
    assert found == {"usage": {"total_tokens": 3}, "data": [{"b64_json": "<base64, 999 characters>"}]}


def test_a_streamed_run_has_text_and_usage() -> None:
    found = _fold(
        "threads",
        {"event": "thread.run.created", "data": {"id": "run_1", "status": "queued", "usage": None}},
        {"event": "thread.message.delta", "data": {"delta": {"content": [{"text": {"value": "hi"}}]}}},
        {"event": "thread.run.step.completed", "data": {"id": "step_1"}},
        {"event": "thread.run.completed", "data": {"id": "run_1", "status": "completed", "usage": {"total_tokens": 2}}},
    )
    assert found == {"id": "run_1", "status": "completed", "usage": {"total_tokens": 2}, "output_text": "hi"}


def _chunk(delta: Any, finish: Any = None, **changes: Any) -> Any:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **changes}]}


def test_a_stream_of_parts_is_text() -> None:
    """STREAM-3: Mistral's models that think answer in parts until they begin to speak, and after it in texts."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [_chunk({"content": [thought]}), _chunk({"content": [{"type": "text", "text": "Par"}]})]
    response = _fold("chat", *parts, _chunk({"content": "is."}), _chunk({}, "stop"))
    assert response["choices"][0]["message"] == {"role": "assistant", "thinking": "Hm.", "content": "Paris."}
    assert [piece for part in parts for _, piece in accumulator("chat").said(part)] == ["Par"]


def test_a_chat_whose_chunks_have_a_text_beside_the_delta_is_a_chat() -> None:
    """STREAM-3: Together repeats each delta as the text of a completion."""
    chunks = [_chunk({"role": "assistant", "content": word}, text=word) for word in ("Par", "is.")]
    found = response_attributes("chat", _fold("chat", *chunks, _chunk({}, "stop", text="")))
    assert (found["output"], found["finish_reason"]) == ("Paris.", "stop")


def test_usage_within_a_choice_counts() -> None:
    """STREAM-1: Moonshot tells it beside the last finish reason."""
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    response = _fold("chat", _chunk({"content": "Paris."}), _chunk({}, "stop", usage=usage))
    assert response_attributes("chat", response)["tokens_total"] == 18


def test_arguments_that_are_no_json_text_are_kept() -> None:
    """LLM-7."""
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    response = _fold("chat", _chunk({"tool_calls": [call]}), _chunk({}, "tool_calls"))
    assert json.loads(response_attributes("chat", response)["output"]) == [{"name": "f", "arguments": '{"a":1}'}]


@pytest.mark.parametrize(
    ("chunks", "cut"),
    [
        ([_chunk({"content": "Par"})], True),
        ([_chunk({"content": "Par"}), _chunk({}, "stop")], False),
        ([_chunk({"content": "Par"}), {"choices": [], "usage": {"total_tokens": 1}}], False),
        ([], False),
    ],
)
def test_a_chat_stream_without_its_end_is_incomplete(chunks: Any, cut: bool) -> None:
    """STREAM-4: the server hung up politely."""
    folded = accumulator("chat")
    for chunk in chunks:
        folded.add(chunk)
    assert folded.is_cut() is cut


def test_a_responses_stream_without_its_end_is_incomplete() -> None:
    """STREAM-4."""
    folded = accumulator("responses")
    assert not folded.is_cut()
    folded.add({"type": "response.created", "response": {"id": "resp_1"}})
    assert folded.is_cut()
    folded.add({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}})
    assert not folded.is_cut()


def test_what_was_made_stands_for_what_was_not_said() -> None:
    """LLM-3: an image, in either API."""
    image = {"type": "image_generation_call", "status": "completed", "result": "A" * 3000}
    found = response_attributes("responses", {"output": [{"type": "reasoning"}, image], "status": "completed"})
    assert json.loads(found["output"]) == [{**image, "result": "<base64, 3000 characters>"}]
    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3000}}
    chat = {"choices": [{"message": {"content": "", "images": [shown]}, "finish_reason": "stop"}]}
    assert "<3000 characters>" in response_attributes("chat", chat)["output"]


def test_a_choice_that_failed_says_why() -> None:
    """LLM-8: OpenRouter, of the provider behind it, in a 200."""
    choice = {"message": {"content": "Par"}, "finish_reason": "error", "error": {"code": 429, "message": "slow down"}}
    found = response_attributes("chat", {"choices": [choice]})
    assert (found["error_reason"], found["output"], "error" in found) == ("rate_limit", "Par", False)


def test_several_actions_of_a_computer_are_the_arguments() -> None:
    """LLM-7."""
    call = {"type": "computer_call", "actions": [{"type": "click", "x": 1, "y": 2}]}
    found = response_attributes("responses", {"output": [call], "status": "completed"})
    assert json.loads(found["output"]) == [{"name": "computer", "arguments": call["actions"]}]


def test_a_shortened_text_comes_behind_its_tool_calls() -> None:
    """LLM-11: the last character says that something is missing."""
    shown = compose("word " * 400, [{"name": "f", "arguments": "{}"}])
    assert (len(shown), shown[-1]) == (1000, "…")
    assert shown.startswith('[{"name": "f", "arguments": "{}"}]\nword word')


def test_only_base64_is_taken_for_base64() -> None:
    """LLM-11."""
    told = {"result": '{"rows":[' + "1," * 400 + "1]}"}
    assert lighten(told) == told
    assert lighten({"base64": "QUJD" * 100}) == {"base64": "<base64, 400 characters>"}
