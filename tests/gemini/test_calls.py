"""One call of the model is one span that says what was asked, what came back and what it cost."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from google.genai import types

import peekr


def test_a_plain_call(api: Any, make: Any, recording: Any) -> None:
    """LLM-2, LLM-3, LLM-4, LLM-6."""
    api.client().models.generate_content(model=make.model, contents=make.question)
    span = recording.only
    assert (span.name, span.kind, span.status) == ("gemini.generate_content", "llm", "ok")
    found = span.attributes
    assert json.loads(found["input"]) == [{"role": "user", "content": make.question}]
    assert (found["output"], found["finish_reason"], found["response_id"]) == ("Paris.", "STOP", "r1")
    assert (found["model"], found["model_requested"]) == (f"{make.model}-001", make.model)
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (11, 7, 18)
    assert (found["provider"], found["server"]) == ("gemini", "127.0.0.1")
    assert span.payload["request"]["model"] == make.model
    assert span.payload["request"]["contents"] == [{"parts": [{"text": make.question}], "role": "user"}]
    assert span.payload["response"]["candidates"][0]["content"]["parts"] == [{"text": "Paris."}]


def test_an_async_call(api: Any, make: Any, recording: Any) -> None:
    """INST-6."""

    async def main() -> Any:
        return await api.client().aio.models.generate_content(model=make.model, contents=make.question)

    assert api.run(main()).text == "Paris."
    assert recording.only.attributes["tokens_total"] == 18
    assert recording.only.payload["response"]["modelVersion"]


def test_the_system_instruction_leads(api: Any, make: Any, recording: Any) -> None:
    """LLM-5."""
    config = types.GenerateContentConfig(system_instruction=["Be brief.", "Be kind."], temperature=0.5)
    api.client().models.generate_content(model=make.model, contents=make.question, config=config)
    found = recording.only.attributes
    assert found["system"] == "Be brief.\nBe kind."
    assert json.loads(found["input"])[0] == {"role": "system", "content": "Be brief.\nBe kind."}
    assert recording.only.payload["request"]["generationConfig"] == {"temperature": 0.5}


def test_thoughts_and_cached_tokens_are_normalised(api: Any, make: Any, recording: Any) -> None:
    """LLM-6: input with cached tokens and tool results in it, output with thoughts in it, the total as reported."""
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 20,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 157,
    }
    api.answers = [make.answer({"text": "Let me think.", "thought": True}, "Paris.", usage=usage)]
    api.client().models.generate_content(model=make.model, contents=make.question)
    found = recording.only.attributes
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (120, 37, 157)
    assert (found["tokens_cached"], found["tokens_reasoning"]) == (60, 30)
    assert found["output"] == "Paris."


def test_function_calls_without_text(api: Any, make: Any, recording: Any) -> None:
    """LLM-7."""
    calls = [make.call_of("weather", city="Paris"), make.call_of("time")]
    api.answers = [make.answer(*calls)]
    api.client().models.generate_content(model=make.model, contents=make.question)
    found = recording.only.attributes
    assert json.loads(found["output"]) == [
        {"name": "weather", "arguments": '{"city": "Paris"}'},
        {"name": "time", "arguments": "{}"},
    ]
    assert found["tool_calls"] == 2


def test_embeddings(api: Any, make: Any, recording: Any) -> None:
    """LLM-2, LLM-6: no output tokens where the input is counted; the vectors are not kept."""
    vectors = [{"values": [0.25] * 8}, {"values": [0.5] * 8}]
    api.answers = [{"embeddings": vectors, "usageMetadata": {"promptTokenCount": 6, "totalTokenCount": 6}}]
    result = api.client().models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert result.embeddings[1].values == [0.5] * 8
    span = recording.only
    found = span.attributes
    assert (span.name, span.kind, found["model"]) == ("gemini.embed_content", "embedding", "gemini-embedding-001")
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (6, 0, 6)
    assert (found["embeddings_count"], found["embeddings_dimensions"]) == (2, 8)
    assert json.loads(found["input"]) == ["one", "two"]
    assert span.payload["response"]["embeddings"] == {"count": 2, "dimensions": 8}


def test_embeddings_without_counts_have_no_tokens(api: Any, recording: Any) -> None:
    """Honesty: the older API does not count, so neither do we."""
    api.answers = [{"embeddings": [{"values": [0.25]}]}]
    api.run(api.client().aio.models.embed_content(model="text-embedding-004", contents="one"))
    found = recording.only.attributes
    assert not [name for name in found if name.startswith("tokens_")]
    assert found["input"] == "one"


def test_a_token_count_is_no_consumption(api: Any, make: Any, recording: Any) -> None:
    """A count bills nothing, so it must not enter sums of tokens."""
    api.answers = [{"totalTokens": 5}]
    assert api.client().models.count_tokens(model=make.model, contents="Hello").total_tokens == 5
    span = recording.only
    assert (span.name, span.kind, span.attributes["token_count"]) == ("gemini.count_tokens", "function", 5)
    assert "tokens_input" not in span.attributes
    assert span.attributes["model"] == make.model


def test_a_chat_turn_is_one_span(api: Any, make: Any, recording: Any) -> None:
    """One logical call = one span, whatever helper."""
    chat = api.client().chats.create(model=make.model)
    assert chat.send_message(make.question).text == "Paris."
    chat.send_message("And of Spain?")
    first, second = recording.spans
    assert first.name == second.name == "gemini.generate_content"
    assert first.parent_id is second.parent_id is None
    assert [m["role"] for m in json.loads(second.attributes["input"])] == ["user", "assistant", "user"]


def test_an_async_chat_turn_is_one_span(api: Any, make: Any, recording: Any) -> None:
    async def main() -> None:
        chat = api.client().aio.chats.create(model=make.model)
        await chat.send_message(make.question)
        api.answers = [make.chunks("Mad", "rid.")]
        assert [chunk.text async for chunk in await chat.send_message_stream("And of Spain?")] == ["Mad", "rid."]

    api.run(main())
    first, second = recording.spans
    assert (first.name, second.name) == ("gemini.generate_content", "gemini.generate_content_stream")
    assert second.attributes["output"] == "Madrid."


def test_images_are_named_by_their_size(api: Any, make: Any, recording: Any) -> None:
    """MODEL-11: base64 must not crowd out the words."""
    picture = types.Part.from_bytes(data=b"\x89PNG" * 1000, mime_type="image/png")
    drawn = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"\x89PNG" * 1000).decode()}}
    api.answers = [make.answer(drawn)]
    result = api.client().models.generate_content(model=make.model, contents=[picture, "What is this?"])
    assert result.candidates[0].content.parts[0].inline_data.data == b"\x89PNG" * 1000
    found = recording.only.attributes
    assert "What is this?" in found["input"] and "image/png" in found["input"]
    assert "<base64, 5336 characters>" in found["output"]


def test_a_large_request_keeps_its_words(api: Any, make: Any, recording: Any) -> None:
    """LLM-11: over 256 KiB something gives way: the picture, not the question behind it."""
    picture = types.Part.from_bytes(data=b"\x89PNG" * 200_000, mime_type="image/png")
    api.client().models.generate_content(model=make.model, contents=[picture, "What is this?"])
    span = recording.only
    assert "What is this?" in span.attributes["input"]
    assert span.payload["request"]["contents"][0]["parts"][1] == {"text": "What is this?"}


def test_a_large_answer_is_cut(api: Any, make: Any, recording: Any) -> None:
    """LLM-11."""
    api.answers = [make.answer("ab " * 200_000)]
    result = api.client().models.generate_content(model=make.model, contents=make.question)
    assert len(result.text) == 600_000
    span = recording.only
    assert len(span.attributes["output"]) == 1000 and span.attributes["output"].endswith("…")
    assert span.payload["truncated"] is True
    assert span.attributes["tokens_total"] == 18


def test_several_candidates(api: Any, make: Any, recording: Any) -> None:
    one, two = make.answer("Paris.")["candidates"][0], make.answer("It is Paris.", finish="MAX_TOKENS")["candidates"][0]
    api.answers = [make.answer("x", candidates=[one, {**two, "index": 1}])]
    api.client().models.generate_content(model=make.model, contents=make.question)
    found = recording.only.attributes
    assert (found["output"], found["finish_reason"]) == ("Paris.\n\nIt is Paris.", "STOP,MAX_TOKENS")


def test_vertex_is_its_own_provider(api: Any, make: Any, recording: Any) -> None:
    """LLM-3: model names come with a path there."""
    from google import genai
    from google.oauth2.credentials import Credentials

    http = {"base_url": api.url, "api_version": "v1"}
    client = genai.Client(
        vertexai=True, project="p", location="l", credentials=Credentials(token="t"), http_options=http
    )
    api.answers = [make.answer("Paris.", modelVersion=None)]
    client.models.generate_content(model=f"publishers/google/models/{make.model}", contents=make.question)
    found = recording.only.attributes
    assert (found["provider"], found["model"]) == ("vertex", make.model)
    assert "model_requested" not in found


def test_concurrent_calls_keep_apart(api: Any, make: Any, recording: Any) -> None:
    """CTX-1: siblings under one parent, never each other's parents."""
    api.answers = [lambda body: make.answer(body["contents"][0]["parts"][0]["text"].upper())]

    async def main() -> None:
        models = api.client().aio.models
        await asyncio.gather(*(models.generate_content(model=make.model, contents=f"w{n}") for n in range(8)))

    with peekr.span("parent") as parent:
        api.run(main())
    calls = recording.named("gemini.generate_content")
    assert {span.parent_id for span in calls} == {parent.span_id}
    for span in calls:
        assert span.attributes["output"].lower() == json.loads(span.attributes["input"])[0]["content"]


