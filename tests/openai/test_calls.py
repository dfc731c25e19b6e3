"""One call through the SDK, one span: every way of calling, and what the span says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest

import peekr
from peekr.testing import record

with_responses = pytest.mark.skipif(not hasattr(openai.OpenAI, "responses"), reason="openai before 1.66")


def test_a_chat_span_has_the_known_attributes(api: Any, make: Any, recording: Any) -> None:
    """LLM-1, LLM-3, LLM-4."""
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    span = recording.only
    assert (span.name, span.kind, span.status) == ("openai.chat.completions", "llm", "ok")
    assert json.loads(span.attributes["input"]) == make.messages
    found = {name: value for name, value in span.attributes.items() if name != "input"}
    assert found == {
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "model_requested": "gpt-4o",
        "response_id": "chatcmpl-1",
        "service_tier": "default",
        "tokens_input": 11,
        "tokens_output": 7,
        "tokens_total": 18,
        "output": "Paris.",
        "finish_reason": "stop",
    }


def test_the_payload_has_the_request_as_given_and_the_response_as_it_came(api: Any, make: Any, recording: Any) -> None:
    """MODEL-11, LLM-11."""
    api.client().chat.completions.create(
        model="gpt-4o", messages=make.messages, temperature=0.5, extra_body={"top_k": 3}
    )
    payload = recording.only.payload
    assert payload["request"] == {"model": "gpt-4o", "messages": make.messages, "temperature": 0.5, "top_k": 3}
    assert payload["response"] == make.completion()
    assert "truncated" not in payload


def test_a_huge_request_is_cut_and_says_so(api: Any, make: Any, recording: Any) -> None:
    """LLM-11: 1000 characters in the attribute, 256 KiB in the payload."""
    api.client().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x" * 1_000_000}])
    span = recording.only
    assert len(span.attributes["input"]) == 1000
    assert span.attributes["input"].endswith("…")
    assert span.payload["truncated"] is True
    assert len(json.dumps(span.payload)) < 300_000
    assert span.payload["response"] == make.completion()


def test_what_the_caller_changes_later_is_not_recorded(api: Any, make: Any, recording: Any) -> None:
    """Design 4: inputs are taken when the call is made."""
    messages = [dict(make.messages[0])]
    answer = api.client().chat.completions.create(model="gpt-4o", messages=messages)
    messages[0]["content"] = answer.choices[0].message.content = "changed"
    span = recording.only
    assert "France" in span.attributes["input"]
    assert span.attributes["output"] == "Paris."


def test_without_capture_only_numbers_remain(api: Any, make: Any) -> None:
    """LLM-12."""
    api.answers = [make.sse(make.stream_chunks())]
    with record(plugins=["openai"], capture_io=False) as recording:
        list(api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True))
        span = recording.only
    assert span.payload is None
    assert not {"input", "output"} & set(span.attributes)
    assert (span.attributes["model"], span.attributes["tokens_total"]) == ("gpt-4o-2024-08-06", 18)


def test_without_capture_a_failure_still_names_the_model(api: Any, make: Any) -> None:
    """LLM-12."""
    api.answers = [(404, {"error": {"message": "no such model", "code": "model_not_found"}})]
    with record(plugins=["openai"], capture_io=False) as recording:
        with pytest.raises(openai.NotFoundError):
            api.client().chat.completions.create(model="gpt-0", messages=make.messages)
        assert recording.only.attributes["model"] == "gpt-0"


@pytest.mark.parametrize(
    "call",
    [
        lambda client, kwargs: client.chat.completions.create(**kwargs),
        lambda client, kwargs: client.chat.completions.with_raw_response.create(**kwargs).parse(),
        lambda client, kwargs: client.with_options(timeout=3).chat.completions.create(**kwargs),
        lambda client, kwargs: client.beta.chat.completions.parse(**kwargs),
        lambda client, kwargs: client.post("/chat/completions", body=kwargs, cast_to=object),
        lambda client, kwargs: client.post(
            "https://api.openai.com/v1/chat/completions?x=1", body=kwargs, cast_to=openai.types.chat.ChatCompletion
        ),
    ],
    ids=["create", "raw", "with_options", "parse", "post", "absolute"],
)
def test_every_way_of_calling_is_one_span(call: Any, api: Any, make: Any, recording: Any) -> None:
    """LLM-13, field B 12: the choke point sees all of them once."""
    call(api.client(), {"model": "gpt-4o", "messages": make.messages})
    span = recording.only
    assert (span.name, span.attributes["output"]) == ("openai.chat.completions", "Paris.")
    assert span.attributes["tokens_total"] == 18


def test_the_module_level_client_is_traced(
    api: Any, make: Any, recording: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LLM-14."""
    for name, value in {"api_key": "test", "http_client": api.client()._client, "base_url": None}.items():
        monkeypatch.setattr(openai, name, value)
    monkeypatch.setattr(openai, "_client", None, raising=False)
    openai.chat.completions.create(model="gpt-4o", messages=make.messages)
    openai._reset_client()
    assert recording.only.name == "openai.chat.completions"


