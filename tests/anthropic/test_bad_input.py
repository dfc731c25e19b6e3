"""Bad input: the caller's result is what it is without tracing, and the span claims nothing that nobody said."""

from __future__ import annotations

import functools
import json
from typing import Any
from unittest import mock

import anthropic
import pytest

import peekr
from peekr.testing import record


def outcome(call: Any) -> Any:
    """What a call gives, as comparable data: its result or its exception."""
    try:
        result = call()
    except Exception as error:
        return type(error).__name__, str(error)
    return repr(result)


def tokens(span: Any) -> Any:
    """The token counts of a span."""
    return {name: value for name, value in span.attributes.items() if name.startswith("tokens_")}


USAGES = [
    ("missing", None, {}),
    ("null", {"usage": None}, {}),
    ("empty", {"usage": {}}, {}),
    ("text", {"usage": "none"}, {}),
    ("list", {"usage": [1, 2]}, {}),
    ("nulls", {"usage": {"input_tokens": None, "output_tokens": None}}, {}),
    ("texts", {"usage": {"input_tokens": "11", "output_tokens": True}}, {}),
    ("negative", {"usage": {"input_tokens": -1, "output_tokens": 7}}, {"tokens_output": 7}),
    ("no output", {"usage": {"input_tokens": 11}}, {"tokens_input": 11}),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in USAGES], ids=[case[0] for case in USAGES])
def test_usage_that_is_missing_or_odd_is_absent(changes: Any, expected: Any, api: Any, make: Any) -> None:
    """Issue: tokens_* absent rather than 0 or guessed."""
    answer = {**make.message(), **(changes or {})}
    if changes is None:
        del answer["usage"]
    api.answers = [answer]
    bare = outcome(lambda: api.client().messages.create(**make.ask))
    with record(plugins=["anthropic"]) as recording:
        assert outcome(lambda: api.client().messages.create(**make.ask)) == bare
        span = recording.only
    assert tokens(span) == expected
    assert (span.status, span.attributes["output"]) == ("ok", "Paris.")


