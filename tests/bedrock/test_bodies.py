"""The body of InvokeModel: the SDK's own, read once, by the caller alone; every way of reading is recorded."""

from __future__ import annotations

import gc
import json
import threading
from typing import Any, Callable, Dict, List

import pytest
from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from botocore.response import StreamingBody
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import peekr
from peekr.testing import record


def _lines(body: Any) -> bytes:
    return b"".join(body.iter_lines(keepends=True))


def _through_raw(body: Any) -> bytes:
    with body as raw:
        return bytes(raw.read())


def _readinto(body: Any) -> bytes:
    pieces: List[bytes] = []
    buffer = bytearray(100)
    while True:
        size = body.readinto(buffer) or 0
        if not size:
            return b"".join(pieces)
        pieces.append(bytes(buffer[:size]))


def _in_pieces(body: Any) -> bytes:
    return b"".join(iter(lambda: body.read(7), b""))


def _again(body: Any) -> Any:
    """What comes of reading a body that has been read: nothing, or one of the SDK's errors."""
    try:
        return body.read()
    except Exception as error:
        return type(error)


READERS: Dict[str, Callable[[Any], bytes]] = {
    "read": lambda body: bytes(body.read()),
    "read(amt=None)": lambda body: bytes(body.read(amt=None)),
    "read(n) to the end": _in_pieces,
    "read(n) of all there is": lambda body: bytes(body.read(10**6)),
    "iter_chunks": lambda body: b"".join(body.iter_chunks(50)),
    "iteration": lambda body: b"".join(body),
    "next": lambda body: next(body) + b"".join(body),
    "iter_lines": _lines,
    "readlines": lambda body: b"".join(body.readlines()),
    "readinto": _readinto,
    "with": _through_raw,
    "json.load": lambda body: json.dumps(json.load(body)).encode(),
}


@pytest.mark.parametrize("way", READERS)
def test_every_way_of_reading_gives_the_bytes_once_and_is_recorded(api: Any, recording: Any, way: str) -> None:
    """INST-12, LLM-13."""
    if way == "readinto" and not hasattr(StreamingBody, "readinto"):
        pytest.skip("botocore before 1.36")
    answer = json.dumps(api.message("Paris,\nFrance."), indent=1).encode()
    body = api.invoke(answer)["body"]
    assert isinstance(body, StreamingBody) and type(body).__name__ == "StreamingBody"
    assert json.loads(READERS[way](body)) == json.loads(answer)
    span = recording.only
    assert (span.name, span.kind, span.status) == ("bedrock.invoke_model", "llm", "ok")
    assert (span.attributes["output"], span.attributes["tokens_total"]) == ("Paris,\nFrance.", 18)
    assert "stream_incomplete" not in span.attributes
    peekr.uninstrument()
    bare = api.invoke(answer)["body"]
    READERS[way](bare)
    assert _again(body) == _again(bare)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.one_of(st.none(), st.integers(0, 200)), max_size=6))
def test_any_sequence_of_reads_gives_what_it_gives_without_tracing(api: Any, amounts: List[Any]) -> None:
    """INST-12."""
    bare = api.invoke()["body"]
    expected = [bare.read(amount) for amount in amounts]
    with record(plugins=["bedrock"]):
        body = api.invoke()["body"]
        assert [body.read(amount) for amount in amounts] == expected
        assert (body.tell(), body.readable()) == (bare.tell(), bare.readable())
        body.close()
    bare.close()


def test_a_body_that_nobody_holds_can_be_read(api: Any, recording: Any) -> None:
    """INST-12: ``client.invoke_model(…)["body"].read()``."""
    assert json.loads(api.invoke()["body"].read()) == api.message()
    with api.invoke()["body"] as raw:
        assert json.loads(raw.read()) == api.message()
    api.invoke()["body"].close()
    assert [span.attributes.get("output") for span in recording.spans] == ["Paris.", "Paris.", None]


def test_the_span_ends_when_the_body_has_been_read(api: Any, recording: Any) -> None:
    """STREAM-3, STREAM-5: until then it is neither there nor current."""
    body = api.invoke()["body"]
    assert peekr.get_current_span() is None
    assert recording.spans == []
    body.read()
    assert recording.only.attributes["output"] == "Paris."
    body.close()
    assert len(recording.spans) == 1


def test_a_body_that_is_never_read_is_not_lost(api: Any, recording: Any) -> None:
    """STREAM-4: it ends its span when it is dropped, without waiting for the garbage collector."""
    gc.disable()
    try:
        api.invoke()
        span = recording.only
    finally:
        gc.enable()
    assert (span.status, span.attributes["stream_incomplete"]) == ("ok", True)
    assert "output" not in span.attributes
    assert "tokens_total" not in span.attributes


def test_a_body_closed_after_a_part_tells_the_tokens_of_the_headers(api: Any, recording: Any) -> None:
    """STREAM-4: they came before the body."""
    headers = {"x-amzn-bedrock-input-token-count": "11", "x-amzn-bedrock-output-token-count": "7"}
    body = api.invoke(api.Answer(api.message(), headers=headers))["body"]
    assert body.read(10) == json.dumps(api.message()).encode()[:10]
    body.close()
    span = recording.only
    assert span.attributes["stream_incomplete"] is True
    assert (span.attributes["tokens_input"], span.attributes["tokens_total"]) == (11, 18)


