"""``peekr diagnose`` as a user runs it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from peekr_cli.main import PeekrGroup
from peekr_cli.main import main as peekr
from peekr_dashboard.command_diagnose import diagnose

START = 1_750_000_000.0


def record(number, **given):
    attributes = {"kind": "llm", "model": "gpt-4o", **given.pop("attributes", {})}
    return {
        "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "parent_id": None, "name": "openai.chat.completions",
        "start_time": START + number, "end_time": START + number + 1, "duration_ms": 1000.0, "status": "ok",
        "tenant_id": None, "attributes": attributes, **given,
    }  # fmt: skip


def failing(count, failed, **given):
    scores = {"eval_scores": {"Hallucination": 0.9}}
    return [record(i + 1, status="error" if i < failed else "ok", attributes=scores, **given) for i in range(count)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in a directory with these spans in traces.jsonl."""
    monkeypatch.chdir(tmp_path)

    def command(spans, *arguments, code=0):
        if spans is not None:
            (tmp_path / "traces.jsonl").write_text("".join(json.dumps(span) + "\n" for span in spans))
        group = PeekrGroup("peekr")
        group.add_command(diagnose)
        done = CliRunner().invoke(group, ["diagnose", *arguments])
        assert done.exit_code == code, done.output
        return done

    return command


def test_json_has_the_shape_that_third_parties_rely_on(run):
    """IFACE-14, CLI-15."""
    shown = json.loads(run(failing(20, 5), "traces.jsonl", "--json").stdout)
    assert list(shown) == ["schema", "store", "filters", "cards"]
    assert (shown["schema"], shown["store"], shown["filters"]) == (1, "traces.jsonl", {})
    (card,) = shown["cards"]
    assert list(card) == ["rule", "severity", "title", "cause", "fixes", "evidence"]
    assert (card["rule"], card["severity"]) == ("error-spikes", "high")
    assert card["evidence"]["numbers"]["errors"] == 5
    assert card["evidence"]["calls"][0]["span_id"] == f"{5:016x}"


def test_text_shows_severity_cause_numbered_fixes_and_calls(run):
    """DIAG-13; the default file is that of the directory."""
    shown = run(failing(20, 5)).output
    assert shown.startswith("traces.jsonl: 20 spans in 20 traces, 20 model calls, 20 scored\n")
    assert "HIGH   25% of the calls fail\n" in shown
    assert "  1. " in shown
    assert "  → trace 0000000000000000" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("spans", "level", "code"),
    [
        (failing(20, 5), "high", 1),
        (failing(20, 5), "low", 1),
        (failing(20, 3), "high", 0),
        (failing(20, 3), "medium", 1),
        (failing(20, 0), "low", 0),
        ([record(1)], "low", 0),
        ([], "low", 0),
    ],
)
def test_fail_on_gives_an_exit_code_for_ci(run, spans, level, code):
    """Issue 6, item 2: a problem of that severity or worse; info and good are none."""
    run(spans, "--fail-on", level, code=code)
    run(spans, "--json", "--fail-on", level, code=code)


def test_filters_narrow_what_is_diagnosed_and_are_shown(run):
    """CLI-VIEW-9, IFACE-14."""
    spans = [*failing(20, 5, tenant_id="acme"), record(90, tenant_id="other")]
    shown = json.loads(run(spans, "--json", "--tenant", "other").stdout)
    assert shown["filters"] == {"tenant": "other"}
    assert [card["rule"] for card in shown["cards"]] == ["no-scores"]
    shown = json.loads(run(spans, "--json", "--until", str(START + 3)).stdout)
    assert shown["filters"] == {"until": START + 3}
    assert "no span that fits" in run(spans, "--tenant", "nobody").output


def test_no_spans_and_one_span_have_an_answer(run):
    """Bad input."""
    assert "traces.jsonl has no spans yet." in run([]).output
    assert "No model calls recorded" in run(None).output
    assert "No scores" in run([record(1)]).output


def test_names_from_traces_do_no_harm_in_a_terminal(run):
    """CLI-VIEW-10: escape sequences are written out; a megabyte of one letter is cut."""
    spans = failing(20, 9)
    for span in spans:
        span["attributes"] = {"kind": "llm", "model": "\x1b]0;owned\x07" + "x" * 1_000_000, "error_reason": "\x1b[31m"}
    shown = run(spans).output
    assert "\x1b" not in shown
    assert len(shown) < 20_000
    assert "\x1b" not in run(spans, "--json").output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.db"], 1, "nowhere.db"),
        (["--trace", "abcdef123"], 1, "no trace or run"),
        (["--since", "yesterdayish"], 2, "--since"),
        (["--fail-on", "fatal"], 2, "--fail-on"),
    ],
)
def test_a_users_error_is_a_sentence(run, arguments, code, said):
    """No traceback for what the user did wrong."""
    done = run([record(1)], *arguments, code=code)
    assert said in done.output
    assert "Traceback" not in done.output


def test_help_has_an_example(run):
    """Issue 6, item 5."""
    assert "peekr diagnose traces.db --json --fail-on high" in run(None, "--help").output


def test_the_command_is_found_among_the_plugins():
    """PKG-6."""
    assert callable(peekr)
    assert "diagnose" in PeekrGroup("peekr").list_commands(None)
