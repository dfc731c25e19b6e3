"""Replay through google-genai and boto3, against the services that ``peekr doctor`` has (REPLAY-1, REPLAY-5)."""

from __future__ import annotations

import warnings

import pytest

import peekr
from peekr.probes.server import serving
from peekr.replay import replay_trace

pytestmark = pytest.mark.filterwarnings("ignore:Boto3 will no longer support")


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    """Runs a function traced into traces.db; returns the id of its trace."""
    monkeypatch.chdir(tmp_path)

    def run(program):
        peekr.instrument(console=False, storage="sqlite")
        try:
            with peekr.span("agent") as root:
                program()
        finally:
            peekr.shutdown()
            peekr.uninstrument()
        return root.trace_id

    return run


def served(answer, seen):
    def noting(request):
        seen.append((request.path, request.json()))
        return answer(request)

    return serving(noting)


def new_spans(trace_id, **changes):
    new = replay_trace(trace_id, "traces.db", **changes)
    with peekr.open_store("traces.db") as store:
        return store.trace(new)


def test_gemini_content_is_sent_again(recorded, monkeypatch):
    """The system prompt and the temperature are where the API wants them; a stream is sent at once."""
    answers = pytest.importorskip("peekr_gemini.doctor.answers", reason="peekr-gemini is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        genai = pytest.importorskip("google.genai", reason="google-genai is not installed")
    seen = []
    with served(answers.answer, seen) as url:
        monkeypatch.setenv("GEMINI_API_KEY", "k")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)

        def program():
            config = {"system_instruction": "Be brief.", "temperature": 0.5}
            with genai.Client() as client:
                client.models.generate_content(model=answers.MODEL, contents="Capital?", config=config)
                list(client.models.generate_content_stream(model=answers.MODEL, contents="Capital?"))

        trace = recorded(program)
        (path, first), _ = seen
        seen.clear()
        spans = new_spans(trace)
        assert [body for _, body in seen] == [first, {"contents": first["contents"]}] and seen[0][0] == path
        assert [span.attributes["tokens_total"] for span in spans] == [18, 18]
        seen.clear()
        new_spans(trace, system="Be loud.", parameters={"temperature": 0, "max_tokens": 5}, model="gemini-test")
        path, body = seen[0]
        assert "gemini-test:generateContent" in path and body["systemInstruction"]["parts"] == [{"text": "Be loud."}]
        assert body["generationConfig"] == {"temperature": 0, "maxOutputTokens": 5}


def test_bedrock_converse_and_invoke_are_sent_again(recorded, monkeypatch):
    """Both bodies; a stream is sent at once."""
    answers = pytest.importorskip("peekr_bedrock.doctor.answers", reason="peekr-bedrock is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    import json

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    seen = []
    with served(answers.answer, seen) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
        said = {"messages": [{"role": "user", "content": [{"text": "Capital?"}]}], "inferenceConfig": {"maxTokens": 9}}
        body = {"anthropic_version": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "Capital?"}]}

        def program():
            client = boto3.client("bedrock-runtime", region_name="us-east-1")
            client.converse(modelId="amazon.nova-lite-v1:0", **said)
            client.invoke_model(modelId="anthropic.claude-3-haiku", body=json.dumps(body))["body"].read()
            list(client.converse_stream(modelId="amazon.nova-lite-v1:0", **said)["stream"])
            client.close()

        trace = recorded(program)
        first = list(seen)
        seen.clear()
        spans = new_spans(trace)
        assert seen == [first[0], first[1], first[0]]
        assert [span.attributes["tokens_total"] for span in spans] == [18, 18, 18]
        seen.clear()
        new_spans(trace, system="Be loud.", parameters={"temperature": 0})
        assert seen[0][1]["system"] == [{"text": "Be loud."}] and seen[0][1]["inferenceConfig"]["temperature"] == 0
        assert seen[1][1] == {**body, "system": "Be loud.", "temperature": 0}
