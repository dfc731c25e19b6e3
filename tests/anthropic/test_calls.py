"""One call through the SDK, one span: every way of calling, and what the span says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import pytest

import peekr
from peekr.testing import record


def test_a_message_span_has_the_known_attributes(api: Any, make: Any, recording: Any) -> None:
    """LLM-2, LLM-3, LLM-4."""
    api.client().messages.create(**make.ask)
    span = recording.only
    assert (span.name, span.kind, span.status) == ("anthropic.messages", "llm", "ok")
    assert json.loads(span.attributes["input"]) == make.ask["messages"]
    found = {name: value for name, value in span.attributes.items() if name != "input"}
    assert found == {
        "provider": "anthropic",
        "model": "claude-sonnet-5-20260901",
        "model_requested": "claude-sonnet-5",
        "response_id": "msg_1",
        "tokens_input": 11,
        "tokens_output": 7,
        "tokens_total": 18,
        "output": "Paris.",
        "finish_reason": "end_turn",
    }


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_the_system_prompt_leads_the_input(system: Any, api: Any, make: Any, recording: Any) -> None:
    """LLM-5."""
    api.client().messages.create(**make.ask, system=system)
    attributes = recording.only.attributes
    assert json.loads(attributes["input"]) == [{"role": "system", "content": system}, *make.ask["messages"]]
    assert attributes["system"] == "Be brief."


def test_cache_and_thinking_tokens_are_parts_of_the_totals(api: Any, make: Any, recording: Any) -> None:
    """LLM-6, design 5, field B 15 and 16: the API's own input excludes the cache."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 200,
        "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 150},
        "output_tokens": 90,
        "output_tokens_details": {"thinking_tokens": 60},
        "service_tier": "priority",
        "server_tool_use": {"web_search_requests": 2},
    }
    api.answers = [make.message(usage=usage)]
    api.client().messages.create(**make.ask)
    attributes = recording.only.attributes
    assert {name: value for name, value in attributes.items() if name.startswith("tokens_")} == {
        "tokens_input": 1210,
        "tokens_output": 90,
        "tokens_total": 1300,
        "tokens_cached": 1000,
        "tokens_cache_write": 200,
        "tokens_cache_write_1h": 150,
        "tokens_reasoning": 60,
    }
    assert (attributes["service_tier"], attributes["web_search_requests"]) == ("priority", 2)
    assert recording.only.payload["response"]["usage"] == usage


def test_the_payload_has_the_request_as_given_and_the_response_as_it_came(api: Any, make: Any, recording: Any) -> None:
    """MODEL-11, LLM-11; what the caller left out is not there."""
    api.client().messages.create(**make.ask, extra_body={"top_k": 3})
    payload = recording.only.payload
    assert payload == {"request": {**make.ask, "top_k": 3}, "response": make.message()}