def test_a_body_cut_off_is_the_sdks_error(api: Any, recording: Any) -> None:
    """INST-12, IFACE-11."""
    body = api.invoke(api.Answer(api.message(), cut=True))["body"]
    with pytest.raises((ResponseStreamingError, IncompleteReadError)) as failure:
        body.read()
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "connection")
    assert span.attributes["error_type"] == type(failure.value).__name__


def test_a_body_that_does_not_come_is_a_timeout(api: Any, recording: Any) -> None:
    """INST-12, LLM-8."""
    wait = threading.Event()
    api.answers = [api.Answer(api.message(), wait=wait)]
    client = api.client(read_timeout=0.2)
    body = client.invoke_model(modelId=api.model, body="{}")["body"]
    with pytest.raises(ReadTimeoutError):
        body.read()
    wait.set()
    assert recording.only.attributes["error_reason"] == "timeout"


def test_a_large_body_is_the_callers_whole_and_the_spans_not(api: Any, recording: Any) -> None:
    """LLM-11: what is kept of a body is bounded; the headers tell the tokens."""
    headers = {"x-amzn-bedrock-input-token-count": "11", "x-amzn-bedrock-output-token-count": "7"}
    size = 17 * 1024 * 1024
    given = api.invoke(api.Answer(b'{"images":["' + b"a" * size + b'"]}', headers=headers))["body"].read()
    assert len(given) == size + 15
    span = recording.only
    assert span.payload["response"] == {"size_bytes": size + 15}
    assert span.attributes["tokens_total"] == 18


def test_bytes_that_are_no_utf8_are_shown_as_far_as_they_can_be(api: Any, recording: Any) -> None:
    """INST-12: the caller gets them as they are."""
    bad = b'{"generation": "caf\xe9", "prompt_token_count": 3, "generation_token_count": 1}'
    assert api.invoke(bad)["body"].read() == bad
    span = recording.only
    assert (span.attributes["output"], span.attributes["tokens_total"]) == ("caf�", 4)


@pytest.mark.parametrize("text", ["", "not JSON", "[1]", "null", '"x"', '{"a": NaN}', "{" * 5000, "\x00"])
def test_a_body_that_is_no_object_is_no_obstacle(api: Any, recording: Any, text: str) -> None:
    """INST-13: no tokens are made up."""
    assert api.invoke(text.encode(), body="not JSON either")["body"].read() == text.encode()
    span = recording.only
    assert span.status == "ok"
    assert "not JSON either" in span.attributes["input"]
    assert not any(name.startswith("tokens_") for name in span.attributes)


@pytest.mark.parametrize("kind", [str, bytes, bytearray, "file"])
def test_the_request_may_be_text_bytes_or_a_file(api: Any, recording: Any, kind: Any) -> None:
    """LLM-4: what the SDK takes; a file is not read for the trace, unless it is in memory."""
    import io

    text = json.dumps({"prompt": "Say this is a test"})
    body = io.BytesIO(text.encode()) if kind == "file" else text if kind is str else kind(text.encode())
    api.invoke(body=body)["body"].read()
    assert recording.only.attributes["input"] == "Say this is a test"
    assert json.loads(api.requests[0][2]) == {"prompt": "Say this is a test"}


def test_an_embedding_is_one_by_its_model(api: Any, recording: Any) -> None:
    """LLM-6, MODEL-2: no output, and no vector in the trace."""
    answer = {"embedding": [0.5] * 1024, "inputTextTokenCount": 5}
    api.invoke(answer, body=json.dumps({"inputText": "Hello"}), model="amazon.titan-embed-text-v2:0")["body"].read()
    span = recording.only
    assert (span.name, span.kind) == ("bedrock.invoke_model", "embedding")
    assert (span.attributes["tokens_input"], span.attributes["tokens_output"]) == (5, 0)
    assert (span.attributes["embeddings_count"], span.attributes["embeddings_dimensions"]) == (1, 1024)
    assert "output" not in span.attributes
    assert span.payload["response"] == {"inputTextTokenCount": 5}


def test_an_embedding_is_one_by_its_answer(api: Any, recording: Any) -> None:
    """MODEL-2: the id of a profile says nothing."""
    profile = "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc"
    api.invoke({"embeddings": [[0.5], [1.5]]}, body='{"texts": ["a", "b"]}', model=profile)["body"].read()
    span = recording.only
    assert (span.kind, span.attributes["embeddings_count"]) == ("embedding", 2)
    assert "tokens_total" not in span.attributes


def test_a_guardrail_inside_a_body(api: Any, recording: Any) -> None:
    """LLM-9."""
    api.invoke(api.message(**{"amazon-bedrock-guardrailAction": "INTERVENED"}))["body"].read()
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "guardrail")


def test_a_body_may_be_read_in_another_thread(api: Any, recording: Any) -> None:
    """STREAM-5."""
    body = api.invoke()["body"]
    thread = threading.Thread(target=body.read)
    thread.start()
    thread.join(10)
    assert recording.only.attributes["output"] == "Paris."
