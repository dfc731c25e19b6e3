"""Several calls of the model in one public call: one span each, under one parent. A single call has no parent."""

from __future__ import annotations

from typing import Any, List

import pytest
from google.genai import types

import peekr

NAMES = {
    "models": "gemini.models.generate_content",
    "chat": "gemini.chats.send_message",
}


def weather(city: str) -> str:
    """Tell the weather in a city."""
    with peekr.span("tool.weather"):
        return f"rain in {city}"


weather.__annotations__ = {"city": str, "return": str}  # older versions of the SDK cannot read them as texts


def config(**changes: Any) -> Any:
    """A configuration with the function in it."""
    return types.GenerateContentConfig(tools=[weather], **changes)


def script(api: Any, make: Any, stream: bool = False) -> None:
    """The model asks for the function, then answers."""
    asked = make.answer(make.call_of("weather", city="Paris"))
    api.answers = [[asked], make.chunks("Ra", "in.")] if stream else [asked, make.answer("Rain.")]


def check(recording: Any, parent_name: str, llm_name: str) -> None:
    """Two calls of the model and one tool, under one parent that has no tokens of its own."""
    spans: List[Any] = recording.spans
    by_name = {span.name: span for span in spans}
    assert sorted(by_name) == sorted({parent_name, llm_name, "tool.weather"})
    parent, tool = by_name[parent_name], by_name["tool.weather"]
    calls = [span for span in spans if span.name == llm_name]
    assert len(calls) == 2 and len(spans) == 4
    assert {span.parent_id for span in (*calls, tool)} == {parent.span_id}
    assert {span.trace_id for span in spans} == {parent.trace_id}
    assert {span.run_id for span in spans} == {parent.run_id}
    assert parent.parent_id is None and parent.kind == "chain" and spans[-1] is parent
    assert parent.start_time <= calls[0].start_time and parent.end_time >= calls[1].end_time
    assert not [name for name in parent.attributes if name.startswith("tokens_")]
    assert parent.attributes["model_calls"] == 2
    assert parent.attributes["output"] == "Rain." and "Weather?" in parent.attributes["input"]
    assert sum(span.attributes["tokens_total"] for span in calls) == 36
    assert calls[0].attributes["tool_calls"] == 1
    assert "rain in Paris" in calls[1].attributes["input"]


def test_functions_that_the_sdk_runs(api: Any, make: Any, recording: Any) -> None:
    """Field D.5: the public result has only the last call's usage, the spans have both."""
    script(api, make)
    result = api.client().models.generate_content(model=make.model, contents="Weather?", config=config())
    assert result.text == "Rain." and result.usage_metadata.total_token_count == 18
    check(recording, NAMES["models"], "gemini.generate_content")
    assert peekr.get_current_span() is None


def test_functions_that_the_sdk_runs_async(api: Any, make: Any, recording: Any) -> None:
    script(api, make)
    models = api.client().aio.models
    api.run(models.generate_content(model=make.model, contents="Weather?", config=config()))
    check(recording, NAMES["models"], "gemini.generate_content")


def test_functions_that_the_sdk_runs_in_a_stream(api: Any, make: Any, recording: Any) -> None:
    script(api, make, stream=True)
    models = api.client().models
    words = [c.text for c in models.generate_content_stream(model=make.model, contents="Weather?", config=config())]
    assert [word for word in words if word] == ["Ra", "in."]
    check(recording, f"{NAMES['models']}_stream", "gemini.generate_content_stream")


def test_functions_that_the_sdk_runs_in_an_async_stream(api: Any, make: Any, recording: Any) -> None:
    script(api, make, stream=True)

    async def main() -> List[Any]:
        models = api.client().aio.models
        stream = await models.generate_content_stream(model=make.model, contents="Weather?", config=config())
        return [chunk.text async for chunk in stream]

    assert [word for word in api.run(main()) if word] == ["Ra", "in."]
    check(recording, f"{NAMES['models']}_stream", "gemini.generate_content_stream")


def test_functions_in_a_chat(api: Any, make: Any, recording: Any) -> None:
    script(api, make)
    assert api.client().chats.create(model=make.model, config=config()).send_message("Weather?").text == "Rain."
    check(recording, NAMES["chat"], "gemini.generate_content")


def test_functions_in_an_async_chat(api: Any, make: Any, recording: Any) -> None:
    script(api, make)
    chat = api.client().aio.chats.create(model=make.model, config=config())
    assert api.run(chat.send_message("Weather?")).text == "Rain."
    check(recording, NAMES["chat"], "gemini.generate_content")


