"""The entry points of the SDK that call a model or belong to it, in each of the ways in which they can be called."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from peekr.probes import Probe, reach
from peekr.probes.stainless import Twins
from peekr_anthropic.doctor.answers import TOKENS

_ASKED = [{"role": "user", "content": "What is the capital of France?"}]
_COUNTED: Dict[str, Any] = {"model": "claude-sonnet-5", "messages": _ASKED}
_ASK: Dict[str, Any] = {**_COUNTED, "max_tokens": 100}
_PROMPT: Dict[str, Any] = {
    "model": "claude-2.1",
    "max_tokens_to_sample": 5,
    "prompt": "\n\nHuman: Capital?\n\nAssistant:",
}
_AWS: Dict[str, Any] = {"aws_access_key": "none", "aws_secret_key": "none", "aws_region": "us-east-1"}
#: Class → what it wants to know. Those that a version has not, or whose extra is not installed, are left out.
_PLATFORMS: Dict[str, Dict[str, Any]] = {
    "Bedrock": _AWS,
    "BedrockMantle": _AWS,
    "Vertex": {"access_token": "none", "region": "us-east5", "project_id": "none"},
    "Foundry": {"api_key": "none"},
}


def _maker(name: str, path: str = "", **options: Any) -> Callable[[str], Any]:
    def make(url: str) -> Any:
        import anthropic

        return reach(anthropic, name)(base_url=url + path, max_retries=0, **options)

    return make


def probes() -> List[Probe]:
    """Return all of them."""
    clients = [_maker(f"{twin}Anthropic", api_key="none") for twin in ("", "Async")]
    twins = Twins(*clients)
    return [
        *_messages(twins, "messages"),
        *_messages(twins, "beta.messages"),
        *twins.of("beta.messages.tool_runner", "runner", tokens=2 * TOKENS, spans=2, **_ASK, tools=_tools(False))[:1],
        *twins.of("beta.messages.tool_runner", "runner", tokens=2 * TOKENS, spans=2, **_ASK, tools=_tools(True))[1:],
        *_thread(*clients),
        *twins.of("post", tokens=TOKENS, path="/v1/messages", body=_ASK, cast_to=object),
        *twins.of("completions.create", **_PROMPT),
        *twins.of("completions.create", "streamed", **_PROMPT, stream=True),
        *_platforms(),
    ]


def _messages(twins: Twins, owner: str) -> List[Probe]:
    create = f"{owner}.create"
    batch = [{"custom_id": "1", "params": _ASK}]
    return [
        *twins.of(create, tokens=TOKENS, **_ASK),
        *twins.of(create, "streamed", tokens=TOKENS, **_ASK, stream=True),
        *twins.of(create, "raw", tokens=TOKENS, **_ASK),
        *twins.of(create, "raw streamed", tokens=TOKENS, **_ASK, stream=True),
        *twins.of(create, "raw body", tokens=TOKENS, **_ASK),
        *twins.of(f"{owner}.stream", "helper", tokens=TOKENS, **_ASK),
        *twins.of(f"{owner}.parse", tokens=TOKENS, **_ASK),
        *twins.of(f"{owner}.count_tokens", **_COUNTED),
        *twins.of(f"{owner}.batches.create", requests=batch),
    ]


def _tools(asynchronous: bool) -> List[Any]:
    """The tool of the runner, which wants it to be as asynchronous as itself; none where the SDK has no runner."""
    import anthropic

    decorate = getattr(anthropic, "beta_async_tool" if asynchronous else "beta_tool", None)
    if decorate is None:
        return []

    def capital(country: str) -> str:
        """Return the capital of a country."""
        return "Paris"

    async def capital_async(country: str) -> str:
        """Return the capital of a country."""
        return "Paris"

    return [decorate(capital_async, name="capital") if asynchronous else decorate(capital)]


def _thread(client: Callable[[str], Any], async_client: Callable[[str], Any]) -> List[Probe]:
    entry = "beta.messages.thread"
    empty = {key: value for key, value in _ASK.items() if key != "messages"}

    def send(url: str) -> None:
        with client(url) as opened:
            reach(opened, entry)(**empty).send("What is the capital of France?")

    async def send_async(url: str) -> None:
        async with async_client(url) as opened:
            await reach(opened, entry)(**empty).send("What is the capital of France?")

    return [
        Probe(entry, send, "send", tokens=TOKENS),
        Probe(entry, send_async, "send", asynchronous=True, tokens=TOKENS),
    ]


def _platforms() -> List[Probe]:
    import anthropic

    found: List[Probe] = []
    for name, options in _PLATFORMS.items():
        if not hasattr(anthropic, f"Anthropic{name}"):
            continue
        path = "/v1" if name == "Vertex" else ""
        twins = Twins(_maker(f"Anthropic{name}", path, **options), _maker(f"AsyncAnthropic{name}", path, **options))
        found += twins.of("messages.create", name, tokens=TOKENS, **_ASK)
        found += twins.of("messages.create", f"{name} streamed", tokens=TOKENS, **_ASK, stream=True)
    return found
