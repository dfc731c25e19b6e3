"""The SDK before google-genai, ``google-generativeai``, whose objects are protocol buffers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import warnings
from typing import Any, List

import pytest

with warnings.catch_warnings():  # it says that nobody maintains it any more
    warnings.simplefilter("ignore")
    old = pytest.importorskip("google.generativeai")
    from google.api_core import exceptions
    from google.generativeai import protos

import peekr
from peekr.testing import record

MODEL = "gemini-1.5-flash"


def answer(*parts: Any, finish: str = "STOP", **changes: Any) -> Any:
    """A response of the API."""
    shown = [{"text": part} if isinstance(part, str) else part for part in parts]
    usage = {"prompt_token_count": 11, "candidates_token_count": 7, "total_token_count": 18}
    candidate = {"content": {"role": "model", "parts": shown}, "finish_reason": finish, "index": 0}
    whole = {"candidates": [candidate], "usage_metadata": usage, "model_version": f"{MODEL}-002"}
    return protos.GenerateContentResponse({**whole, **changes})


class Api:
    """Stands in for the generated gRPC client, below everything that the SDK does itself."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: List[Any] = []

    def _next(self, request: Any) -> Any:
        self.requests.append(request)
        given = self.answers.pop(0)
        if isinstance(given, BaseException):
            raise given
        return given

    def generate_content(self, request: Any, **options: Any) -> Any:
        """Answer."""
        return self._next(request)

    def stream_generate_content(self, request: Any, **options: Any) -> Any:
        """Answer in chunks; an exception among them is raised."""

        def chunks(given: Any) -> Any:
            for one in given:
                if isinstance(one, BaseException):
                    raise one
                yield one

        return chunks(self._next(request))

    def embed_content(self, request: Any, **options: Any) -> Any:
        """Embed."""
        return protos.EmbedContentResponse(embedding={"values": [0.25] * 4})

    def count_tokens(self, request: Any, **options: Any) -> Any:
        """Count."""
        return protos.CountTokensResponse(total_tokens=5)


class AsyncApi(Api):
    """The async twin."""

    async def generate_content(self, request: Any, **options: Any) -> Any:
        """Answer."""
        return self._next(request)

    async def stream_generate_content(self, request: Any, **options: Any) -> Any:
        """Answer in chunks."""

        async def chunks() -> Any:
            for one in self._next(request):
                yield one

        return chunks()


def model(*answers: Any, **options: Any) -> Any:
    """A model of the SDK, with answers for both kinds of calls."""
    made = old.GenerativeModel(MODEL, **options)
    made._client, made._async_client = Api(*answers), AsyncApi(*answers)
    return made


def test_a_call_is_one_span(recording: Any) -> None:
    """LLM-13."""
    config = {"temperature": 0.5}
    result = model(answer("Paris."), system_instruction="Be brief.", generation_config=config).generate_content(
        "Capital?"
    )
    assert result.text == "Paris."
    span = recording.only
    found = span.attributes
    assert (span.name, span.kind, span.status) == ("gemini.generate_content", "llm", "ok")
    assert json.loads(found["input"]) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Capital?"},
    ]
    assert (found["system"], found["output"], found["finish_reason"]) == ("Be brief.", "Paris.", "STOP")
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (11, 7, 18)
    assert (found["provider"], found["model"]) == ("gemini", f"{MODEL}-002")
    assert span.payload["request"]["generationConfig"] == {"temperature": 0.5}


def test_an_async_call_is_one_span(recording: Any) -> None:
    asyncio.run(model(answer("Paris.")).generate_content_async("Capital?"))
    assert (recording.only.attributes["output"], recording.only.attributes["tokens_total"]) == ("Paris.", 18)


def test_a_stream_is_one_span(recording: Any) -> None:
    """STREAM-7."""
    early = answer("Par", finish="FINISH_REASON_UNSPECIFIED", usage_metadata={"prompt_token_count": 11})
    stream = model([early, answer("is.")]).generate_content("Capital?", stream=True)
    assert isinstance(stream, old.types.GenerateContentResponse)
    assert [chunk.text for chunk in stream] == ["Par", "is."]
    span = recording.only
    assert (span.name, span.attributes["output"]) == ("gemini.generate_content_stream", "Paris.")
    assert (span.attributes["tokens_total"], span.attributes["streaming"]) == (18, True)
    assert "ttft_ms" in span.attributes and "stream_incomplete" not in span.attributes


def test_an_async_stream_is_one_span(recording: Any) -> None:
    async def main() -> List[str]:
        stream = await model([answer("Par"), answer("is.")]).generate_content_async("Capital?", stream=True)
        return [chunk.text async for chunk in stream]

    assert asyncio.run(main()) == ["Par", "is."]
    assert recording.only.attributes["output"] == "Paris."


def test_a_stream_dropped_midway_is_not_lost(recording: Any) -> None:
    """STREAM-4."""
    chunks = [answer(word, finish="FINISH_REASON_UNSPECIFIED") for word in ("a", "b", "c", "d")]
    stream = model(chunks).generate_content("Letters?", stream=True)
    next(iter(stream))
    del stream
    assert recording.only.attributes["stream_incomplete"] is True