def test_the_sdks_own_objects_in_a_request_are_recorded_as_they_are_sent(api: Any, make: Any, recording: Any) -> None:
    """A conversation goes on with the content of the last answer; messages may be a generator."""
    api.answers = [make.message("Let me look.", make.tool_use("weather", {"city": "Paris"}), stop_reason="tool_use")]
    client = api.client()
    first = client.messages.create(**make.ask)
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
    history = [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    client.messages.create(**{**make.ask, "messages": iter([*make.ask["messages"], *history])})
    span = recording.spans[-1]
    assert span.payload["request"]["messages"] == api.requests[-1]["messages"]
    assert '"name": "weather"' in span.attributes["input"]
    assert len(api.requests[-1]["messages"]) == 3


def test_a_huge_request_is_cut_and_says_so(api: Any, make: Any, recording: Any) -> None:
    """LLM-11: 1000 characters in the attribute, 256 KiB in the payload."""
    messages = [{"role": "user", "content": "x" * 1_000_000}]
    api.client().messages.create(**{**make.ask, "messages": messages})
    span = recording.only
    assert len(span.attributes["input"]) == 1000
    assert span.attributes["input"].endswith("…")
    assert span.payload["truncated"] is True
    assert len(json.dumps(span.payload)) < 300_000
    assert span.payload["response"] == make.message()


def test_a_huge_response_is_cut_and_says_so(api: Any, make: Any, recording: Any) -> None:
    """LLM-11; the tokens behind the text are not lost."""
    api.answers = [make.message("y" * 1_000_000)]
    assert len(api.client().messages.create(**make.ask).content[0].text) == 1_000_000
    span = recording.only
    assert span.attributes["output"] == "y" * 999 + "…"
    assert (span.attributes["tokens_total"], span.payload["truncated"]) == (18, True)


def test_an_image_does_not_crowd_out_the_words(api: Any, make: Any, recording: Any) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0K" * 100_000}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    api.client().messages.create(**{**make.ask, "messages": [{"role": "user", "content": content}]})
    span = recording.only
    assert "What is this?" in span.attributes["input"]
    assert "What is this?" in json.dumps(span.payload["request"])


def test_what_the_caller_changes_later_is_not_recorded(api: Any, make: Any, recording: Any) -> None:
    """Design 4: inputs are taken when the call is made."""
    messages = [dict(make.ask["messages"][0])]
    answer = api.client().messages.create(**{**make.ask, "messages": messages})
    messages[0]["content"] = answer.content[0].text = "changed"
    span = recording.only
    assert "France" in span.attributes["input"]
    assert span.attributes["output"] == "Paris."


@pytest.mark.parametrize("stream", [False, True])
def test_without_capture_only_numbers_remain(stream: bool, api: Any, make: Any) -> None:
    """LLM-12."""
    api.answers = [make.sse(make.stream_events()) if stream else make.message()]
    with record(plugins=["anthropic"], capture_io=False) as recording:
        answer = api.client().messages.create(**make.ask, system="Be brief.", stream=stream)
        list(answer)
        span = recording.only
    assert span.payload is None
    assert not {"input", "output", "system", "server_tools"} & set(span.attributes)
    assert (span.attributes["model"], span.attributes["tokens_total"]) == ("claude-sonnet-5-20260901", 18)


def test_without_capture_a_failure_still_names_the_model(api: Any, make: Any) -> None:
    """LLM-12."""
    api.answers = [(404, make.failure("not_found_error", "model: claude-0"))]
    with record(plugins=["anthropic"], capture_io=False) as recording:
        with pytest.raises(anthropic.NotFoundError):
            api.client().messages.create(**{**make.ask, "model": "claude-0"})
        assert recording.only.attributes["model"] == "claude-0"


WAYS = {
    "create": lambda client, ask: client.messages.create(**ask),
    "raw": lambda client, ask: client.messages.with_raw_response.create(**ask).parse(),
    "with_options": lambda client, ask: client.with_options(timeout=3).messages.create(**ask),
    "parse": lambda client, ask: client.messages.parse(**ask),
    "beta": lambda client, ask: client.beta.messages.create(**ask, betas=["x"]),
    "beta raw": lambda client, ask: client.beta.messages.with_raw_response.create(**ask).parse(),
    "beta parse": lambda client, ask: client.beta.messages.parse(**ask),
    "post": lambda client, ask: client.post("/v1/messages", body=ask, cast_to=object),
    "absolute": lambda client, ask: client.post(
        "https://api.anthropic.com/v1/messages?x=1", body=ask, cast_to=anthropic.types.Message
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_calling_is_one_span(way: str, api: Any, make: Any, recording: Any) -> None:
    """LLM-13, field B 12: the choke point sees all of them once."""
    if way.endswith("parse") and not hasattr(api.client().messages, "parse"):
        pytest.skip("this version of the SDK has no parse()")
    WAYS[way](api.client(), make.ask)
    span = recording.only
    assert (span.name, span.attributes["output"]) == ("anthropic.messages", "Paris.")
    assert span.attributes["tokens_total"] == 18


def test_async_calls_are_traced_and_nest(api: Any, make: Any, recording: Any) -> None:
    """CTX-1, LLM-13: concurrent calls are siblings under the task's span."""

    async def main() -> Any:
        client = api.async_client()
        async with peekr.span("turn") as turn:
            await asyncio.gather(*(client.messages.create(**make.ask) for _ in range(5)))
            assert peekr.get_current_span() is turn
        return turn

    turn = asyncio.run(main())
    spans = recording.named("anthropic.messages")
    assert [span.parent_id for span in spans] == [turn.span_id] * 5
    assert {span.attributes["tokens_total"] for span in spans} == {18}


def test_two_calls_in_a_row_are_two_traces(api: Any, make: Any, recording: Any) -> None:
    """CTX-2."""
    client = api.client()
    client.messages.create(**make.ask)
    client.messages.create(**make.ask)
    assert len({span.trace_id for span in recording.spans}) == 2


def test_tool_calls_without_text_are_the_output(api: Any, make: Any, recording: Any) -> None:
    """LLM-7."""
    api.answers = [make.message(make.tool_use("weather", {"city": "Paris"}), stop_reason="tool_use")]
    api.client().messages.create(**make.ask)
    attributes = recording.only.attributes
    assert json.loads(attributes["output"]) == [{"name": "weather", "arguments": '{"city": "Paris"}'}]
    assert (attributes["tool_calls"], attributes["finish_reason"]) == (1, "tool_use")


def test_the_tokens_of_a_request_are_counted_and_not_billed(api: Any, make: Any, recording: Any) -> None:
    """Issue: count_tokens spends none."""
    api.answers = [{"input_tokens": 19}]
    ask = {name: value for name, value in make.ask.items() if name != "max_tokens"}
    assert api.client().messages.count_tokens(**ask).input_tokens == 19
    span = recording.only
    assert (span.name, span.kind) == ("anthropic.count_tokens", "function")
    assert (span.attributes["model"], span.attributes["output"]) == ("claude-sonnet-5", '{"input_tokens": 19}')
    assert not [name for name in span.attributes if name.startswith("tokens_")]


def test_a_batch_is_made_by_one_span_and_read_by_none(api: Any, make: Any, recording: Any) -> None:
    """Issue: the results of a batch, files and models are no calls of a model."""
    batch = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": "/results"}
    line = {"custom_id": "a", "result": {"type": "succeeded", "message": make.message()}}
    api.answers = [batch, batch, json.dumps(line) + "\n"]
    client = api.client()
    client.messages.batches.create(requests=[{"custom_id": "a", "params": make.ask}])
    results = list(client.messages.batches.results("msgbatch_1"))
    assert results[0].result.message.content[0].text == "Paris."
    span = recording.only
    assert (span.name, span.kind) == ("anthropic.messages.batches", "function")
    assert not [name for name in span.attributes if name.startswith("tokens_")]


def test_the_tool_runner_makes_one_span_a_turn(api: Any, make: Any, recording: Any) -> None:
    """Issue: the runner; field D.3: it goes through beta.messages once a turn."""
    tool = getattr(anthropic, "beta_tool", None)
    if tool is None:
        pytest.skip("this version of the SDK has no tool runner")

    @tool
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name.
        """
        assert peekr.get_current_span() is turn
        return f"sunny in {city}"

    api.answers = [make.message(make.tool_use("weather", {"city": "Paris"}), stop_reason="tool_use"), make.message()]
    with peekr.span("turn") as turn:
        final = api.client().beta.messages.tool_runner(**make.ask, tools=[weather]).until_done()
    assert final.content[0].text == "Paris."
    assert "sunny in Paris" in json.dumps(api.requests[-1])
    spans = recording.named("anthropic.messages")
    assert [span.attributes["finish_reason"] for span in spans] == ["tool_use", "end_turn"]
    assert {span.parent_id for span in spans} == {turn.span_id}


def test_no_header_or_body_is_added_to_a_call(api: Any, make: Any) -> None:
    """INST-14."""
    seen = []

    def answer(request: Any) -> Any:
        seen.append((request.method, str(request.url), sorted(request.headers), request.content))
        return make.message()

    api.answers = [answer]
    api.client().messages.create(**make.ask)
    with record(plugins=["anthropic"]):
        api.client().messages.create(**make.ask)
    assert seen[0] == seen[1]


def test_a_call_inside_a_call_does_not_mix_with_it(api: Any, make: Any, recording: Any) -> None:
    """A request that makes no span, sent from within one that does: by a hook, by middleware."""
    client = api.client()
    nested: Any = []

    def answer(request: Any) -> Any:
        if not nested:
            nested.append(1)
            nested.append(client.models.list())
        return {"data": [], "has_more": False} if "models" in str(request.url) else make.message()

    api.answers = [answer]
    client.messages.create(**make.ask)
    assert recording.only.attributes["output"] == "Paris."


@pytest.mark.parametrize("stream", [False, True])
def test_middleware_of_the_user_is_inside_the_span(stream: bool, api: Any, make: Any, recording: Any) -> None:
    """LLM-10: it runs once an attempt; the call is one span all the same."""
    if "middleware" not in anthropic.Anthropic.__init__.__code__.co_varnames:
        pytest.skip("this version of the SDK has no middleware")

    def twice(request: Any, call_next: Any) -> Any:
        call_next(request).close()
        return call_next(request)

    api.answers = [make.sse(make.stream_events()) if stream else make.message()]
    answer = api.client(middleware=[twice]).messages.create(**make.ask, stream=stream)
    assert stream is False or len(list(answer)) >= 7
    assert len(api.requests) == 2
    assert recording.only.attributes["output"] == "Paris."
    assert recording.only.attributes["tokens_total"] == 18


def test_a_refusal_that_another_model_takes_over_is_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-9, LLM-10: the SDK's own middleware asks the next model; the answer that counts is the last."""
    kind = getattr(anthropic, "BetaRefusalFallbackMiddleware", None)
    if kind is None:
        pytest.skip("this version of the SDK has no fallbacks")
    refused = make.message(content=[], stop_reason="refusal", usage={"input_tokens": 11, "output_tokens": 0})
    api.answers = [refused, make.message(model="claude-other")]
    client = api.client(middleware=[kind([{"model": "claude-other"}])])
    answer = client.beta.messages.create(**make.ask)
    assert answer.model == "claude-other"
    attributes = recording.only.attributes
    assert (attributes["model"], attributes["output"]) == ("claude-other", "Paris.")
    assert "error_reason" not in attributes