def test_functions_in_a_streamed_chat(api: Any, make: Any, recording: Any) -> None:
    script(api, make, stream=True)
    list(api.client().chats.create(model=make.model, config=config()).send_message_stream("Weather?"))
    check(recording, f"{NAMES['chat']}_stream", "gemini.generate_content_stream")


def test_one_call_with_functions_at_hand_has_no_parent(api: Any, make: Any, recording: Any) -> None:
    """The model needs none of them: just the LLM span."""
    with peekr.span("outer") as outer:
        api.client().models.generate_content(model=make.model, contents="Weather?", config=config())
    assert [(span.name, span.parent_id) for span in recording.spans] == [
        ("gemini.generate_content", outer.span_id),
        ("outer", None),
    ]


def test_a_function_call_that_is_left_to_the_caller_has_no_parent(api: Any, make: Any, recording: Any) -> None:
    script(api, make)
    off = types.AutomaticFunctionCallingConfig(disable=True)
    settings = config(automatic_function_calling=off)
    api.client().models.generate_content(model=make.model, contents="Weather?", config=settings)
    assert (recording.only.name, recording.only.attributes["tool_calls"]) == ("gemini.generate_content", 1)


def test_a_turn_under_a_parent_joins_its_trace(api: Any, make: Any, recording: Any) -> None:
    """CTX-6: a run stays one trace, and its run_id."""
    script(api, make)
    with peekr.span("agent") as agent:
        api.client().models.generate_content(model=make.model, contents="Weather?", config=config())
    (turn,) = recording.named(NAMES["models"])
    assert turn.parent_id == agent.span_id
    assert {span.trace_id for span in recording.spans} == {agent.trace_id}
    assert {span.run_id for span in recording.spans} == {agent.run_id}


def test_a_second_call_that_fails_fails_the_turn(api: Any, make: Any, recording: Any) -> None:
    from google.genai import errors

    api.answers = [make.answer(make.call_of("weather", city="Paris")), make.error(500, "INTERNAL")]
    with pytest.raises(errors.ServerError):
        api.client().models.generate_content(model=make.model, contents="Weather?", config=config())
    first, _, second, parent = recording.spans
    assert (first.status, second.status, parent.status) == ("ok", "error", "error")
    assert second.attributes["error_reason"] == parent.attributes["error_reason"] == "server_error"
    assert parent.name == NAMES["models"]


def test_a_turn_dropped_in_its_second_stream_is_not_lost(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    script(api, make, stream=True)
    models = api.client().models
    for chunk in models.generate_content_stream(model=make.model, contents="Weather?", config=config()):
        if chunk.text:
            break
    del chunk
    *_, second, parent = recording.spans
    assert second.attributes["stream_incomplete"] is True
    assert (parent.name, parent.status) == (f"{NAMES['models']}_stream", "ok")


def test_a_function_that_calls_the_model_itself(api: Any, make: Any, recording: Any) -> None:
    """An agent as a tool: its call belongs to the turn's tree, and is no step of the turn."""
    client = api.client()

    def ask_expert(question: str) -> str:
        """Ask somebody who knows."""
        return str(client.models.generate_content(model=make.model, contents=question).text)

    ask_expert.__annotations__ = {"question": str, "return": str}
    asked = make.answer(make.call_of("ask_expert", question="Why?"))
    api.answers = [asked, make.answer("Because."), make.answer("So that is why.")]
    settings = types.GenerateContentConfig(tools=[ask_expert])
    result = client.models.generate_content(model=make.model, contents="Tell me.", config=settings)
    assert result.text == "So that is why."
    *calls, parent = recording.spans
    assert [span.attributes["output"][:8] for span in calls][1:] == ["Because.", "So that "]
    assert {span.parent_id for span in calls} == {parent.span_id}
    assert parent.attributes["model_calls"] == 2


def test_continuations_are_one_turn(api: Any, make: Any, recording: Any) -> None:
    """google-genai 2.30 and newer asks again where the answer was too long for one request."""
    if "automatic_continuation" not in types.GenerateContentConfig.model_fields:
        pytest.skip("this version of the SDK has no continuations")
    first = make.answer("Pa", finish="CONTINUATION")
    first["candidates"][0]["continuationToken"] = "dG9rZW4="
    api.answers = [first, make.answer("ris.")]
    result = api.client().models.generate_content(model=make.model, contents=make.question)
    assert result.text == "Paris."
    *calls, parent = recording.spans
    assert [span.attributes["output"] for span in calls] == ["Pa", "ris."]
    assert {span.parent_id for span in calls} == {parent.span_id}
