"""The provider keeps what every provider keeps."""

from __future__ import annotations

import inspect
from typing import Any
from unittest import mock

import pytest
from google.genai import _api_client, _extra_utils, chats, models

from peekr.testing import record
from peekr.testing.conformance import ProviderConformance
from peekr_gemini import GeminiProvider

PUBLIC = ("generate_content", "generate_content_stream", "embed_content", "count_tokens")


class TestGeminiProvider(ProviderConformance):
    entry_point = "gemini"

    @pytest.fixture(autouse=True)
    def _script(self, api: Any, make: Any) -> None:
        self.api, self.make = api, make

    def make_provider(self) -> Any:
        return GeminiProvider()

    def call(self) -> Any:
        result = self.api.client().models.generate_content(model=self.make.model, contents=self.make.question)
        return result.model_dump(exclude={"sdk_http_response"})

    def call_failing(self) -> Any:
        self.api.answers = [self.make.error(400, "INVALID_ARGUMENT", "no such parameter")]
        return self.call()

    def stream(self) -> Any:
        self.api.answers = [self.make.chunks("Par", "is", ".")]
        client = self.api.client()
        stream = client.models.generate_content_stream(model=self.make.model, contents=self.make.question)
        return [chunk.model_dump(exclude={"sdk_http_response"}) for chunk in stream]

    def methods(self) -> Any:
        inner = ("_generate_content", "_generate_content_stream", "_embed_content", "_generate_images")
        client = ("request", "async_request", "request_streamed", "async_request_streamed", "_request_once")
        functions = ("get_function_response_parts", "get_function_response_parts_async")
        return [
            *((owner, name) for owner in (models.Models, models.AsyncModels) for name in (*PUBLIC, *inner)),
            *((owner, "send_message") for owner in (chats.Chat, chats.AsyncChat)),
            *((owner, "send_message_stream") for owner in (chats.Chat, chats.AsyncChat)),
            *((_api_client.BaseApiClient, name) for name in (*client, "_async_request_once")),
            *((_extra_utils, name) for name in functions),
        ]


def test_a_client_made_before_instrument_is_traced(api: Any, make: Any) -> None:
    """INST-7."""
    client = api.client()
    with record(plugins=["gemini"]) as recording:
        client.models.generate_content(model=make.model, contents=make.question)
        assert recording.only.name == "gemini.generate_content"


def test_methods_stay_what_they_are(api: Any, recording: Any) -> None:
    """INST-12: generators stay generators, coroutine functions stay such; frameworks look at that."""
    client = api.client()
    assert inspect.isgeneratorfunction(client.models.generate_content_stream)
    assert inspect.isgeneratorfunction(client.chats.create(model="m").send_message_stream)
    for name in PUBLIC:
        assert inspect.iscoroutinefunction(getattr(client.aio.models, name)), name
        assert getattr(client.models, name).__name__ == name


def test_a_patch_that_fails_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, api: Any, make: Any, caplog: Any
) -> None:
    """INST-8: the SDK moved the method that sees HTTP; calls are traced from their objects all the same."""
    monkeypatch.setattr(_api_client.BaseApiClient, "send", _api_client.BaseApiClient.request, raising=False)
    monkeypatch.delattr(_api_client.BaseApiClient, "request")
    client = api.client()
    monkeypatch.setattr(client._api_client, "request", client._api_client.send, raising=False)
    with record(plugins=["gemini"]) as recording:
        config = {"system_instruction": "Be brief."}
        result = client.models.generate_content(model=make.model, contents=make.question, config=config)
        span = recording.only
    assert result.text == span.attributes["output"] == "Paris."
    assert (span.attributes["tokens_total"], span.attributes["system"]) == (18, "Be brief.")
    assert make.question in span.attributes["input"]
    assert [entry.levelname for entry in caplog.records if entry.name == "peekr"] == ["WARNING"]


def test_a_mock_in_place_of_a_method_stays_the_users(monkeypatch: pytest.MonkeyPatch, api: Any) -> None:
    """A test of the user's own replaced the method before tracing began: the mock is called as without peekr."""
    fake = mock.MagicMock(return_value="canned")
    monkeypatch.setattr(models.Models, "_generate_content", fake)
    monkeypatch.setattr(models.Models, "generate_content", fake)
    with record(plugins=["gemini"]) as recording:
        assert api.client().models.generate_content(model="m", contents="Hi") == "canned"
        assert recording.spans == []
    fake.assert_called_once_with(model="m", contents="Hi")
    assert vars(models.Models)["generate_content"] is fake
