"""What one call records, and what is left alone."""

from __future__ import annotations

import io
import json
from typing import Any
from unittest import mock

import botocore.client
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

import peekr
from peekr.patching import failures
from peekr.testing import record


def test_a_conversation(api: Any, recording: Any) -> None:
    """LLM-2 to LLM-6: name, kind, model, messages, text, tokens."""
    api.converse(system=[{"text": "Be brief."}], inferenceConfig={"maxTokens": 5})
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, span.status) == ("bedrock.converse", "llm", "ok")
    assert attributes["model"] == api.model
    assert json.loads(attributes["input"]) == [{"role": "system", "content": "Be brief."}, *api.messages]
    assert attributes["system"] == "Be brief."
    assert attributes["output"] == "Paris."
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 7, 18)
    assert (attributes["finish_reason"], attributes["provider"]) == ("end_turn", "bedrock")
    assert (attributes["region"], attributes["request_id"]) == ("us-east-1", "req-1")
    assert span.payload["request"]["inferenceConfig"] == {"maxTokens": 5}
    assert span.payload["response"]["usage"] == api.usage


def test_without_capture_the_system_prompt_and_the_body_stay_out(api: Any) -> None:
    """LLM-12."""
    with record(plugins=["bedrock"], capture_io=False) as recording:
        api.invoke(body=json.dumps({"system": "secret", "messages": []}))["body"].read()
        span = recording.only
    assert not {"input", "output", "system"} & set(span.attributes)
    assert span.payload is None
    assert span.attributes["tokens_total"] == 18


def test_a_tool_call_without_text(api: Any, recording: Any) -> None:
    """LLM-7."""
    tool = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Paris"}}}
    answer = {
        "message": {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}, tool]}
    }
    api.answers = [api.conversation(output=answer, stopReason="tool_use")]
    api.converse()
    attributes = recording.only.attributes
    assert json.loads(attributes["output"]) == [{"name": "weather", "arguments": '{"city":"Paris"}'}]
    assert (attributes["tool_calls"], attributes["finish_reason"]) == (1, "tool_use")


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("guardrail_intervened", "guardrail"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "json_parse"),
        ("model_context_window_exceeded", "context_length"),
        ("max_tokens", None),
    ],
)
def test_a_success_that_is_none_keeps_its_status_and_tells_the_reason(
    api: Any, recording: Any, finish: str, reason: Any
) -> None:
    """LLM-9."""
    api.answers = [api.conversation(stopReason=finish)]
    api.converse()
    span = recording.only
    assert (span.status, span.attributes["finish_reason"], span.attributes.get("error_reason")) == (
        "ok",
        finish,
        reason,
    )


def test_an_image_is_named_by_its_size(api: Any, recording: Any) -> None:
    """LLM-11: bytes in a request crowd out neither the words nor the queue."""
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG" * 1_000_000}}}
    api.client().converse(modelId=api.model, messages=[{"role": "user", "content": [image, {"text": "What is it?"}]}])
    span = recording.only
    assert "<4000000 bytes>" in span.attributes["input"] and "What is it?" in span.attributes["input"]
    assert "truncated" not in span.payload


def test_a_long_system_prompt_does_not_hide_the_question(api: Any, recording: Any) -> None:
    """LLM-11: nor does a tool's result, which is a message of the user here."""
    use = {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}
    result = {"toolResult": {"toolUseId": "t", "content": [{"text": "21"}]}}
    turns = [("user", [{"text": "Which number?"}]), ("assistant", [use]), ("user", [result])]
    messages = [{"role": role, "content": content} for role, content in turns]
    api.client().converse(modelId=api.model, messages=messages, system=[{"text": "Rules. " * 900}])
    attributes = recording.only.attributes
    assert "Which number?" in attributes["input"]
    assert len(attributes["input"]) <= 1000 and len(attributes["system"]) <= 1000


def test_a_cut_payload_keeps_the_usage(api: Any, recording: Any) -> None:
    """LLM-11: 256 KiB, then ``truncated``; the tokens are those of the whole."""
    api.answers = [api.conversation("word " * 200_000)]
    api.converse()
    span = recording.only
    assert span.payload["truncated"] is True
    assert span.attributes["tokens_total"] == 18


def test_retries_are_one_span_with_their_number(api: Any, recording: Any) -> None:
    """LLM-10."""
    throttled = api.failure("ThrottlingException", "Too many requests", 429)
    api.answers = [throttled, api.failure("InternalServerException", "oops", 500), api.conversation()]
    api.client(attempts=4).converse(modelId=api.model, messages=api.messages)
    span = recording.only
    assert (span.status, span.attributes["retry_count"], span.attributes["tokens_total"]) == ("ok", 2, 18)
    assert len(api.requests) == 3


def test_cached_tokens_are_part_of_the_input(api: Any, recording: Any) -> None:
    """LLM-6: Bedrock counts them apart, as its total shows."""
    usage = {"inputTokens": 10, "outputTokens": 2, "totalTokens": 1312, "cacheReadInputTokens": 1000}
    api.answers = [api.conversation(usage={**usage, "cacheWriteInputTokens": 300})]
    if "cacheReadInputTokens" not in api.converse()["usage"]:
        pytest.skip("botocore before 1.37, which drops what it does not know")
    attributes = recording.only.attributes
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (1310, 2, 1312)
    assert (attributes["tokens_cached"], attributes["tokens_cache_write"]) == (1000, 300)


def test_missing_usage_and_unknown_fields_are_no_obstacle(api: Any, recording: Any) -> None:
    """INST-12: absent is what did not come, neither 0 nor guessed."""
    answer = api.conversation(somethingNew={"a": 1})
    del answer["usage"]
    api.answers = [answer]
    api.converse()
    span = recording.only
    assert not any(name.startswith("tokens_") for name in span.attributes)
    assert (span.status, span.attributes["output"]) == ("ok", "Paris.")


