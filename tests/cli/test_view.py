"""``peekr view`` in a pipe (contract CLI-VIEW-1 to CLI-VIEW-10, examples E0-03 to E0-08, E0-18)."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

MESSAGES = '[{"role": "user", "content": "Hello"}]'


@pytest.fixture
def agent(record):
    """A small trace: a root, a tool, a model call."""
    return [
        record("a1", None, "agent.run", ms=120, input='{"args": [42], "kwargs": {}}', output='"done"'),
        record("b1", "a1", "tool.fetch_user", at=1, ms=5, input='{"args": [42], "kwargs": {}}', output="null"),
        record(
            "c1", "a1", "openai.chat.completions", at=9, ms=100, kind="llm", model="gpt-4o", tokens_total=1234,
            input=MESSAGES, output="ok", eval_scores={"Rubric": 0.923, "NotEmpty": 1.0},
        ),
    ]  # fmt: skip


@pytest.fixture
def several(record, start):
    """Makes one-span traces a second apart, the first one the oldest."""
    return lambda count, **given: [
        record(f"{at:016x}", None, f"run{at}", trace_id=f"{at:032x}"[::-1], start=start + at, **given)
        for at in range(count)
    ]


def test_a_trace_is_a_header_a_rule_and_a_tree(peekr, write, agent):
    """CLI-VIEW-2, to the letter; what follows the tokens in the header is extra."""
    header, rule, *tree = peekr("view", write(agent)).splitlines()
    assert re.fullmatch(r"Trace abababab  120ms  1,234tok(  .*)?", header)
    assert set(rule) == {"─"}
    assert tree == [
        "agent.run  120ms",
        "└─ tool.fetch_user  5.0ms",
        "└─ openai.chat.completions [gpt-4o]  100ms  1,234tok",
    ]


def test_io_shows_inputs_outputs_and_scores(peekr, write, agent):
    """CLI-VIEW-3, CLI-VIEW-4, CLI-VIEW-5."""
    lines = [line.strip() for line in peekr("view", "--io", write(agent)).splitlines()[3:]]
    assert lines == [
        'in:  {"args": [42], "kwargs": {}}',
        'out: "done"',
        "└─ tool.fetch_user  5.0ms",
        'in:  {"args": [42], "kwargs": {}}',
        "out: null",
        "└─ openai.chat.completions [gpt-4o]  100ms  1,234tok",
        f"in:  {MESSAGES}",
        'out: "ok"',
        "eval_scores: {Rubric: 0.92, NotEmpty: 1.0}",
    ]


def test_options_stand_before_or_after_the_path(peekr, write, agent):
    """CLI-VIEW-1."""
    path = write(agent)
    assert peekr("view", path, "--io") == peekr("view", "--io", path)
    assert "in:" not in peekr("view", path)


def test_the_header_leaves_tokens_out_when_there_are_none(peekr, write, record):
    """CLI-VIEW-2."""
    assert "tok" not in peekr("view", write([record("a")]))


def test_grandchildren_are_indented_deeper(peekr, write, record):
    """CLI-VIEW-2."""
    path = write([record("a", None, "one"), record("b", "a", "two", at=1), record("c", "b", "three", at=2)])
    assert "└─ two  10ms\n   └─ three  10ms\n" in peekr("view", path)


def test_errors_show_without_being_asked_for(peekr, write, record):
    """CLI-VIEW-3: why a run failed is what a reader came for."""
    path = write([record("a", status="error", error="no such user", error_type="KeyError")])
    out = peekr("view", path)
    assert "err: no such user" in out
    assert "1 error" in out.splitlines()[0]


def test_at_most_120_characters_of_a_value_are_shown(peekr, write, record):
    """CLI-VIEW-3, E0-18."""
    (out,) = re.findall(r"out: (.*)", peekr("view", "--io", write([record("a", output="y" * 1000)])))
    assert len(out) == 120


def test_the_newest_trace_comes_last_and_all_are_shown_in_a_pipe(peekr, write, several):
    """CLI-VIEW-6, E0-06."""
    out = peekr("view", write(several(40)[::-1]))
    assert re.findall(r"^run(\d+)", out, re.M) == [str(at) for at in range(40)]


def test_limit_shows_the_newest_traces(peekr, write, several):
    """CLI-VIEW-9."""
    path = write(several(9))
    assert re.findall(r"^run(\d+)", peekr("view", path, "--limit", 2), re.M) == ["7", "8"]
    assert len(re.findall(r"^run", peekr("view", path, "--limit", 0), re.M)) == 9


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("--tenant", "acme", "run1"),
        ("--user", "u1", "run1"),
        ("--session", "s1", "run1"),
        ("--status", "error", "run1"),
        ("--status", "ok", "run0"),
        ("--since", "1750000000.5", "run1"),
        ("--until", "1750000000.5", "run0"),
    ],
)
def test_filters_choose_traces(peekr, write, option, value, shown, several):
    """CLI-VIEW-9, IFACE-13."""
    plain, special = several(2)
    special.update(tenant_id="acme", user_id="u1", session_id="s1", status="error")
    assert re.findall(r"^run\d", peekr("view", write([plain, special]), option, value), re.M) == [shown]


def test_since_takes_an_age(peekr, write, record):
    """IFACE-13."""
    path = write([record("a", name="old"), record("b", name="new", trace_id="cd" * 16, start=time.time() - 60)])
    assert re.findall(r"^(old|new) ", peekr("view", path, "--since", "15m"), re.M) == ["new"]


def test_a_session_is_summed_up(peekr, write, several):
    """CTX-6: turns that are traces of their own are seen together."""
    out = peekr("view", write(several(3, session_id="s1", tokens_total=400)), "--session", "s1")
    assert out.splitlines()[0] == "Session s1  3 traces  30ms  1,200tok"


def test_a_trace_is_found_by_six_characters_of_its_id(peekr, write, agent, several):
    """MODEL-5."""
    path = write(several(1) + agent)
    for given in ("ababab", "ab" * 16):
        assert re.findall(r"^Trace (\w+)", peekr("view", path, "--trace", given), re.M) == ["abababab"]


def test_a_run_id_shows_that_run(peekr, write, record):
    """MODEL-5: the id of a nested run shows what happened in it."""
    run = "cd" * 8
    spans = [
        record("a", None, "outer", run_id="a"),
        record(run, "a", "inner", at=1, run_id=run, kind="run"),
        record("e", run, "step", at=2, run_id=run),
    ]
    assert peekr("view", write(spans), "--trace", run[:8]).splitlines()[2:] == ["inner  10ms", "└─ step  10ms"]


def test_an_ambiguous_prefix_lists_the_candidates(peekr, write, record):
    """MODEL-5."""
    path = write([record(end, trace_id="abcdef" + end * 26) for end in "01"])
    said = peekr.fails("view", path, "--trace", "abcdef")
    assert "abcdef" + "0" * 26 in said
    assert "abcdef" + "1" * 26 in said


def test_json_prints_one_span_a_line(peekr, write, agent):
    """CLI-VIEW-9."""
    spans = [json.loads(line) for line in peekr("view", "--json", write(agent)).splitlines()]
    assert {span["name"] for span in spans} == {span["name"] for span in agent}
    assert spans[0]["attributes"]["input"] == agent[0]["attributes"]["input"]


def test_json_with_a_filter_prints_the_spans_that_fit(peekr, write, record):
    """CLI-VIEW-9: the tree shows whole traces, the lines only what was asked for."""
    path = write([record("a", None, "fine"), record("b", "a", "bad", status="error")])
    assert [json.loads(line)["name"] for line in peekr("view", "--json", path, "--status", "error").splitlines()] == [
        "bad"
    ]
    assert "fine" in peekr("view", path, "--status", "error")


def test_a_span_that_still_runs_says_so(peekr, tmp_path, start):
    """MODEL-9: SQLite holds open runs."""
    pytest.importorskip("peekr_sqlite")
    with closing(sqlite3.connect(tmp_path / "traces.db")) as connection, connection:
        connection.execute(
            "CREATE TABLE spans (trace_id TEXT NOT NULL, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT NOT NULL,"
            " start_time REAL NOT NULL, end_time REAL, duration_ms REAL, status TEXT, attributes TEXT)"
        )
        connection.execute(
            "INSERT INTO spans VALUES (?, 'a', NULL, 'busy', ?, NULL, NULL, 'ok', '{}')", ("ab" * 16, start)
        )
    connection.close()
    assert "busy  running" in peekr("view", "traces.db")


def test_deep_and_wide_traces_are_shown_whole(peekr, write, record):
    """CLI-VIEW-2: 10,000 spans, 2,000 deep; far down, a span says its depth instead of moving out of sight."""
    chain = [record(f"d{at}", f"d{at - 1}" if at else None, f"deep{at}", at=at) for at in range(2000)]
    out = peekr("view", write(chain + [record(f"w{at}", "d0", f"wide{at}", at=at) for at in range(8000)]))
    assert out.count("\n") == 10_002
    assert "[1999] └─ deep1999  10ms" in out
    assert max(map(len, out.splitlines())) < 300


@pytest.mark.parametrize("missing", ["nowhere.jsonl", "nowhere.db", "some/where/traces.jsonl"])
def test_a_missing_file_is_a_sentence(peekr, missing):
    """CLI-VIEW-8."""
    assert missing in peekr.fails("view", missing)


def test_a_directory_is_a_sentence(peekr, tmp_path):
    """CLI-VIEW-8."""
    assert "directory" in peekr.fails("view", tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_sentence(peekr, write, agent):
    """CLI-VIEW-8."""
    path = write(agent)
    path.chmod(0)
    assert str(path) in peekr.fails("view", path)


def test_a_file_of_another_kind_is_a_sentence(peekr, tmp_path):
    """CLI-VIEW-8: what cannot be a store is refused, whatever it is called."""
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    assert "picture.png" in peekr.fails("view", "picture.png")


def test_a_file_without_spans_says_so(peekr, write):
    """CLI-VIEW-8."""
    assert "no spans" in peekr("view", write([]))
    assert peekr("view", write([]), "--json") == ""


def test_without_a_path_the_database_is_preferred(peekr, write, tmp_path, agent):
    """CLI-VIEW-8."""
    assert "traces.jsonl" in peekr.fails("view")
    write(agent)
    assert "agent.run" in peekr("view")
    (tmp_path / "traces.db").write_text("no database\n")
    assert "traces.db" in peekr.run("view").stderr


def test_skipped_lines_are_counted_on_stderr(peekr, write, agent):
    """JSONL-3: one warning that names the count; the rest is shown."""
    done = peekr.run("view", write([*agent, "garbage", '{"foreign": 1}']))
    assert "agent.run" in done.stdout
    assert re.findall(r"(\d+) broken or foreign", done.stderr) == ["2"]


def test_the_half_written_last_line_is_no_matter(peekr, write, agent):
    """JSONL-5."""
    path = write(agent)
    with open(path, "a") as file:
        file.write('{"trace_id": "ab')
    done = peekr.run("view", path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_ends_quietly(peekr, write, several):
    """CLI-11: `peekr view … | head -1`."""
    path = write(several(3000))
    process = subprocess.Popen(
        peekr.command("view", path), env=peekr.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert said == b""


@pytest.mark.skipif(sys.platform == "win32", reason="no such encodings there")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_encoding_without_the_characters_is_no_trouble(peekr, write, encoding, record):
    """The tree is drawn in ASCII, and a model's words become question marks; nothing raises."""
    done = subprocess.run(
        peekr.command("view", "--io", write([record("a", output="日本語"), record("b", "a")])),
        env={**peekr.environment, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\n`- step" in done.stdout
    assert b'out: "???"' in done.stdout
