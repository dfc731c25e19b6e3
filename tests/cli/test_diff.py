"""``peekr diff`` (contract EX-3, example E0-08, issue 6 item 3)."""

from __future__ import annotations

import json

import pytest

CHAT = {"kind": "llm", "model": "gpt-4o"}


@pytest.fixture
def diff():
    """Runs the command in this process; returns what it printed."""
    from click.testing import CliRunner

    from peekr_cli.main import cli

    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, ["diff", *map(str, arguments)])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def trace(record, number, stock='[{"id": 1, "qty": 42}]', slow=100.0, **chat):
    """A trace of an agent, its tool and a call of a model."""
    ids = {"trace_id": f"{number:x}" * 32, "start": 1_750_000_000.0 + number * 3600}
    name, said = f"s{number}", chat.pop("said", "We have 42.")
    given = '{"args": [], "kwargs": {"sku": "ABC-123"}}'
    return [
        record(f"{name}a", None, "agent", ms=1000, input="{}", output=json.dumps(said), **ids),
        record(f"{name}b", f"{name}a", "fetch_inventory", 10, ms=slow, input=given, output=stock, **ids),
        record(f"{name}c", f"{name}a", "openai.chat.completions", 500, ms=400, output=said, **{**CHAT, **chat, **ids}),
    ]


def test_two_files_of_one_trace_name_the_tool_that_returned_something_else(diff, write, record):
    """E0-08: it comes first, with its input and what each side got."""
    write(trace(record, 1), "local.jsonl")
    prod = write(trace(record, 2, stock="[]", said="Sold out."), "prod.jsonl")
    out = diff(prod.parent / "local.jsonl", prod)
    assert out.splitlines()[3:7] == [
        "fetch_inventory returned something else for the same input",
        '   in:          {"sku": "ABC-123"}',
        '   local.jsonl: [{"id": 1, "qty": 42}]',
        "   prod.jsonl:  []",
    ]
    assert "agent returned something else for the same input  (a step inside of it differs, too)" in out


def test_two_traces_of_one_store(diff, write, record):
    """Issue 6: slower steps, tokens, models, scores and errors, each in its row."""
    other = {"model": "gpt-4o-mini", "tokens_total": 9, "eval_scores": {"Rubric": 0.5}, "status": "error"}
    path = write(
        [*trace(record, 1, tokens_total=18, eval_scores={"Rubric": 0.9}), *trace(record, 2, slow=900.0, **other)]
    )
    out = diff(path, "111111", "222222")
    (row,) = [line for line in out.splitlines() if "openai.chat.completions" in line and "→" in line]
    assert "18 → 9" in row and "Rubric 0.9 → 0.5" in row and "gpt-4o → gpt-4o-mini" in row and "0 → 1" in row
    assert "Slowed down most: fetch_inventory  100ms → 900ms, 9.0 times as long." in out


def test_a_step_that_failed_on_one_side_says_how(diff, write, record):
    """EX-3: rather than that it returned nothing."""
    failed = trace(record, 2)
    failed[1].update(status="error")
    failed[1]["attributes"].update(error="no route to stock", error_reason="connection")
    del failed[1]["attributes"]["output"]
    path = write([*trace(record, 1), *failed])
    assert "   B: failed: no route to stock  (connection)" in diff(path, "111111", "222222")


def test_the_store_of_the_directory_is_the_default(peekr, write, record):
    """EX-3: peekr diff TRACE_A TRACE_B."""
    write([*trace(record, 1), *trace(record, 2, stock="[]")])
    assert "fetch_inventory returned something else" in peekr("diff", "1" * 32, "2" * 32)


def test_exit_code_is_1_when_something_differs(diff, write, record):
    """Issue 6: for CI. Times do not count unless they are asked for."""
    path = write([*trace(record, 1), *trace(record, 2, slow=900.0), *trace(record, 3, stock="[]")])
    assert "No difference" in diff(path, "111111", "111111", "--exit-code")
    diff(path, "111111", "222222", "--exit-code")
    diff(path, "111111", "222222", "--exit-code", "--slower", "50", code=1)
    diff(path, "111111", "333333", "--exit-code", code=1)
    diff(path, "111111", "333333")


def test_json_is_stable(diff, write, record):
    """Issue 6."""
    path = write([*trace(record, 1), *trace(record, 2, stock="[]")])
    out = json.loads(diff(path, "111111", "222222", "--json"))
    assert (out["schema"], out["different"], out["mode"]) == (1, True, "traces")
    (output,) = out["outputs"]
    assert (output["name"], output["a"], output["b"], output["same_input"], output["cause"]) == (
        "fetch_inventory", '[{"id": 1, "qty": 42}]', "[]", True, True
    )  # fmt: skip
    assert [(step["name"], step["depth"], step["changed"]) for step in out["steps"]] == [
        ("agent", 0, []),
        ("fetch_inventory", 1, ["output"]),
        ("openai.chat.completions", 1, []),
    ]
    assert {"duration_ms", "tokens", "cost_usd", "errors", "scores"} <= set(out["steps"][0]["a"])


