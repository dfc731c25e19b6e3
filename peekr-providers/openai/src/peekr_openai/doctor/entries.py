"""The entry points of the SDK that spend tokens or money, in each of the ways in which they can be called."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from peekr.probes import Probe, reach
from peekr.probes.stainless import Twins
from peekr_openai.doctor.answers import EMBEDDING_TOKENS, TOKENS

_ASKED = [{"role": "user", "content": "What is the capital of France?"}]
_CHAT: Dict[str, Any] = {"model": "gpt-4o", "messages": _ASKED}
_RESPONSE: Dict[str, Any] = {"model": "gpt-4o", "input": "What is the capital of France?"}
_PROMPT: Dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "The capital of France is"}
_SCHEMA = {"name": "answer", "schema": {"type": "object", "properties": {"capital": {"type": "string"}}}}
_QUESTIONS = [{"type": "predicate", "predicate": "It greets."}]
_WEBSOCKETS = ("realtime.connect", "responses.connect", "live.connect")


def _client(url: str, name: str = "OpenAI") -> Any:
    import openai

    return getattr(openai, name)(api_key="none", base_url=f"{url}/v1", max_retries=0)


def _async_client(url: str) -> Any:
    return _client(url, "AsyncOpenAI")


def _azure(url: str, name: str = "AzureOpenAI") -> Any:
    import openai

    return getattr(openai, name)(api_key="none", azure_endpoint=url, api_version="2024-10-21", max_retries=0)


def _async_azure(url: str) -> Any:
    return _azure(url, "AsyncAzureOpenAI")


def probes() -> List[Probe]:
    """Return all of them."""
    twins = Twins(_client, _async_client)
    return [*_chat(twins), *_responses(twins), *_completions(twins), *_other(twins), *_azure_probes(), *_untraced()]


def _chat(twins: Twins) -> List[Probe]:
    create = "chat.completions.create"
    schema = {"type": "json_schema", "json_schema": _SCHEMA}
    return [
        *twins.of(create, tokens=TOKENS, **_CHAT),
        *twins.of(create, "streamed", tokens=TOKENS, **_CHAT, stream=True),
        *twins.of(create, "raw", tokens=TOKENS, **_CHAT),
        *twins.of(create, "raw streamed", tokens=TOKENS, **_CHAT, stream=True),
        *twins.of(create, "raw body", tokens=TOKENS, **_CHAT),
        *twins.of("chat.completions.stream", "helper", tokens=TOKENS, **_CHAT),
        *twins.of("chat.completions.parse", tokens=TOKENS, **_CHAT, response_format=schema),
        *twins.of("beta.chat.completions.stream", "helper", tokens=TOKENS, **_CHAT),
        *twins.of("beta.chat.completions.parse", tokens=TOKENS, **_CHAT, response_format=schema),
        *twins.of("post", tokens=TOKENS, path="/chat/completions", body=_CHAT, cast_to=object),
    ]


def _responses(twins: Twins) -> List[Probe]:
    create = "responses.create"
    return [
        *twins.of(create, tokens=TOKENS, **_RESPONSE),
        *twins.of(create, "streamed", tokens=TOKENS, **_RESPONSE, stream=True),
        *twins.of(create, "raw", tokens=TOKENS, **_RESPONSE),
        *twins.of(create, "raw streamed", tokens=TOKENS, **_RESPONSE, stream=True),
        *twins.of(create, "raw body", tokens=TOKENS, **_RESPONSE),
        *twins.of("responses.stream", "helper", tokens=TOKENS, **_RESPONSE),
        *twins.of("responses.parse", tokens=TOKENS, **_RESPONSE),
        *twins.of("responses.compact", tokens=TOKENS, **_RESPONSE),
        *twins.of("responses.retrieve", response_id="resp_1"),
        *twins.of("responses.input_tokens.count", **_RESPONSE),
    ]


def _completions(twins: Twins) -> List[Probe]:
    return [
        *twins.of("completions.create", tokens=TOKENS, **_PROMPT),
        *twins.of("completions.create", "streamed", tokens=TOKENS, **_PROMPT, stream=True),
    ]


def _other(twins: Twins) -> List[Probe]:
    """Those without ``tokens`` are billed by something else than tokens, or not at all."""
    sound, picture = ("talk.mp3", b"12345"), ("cat.png", b"12345")
    run: Dict[str, Any] = {"thread_id": "thread_1", "assistant_id": "asst_1"}
    batch: Dict[str, Any] = {"completion_window": "24h", "endpoint": "/v1/chat/completions", "input_file_id": "file_1"}
    small: Dict[str, Any] = {"model": "text-embedding-3-small", "input": "hello"}
    return [
        *twins.of("embeddings.create", tokens=EMBEDDING_TOKENS, **small, encoding_format="base64"),
        *twins.of("images.generate", tokens=TOKENS, model="gpt-image-1", prompt="cat"),
        *twins.of("images.edit", tokens=TOKENS, model="gpt-image-1", image=picture, prompt="cat"),
        *twins.of("images.create_variation", image=picture),
        *twins.of("audio.transcriptions.create", tokens=TOKENS, model="gpt-4o-transcribe", file=sound),
        *twins.of("audio.translations.create", model="whisper-1", file=sound),
        *twins.of("audio.speech.create", model="tts-1", voice="alloy", input="hello"),
        *twins.of("decisions.create", tokens=TOKENS, model="gpt-6-luna", input="hello", questions=_QUESTIONS),
        *twins.of("moderations.create", input="hello"),
        *twins.of("vector_stores.search", vector_store_id="vs_1", query="hello"),
        *twins.of("beta.threads.runs.create", tokens=TOKENS, **run),
        *twins.of("batches.create", **batch),
        *twins.of("videos.create", prompt="cat"),
        *twins.of("videos.remix", video_id="video_1", prompt="cat"),
    ]


def _azure_probes() -> List[Probe]:
    twins = Twins(_azure, _async_azure)
    entry = "chat.completions.create"
    return twins.of(entry, "azure", tokens=TOKENS, **_CHAT)


def _untraced() -> List[Probe]:
    return [Probe(entry, _is_there(entry), untraced="a websocket, not an HTTP call") for entry in _WEBSOCKETS]


def _is_there(entry: str) -> Callable[[str], None]:
    def run(url: str) -> None:
        with _client(url) as client:
            reach(client, entry)

    return run