def test_an_error_in_mid_stream(recording: Any) -> None:
    """LLM-8."""
    failing = [answer("Par", finish="FINISH_REASON_UNSPECIFIED"), exceptions.ServiceUnavailable("overloaded")]
    with pytest.raises(exceptions.ServiceUnavailable):
        for _ in model(failing).generate_content("Capital?", stream=True):
            pass
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == ("error", "server_error", "Par")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.ResourceExhausted("quota"), "rate_limit"),
        (exceptions.Unauthenticated("who?"), "auth"),
        (exceptions.PermissionDenied("no"), "auth"),
        (exceptions.DeadlineExceeded("slow"), "timeout"),
        (
            exceptions.InvalidArgument("The input token count (9) exceeds the maximum number of tokens"),
            "context_length",
        ),
        (exceptions.InvalidArgument("bad temperature"), "bad_request"),
        (exceptions.InternalServerError("oops"), "server_error"),
    ],
)
def test_an_error_has_its_reason(error: Any, reason: str, recording: Any) -> None:
    """LLM-8, INST-12."""
    with pytest.raises(type(error)) as raised:
        model(error).generate_content("Capital?")
    assert raised.value is error
    found = recording.only.attributes
    assert (found["error_reason"], found["error_type"]) == (reason, type(error).__name__)
    assert found["status_code"] == int(error.code)
    assert "Capital?" in found["input"]


def test_a_blocked_prompt_is_no_error(recording: Any) -> None:
    """LLM-9."""
    blocked = protos.GenerateContentResponse({"prompt_feedback": {"block_reason": "SAFETY"}})
    model(blocked).generate_content("Capital?")
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["block_reason"]) == (
        "ok",
        "content_filter",
        "SAFETY",
    )


def test_a_chat_is_one_span_a_turn(recording: Any) -> None:
    chat = model(answer("Paris."), answer("Madrid.")).start_chat()
    chat.send_message("Capital of France?")
    chat.send_message("And of Spain?")
    first, second = recording.spans
    assert first.parent_id is second.parent_id is None
    assert [m["role"] for m in json.loads(second.attributes["input"])] == ["user", "assistant", "user"]


def test_functions_that_the_sdk_runs(recording: Any) -> None:
    """One span for each call of the model, under one parent."""

    def weather(city: str) -> str:
        """Tell the weather in a city."""
        with peekr.span("tool.weather"):
            return f"rain in {city}"

    weather.__annotations__ = {"city": str, "return": str}
    asked = answer({"function_call": {"name": "weather", "args": {"city": "Paris"}}})
    chat = model(asked, answer("Rain."), tools=[weather]).start_chat(enable_automatic_function_calling=True)
    assert chat.send_message("Weather?").text == "Rain."
    first, tool, second, parent = recording.spans
    assert (first.name, second.name) == ("gemini.generate_content", "gemini.generate_content")
    assert (parent.name, parent.kind, parent.attributes["model_calls"]) == ("gemini.chats.send_message", "chain", 2)
    assert {first.parent_id, tool.parent_id, second.parent_id} == {parent.span_id}
    assert json.loads(first.attributes["output"]) == [{"name": "weather", "arguments": '{"city": "Paris"}'}]


def test_embeddings_and_counts(recording: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """LLM-13: no tokens are told, so none are set."""
    from google.generativeai import embedding

    monkeypatch.setattr(embedding, "get_default_generative_client", Api)
    assert old.embed_content(model="models/text-embedding-004", content="one")["embedding"] == [0.25] * 4
    assert model().count_tokens("Hello").total_tokens == 5
    embedded, counted = recording.spans
    assert (embedded.name, embedded.kind, embedded.attributes["model"]) == (
        "gemini.embed_content",
        "embedding",
        "text-embedding-004",
    )
    assert embedded.attributes["input"] == "one"
    assert (counted.name, counted.attributes["token_count"]) == ("gemini.count_tokens", 5)
    assert not [name for span in (embedded, counted) for name in span.attributes if name.startswith("tokens_")]


def test_uninstrument_puts_everything_back() -> None:
    """INST-17."""
    before = [old.GenerativeModel.generate_content, old.ChatSession.send_message, old.embed_content]
    with record(plugins=["gemini"]):
        assert old.GenerativeModel.generate_content is not before[0]
    assert [old.GenerativeModel.generate_content, old.ChatSession.send_message, old.embed_content] == before


def test_it_is_traced_when_it_is_imported_later() -> None:
    """IFACE-4: patched as soon as the old SDK is imported, with or without the new one."""
    code = (
        "import sys, warnings; warnings.simplefilter('ignore'); import peekr; peekr.instrument(console=False)\n"
        "assert 'google.generativeai' not in sys.modules\n"
        "import google.generativeai as old\n"
        "assert hasattr(old.GenerativeModel.generate_content, '__peekr__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
