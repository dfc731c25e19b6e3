"""``peekr view`` on a terminal, and hostile content anywhere (contract CLI-VIEW-6, CLI-VIEW-10)."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len

COLOUR = re.compile(r"\x1b\[[\d;]*m")
HOSTILE = {
    "colour": "\x1b[31mred",
    "clear": "\x1b[2J\x1b[H",
    "link": "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "title": "\x1b]0;owned\x07",
    "carriage return": "real\rfake",
    "backspace": "secret\x08\x08",
    "bidi": "abc\u202egpj.exe",
    "isolate": "a\u2066b\u2069",
    "c1": "\x9b31m\x9d0;x\x9c",
    "delete": "x\x7f",
    "nul": "a\x00b",
    "separators": "a\u2028b\u2029c",
    "tags": "a\U000e0041b",
    "zero width": "a\u200bb\ufeff",
    "newline": "one\nTrace 00000000  1ms",
}
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


@pytest.fixture
def hostile(write, record):
    """A file of one trace for each kind of hostility, in every place that can hold a text."""
    return write(
        [
            record(
                f"{kind} {text}", None, f"name {text}", at=at * 1000, trace_id=f"{kind}{text}", status="error",
                tenant_id=text, user_id=text, session_id="s" + text, model=text, input=text, error=text,
                output=json.dumps(text, ensure_ascii=False), error_reason=text, eval_scores={text: text},
            )
            for at, (kind, text) in enumerate(HOSTILE.items())
        ]
    )  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--io"], ["--json"]])
def test_hostile_content_is_written_out_in_a_pipe(peekr, hostile, options):
    """CLI-VIEW-10: names, ids, models, values, errors and scores alike; none can fake a line of ours."""
    out = peekr("view", hostile, *options)
    assert not UNSAFE.search(out)
    assert len(re.findall(r"^(?:Trace |\{)", out, re.M)) == len(HOSTILE)


@pytest.mark.parametrize("kind", ["clear", "bidi", "newline"])
def test_hostile_options_are_written_out(peekr, hostile, kind):
    """CLI-VIEW-10: a session id is content too."""
    out = peekr("view", hostile, "--session", "s" + HOSTILE[kind])
    assert not UNSAFE.search(out)
    assert len(re.findall(r"^(Session|Trace) ", out, re.M)) == 2


def test_hostile_content_is_written_out_on_a_terminal(peekr, hostile):
    """CLI-VIEW-10: nothing but our own colours is left."""
    received = COLOUR.sub("", peekr.on_terminal("view", "--io", hostile, columns=120))
    assert not UNSAFE.search(received)
    assert len(re.findall(r"^Trace ", received, re.M)) == len(HOSTILE)


def test_json_lines_stay_the_same_data(peekr, write, record):
    """CLI-VIEW-9, CLI-VIEW-10: written out means JSON's own escapes."""
    text = "".join(HOSTILE.values())
    (line,) = peekr("view", "--json", write([record("a", name="n", output=text)])).splitlines()
    assert json.loads(line)["attributes"]["output"] == text


def test_lone_surrogates_are_shown_as_something(peekr, write, record):
    """CLI-VIEW-10: JSON can say them, UTF-8 cannot."""
    line = json.dumps(record("a", name="n", output="PLACE")).replace("PLACE", "\\ud83d")
    done = peekr.run("view", "--io", write([line, record("b", name="fine")]))
    assert done.returncode == 0
    assert "fine" in done.stdout


def test_hostile_file_names_and_ids_are_written_out_in_errors(peekr):
    """CLI-VIEW-10."""
    assert not UNSAFE.search(peekr.fails("view", "no\x1b[31m.jsonl"))


def test_a_pipe_gets_no_colours(peekr, write, record):
    """CLI-VIEW-6, whatever the environment wishes for."""
    assert "\x1b" not in peekr("view", write([record("a", status="error")]), FORCE_COLOR="1", TERM="xterm-256color")


def test_a_terminal_gets_colours_and_errors_are_red(peekr, write, record):
    """CLI-VIEW-6."""
    path = write([record("a", None, "root"), record("b", "a", "broken", status="error", error="boom")])
    received = peekr.on_terminal("view", path)
    assert "\x1b[31mbroken\x1b[0m" in received
    assert "\x1b[31mboom\x1b[0m" in received


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off(peekr, write, environment, record):
    """CLI-VIEW-6."""
    received = peekr.on_terminal("view", "--io", write([record("a", status="error", error="boom")]), **environment)
    assert "boom" in received
    assert "\x1b" not in received


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_lines_fit_the_terminal(peekr, write, columns, record):
    """Long names are cut, long values go on below; East Asian characters take two columns."""
    spans = [record("a", None, "n" * 300, input="word " * 40, output="語" * 100, ms=1234567)]
    spans += [
        record(f"b{at}", "a" if at == 0 else f"b{at - 1}", "名前" * 40, at=at, model="m" * 90) for at in range(30)
    ]
    spans += [record("c", "a", "x", status="error", error="no blank" + "s" * 300, tokens_total=10**9)]
    received = COLOUR.sub("", peekr.on_terminal("view", "--io", write(spans), columns=columns, NO_COLOR="1"))
    tree = received.splitlines()[1:]
    assert max(map(cell_len, tree)) <= columns
    assert "1,000,000,000tok" in received


def test_numbers_stand_in_columns(peekr, write, record):
    """Durations and tokens can be compared by eye."""
    spans = [
        record("a", None, "root", ms=1234, tokens_total=5),
        record("b", "a", "a.much.longer.name", at=1, ms=7, tokens_total=12345),
    ]
    _, _, one, two, *_ = peekr.on_terminal("view", write(spans), NO_COLOR="1").splitlines()
    assert one.index("ms") == two.index("ms")
    assert one.index("tok") == two.index("tok")


def test_a_terminal_shows_the_newest_20_and_says_so(peekr, write, record, start):
    """CLI-VIEW-9: what scrolls by is not read."""
    path = write([record(f"{at:016x}", trace_id=f"{at:032x}", start=start + at) for at in range(25)])
    received = COLOUR.sub("", peekr.on_terminal("view", path))
    assert len(re.findall(r"^Trace ", received, re.M)) == 20
    assert "--limit 0" in received
    assert "--limit" not in peekr.on_terminal("view", path, "--limit", 0)