def test_azure_is_named_as_the_provider(api: Any, make: Any, recording: Any) -> None:
    """INST-6: a subclass of the client, whose url is rewritten later."""
    client = openai.AzureOpenAI(
        azure_endpoint="https://acme.openai.azure.com",
        api_version="2024-10-21",
        api_key="test",
        http_client=api.client()._client,
    )
    client.chat.completions.create(model="my-deployment", messages=make.messages)
    attributes = recording.only.attributes
    assert (attributes["provider"], attributes["server"]) == ("azure", "acme.openai.azure.com")
    assert (attributes["model"], attributes["model_requested"]) == ("gpt-4o-2024-08-06", "my-deployment")


def test_a_compatible_server_is_named(api: Any, make: Any, recording: Any) -> None:
    api.client(base_url="https://openrouter.ai/api/v1").chat.completions.create(model="x/y", messages=make.messages)
    assert recording.only.attributes["server"] == "openrouter.ai"


def test_async_calls_are_traced_and_nest(api: Any, make: Any, recording: Any) -> None:
    """CTX-1: concurrent calls are siblings under the task's span."""

    async def main() -> Any:
        client = api.async_client()
        async with peekr.span("turn") as turn:
            calls = (client.chat.completions.create(model="gpt-4o", messages=make.messages) for _ in range(5))
            await asyncio.gather(*calls)
            assert peekr.get_current_span() is turn
        return turn

    turn = asyncio.run(main())
    spans = recording.named("openai.chat.completions")
    assert [span.parent_id for span in spans] == [turn.span_id] * 5


