"""``peekr replay`` (contract REPLAY-5 to REPLAY-8, CLI-2, MODEL-5), the command in this process but for one test."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.replay.conftest import two_calls

import peekr

pytest.importorskip("peekr_cli", reason="peekr-cli is not installed")


@pytest.fixture
def command():
    """Runs ``peekr replay`` and returns what it printed; no traceback may show."""
    from click.testing import CliRunner

    from peekr_cli.main import cli

    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, ["replay", *map(str, arguments)])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def test_shows_the_trace_and_sends_its_calls_again(api, trace_id, command, spans):
    """REPLAY-6, E0-39: a numbered waterfall with offsets, durations, tokens and texts; then old and new."""
    api.says = lambda body: "Paris is it."
    out = command(trace_id[:8])
    assert "1. " in out and "agent" in out and "tool.lookup" in out and "18tok" in out and "+0.00ms" in out
    assert 'in:  [{"role": "user", "content": "Capital of France?"}]' in out and 'out: "Paris."' in out
    (line,) = [line for line in out.splitlines() if line.startswith("Replayed trace ")]
    new = line.split("new trace ")[1][:8]
    assert line.startswith(f"Replayed trace {trace_id[:8]} → new trace {new}") and "tokens 36 → 36" in line
    assert "   old: Paris.\n   new: Paris is it.\n" in out
    assert len(spans(new, "traces.db")) == 2 and api.seen == api.first


def test_works_in_a_process_of_its_own(api, trace_id):
    """REPLAY-4, REPLAY-6, E3-08."""
    arguments = [trace_id, "--db", "traces.db", "--model", "gpt-4o-mini"]
    done = subprocess.run(
        [sys.executable, "-m", "peekr", "replay", *arguments], capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0 and "[gpt-4o → gpt-4o-mini]" in done.stdout, done
    assert [{**body, "model": "gpt-4o"} for _, body in api.seen] == [body for _, body in api.first]


def test_step_sends_nothing(api, trace_id, command):
    """REPLAY-6, REPLAY-8: with no terminal it prints all."""
    out = command(trace_id, "--jsonl", "traces.jsonl", "--step")
    assert out.count("openai.chat.completions") == 2 and "Replayed" not in out and api.seen == []


def test_run_shows_nothing_but_the_replay(trace_id, command):
    """REPLAY-6."""
    assert "tool.lookup" not in command(trace_id, "--run")


def test_flags_change_one_thing(api, trace_id, command, tmp_path):
    """REPLAY-5."""
    (tmp_path / "prompt.txt").write_text("Be loud.", encoding="utf-8")
    command(trace_id, "--run", "--set", "temperature=0", "--set", "max_tokens=null", "--system-file", "prompt.txt")
    (_, first), (_, second) = api.seen
    assert first["temperature"] == second["temperature"] == 0 and "max_tokens" not in second
    assert first["messages"][0] == {"role": "system", "content": "Be loud."}


def test_a_call_that_failed_then_and_now_says_so_alike(api, traced, command):
    """REPLAY-6: both sides as plain text."""

    def refused():
        api.fail = [400]
        openai = pytest.importorskip("openai")
        with openai.OpenAI(max_retries=0) as client, pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])

    trace_id = traced(refused)
    api.fail = [400]
    out = command(trace_id, "--run", code=1)
    assert "   old: Error code: 400" in out and "   new: BadRequestError: Error code: 400" in out


def test_what_was_encrypted_with_another_key_is_not_said_to_be_unrecorded(traced, command, monkeypatch):
    """REPLAY-3, PIPE-7: the reason names the key, and what to set."""
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    peekr.set_config(peekr.TraceConfig(encryption_enabled=True, encryption_key="one passphrase"))
    try:
        trace_id = traced(two_calls)
    finally:
        peekr.set_config(None)
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", "another passphrase")
    said = command(trace_id, "--run", code=1)
    assert "cannot be read (wrong_key): it is encrypted" in said and "Set TRACE_ENCRYPTION_KEY" in said
    assert "capture_io" not in said


def test_json_has_both_sides_of_every_call(trace_id, command):
    """REPLAY-6."""
    out = json.loads(command(trace_id, "--json"))
    (replay,) = out["replays"]
    assert out["schema"] == 1 and replay["trace_id"] == trace_id and len(replay["steps"]) == 4
    assert [call["new"]["output"] for call in replay["calls"]] == ["Paris.", "Paris."]
    assert all(call["same"] and call["error"] is None for call in replay["calls"])


def test_a_trace_without_llm_calls_says_so(traced, command):
    """REPLAY-7: exit code 0, but 1 with --run."""
    trace = traced(lambda: None)
    assert "has no LLM call" in command(trace)
    assert "has no LLM call" in command(trace, "--run", code=1)


def test_unknown_and_ambiguous_ids_end_with_1(trace_id, command):
    """REPLAY-7, MODEL-5."""
    assert "begins with 'ffffffff'" in command("ffffffff", code=1)
    assert "too short" in command(trace_id[:4], code=1)


def test_a_failed_call_ends_with_1_and_is_a_sentence(api, trace_id, command):
    """REPLAY-7."""
    api.fail = [401, 401]
    out = command(trace_id, "--run", code=1)
    assert "new: AuthenticationError" in out and "scripted failure" in out


def test_a_cut_payload_is_refused_with_what_to_do(api, trace_id, edit, command):
    """REPLAY-3, REPLAY-7."""

    def cut(record):
        record["payload"]["truncated"] = True
        record["payload"]["request"]["messages"][0]["content"] += "…"

    edit(cut)
    assert "--force" in command(trace_id, "--jsonl", "traces.jsonl", code=1) and api.seen == []
    command(trace_id, "--jsonl", "traces.jsonl", "--force")


def test_all_traces_that_fit_are_replayed_at_an_estimated_cost(api, trace_id, command):
    """Issue 6, item 4: the estimate comes before anything is sent; replays are not replayed again."""
    out = command("traces.db", "--run", "--limit", "5")
    assert "2 calls in 1 trace" in out and "1 trace replayed, 2 calls: 0 answered differently, 0 failed." in out
    command("traces.db", "--run")
    assert len(api.seen) == 4
    assert "no trace with LLM calls that fits" in command("traces.db", "--status", "error", "--run")


def test_many_traces_are_asked_for_on_purpose(command, api):
    """Nothing named is no request for everything there is."""
    assert "Give the id of a trace" in command(code=2)


def test_what_a_trace_says_is_harmless_on_a_terminal(api, trace_id, edit, command):
    """Issue 6: hostile content in old and new answers, names and errors."""
    evil = "\x1b]0;owned\x07\x1b[31mred\u202e"
    api.says = lambda body: evil + "\n" + evil

    def poison(record):
        record["attributes"]["output"] = evil
        record["attributes"]["model"] = evil

    edit(poison)
    out = command(trace_id, "--jsonl", "traces.jsonl")
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_help_has_an_example(command):
    """CLI-2."""
    assert "peekr replay 3f2a91bc --db traces.db --model gpt-4o-mini" in command("--help")


def test_an_estimate_goes_by_the_new_model():
    """Issue 6, item 4: the tokens of the old call at the prices of the model that will be asked."""
    pytest.importorskip("peekr_cost", reason="peekr-cost is not installed")
    from peekr.replay import Changes, Plan, Step
    from peekr_cli.replay.estimate import estimate

    old = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "openai.chat.completions"}
    old["attributes"] = {"model": "gpt-4o", "tokens_input": 1_000_000, "tokens_output": 0, "provider": "openai"}
    span = peekr.Span.from_dict(old)

    def cost(model):
        plan = Plan("a" * 32, [span], [Step(span, {}, None, None, model)], [], Changes())
        return estimate([plan], now=1_750_000_000)

    assert cost("gpt-4o")[0] > cost("gpt-4o-mini")[0] > 0
    assert cost("of-my-own") == (None, 1)