ODD = {
    "no content": {"content": None},
    "content a number": {"content": 3},
    "content of nothing": {"content": [None, 3, "x", {}]},
    "a text in place of blocks": {"content": "Paris."},
    "a block of tomorrow": {"content": [{"type": "hologram", "pixels": [1, 2]}]},
    "a model that is none": {"model": 7},
    "a stop reason that is none": {"stop_reason": {"why": 1}},
    "fields of tomorrow": {"mood": "good", "usage": {"input_tokens": 1, "output_tokens": 1, "joules": 3}},
    "a tool without a name": {"content": [{"type": "tool_use"}]},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_an_odd_answer_never_reaches_the_caller_changed(changes: Any, api: Any, make: Any, caplog: Any) -> None:
    """Issue: unknown fields; INST-13."""
    api.answers = [make.message(**changes)]
    bare = outcome(lambda: api.client().messages.create(**make.ask))
    with record(plugins=["anthropic"]) as recording:
        assert outcome(lambda: api.client().messages.create(**make.ask)) == bare
        span = recording.only
        assert (span.name, span.status) == ("anthropic.messages", "ok")
        assert span.payload["response"] == make.message(**changes)
    assert [entry.message for entry in caplog.records] == []


@pytest.mark.parametrize("body", ["", "null", "[1]", "<html>", '{"id": "msg_1", "con', '{"id": NaN}'])
def test_a_body_that_is_no_message_never_reaches_the_caller_changed(body: str, api: Any, make: Any) -> None:
    """INST-12, INST-13; with the type of JSON and without."""
    for kind in ("application/json", "text/html"):
        api.answers = [(200, api.httpx.Response(200, headers={"content-type": kind}, content=body))]
        bare = outcome(lambda: api.client(max_retries=0).messages.create(**make.ask))
        with record(plugins=["anthropic"]) as recording:
            assert outcome(lambda: api.client(max_retries=0).messages.create(**make.ask)) == bare
            span = recording.only
        assert tokens(span) == {}
        if isinstance(bare, tuple):
            assert (span.status, span.attributes["error_reason"]) == ("error", "json_parse")


def test_invalid_utf_8_is_the_sdks_own_failure(api: Any, make: Any) -> None:
    """Issue: the call was billed all the same, so its tokens stay."""
    body = json.dumps(make.message("Par€s"), ensure_ascii=False).encode("latin-1", "replace").replace(b"?", b"\xff")
    api.answers = [(200, api.httpx.Response(200, headers={"content-type": "application/json"}, content=body))]
    bare = outcome(lambda: api.client(max_retries=0).messages.create(**make.ask))
    with record(plugins=["anthropic"]) as recording:
        assert outcome(lambda: api.client(max_retries=0).messages.create(**make.ask)) == bare
        span = recording.only
    assert (span.attributes["output"], span.attributes["tokens_total"]) == ("Par�s", 18)
    if isinstance(bare, tuple):
        assert (span.status, span.attributes["error_reason"]) == ("error", "json_parse")


def test_invalid_utf_8_in_a_stream_is_the_sdks_own_failure(api: Any, make: Any) -> None:
    """Issue."""
    api.answers = [make.sse(make.stream_events()).replace(b'"is"', b'"\xff"')]
    start = functools.partial(api.client(max_retries=0).messages.create, **make.ask, stream=True)
    bare = outcome(lambda: [event.to_dict() for event in start()])
    with record(plugins=["anthropic"]) as recording:
        assert outcome(lambda: [event.to_dict() for event in start()]) == bare
        span = recording.only
    assert isinstance(bare, tuple)
    assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == ("error", "json_parse", "Par")
    assert "tokens_total" not in span.attributes


EVENTS = {
    "an event of tomorrow": {"type": "weather", "sunny": True},
    "a delta of tomorrow": {"type": "content_block_delta", "index": 0, "delta": {"type": "smell", "smell": "x"}},
    "a delta of nothing": {"type": "content_block_delta", "index": 0},
    "a delta without its block": {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta"}},
    "a number": 3,
    "a list": [1],
    "null": None,
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_odd_event_never_reaches_the_consumer_changed(event: Any, api: Any, make: Any, caplog: Any) -> None:
    """Issue: unknown fields; INST-13."""
    events = make.stream_events()
    odd = f"event: message_delta\ndata: {json.dumps(event)}\n\n".encode()
    api.answers = [make.sse(events[:5]) + odd + make.sse(events[5:])]
    start = functools.partial(api.client(max_retries=0).messages.create, **make.ask, stream=True)
    bare = outcome(lambda: list(start()))
    with record(plugins=["anthropic"]) as recording:
        assert outcome(lambda: list(start())) == bare
        span = recording.only
    assert span.attributes["output"] == "Paris."
    assert span.attributes["tokens_total"] == 18
    assert [entry.message for entry in caplog.records] == []


def test_a_stream_without_usage_counts_nothing(api: Any, make: Any, recording: Any) -> None:
    """Issue: tokens_* absent rather than 0 or guessed."""
    events = make.stream_events()
    del events[0]["message"]["usage"], events[-2]["usage"]
    api.answers = [make.sse(events)]
    list(api.client().messages.create(**make.ask, stream=True))
    assert tokens(recording.only) == {}
    assert recording.only.attributes["output"] == "Paris."


def test_a_method_that_the_user_has_wrapped_is_traced_once(api: Any, make: Any, recording: Any) -> None:
    """Issue: a client whose method the user has wrapped himself."""
    client = api.client()
    create = client.messages.create
    client.messages.create = lambda **kwargs: {"wrapped": create(**kwargs)}  # type: ignore[method-assign]
    assert client.messages.create(**make.ask)["wrapped"].content[0].text == "Paris."
    assert recording.only.attributes["tokens_total"] == 18


def test_a_request_function_that_the_user_has_wrapped_stays(api: Any, make: Any, monkeypatch: Any) -> None:
    """Issue, INST-17: wrapped before peekr or after, nothing is lost and nothing is taken away."""
    seen = []
    original = anthropic.Anthropic.request

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(anthropic.Anthropic, "request", counted, raising=False)
    with record(plugins=["anthropic"]):
        api.client().messages.create(**make.ask)
    api.client().messages.create(**make.ask)
    assert (len(seen), anthropic.Anthropic.request) == (2, counted)


def test_a_subclass_of_the_client_is_traced_once(api: Any, make: Any, recording: Any) -> None:
    """Issue: a subclassed client."""
    client = api.client()

    class Mine(type(client)):  # type: ignore[misc]
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    client.__class__ = Mine
    client.messages.create(**make.ask)
    assert recording.only.attributes["tokens_total"] == 18


def test_a_mocked_client_is_left_alone(api: Any, make: Any, recording: Any) -> None:
    """Issue: a mock has no call to trace, and is no stream although it says yes to everything."""
    client = mock.MagicMock(spec=api.client())
    answer = client.messages.create(**make.ask)
    assert isinstance(answer, mock.Mock)
    assert recording.spans == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_mocked_result_is_left_alone(stream: bool, api: Any, make: Any, recording: Any, monkeypatch: Any) -> None:
    """Issue: what the SDK would return is a mock of the user's."""
    answer = mock.MagicMock()
    client = api.client()
    monkeypatch.setattr(client, "_process_response", lambda **kwargs: answer)
    assert client.messages.create(**make.ask, stream=stream) is answer
    assert not [name for name in ("_iterator", "_peekr") if name in vars(answer)]
    span = recording.only
    assert (span.status, span.attributes["model"], tokens(span)) == ("ok", "claude-sonnet-5", {})


def test_peekrs_own_failure_stays_its_own(api: Any, make: Any, caplog: Any, monkeypatch: Any) -> None:
    """INST-13."""
    from peekr_anthropic.sdk import AnthropicSdk

    def broken(*args: Any) -> Any:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(AnthropicSdk, "request_attributes", broken)
    with record(plugins=["anthropic"]) as recording:
        assert api.client().messages.create(**make.ask).content[0].text == "Paris."
        assert [span.name for span in recording.spans] == ["anthropic.messages"]
    assert peekr.get_current_span() is None
    assert "a bug of ours" in caplog.text