def test_equal_json_is_equal_however_it_is_spaced(diff, write, record):
    """EX-3: the order of keys and spaces say nothing."""
    path = write([*trace(record, 1, stock='{"a": 1, "b": 2}'), *trace(record, 2, stock='{"b":2,"a":1}')])
    diff(path, "111111", "222222", "--exit-code")


def test_what_is_to_be_ignored_does_not_count(diff, write, record):
    """Ids and times in outputs."""
    path = write([*trace(record, 1, stock="order 17"), *trace(record, 2, stock="order 18")])
    diff(path, "111111", "222222", "--exit-code", "--ignore", r"order \d+")
    assert "no regular expression" in diff(path, "111111", "222222", "--ignore", "(", code=2)


def test_two_times_of_one_file(diff, write, record):
    """Issue 6: many traces with many others, by the names of their steps."""
    spans = [span for number in range(1, 5) for span in trace(record, number)]
    spans += [span for number in range(5, 9) for span in trace(record, number, stock="[]", slow=900.0, tokens_total=5)]
    path = write(spans)
    middle = 1_750_000_000 + 5 * 3600
    out = diff(path, "--before", f"..{middle}", "--after", f"{middle}..")
    assert "4 traces  12 spans" in out.splitlines()[0] and out.startswith("before ")
    assert "fetch_inventory returned something else for the same input" in out
    (row,) = [line for line in out.splitlines() if line.startswith("fetch_inventory  ")]
    assert "100ms" in row and "900ms" in row and "output, slower" in row
    report = json.loads(diff(path, "--before", f"..{middle}", "--after", f"{middle}..", "--json"))
    assert report["mode"] == "groups" and report["a"]["traces"] == report["b"]["traces"] == 4


def test_a_tool_that_answers_this_or_that_on_both_sides_is_no_difference(diff, write, record):
    """Groups: only an output that the other side never gave for this input counts."""
    write([*trace(record, 1, stock="1"), *trace(record, 2, stock="2")], "a.jsonl")
    b = write([*trace(record, 3, stock="2"), *trace(record, 4, stock="3")], "b.jsonl")
    assert "returned something else" not in diff(b.parent / "a.jsonl", b)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "Give two traces, two files"),
        (("traces.jsonl",), "Give two traces, two files"),
        (("traces.jsonl", "--before", "2h..1h"), "go together"),
        (("traces.jsonl", "--before", "yesterday", "--after", "1h.."), "FROM..TO"),
        (("traces.jsonl", "--before", "1h..2h", "--after", "1h.."), "ends before it begins"),
    ],
)
def test_a_wrong_command_line_says_what_would_be_right(diff, arguments, text):
    """CLI: exit code 2."""
    assert text in diff(*arguments, code=2)


def test_unknown_ids_missing_files_and_empty_ones_are_sentences(diff, write, record, tmp_path):
    """MODEL-5; issue 6, bad input."""
    path = write(trace(record, 1))
    assert "begins with 'ffffff'" in diff(path, "111111", "ffffff", code=1)
    assert "does not exist" in diff(path, tmp_path / "none.jsonl", code=1)
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    assert "has no span to compare" in diff(path, tmp_path / "empty.jsonl", code=1)


def test_hostile_content_is_harmless(diff, write, record):
    """Issue 6: names, inputs, outputs, models and errors of strangers."""
    evil = "\x1b]0;owned\x07\x1b[31mred\u202e\r"
    spans = trace(record, 1, said=evil, model=evil, error=evil, status="error")
    spans[1]["name"] = spans[1]["attributes"]["input"] = evil
    other = trace(record, 2, stock=evil)
    other[1]["name"] = evil
    path = write([*spans, *other])
    for arguments in ((), ("--all",), ("--json",)):
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(diff(path, "111111", "222222", *arguments))


def test_a_terminal_has_colours_and_columns(peekr, write, record):
    """Issue 6: coloured; long answers side by side on a wide terminal."""
    said = "one\ntwo\nthree"
    path = write([*trace(record, 1, said=said), *trace(record, 2, said=said.replace("two", "2"))])
    out = peekr.on_terminal("diff", path.name, "111111", "222222", columns=140)
    assert "\x1b[31mtwo\x1b[0m" in out and " │ " in out


def test_many_and_deep_steps_are_no_trouble(diff, write, record):
    """Issue 6: a ring of parents, a thousand children, a thousand levels."""
    spans = [record("root", None, "root")]
    spans += [record(f"w{at}", "root", f"tool.w{at % 7}", at, output=str(at)) for at in range(1000)]
    spans += [record(f"d{at}", f"d{at - 1}" if at else "root", "deep", at) for at in range(1000)]
    spans += [record("r1", "r2", "ring"), record("r2", "r1", "ring")]
    path = write(spans)
    diff(path, path, "--exit-code")


def test_help_has_examples(diff):
    """CLI: each command's help has one."""
    assert "peekr diff traces.db --before 24h..12h --after 12h.." in diff("--help")