def test_count_tokens_counts_and_spends_nothing(api: Any, recording: Any) -> None:
    api.answers = [{"inputTokens": 18}]
    client = api.client()
    if not hasattr(client, "count_tokens"):
        pytest.skip("botocore before 1.40")
    client.count_tokens(modelId=api.model, input={"converse": {"messages": api.messages}})
    span = recording.only
    assert (span.name, span.kind) == ("bedrock.count_tokens", "function")
    assert not any(name.startswith("tokens_") for name in span.attributes)


# -- what is left alone ---------------------------------------------------------------------------------------


def test_other_services_make_no_span(api: Any, recording: Any) -> None:
    """INST-13: nor does an operation of the same name elsewhere."""
    api.answers = [api.Answer(b"<ListAllMyBucketsResult/>")]
    api.client("s3").list_buckets()
    api.answers = [{"summaries": [], "modelSummaries": []}]
    api.client("bedrock").list_foundation_models()
    assert recording.spans == []


def test_a_mock_in_the_place_of_the_sdks_function_is_left_in_place(api: Any, recording: Any) -> None:
    """INST-12: the way moto's documentation patches what moto does not know."""
    client = api.client()
    with mock.patch("botocore.client.BaseClient._make_api_call", return_value={"mocked": True}):
        assert client.converse(modelId="m", messages=[]) == {"mocked": True}
    client.converse(modelId=api.model, messages=api.messages)
    assert recording.only.attributes["output"] == "Paris."


@pytest.mark.parametrize("result", [None, mock.MagicMock(), {"body": mock.MagicMock()}, {"body": object()}, {}, []])
def test_whatever_a_mock_returns_reaches_the_caller(api: Any, result: Any) -> None:
    """INST-12, INST-13: the span tells what it knows."""
    client = api.client()
    known = dict(failures)
    with mock.patch("botocore.client.BaseClient._make_api_call", return_value=result):
        with record(plugins=["bedrock"]) as recording:
            assert client.invoke_model(modelId=api.model, body="{}") is result
            assert client.converse_stream(modelId=api.model, messages=[]) is result
            spans = recording.spans
    assert [(span.status, span.attributes["model"]) for span in spans] == [("ok", api.model)] * 2
    assert not any(name.startswith("tokens_") for span in spans for name in span.attributes)
    assert failures == known


def test_a_subclass_of_the_client_is_traced_once(api: Any, recording: Any) -> None:
    """INST-9: also one that overrides the function and calls the SDK's."""
    client = api.client()

    class Own(type(client)):  # type: ignore[misc]
        def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
            return super()._make_api_call(operation_name=operation_name, api_params=api_params)

    client.__class__ = Own
    client.converse(modelId=api.model, messages=api.messages)
    assert recording.only.attributes["output"] == "Paris."


def test_a_stubbed_client(api: Any, recording: Any) -> None:
    """INST-12: a body in memory is not read for the caller, and the span does not wait for them."""
    client = api.client()
    body = json.dumps(api.message()).encode()
    with Stubber(client) as stub:
        stub.add_response("invoke_model", {"body": StreamingBody(io.BytesIO(body), len(body)), "contentType": "a/b"})
        stub.add_response("converse", api.conversation())
        result = client.invoke_model(modelId=api.model, body=b"{}")
        client.converse(modelId=api.model, messages=api.messages)
    assert [span.attributes["output"] for span in recording.spans] == ["Paris.", "Paris."]
    assert result["body"].read() == body


def test_a_stub_whose_stream_is_a_list_of_events(api: Any, recording: Any) -> None:
    """INST-12: the events are those that the SDK would have parsed."""
    client = api.client()
    events = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Paris."}}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": api.usage}},
    ]
    with mock.patch.object(type(client), "_make_api_call", _stub(client, {"stream": events})):
        assert client.converse_stream(modelId=api.model, messages=api.messages)["stream"] is events
    span = recording.only
    assert (span.attributes["output"], span.attributes["tokens_total"]) == ("Paris.", 18)
    assert "stream_incomplete" not in span.attributes


def _stub(client: Any, result: Any) -> Any:
    """The patched function around one that answers without a request."""
    from peekr_bedrock.calls import wrap_call

    return wrap_call(lambda self, operation_name, api_params: result)


def test_the_request_is_sent_as_it_is_without_tracing(api: Any) -> None:
    """INST-14: not a byte is added."""
    api.converse()
    with record(plugins=["bedrock"]):
        api.converse()
    (_, path, bare), (_, traced_path, traced) = api.requests
    assert (path, bare) == (traced_path, traced)


def test_uninstrument_in_mid_call_harms_nothing(api: Any) -> None:
    """INST-17: a stream begun under tracing is read after it."""
    with record(plugins=["bedrock"]):
        stream = api.stream()["stream"]
        body = api.invoke()["body"]
    assert len(list(stream)) == 7
    assert json.loads(body.read())["content"][0]["text"] == "Paris."
    assert not hasattr(botocore.client.BaseClient._make_api_call, "__peekr__")


def test_http_spans_of_others_nest_in_the_call(api: Any, recording: Any) -> None:
    """CTX-1: during the call, its span is the current one; after it, no more."""
    seen = []
    client = api.client()
    client.meta.events.register("before-send.*.*", lambda **_: seen.append(peekr.get_current_span()))
    client.converse(modelId=api.model, messages=api.messages)
    assert seen[0].name == "bedrock.converse"
    assert peekr.get_current_span() is None