def test_without_capture_streams_and_system_prompts_are_not_kept(api: Any, make: Any) -> None:
    """LLM-12."""
    from peekr.testing import record

    api.answers = [make.chunks("Par", "is.")]
    with record(plugins=["gemini"], capture_io=False) as recording:
        config = {"system_instruction": "Be brief."}
        models = api.client().models
        list(models.generate_content_stream(model=make.model, contents=make.question, config=config))
        span = recording.only
    assert not {"input", "output", "system"} & set(span.attributes) and span.payload is None
    assert (span.attributes["model"], span.attributes["tokens_total"]) == (f"{make.model}-001", 18)


def test_uninstrument_in_mid_call_ends_nothing_early(api: Any, make: Any) -> None:
    """INST-17: a stream begun while tracing was on is still delivered whole to its consumer."""
    from peekr.testing import record

    api.answers = [make.chunks("Par", "is", ".")]
    with record(plugins=["gemini"]):
        stream = api.client().models.generate_content_stream(model=make.model, contents=make.question)
        words = [next(stream).text]
    words.extend(chunk.text for chunk in stream)
    assert words == ["Par", "is", "."]


def test_a_subclass_of_the_client_is_traced(api: Any, make: Any, recording: Any) -> None:
    """A user's own subclass that calls the SDK's method: one span."""
    from google.genai.models import Models

    class Shouting(Models):
        def generate_content(self, **kwargs: Any) -> Any:
            result = super().generate_content(**kwargs)
            return result.text.upper()

    assert Shouting(api.client()._api_client).generate_content(model=make.model, contents="Hi") == "PARIS."
    assert recording.only.attributes["output"] == "Paris."


def test_a_method_that_the_user_wrapped_is_traced_once(api: Any, make: Any, recording: Any) -> None:
    client = api.client()
    inner = client.models.generate_content
    client.models.generate_content = lambda **kwargs: inner(**kwargs).text
    assert client.models.generate_content(model=make.model, contents=make.question) == "Paris."
    assert recording.only.attributes["output"] == "Paris."


def test_a_client_with_a_fake_transport_is_traced(api: Any, make: Any, recording: Any) -> None:
    """A mock below the methods: what it returns is what the span says, and nothing else."""
    client = api.client()
    fake = types.HttpResponse(headers={}, body=json.dumps(make.answer("Lyon.", usage=None)))
    client._api_client.request = lambda *args, **kwargs: fake
    assert client.models.generate_content(model=make.model, contents=make.question).text == "Lyon."
    found = recording.only.attributes
    assert (found["output"], json.loads(found["input"])[0]["content"]) == ("Lyon.", make.question)
    assert not [name for name in found if name.startswith("tokens_")]
    assert api.requests == []
