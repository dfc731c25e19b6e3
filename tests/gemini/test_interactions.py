"""The interactions API, whose client is another one in each major version of the SDK: one span for each interaction."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import Any, Dict, List

import pytest
from google import genai

if not hasattr(genai.Client, "interactions"):
    pytest.skip("this version of the SDK has no interactions", allow_module_level=True)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*xperimental:UserWarning"),
    pytest.mark.filterwarnings("ignore:Granular retry options:UserWarning"),
]
NEW = int(genai.__version__.split(".")[0]) >= 2
USAGE = {
    "total_input_tokens": 10,
    "total_cached_tokens": 4,
    "total_output_tokens": 5,
    "total_thought_tokens": 3,
    "total_tool_use_tokens": 2,
    "total_tokens": 20,
}
RETRIES = {
    "http_options": {"retry_options": genai.types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.01)}
}


def text(*words: str) -> Dict[str, Any]:
    """What the model said, as this version has it."""
    content = [{"type": "text", "text": word} for word in words]
    return {"steps": [{"type": "model_output", "content": content}]} if NEW else {"outputs": content}


def asked(name: str, **arguments: Any) -> Dict[str, Any]:
    """A call of a function, as this version has it."""
    return {
        "steps" if NEW else "outputs": [{"type": "function_call", "id": "c1", "name": name, "arguments": arguments}]
    }


def interaction(*outputs: Dict[str, Any], **changes: Any) -> Dict[str, Any]:
    """An interaction as the API sends it."""
    whole: Dict[str, Any] = {"id": "v1_1", "model": "gemini-2.5-flash", "status": "completed", "object": "interaction"}
    whole.update(created="2026-01-01T00:00:00Z", updated="2026-01-01T00:00:00Z", usage=USAGE)
    for output in outputs:
        for name, items in output.items():
            whole.setdefault(name, []).extend(items)
    return {**whole, **changes}


def events(*words: str) -> List[bytes]:
    """The events of a streamed one."""
    final = {name: value for name, value in interaction().items() if name != "usage"}
    start, delta, stop = (
        ("step.start", "step.delta", "step.stop") if NEW else ("content.start", "content.delta", "content.stop")
    )
    begun = {"step": {"type": "model_output"}} if NEW else {"content": {"type": "text", "text": ""}}
    first, last = (
        ("interaction.created", "interaction.completed") if NEW else ("interaction.start", "interaction.complete")
    )
    found = [
        {"event_type": first, "interaction": {**final, "status": "in_progress"}},
        {"event_type": start, "index": 0, **begun},
        *({"event_type": delta, "index": 0, "delta": {"type": "text", "text": word}} for word in words),
        {"event_type": stop, "index": 0},
        {"event_type": last, "interaction": {**final, "usage": USAGE}},
    ]
    return [f"event: {event['event_type']}\ndata: {json.dumps(event)}\n\n".encode() for event in found]


def create(client: Any, **kwargs: Any) -> Any:
    """Create an interaction."""
    return client.interactions.create(**{"model": "gemini-2.5-flash", "input": "Capital of France?", **kwargs})


def test_an_interaction_is_one_span(api: Any, recording: Any) -> None:
    """LLM-3, LLM-5, LLM-6."""
    api.answers = [interaction(text("Paris."))]
    result = create(api.client(), system_instruction="Be brief.")
    assert result.id == "v1_1"
    span = recording.only
    found = span.attributes
    assert (span.name, span.kind, span.status) == ("gemini.interactions", "llm", "ok")
    assert json.loads(found["input"]) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Capital of France?"},
    ]
    assert (found["output"], found["model"], found["response_id"]) == ("Paris.", "gemini-2.5-flash", "v1_1")
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (12, 8, 20)
    assert (found["tokens_cached"], found["tokens_reasoning"]) == (4, 3)
    assert (found["finish_reason"], found["server"], found["provider"]) == ("completed", "127.0.0.1", "gemini")
    assert span.payload["request"]["system_instruction"] == "Be brief."


def test_an_async_interaction_is_one_span(api: Any, recording: Any) -> None:
    api.answers = [interaction(text("Paris."))]
    client = api.client()
    api.run(create(client.aio))
    assert (recording.only.attributes["output"], recording.only.attributes["tokens_total"]) == ("Paris.", 20)


def test_function_calls_of_an_interaction(api: Any, recording: Any) -> None:
    """LLM-7."""
    api.answers = [interaction(asked("weather", city="Paris"), status="requires_action")]
    create(api.client())
    found = recording.only.attributes
    assert json.loads(found["output"]) == [{"name": "weather", "arguments": '{"city": "Paris"}'}]
    assert (found["tool_calls"], found["finish_reason"]) == (1, "requires_action")


def test_a_streamed_interaction_is_one_span(api: Any, recording: Any) -> None:
    """STREAM-3, STREAM-6."""
    api.answers = [events("Par", "is.")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = create(api.client(), stream=True)
        kinds = [event.event_type for event in stream]
    assert len(kinds) == 6
    span = recording.only
    found = span.attributes
    assert (span.name, span.status, found["output"], found["streaming"]) == (
        "gemini.interactions",
        "ok",
        "Paris.",
        True,
    )
    assert (found["tokens_total"], found["finish_reason"]) == (20, "completed")
    assert "ttft_ms" in found and "stream_incomplete" not in found


def test_an_async_streamed_interaction_is_one_span(api: Any, recording: Any) -> None:
    api.answers = [events("Par", "is.")]
    client = api.client()

    async def main() -> int:
        return len([event async for event in await create(client.aio, stream=True)])

    assert api.run(main()) == 6
    assert recording.only.attributes["output"] == "Paris."


def test_an_interaction_closed_early_is_incomplete(api: Any, recording: Any) -> None:
    """STREAM-4."""
    api.answers = [events("Par", "is.")]
    stream = create(api.client(), stream=True)
    for event in stream:
        if event.event_type.endswith(".delta"):
            break
    stream.close()
    del stream
    found = recording.only.attributes
    assert (found["stream_incomplete"], found["output"]) == (True, "Par")
    assert "tokens_total" not in found


def test_an_error_event_fails_the_span(api: Any, recording: Any) -> None:
    """LLM-8: after a 200."""
    error = {"event_type": "error", "error": {"code": "RESOURCE_EXHAUSTED", "message": "slow down"}}
    api.answers = [[*events("Par")[:3], f"event: error\ndata: {json.dumps(error)}\n\n".encode()]]
    with contextlib.suppress(Exception):  # which some versions make of it
        list(create(api.client(), stream=True))
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "rate_limit")
    assert "slow down" in span.attributes["error"]


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (401, "UNAUTHENTICATED", "auth"),
        (429, "RESOURCE_EXHAUSTED", "rate_limit"),
        (400, "INVALID_ARGUMENT", "bad_request"),
    ],
)
def test_a_failed_interaction_has_its_reason(
    code: int, status: str, reason: str, api: Any, make: Any, recording: Any
) -> None:
    """LLM-8, INST-12."""
    api.answers = [make.error(code, status, "not today")]
    client = api.client(http_options={"retry_options": genai.types.HttpRetryOptions(attempts=1)})
    with pytest.raises(Exception) as raised:
        create(client)
    span = recording.only
    assert (span.status, span.attributes["error_type"]) == ("error", _class_of(raised.value, span))
    assert (span.attributes["error_reason"], span.attributes["status_code"]) == (reason, code)


def _class_of(error: BaseException, span: Any) -> str:
    """The exception's class; some versions translate it above the method that is traced."""
    names = [type(one).__name__ for one in (error, error.__cause__, error.__context__) if one is not None]
    return str(span.attributes["error_type"]) if span.attributes["error_type"] in names else names[0]


def test_retries_of_an_interaction_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [make.error(503, "UNAVAILABLE"), interaction(text("Paris."))]
    create(api.client(**RETRIES))
    assert len(api.requests) == 2
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("ok", 1)


def test_a_raw_response_is_one_span(api: Any, recording: Any) -> None:
    api.answers = [interaction(text("Paris."))]
    client = api.client()
    raw = client.interactions.with_raw_response.create(model="gemini-2.5-flash", input="Capital of France?")
    assert raw.parse().id == "v1_1"
    assert (recording.only.attributes["output"], recording.only.attributes["tokens_total"]) == ("Paris.", 20)


def test_uninstrument_puts_the_interactions_back(api: Any) -> None:
    """INST-17."""
    from peekr.testing import record

    client = api.client()
    api.answers = [interaction(text("Paris."))]
    before = type(client.interactions).create
    with record(plugins=["gemini"]) as recording:
        create(client)
        assert recording.only.name == "gemini.interactions"
    assert type(client.interactions).create is before
    create(client)
    assert recording._exporter.spans and len(recording._exporter.spans) == 1