def test_tool_calls_without_text_are_the_output(api: Any, make: Any, recording: Any) -> None:
    """LLM-7."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
    api.answers = [make.completion(None, message={"tool_calls": [call]}, finish_reason="tool_calls")]
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    attributes = recording.only.attributes
    assert json.loads(attributes["output"]) == [{"name": "weather", "arguments": '{"city":"Paris"}'}]
    assert (attributes["tool_calls"], attributes["finish_reason"]) == (1, "tool_calls")


@with_responses
def test_the_responses_api_is_traced(api: Any, recording: Any) -> None:
    """LLM-13: the instructions lead the input as a system message; cached and reasoning tokens are kept."""
    api.answers = [RESPONSE]
    api.client().responses.create(model="gpt-5", instructions="Be brief.", input="Hi")
    span = recording.only
    assert (span.name, span.kind) == ("openai.responses", "llm")
    assert json.loads(span.attributes["input"]) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    found = {name: span.attributes[name] for name in ("output", "finish_reason", "tokens_cached", "tokens_reasoning")}
    assert found == {"output": "Hello.", "finish_reason": "completed", "tokens_cached": 4, "tokens_reasoning": 2}


@with_responses
def test_a_fetched_response_is_not_billed_again(api: Any, recording: Any) -> None:
    """Field D.2: GET /responses/{id} repeats the usage of an earlier call."""
    api.answers = [RESPONSE]
    api.client().responses.retrieve("resp_1")
    span = recording.only
    assert (span.name, span.kind) == ("openai.responses.retrieve", "function")
    assert span.attributes["response_id"] == "resp_1"
    assert not [name for name in span.attributes if name.startswith("tokens_")]
    assert span.payload["response"]["usage"]["total_tokens"] == 15


@with_responses
def test_a_background_response_is_billed_by_the_first_fetch_that_tells_its_usage(api: Any, recording: Any) -> None:
    """Its creation cannot tell, and later fetches repeat it."""
    queued = {**RESPONSE, "id": "resp_2", "status": "queued", "output": [], "usage": None}
    api.answers = [queued, queued, {**RESPONSE, "id": "resp_2"}]
    client = api.client()
    client.responses.create(model="gpt-5", input="Hi", background=True)
    for _ in range(3):
        client.responses.retrieve("resp_2")
    assert [span.attributes.get("tokens_total") for span in recording.spans] == [None, None, 15, None]


def test_embeddings_have_no_output_tokens_and_no_vectors(api: Any, recording: Any) -> None:
    """LLM-1, LLM-6."""
    rows = [{"object": "embedding", "index": n, "embedding": [0.25] * 8} for n in range(3)]
    usage = {"prompt_tokens": 6, "total_tokens": 6}
    api.answers = [{"object": "list", "data": rows, "model": "text-embedding-3-small", "usage": usage}]
    answer = api.client().embeddings.create(
        model="text-embedding-3-small", input=["a", "b", "c"], encoding_format="float"
    )
    assert answer.data[2].embedding == [0.25] * 8
    span = recording.only
    assert (span.name, span.kind, span.attributes["input"]) == ("openai.embeddings", "embedding", '["a", "b", "c"]')
    counts = [span.attributes[f"tokens_{name}"] for name in ("input", "output", "total")]
    assert counts == [6, 0, 6]
    assert (span.attributes["embeddings_count"], span.attributes["embeddings_dimensions"]) == (3, 8)
    assert "0.25" not in json.dumps(span.payload)


def test_images_are_counted_and_not_copied(api: Any, recording: Any) -> None:
    usage = {"input_tokens": 9, "output_tokens": 200, "total_tokens": 209}
    api.answers = [{"created": 1, "data": [{"b64_json": "A" * 5000, "revised_prompt": "a cat"}], "usage": usage}]
    api.client().images.generate(model="gpt-image-1", prompt="cat")
    span = recording.only
    assert (span.name, span.attributes["input"], span.attributes["tokens_total"]) == (
        "openai.images.generate",
        "cat",
        209,
    )
    assert "a cat" in span.attributes["output"]
    assert "AAAA" not in json.dumps(span.payload) + span.attributes["output"]


def test_a_transcription_has_its_text(api: Any, recording: Any) -> None:
    api.answers = [{"text": "hello there", "usage": {"type": "duration", "seconds": 3}}]
    api.client().audio.transcriptions.create(model="whisper-1", file=("talk.mp3", b"12345"))
    span = recording.only
    assert (span.name, span.attributes["output"]) == ("openai.audio.transcriptions", "hello there")
    assert span.attributes["audio_seconds"] == 3
    assert span.payload["request"]["files"] == [{"field": "file", "name": "talk.mp3", "size_bytes": 5}]


def test_a_transcription_as_plain_text_has_its_text(api: Any, recording: Any) -> None:
    api.answers = ["1\n00:00 --> 00:01\nhello"]
    api.client().audio.transcriptions.create(model="whisper-1", file=("talk.mp3", b"1"), response_format="srt")
    assert recording.only.attributes["output"].endswith("hello")


def test_speech_is_counted_in_bytes(api: Any, recording: Any) -> None:
    api.answers = [b"\xff" * 1234]
    audio = api.client().audio.speech.create(model="tts-1", voice="alloy", input="hello")
    assert audio.content == b"\xff" * 1234
    span = recording.only
    assert (span.name, span.attributes["input"], span.attributes["audio_bytes"]) == (
        "openai.audio.speech",
        "hello",
        1234,
    )


def test_a_moderation_says_what_was_flagged(api: Any, recording: Any) -> None:
    result = {"flagged": True, "categories": {"hate": False, "violence": True}, "category_scores": {}}
    api.answers = [{"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}]
    api.client().moderations.create(input="I will hit you")
    span = recording.only
    assert (span.name, span.attributes["flagged"]) == ("openai.moderations", True)
    assert json.loads(span.attributes["output"]) == [{"flagged": True, "categories": ["violence"]}]


def test_listings_and_uploads_make_no_span(api: Any, recording: Any) -> None:
    api.answers = [{"object": "list", "data": []}]
    client = api.client()
    client.models.list()
    client.files.create(file=("a.txt", b"1"), purpose="assistants")
    assert recording.spans == []


def test_a_broken_response_never_breaks_the_caller(api: Any, make: Any, recording: Any) -> None:
    """INST-13: a body that is no JSON object, or whose fields have the wrong types."""
    client = api.client()
    odd = [{"choices": 3, "usage": "none", "model": 7}, {"choices": [None, {"message": "x"}]}, {}]
    api.answers = [*odd, odd[-1]]
    for _ in odd:
        client.chat.completions.create(model="gpt-4o", messages=make.messages)
    assert [span.attributes["model"] for span in recording.spans] == ["gpt-4o"] * 3


def test_no_header_or_body_is_added_to_a_plain_call(api: Any, make: Any, recording: Any) -> None:
    """INST-14."""
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    assert api.requests == [{"model": "gpt-4o", "messages": make.messages}]


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5-2025-08-07",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
    },
}
