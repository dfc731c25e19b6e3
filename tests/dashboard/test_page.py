"""The report as a file: what it is made of, and what it holds."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import sqlite3
import string

import pytest
from click.testing import CliRunner
from tests.dashboard.diagnostic_vectors import built

from peekr.errors import StoreError
from peekr_dashboard.command import dashboard
from peekr_dashboard.embed import json_bytes

HOSTILE = "</script><script>alert(1)</script><!--<img onerror=alert(1)>\u2028{{7*7}}${7*7}\x1b[31m\x1b]0;x\x07\u202e"


def noise(chance):
    return "".join(chance.choices(string.printable[:94], k=12_000))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(dashboard, [str(each) for each in arguments])


def test_the_built_page_is_that_of_its_sources():
    """Issue 6: front-end sources are kept readable, and built by a script that the tests run."""
    module = built()
    assert module.BUILT.read_text(encoding="utf-8") == module.page(), "run: python frontend/build.py"


def test_the_command_writes_dashboard_html_in_the_working_directory(run, write, record, tmp_path):
    """CLI-1, DASH-1; example E0-34."""
    write([record(1)])
    done = run("traces.jsonl")
    assert done.exit_code == 0 and "1 LLM call of 1 span" in done.output
    html = (tmp_path / "dashboard.html").read_text(encoding="utf-8")
    assert all(tab in html for tab in ("overview", "traces", "quality", "diagnose", "help"))
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?(https?:)?//", html)


def test_a_database_is_known_by_its_content_and_written_where_asked(run, write, record, tmp_path):
    """CLI-1, C-12: .db and .jsonl, detected by content."""
    from peekr import sql
    from peekr.spans import Span

    connection = sqlite3.connect(tmp_path / "traces.jsonl")
    sql.create(connection)
    connection.execute(sql.upsert(), sql.row(Span.from_dict(record(1))))
    connection.commit()
    connection.close()
    done = run("traces.jsonl", "-o", "report.html", "--json")
    assert json.loads(done.output)["calls"] == 1
    assert (tmp_path / "report.html").exists() and not (tmp_path / "dashboard.html").exists()


def test_without_a_store_the_one_of_the_directory_is_read(run, write, record):
    """CLI-VIEW-8 as view: traces.db, else traces.jsonl."""
    write([record(1)])
    assert run().exit_code == 0


def test_a_missing_store_and_the_store_as_output_are_refused(run, write, record):
    """CLI-11: no traceback; the traces are never overwritten by their report."""
    assert isinstance(run("nothing.jsonl").exception, StoreError)
    path = write([record(1)])
    before = path.read_bytes()
    assert isinstance(run("traces.jsonl", "-o", "traces.jsonl").exception, StoreError)
    assert path.read_bytes() == before


def test_the_page_asks_no_host_and_its_policy_forbids_it(make, record, elements):
    """DASH-1, DASH-15."""
    page = elements(make([record(1)]).html)
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy and "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    loading = {"src", "href", "srcset", "data", "action", "poster", "background"}
    asked = [(tag, attrs[name]) for tag, attrs in page.tags for name in loading & attrs.keys()]
    assert asked == [("a", "#main")]
    scripts = [text for text in page.texts["script"] if not text.lstrip().startswith("{")]
    for kind, text in [*(("script-src", text) for text in scripts), ("style-src", page.texts["style"][0])]:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy.split(kind)[1].split(";")[0]
    assert "@import" not in page.texts["style"][0] and "url(" not in page.texts["style"][0]


def test_no_text_of_a_trace_can_end_the_element_that_holds_it(make, record, elements, data_of):
    """DASH-15: hostile content in any field is data."""
    fields = dict.fromkeys(("name", "tenant_id", "user_id", "session_id", "model", "input", "output"), HOSTILE)
    hostile = {**fields, "endpoint": HOSTILE, "feature": HOSTILE, "error": HOSTILE, "error_reason": HOSTILE}
    details = {"claims": [{"text": HOSTILE, "verdict": HOSTILE}]}
    cites = {"items": [{"kind": HOSTILE, "text": HOSTILE, "grounded": False}]}
    scores = {HOSTILE: 0.1}
    call = record(1, eval_scores=scores, eval_errors={HOSTILE: HOSTILE}, hallucination_details=details,
                  citation_details=cites, **hostile)  # fmt: skip
    html = make([call, record(2, name=HOSTILE, kind="tool", tool_name=HOSTILE)]).html
    plain = make([record(1)]).html
    assert html.count(b"</script") == plain.count(b"</script") and html.count(b"<!--") == plain.count(b"<!--")
    assert [tag for tag, _ in elements(html).tags] == [tag for tag, _ in elements(plain).tags]
    assert data_of(html)["texts"][0]["a"] == HOSTILE


def test_embedded_json_has_no_character_of_markup():
    """DASH-15."""
    encoded = json_bytes({"<a>&": "</script>\u2028\u2029<!--"})
    assert not re.search(rb"[<>&]|\xe2\x80[\xa8\xa9]", encoded)
    assert json.loads(encoded) == {"<a>&": "</script>\u2028\u2029<!--"}


def test_calls_of_every_provider_count_and_judges_never(make, record, data_of):
    """DASH-17; EVAL-15: an embedding is no call."""
    names = ("openai.chat.completions", "anthropic.messages", "bedrock.converse", "gemini.generate_content",
             "litellm.completion", "answer")  # fmt: skip
    calls = [record(number, name=name) for number, name in enumerate(names, 1)]
    others = [record(20, name="peekr.internal.judge"), record(21, name="openai.embeddings", kind="embedding")]
    data = data_of(make([*calls, *others]).html)
    assert data["meta"]["calls"] == data["calls"]["n"] == len(names)


def test_the_page_has_the_cards_of_the_whole_file_and_the_rules_for_a_part_of_it(make, record, data_of):
    """DIAG: one implementation serves page and command; a filter in the page evaluates the rules again."""
    from peekr import Span
    from peekr_dashboard.diagnostics import diagnose

    calls = [record(number, status="error" if number % 3 == 0 else "ok") for number in range(1, 31)]
    data = data_of(make(calls).html)
    assert data["cards"] == json.loads(json.dumps(diagnose(map(Span.from_dict, calls))))
    assert data["cards"][0]["rule"] == "error-spikes"
    assert {rule["id"] for rule in data["rules"]} >= {"error-spikes", "hallucination-drift", "healthy"}
    assert data["actions"]


def test_an_empty_store_makes_a_report_that_says_so(run, write, tmp_path, data_of):
    """DASH-16; bad input: no spans."""
    write([])
    done = run("traces.jsonl")
    assert done.exit_code == 0 and "0 LLM calls of 0 spans" in done.output
    assert data_of((tmp_path / "dashboard.html").read_bytes())["meta"]["spans"] == 0


def test_a_database_of_the_original_is_read(run, tmp_path, data_of):
    """Bad input: a database from 0.9.3 has no kind and no tenant columns; a model tells an LLM call."""
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.execute(
        "CREATE TABLE spans (trace_id TEXT NOT NULL, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT NOT NULL,"
        " start_time REAL NOT NULL, end_time REAL, duration_ms REAL, status TEXT NOT NULL DEFAULT 'ok',"
        " attributes TEXT)"
    )
    model = json.dumps({"model": "gpt-4o", "eval_scores": {"Rubric(be nice)": 0.4}})
    rows = [("t1", "root", None, "app.main", 10.0, 14.0, 4000.0, "ok", "{}"),
            ("t1", "llm", "root", "openai.chat.completions", 12.0, 12.5, 500.0, "ok", model)]  # fmt: skip
    connection.executemany("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    assert run("old.db").exit_code == 0
    data = data_of((tmp_path / "dashboard.html").read_bytes())
    assert (data["meta"]["spans"], data["meta"]["calls"]) == (2, 1)
    assert [row[3] for row in data["traces"]["t1"]["r"]] == ["function", "llm"]


def test_a_file_that_is_being_written_and_broken_lines_are_read_as_far_as_they_go(make, record, data_of):
    """Bad input: the last line is half, one is no JSON, an id comes twice (the last counts), one lies in the future."""
    half = json.dumps(record(9))[:50]
    again = record(1, output="the later one")
    page = make([record(1), "no JSON", again, record(2, at=9e8), half])
    data = data_of(page.html)
    assert data["calls"]["n"] == 2
    assert sorted(each["a"] for each in data["texts"]) == ["answer 2", "the later one"]
    assert any("future" in note for note in page.facts["notes"])
    assert data["meta"]["last"] < 1_790_000_000


def test_a_text_of_a_megabyte_is_cut_with_a_word_on_it(make, record, data_of):
    """Bad input: 1 MB of one character in every field."""
    long = "x" * 1_000_000
    page = make([record(1, input=long, output=long, error=long, model=long, tenant_id=long, endpoint=long)])
    text = data_of(page.html)["texts"][0]["a"]
    assert len(text) < 13_000 and "more characters" in text
    assert len(page.html) < 1_000_000


def test_a_large_store_becomes_a_small_file_that_says_what_it_left_out(make, record, data_of):
    """Issue 6: up to 10,000 spans in 3 MB; the newest and the worst in full."""
    chance = random.Random(1)
    calls = [
        record(number, output=noise(chance), eval_scores={"Hallucination": 0.0 if number == 5 else 1.0})
        for number in range(1, 401)
    ]
    page = make(calls)
    assert len(page.html) <= 3_000_000
    data = data_of(page.html)
    full = [number for number, text in enumerate(data["texts"], 1) if "f" in text]
    assert page.facts["calls_in_full"] == len(full) < 400
    assert {5, 400} <= set(full)  # the worst, and the newest
    assert any("shown in full" in note for note in page.facts["notes"])


def test_what_is_printed_is_harmless_in_a_terminal(run, write, record, tmp_path):
    """C-28 of hostile content: a file name may hold control characters."""
    path = tmp_path / "tr\x1b[31maces.jsonl"
    os.replace(write([record(1)]), path)
    assert "\x1b" not in run(path.name).output
