"""The clients for other platforms: their requests are rewritten later, their spans are the same."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import struct
import zlib
from typing import Any, Dict

import anthropic
import pytest


def options_of(kind: Any) -> Dict[str, Any]:
    """What a client of this class wants instead of the API's key and address."""
    name = kind.__name__
    known = {
        "Bedrock": {"aws_access_key": "a", "aws_secret_key": "b", "aws_region": "us-east-1", "base_url": None},
        "Vertex": {"access_token": "t", "region": "us-east5", "project_id": "p", "base_url": None},
        "Foundry": {"base_url": "https://acme.services.ai.azure.com/anthropic", "api_key": "test"},
    }
    options = next(options for part, options in known.items() if part in name)
    accepted = inspect.signature(kind.__init__).parameters
    return {"api_key": None, **options} if "api_key" in accepted else options


def client_of(name: str, make_client: Any) -> Any:
    kind = getattr(anthropic, name, None)
    if kind is None:
        pytest.skip(f"this version of the SDK has no {name}")
    if "Bedrock" in name:
        pytest.importorskip("botocore")
    options = options_of(kind)
    if "api_key" not in inspect.signature(kind.__init__).parameters:
        return make_client(lambda api_key=None, **others: kind(**others), **options)
    return make_client(kind, **options)


PLATFORMS = [
    ("AnthropicBedrock", "bedrock", "bedrock-runtime.us-east-1.amazonaws.com"),
    ("AnthropicVertex", "vertex", "us-east5-aiplatform.googleapis.com"),
    ("AnthropicFoundry", "foundry", "acme.services.ai.azure.com"),
]


@pytest.mark.parametrize(("name", "provider", "host"), PLATFORMS)
@pytest.mark.parametrize("beta", [False, True])
def test_a_platform_is_named_as_the_provider(
    beta: bool, name: str, provider: str, host: str, api: Any, make: Any, recording: Any
) -> None:
    """INST-6, field D.3: their resources copy the methods when the class is made, which the choke point survives."""
    client = client_of(name, api.client)
    answer = (client.beta.messages if beta else client.messages).create(**make.ask, system="Be brief.")
    assert answer.content[0].text == "Paris."
    span = recording.only
    attributes = span.attributes
    assert (span.name, attributes["provider"], attributes["server"]) == ("anthropic.messages", provider, host)
    assert (attributes["model"], attributes["model_requested"]) == ("claude-sonnet-5-20260901", "claude-sonnet-5")
    assert (attributes["system"], attributes["tokens_total"]) == ("Be brief.", 18)


@pytest.mark.parametrize(("name", "provider", "host"), PLATFORMS)
def test_an_async_platform_is_named_as_the_provider(
    name: str, provider: str, host: str, api: Any, make: Any, recording: Any
) -> None:
    """INST-6."""

    async def main() -> None:
        await client_of(f"Async{name}", api.async_client).messages.create(**make.ask)

    asyncio.run(main())
    attributes = recording.only.attributes
    assert (attributes["provider"], attributes["server"], attributes["output"]) == (provider, host, "Paris.")


def test_a_stream_of_vertex_is_recorded(api: Any, make: Any, recording: Any) -> None:
    """STREAM-7."""
    api.answers = [make.sse(make.stream_events())]
    with client_of("AnthropicVertex", api.client).messages.stream(**make.ask) as stream:
        assert stream.get_final_message().content[0].text == "Paris."
    attributes = recording.only.attributes
    assert (attributes["provider"], attributes["output"], attributes["tokens_total"]) == ("vertex", "Paris.", 18)


def frame(event: Any) -> bytes:
    """An event as AWS frames it: lengths, checksums, headers, and the JSON in base64."""
    headers = b""
    for name, value in ((":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    start = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = start + struct.pack(">I", zlib.crc32(start)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


@pytest.mark.parametrize("read", [None, 4])
def test_a_stream_of_bedrock_is_recorded(read: Any, api: Any, make: Any, recording: Any) -> None:
    """STREAM-7: frames of AWS in place of server-sent events; also when the connection ends too early."""
    body = b"".join(frame(event) for event in make.stream_events()[:read])
    kind = {"content-type": "application/vnd.amazon.eventstream"}
    api.answers = [lambda request: api.httpx.Response(200, headers=kind, stream=api.body([body]))]
    stream = client_of("AnthropicBedrock", api.client).messages.create(**make.ask, stream=True)
    assert list(stream)
    attributes = recording.only.attributes
    if read is None:
        assert (attributes["output"], attributes["tokens_total"]) == ("Paris.", 18)
    assert attributes.get("stream_incomplete") == (None if read is None else True)
    assert attributes["provider"] == "bedrock"


def test_a_client_of_ones_own_keeps_its_provider(api: Any, make: Any, recording: Any) -> None:
    """Issue: a subclassed client; a proxy is named as the server."""

    class Client(anthropic.Anthropic):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    answer = api.client(Client, base_url="https://proxy.example/anthropic").messages.create(**make.ask)
    assert answer.content[0].text == "Paris."
    attributes = recording.only.attributes
    assert (attributes["provider"], attributes["server"]) == ("anthropic", "proxy.example")
