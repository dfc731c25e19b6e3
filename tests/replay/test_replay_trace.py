"""``peekr.replay.replay_trace`` with the real SDKs against an API on this machine (contract REPLAY-1 to REPLAY-5)."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

import peekr
from peekr.errors import StoreError
from peekr.process import is_instrumented
from peekr.replay import ReplayError, ReplayFailed, ReplayRefused, replay_trace, replay_trace_async


def calls(spans):
    return [span for span in spans if span.kind in ("llm", "embedding")]


@pytest.mark.parametrize(("store", "argument"), [("traces.db", "db_path"), ("traces.jsonl", "jsonl_path")])
def test_the_same_requests_are_sent_in_order_into_one_new_trace(api, trace_id, spans, store, argument):
    """REPLAY-1, REPLAY-4, E0-39: whole messages, model and parameters; same store; linked to the old spans."""
    new = replay_trace(trace_id=trace_id, **{argument: store})
    assert new != trace_id
    assert api.seen == api.first
    assert len(api.seen[1][1]["messages"][1]["content"]) == 5000
    stored = spans(new, store)
    assert {span.trace_id for span in stored} == {new} and {span.run_id for span in stored} == {stored[0].span_id}
    assert [span.attributes["replay_of_span"] for span in stored] == [
        span.span_id for span in calls(spans(trace_id, store))
    ]
    assert {span.attributes["replay_of"] for span in stored} == {trace_id}


def test_new_spans_are_what_tracing_would_have_recorded(trace_id, spans):
    """REPLAY-4: model, tokens, output, finish reason and payload, and how long it took."""
    first, _ = spans(replay_trace(trace_id, "traces.db"), "traces.db")
    attributes = first.attributes
    assert first.name == "openai.chat.completions" and first.status == "ok" and first.duration_ms > 0
    assert (attributes["model"], attributes["tokens_total"], attributes["output"]) == ("gpt-4o", 18, "Paris.")
    assert first.payload["request"]["temperature"] == 0.5 and first.payload["response"]["choices"]


def test_tools_are_not_run(api, trace_id):
    """REPLAY-1."""
    from peekr.replay import read

    with peekr.open_store("traces.db") as store:
        assert "tool.lookup" in [span.name for span in read(store, trace_id)[1]]
    replay_trace(trace_id, "traces.db")
    assert {path for path, _ in api.seen} == {"/v1/chat/completions"} and len(api.seen) == 2


def test_without_a_path_the_database_comes_before_the_file(trace_id, spans):
    """REPLAY-2."""
    spans(replay_trace(trace_id[:8]), "traces.db")
    os.remove("traces.db")
    spans(replay_trace(trace_id[:8]), "traces.jsonl")


def test_a_process_that_never_called_instrument_stays_so(trace_id):
    """REPLAY-4."""
    replay_trace(trace_id, "traces.db")
    assert not is_instrumented()


def test_a_process_that_is_traced_records_nothing_of_it(trace_id, spans):
    """REPLAY-4: its own store gets no span of the replay, and its tracing goes on."""
    peekr.instrument(console=False, storage="jsonl", jsonl_path="own.jsonl")
    try:
        new = replay_trace(trace_id, "traces.db")
        with peekr.span("after"):
            pass
        peekr.flush()
        with peekr.open_store("own.jsonl") as store:
            assert [span.name for span in store.iter_spans()] == ["after"]
    finally:
        peekr.uninstrument()
    assert len(spans(new, "traces.db")) == 2


def test_model_system_and_parameters_are_changed(api, trace_id, spans):
    """REPLAY-5, E3-08: everything else stays."""
    new = replay_trace(
        trace_id, "traces.db", model="gpt-4o-mini", system="Be loud.", parameters={"temperature": 0, "max_tokens": None}
    )
    (_, first), (_, second) = api.seen
    assert first == {
        "model": "gpt-4o-mini",
        "temperature": 0,
        "messages": [{"role": "system", "content": "Be loud."}, {"role": "user", "content": "Capital of France?"}],
    }
    assert "max_tokens" not in second and second["messages"][0]["content"] == "Be loud."
    assert spans(new, "traces.db")[0].attributes["replay_changed"] == ["model", "system", "parameters"]


def test_messages_are_changed_by_a_function(api, trace_id):
    """REPLAY-5: it gets the recorded span and its messages."""
    seen = []

    def last(span, messages):
        seen.append(span.attributes["model"])
        return messages[-1:]

    replay_trace(trace_id, "traces.db", messages=last)
    assert [len(body["messages"]) for _, body in api.seen] == [1, 1] and seen == ["gpt-4o", "gpt-4o"]


def test_a_function_that_returns_no_messages_is_named(api, trace_id):
    """REPLAY-5: a text is no list of messages; nothing was sent."""
    with pytest.raises(ReplayError, match="messages= returned str"):
        replay_trace(trace_id, "traces.db", messages=lambda span, messages: "hello")
    assert api.seen == []


def test_memories_are_put_into_another_order(api, traced, edit):
    """REPLAY-5: the texts change places in the prompt; one left out goes with its line."""
    import openai

    def program():
        with peekr.span("memory.read", kind="memory_read") as recall:
            recall.attributes["memories"] = [{"id": 1, "text": "likes aisles"}, {"id": 2, "text": "likes windows"}]
        with openai.OpenAI() as client:
            prompt = "Known:\n- likes aisles\n- likes windows\nSeat?"
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": prompt}])

    trace = traced(program)
    replay_trace(trace, "traces.db", memories=lambda span, memories: memories[::-1])
    assert api.seen[-1][1]["messages"][0]["content"] == "Known:\n- likes windows\n- likes aisles\nSeat?"
    replay_trace(trace, "traces.db", memories=lambda span, memories: memories[1:])
    assert api.seen[-1][1]["messages"][0]["content"] == "Known:\n- likes windows\nSeat?"
    replay_trace(trace, "traces.db", memories=lambda span, memories: [*memories, "is tall"])
    assert api.seen[-1][1]["messages"][0]["content"] == "Known:\n- likes aisles\n- likes windows\n- is tall\nSeat?"


def test_a_cut_payload_is_refused_unless_forced(api, trace_id, edit):
    """REPLAY-3: before anything is sent."""

    def cut(record):
        record["payload"]["truncated"] = True
        record["payload"]["request"]["messages"][-1]["content"] = "Capital of Fra…"

    edit(cut)
    with pytest.raises(ReplayRefused, match="was cut when it was stored"):
        replay_trace(trace_id, jsonl_path="traces.jsonl")
    assert api.seen == []
    replay_trace(trace_id, jsonl_path="traces.jsonl", force=True)
    assert api.seen[0][1]["messages"][-1]["content"] == "Capital of Fra…"


def test_a_request_beyond_the_limit_is_refused(api, traced):
    """REPLAY-3: what capture itself cuts is recognised."""
    import openai

    def program():
        with openai.OpenAI() as client:
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x" * 300_000}])

    trace = traced(program)
    with pytest.raises(ReplayRefused, match="cut"):
        replay_trace(trace, "traces.db")


def test_a_redacted_payload_is_refused_unless_forced(api, traced):
    """REPLAY-3: what default redaction took out is recognised."""
    import openai

    def program():
        prompt = "Is 123-45-6789 a number of the right form?"
        with openai.OpenAI() as client:
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": prompt}])

    trace = traced(program)
    with pytest.raises(ReplayRefused, match="was redacted"):
        replay_trace(trace, "traces.db")
    assert len(api.seen) == 1
    replay_trace(trace, "traces.db", force=True)
    assert "[REDACTED]" in api.seen[1][1]["messages"][0]["content"]


@pytest.mark.parametrize("where", ["jsonl", "db"])
def test_what_a_new_answer_tells_is_redacted_too(api, trace_id, where):
    """REPLAY-4, D-5: new spans go through the same processors as those of the worker."""
    api.says = lambda body: "Your number is 123-45-6789."
    new = replay_trace(trace_id, **{f"{where}_path": f"traces.{where}"})
    with peekr.open_store(f"traces.{where}") as store:
        stored = json.dumps([span.to_dict() for span in store.spans(trace_id=new)])
    assert "123-45-6789" not in stored and "[REDACTED]" in stored


def test_a_request_that_was_not_stored_cannot_be_sent(api, trace_id, edit):
    """REPLAY-3: not even by force."""
    edit(lambda record: record.pop("payload"))
    with pytest.raises(ReplayRefused, match="was not stored"):
        replay_trace(trace_id, jsonl_path="traces.jsonl", force=True)
    assert api.seen == []


def test_no_llm_call_is_a_value_error(traced):
    """REPLAY-2."""
    trace = traced(lambda: None)
    with pytest.raises(ValueError, match="no LLM call"):
        replay_trace(trace, "traces.db")


@pytest.mark.parametrize(
    "wrong", [{"model": 5}, {"system": b"x"}, {"messages": "x"}, {"parameters": "x"}, {"memories": []}]
)
def test_a_change_of_the_wrong_kind_is_refused_before_anything_is_sent(api, trace_id, wrong):
    """REPLAY-5."""
    with pytest.raises(ReplayError, match=f"{next(iter(wrong))} must be"):
        replay_trace(trace_id, jsonl_path="traces.jsonl", **wrong)
    with pytest.raises(ReplayError, match="trace_id must be"):
        replay_trace(None, jsonl_path="traces.jsonl")
    assert api.seen == []


def test_an_unknown_id_names_the_store(trace_id):
    """REPLAY-2."""
    with pytest.raises(StoreError, match=r"traces.jsonl"):
        replay_trace("ffffffff", jsonl_path="traces.jsonl")


def test_a_call_that_fails_is_stored_and_the_others_are_sent(api, trace_id, spans):
    """REPLAY-4: the exception names the new trace."""
    api.fail = [401]
    with pytest.raises(ReplayFailed, match=r"1 of 2 calls failed; .*AuthenticationError") as caught:
        replay_trace(trace_id, "traces.db")
    first, second = spans(caught.value.new_trace_id, "traces.db")
    assert (first.status, first.attributes["error_reason"], second.status) == ("error", "auth", "ok")
    assert first.payload["request"]["temperature"] == 0.5


def test_streamed_calls_are_sent_at_once(api, traced, spans):
    """REPLAY-1; documented in peekr.replay."""
    import openai

    def program():
        with openai.OpenAI() as client:
            list(client.chat.completions.create(model="gpt-4o", messages=[], stream=True))

    trace = traced(program)
    new = replay_trace(trace, "traces.db")
    assert api.seen[0][1]["stream"] is True and not {"stream", "stream_options"} & set(api.seen[1][1])
    assert spans(new, "traces.db")[0].attributes["output"] == "Paris."


def test_responses_and_embeddings_are_sent_again(api, traced, spans):
    """REPLAY-1: a change of the model leaves embeddings alone."""
    import openai

    def program():
        with openai.OpenAI() as client:
            client.responses.create(model="gpt-4o", input="Capital?", instructions="Be brief.")
            client.embeddings.create(model="text-embedding-3-small", input="Paris")

    trace = traced(program)
    new = replay_trace(trace, "traces.db", model="gpt-4o-mini", system="Be loud.", parameters={"max_tokens": 5})
    responses, embeddings = api.seen[2][1], api.seen[3][1]
    assert responses == {
        "model": "gpt-4o-mini", "input": "Capital?", "instructions": "Be loud.", "max_output_tokens": 5
    }  # fmt: skip
    assert embeddings == api.seen[1][1]
    assert spans(new, "traces.db")[1].attributes["embeddings_dimensions"] == 2


def test_anthropic_messages_are_sent_again(api, traced, spans):
    """REPLAY-1, REPLAY-5."""
    anthropic = pytest.importorskip("anthropic", reason="anthropic is not installed")
    pytest.importorskip("peekr_anthropic", reason="peekr-anthropic is not installed")

    def program():
        with anthropic.Anthropic() as client:
            messages = [{"role": "user", "content": "Capital?"}]
            client.messages.create(model="claude-test", max_tokens=9, system="Be brief.", messages=messages)

    trace = traced(program)
    new = replay_trace(trace, "traces.db", system="Be loud.")
    assert api.seen[1][1] == {**api.seen[0][1], "system": "Be loud."}
    assert spans(new, "traces.db")[0].attributes["tokens_total"] == 18


def test_a_frameworks_span_around_the_call_is_not_sent_twice(api, trace_id, spans):
    """REPLAY-1: one request for one call, whoever recorded it."""
    with peekr.open_store("traces.jsonl") as store:
        records = [span.to_dict() for span in store.iter_spans()]
    outer = {**records[-1], "span_id": "f" * 16, "name": "langchain.ChatOpenAI"}
    outer["attributes"] = {**outer["attributes"], "kind": "llm"}
    from peekr import wire

    with open("nested.jsonl", "wb") as file:
        for record in [*records, outer]:
            if record["name"] == "openai.chat.completions":
                record["parent_id"] = "f" * 16
            file.write(wire.encode(record) + b"\n")
    replay_trace(trace_id, jsonl_path="nested.jsonl")
    assert len(api.seen) == 2


def test_a_prompt_does_not_go_to_another_server_by_accident(api, trace_id, monkeypatch):
    """REPLAY-3: it went to a server of one's own, and nothing in the environment leads there any more."""
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(ReplayError, match=r"went to 127.0.0.1"):
        replay_trace(trace_id, "traces.db")


