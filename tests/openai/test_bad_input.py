"""Bad input: the caller's result is what it is without tracing, and the span claims nothing that nobody said."""

from __future__ import annotations

from typing import Any
from unittest import mock

import openai
import pytest

from peekr.testing import record


def outcome(call: Any) -> Any:
    """What a call gives, as comparable data: its result or its exception."""
    try:
        return repr(call())
    except Exception as error:
        return type(error).__name__, str(error)


def tokens(span: Any) -> Any:
    """The token counts of a span."""
    return {name: value for name, value in span.attributes.items() if name.startswith("tokens_")}


USAGES = [
    ("null", None, {}),
    ("empty", {}, {}),
    ("text", "none", {}),
    ("list", [1, 2], {}),
    ("nulls", {"prompt_tokens": None, "completion_tokens": None}, {}),
    ("texts", {"prompt_tokens": "11", "completion_tokens": True}, {}),
    ("negative", {"prompt_tokens": -1, "completion_tokens": 7}, {"tokens_output": 7}),
    ("no output", {"prompt_tokens": 11}, {"tokens_input": 11}),
]


@pytest.mark.parametrize(("usage", "expected"), [case[1:] for case in USAGES], ids=[case[0] for case in USAGES])
def test_usage_that_is_missing_or_odd_is_absent(usage: Any, expected: Any, api: Any, make: Any) -> None:
    """Issue: tokens_* absent rather than 0 or guessed."""
    api.answers = [make.completion(usage=usage)]

    def call() -> Any:
        return api.client().chat.completions.create(model="gpt-4o", messages=make.messages)

    bare = outcome(call)
    with record(plugins=["openai"]) as recording:
        assert outcome(call) == bare
        span = recording.only
    assert tokens(span) == expected
    assert (span.status, span.attributes["output"]) == ("ok", "Paris.")


ODD = {
    "no choices": {"choices": None},
    "choices that are a text": {"choices": "Paris."},
    "a message that is none": {"choices": [{"index": 0, "message": None}]},
    "unknown fields": {"weather": {"sunny": True}, "choices": [{"index": 0, "message": {"mood": 3}}]},
    "a model that is a number": {"model": 4},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_an_odd_answer_reaches_the_caller_unchanged(changes: Any, api: Any, make: Any, caplog: Any) -> None:
    """Issue: unknown fields; INST-13."""
    api.answers = [make.completion(**changes)]

    def call() -> Any:
        return api.client().chat.completions.create(model="gpt-4o", messages=make.messages)

    bare = outcome(call)
    with record(plugins=["openai"]) as recording:
        assert outcome(call) == bare
        span = recording.only
    assert span.attributes["tokens_total"] == 18
    assert isinstance(span.attributes["model"], str)
    assert [entry.message for entry in caplog.records if entry.name == "peekr"] == []


def test_invalid_utf_8_is_read_as_far_as_it_goes(api: Any, make: Any) -> None:
    """Issue: the SDK's own result or failure."""
    body = b'{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":'
    body += b'{"role":"assistant","content":"Par\xffis."},"finish_reason":"stop"}]}'
    api.answers = [body]

    def call() -> Any:
        return api.client(max_retries=0).chat.completions.create(model="gpt-4o", messages=make.messages)

    bare = outcome(call)
    with record(plugins=["openai"]) as recording:
        assert outcome(call) == bare
        assert tokens(recording.only) == {}


def test_a_method_that_the_user_has_wrapped_is_traced_once(api: Any, make: Any, recording: Any) -> None:
    """Issue: a client whose method the user has wrapped himself."""
    completions = api.client().chat.completions
    create = completions.create
    completions.create = lambda **kwargs: {"wrapped": create(**kwargs)}
    answer = completions.create(model="gpt-4o", messages=make.messages)["wrapped"]
    assert answer.choices[0].message.content == "Paris."
    assert recording.only.attributes["tokens_total"] == 18


def test_a_request_function_that_the_user_has_wrapped_stays(api: Any, make: Any, monkeypatch: Any) -> None:
    """Issue, INST-17: wrapped before peekr or after, nothing is lost and nothing is taken away."""
    seen = []
    original = openai.OpenAI.request

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(openai.OpenAI, "request", counted, raising=False)
    with record(plugins=["openai"]):
        api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    assert (len(seen), openai.OpenAI.request) == (2, counted)


def test_a_subclass_of_the_client_is_traced_once(api: Any, make: Any, recording: Any) -> None:
    """Issue: a subclassed client."""
    client = api.client()

    class Mine(type(client)):  # type: ignore[misc]
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    client.__class__ = Mine
    client.chat.completions.create(model="gpt-4o", messages=make.messages)
    assert recording.only.attributes["tokens_total"] == 18


def test_a_mocked_client_is_left_alone(api: Any, make: Any, recording: Any) -> None:
    """Issue: a mock has no call to trace."""
    client = mock.MagicMock(spec=api.client())
    assert isinstance(client.chat.completions.create(model="gpt-4o", messages=make.messages), mock.Mock)
    assert recording.spans == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_mocked_result_is_left_alone(stream: bool, api: Any, make: Any, recording: Any, monkeypatch: Any) -> None:
    """Issue: what the SDK would return is a mock of the user's, and no stream although it says yes to everything."""
    answer = mock.MagicMock()
    client = api.client()
    monkeypatch.setattr(client, "_process_response", lambda **kwargs: answer)
    assert client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=stream) is answer
    assert not [name for name in ("_iterator", "_peekr") if name in vars(answer)]
    span = recording.only
    assert (span.status, span.attributes["model"], tokens(span)) == ("ok", "gpt-4o", {})