def test_a_client_of_ones_own_is_used(api, trace_id, monkeypatch):
    """REPLAY-1: where the environment does not say how to reach the API."""
    import openai

    monkeypatch.delenv("OPENAI_BASE_URL")
    with openai.OpenAI(base_url=f"{api.url}/own/v1") as client:
        replay_trace(trace_id, "traces.db", client=client)
        assert not client.is_closed()
    assert {path for path, _ in api.seen} == {"/own/v1/chat/completions"}


def test_missing_credentials_are_said_in_a_sentence(trace_id, monkeypatch):
    """REPLAY-7: what the SDK asks for."""
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ReplayError, match=r"cannot be sent again: .*OPENAI_API_KEY"):
        replay_trace(trace_id, "traces.db")


def test_a_missing_sdk_is_said_in_a_sentence(trace_id, monkeypatch):
    """REPLAY-7: with what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ReplayError, match="pip install openai"):
        replay_trace(trace_id, "traces.db")


def test_the_async_twin_does_the_same(api, trace_id, spans):
    """REPLAY-1."""
    new = asyncio.run(replay_trace_async(trace_id, "traces.db", model="gpt-4o-mini"))
    assert {body["model"] for _, body in api.seen} == {"gpt-4o-mini"} and len(spans(new, "traces.db")) == 2


def test_retention_goes_by_the_recorded_call(api, traced, spans):
    """REPLAY-4: what is deleted by tenant or user includes the replays."""
    import openai

    def program():
        with peekr.session(user_id="u1", tenant_id="acme"), openai.OpenAI() as client:
            with peekr.span("inside"):
                client.chat.completions.create(model="gpt-4o", messages=[])

    traced(program)
    with peekr.open_store("traces.db") as store:
        (old,) = store.spans(kind="llm")
    (new,) = spans(replay_trace(old.trace_id, "traces.db"), "traces.db")
    assert (new.tenant_id, new.user_id) == ("acme", "u1")
