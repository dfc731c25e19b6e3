"""``peekr cost``: the same from SQLite and from lines."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

import peekr
from peekr.spans import Span
from peekr.spending import SpendTally

Run = Any
START = 1_790_000_000.0


def shown(run: Run, *arguments: Any) -> Dict[str, Any]:
    """The JSON that the command prints."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_totals(run: Run, target: str) -> None:
    """CLI-12: spans, LLM calls, errors, tokens in/out, LLM time, estimated cost; wrappers and tools cost nothing."""
    found = shown(run, target)
    assert (found["spans"], found["llm_calls"], found["errors"]) == (7, 5, 2)
    assert (found["tokens_input"], found["tokens_output"], found["cost_usd"]) == (382, 50, 1.875)
    assert (found["unpriced_calls"], found["unknown_models"]) == (1, [{"model": "house-model", "calls": 1}])
    assert found["prices"].startswith("genai-prices ")
    assert [(each["operation"], each["model"], each["cost_usd"]) for each in found["groups"]] == [
        ("openai.chat.completions", "gpt-4o", 1.75),
        ("openai.chat.completions", "gpt-4o-mini", 0.125),
        ("openai.chat.completions", "house-model", None),
    ]
    assert [each["span_id"][-1] for each in found["hottest"][:2]] == ["7", "2"]
    assert found["slowest"][0]["span_id"][-1] == "2"


@pytest.fixture
def unpriced(tmp_path: Path, call: Any) -> str:
    """Calls whose spans bear no cost, as those of peekr 0.9.3: of models with a price of ours and without, and one
    that bears its own."""
    tokens = {"tokens_input": 1_000_000, "tokens_output": 100_000, "tokens_total": 1_100_000}
    spans = [call(model="ours", **tokens), call(model="ours", **tokens, cost_usd=7.0), call(model="theirs", **tokens)]
    path = tmp_path / "old.jsonl"
    path.write_text("".join(json.dumps(each.to_dict()) + "\n" for each in spans))
    return str(path)


def test_calls_without_a_stored_cost_are_priced_by_their_tokens(run: Run, unpriced: str) -> None:
    """CLI-12, COST-1: estimated cost, per model; a stored cost stays, and an unknown model is never guessed."""
    peekr.set_price("ours", input=1.0, output=10.0)
    found = shown(run, unpriced)
    assert (found["cost_usd"], found["estimated_calls"], found["unpriced_calls"]) == (9.0, 1, 1)
    assert found["unknown_models"] == [{"model": "theirs", "calls": 1}]
    assert [each["cost_usd"] for each in found["hottest"]] == [7.0, 2.0, None]
    assert "(1 call without a stored cost, priced by tokens)" in run(unpriced).output


def test_in_a_large_store_stored_costs_are_shown(run: Run, unpriced: str, monkeypatch: Any) -> None:
    """issue 5: pricing a million calls one by one would take too long; the way to their costs is shown."""
    monkeypatch.setattr("peekr_cost.report.MOST_ESTIMATED", 2)
    found = shown(run, unpriced)
    assert (found["cost_usd"], found["estimated_calls"], found["unpriced_calls"]) == (7.0, None, 2)
    assert "No stored cost" in run(unpriced).output and "--reprice" in run(unpriced).output


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", [("gpt-4o", 3, 1.75), ("gpt-4o-mini", 1, 0.125), ("house-model", 1, None)]),
        ("tenant", [("acme", 3, 1.75), ("globex", 2, 0.125)]),
        ("user", [(None, 2, 1.0), ("ann", 2, 0.625), ("bob", 1, 0.25)]),
        ("session", [(None, 4, 1.625), ("s1", 1, 0.25)]),
        ("feature", [(None, 4, 1.375), ("=chat", 1, 0.5)]),
        ("operation", [("openai.chat.completions", 5, 1.875)]),
        ("provider", [(None, 5, 1.875)]),
    ],
)
def test_groups(run: Run, target: str, by: str, expected: List[Any]) -> None:
    """issue 5.4: by model, tenant, user, session, feature."""
    groups = shown(run, target, "--by", by)["groups"]
    assert [(each[by], each["calls"], each["cost_usd"]) for each in groups] == expected


def test_days_are_local_and_dimensions_combine(run: Run, target: str) -> None:
    """issue 5.4: by day; D-15"""
    from datetime import datetime

    groups = shown(run, target, "--by", "day", "--by", "tenant")["groups"]
    first, last = (datetime.fromtimestamp(when).strftime("%Y-%m-%d") for when in (START + 1, START + 3 * 86_400))
    assert [(each["day"], each["tenant"], each["cost_usd"]) for each in groups] == [
        (last, "acme", 1.0),
        (first, "acme", 0.75),
        (first, "globex", 0.125),
    ]


def test_filters(run: Run, target: str) -> None:
    """COST-2, IFACE-13: what did tenant X spend since then."""
    assert shown(run, target, "--tenant", "acme", "--since", START + 1000)["cost_usd"] == 1.0
    assert shown(run, target, "--until", START + 2)["cost_usd"] == 0.5
    assert shown(run, target, "--user", "ann")["llm_calls"] == 2
    assert shown(run, target, "--session", "s1")["filters"] == {"session": "s1"}
    assert len(shown(run, target, "--by", "model", "--limit", 1)["groups"]) == 1


def test_the_api_gives_the_same(target: str) -> None:
    """COST-2: one API call."""
    from peekr.selection import Selection

    with peekr.open_store(target) as store:
        by_tenant = store.usage(["tenant"], Selection(since=START))
        everything = store.usage([])
    assert [(each.key, each.cost_usd) for each in by_tenant] == [(("acme",), 1.75), (("globex",), 0.125)]
    assert [(each.key, each.calls, each.unpriced) for each in everything] == [((), 5, 1)]
    with peekr.open_store(target) as store, pytest.raises(peekr.PeekrError, match="cannot be grouped by 'colour'"):
        store.usage(["colour"])


def test_sql_and_the_default_agree_on_odd_records(tmp_path: Path) -> None:
    """IFACE-2: what a store overrides for speed gives what the default gives, whatever is in the attributes."""
    from peekr_sqlite import SQLiteExporter

    odd: List[Any] = [
        {"model": None, "cost_usd": "1", "tokens_input": "2"},
        {"model": 7, "cost_usd": True, "tokens_output": 3},
        {"model": "m", "cost_usd": 1, "tokens_input": 2.0, "feature": ["a"]},
        {"cost_usd": 0.5, "provider": "x", "nested": {"cost_usd": 9}},
        {"billed": None, "cost_usd": 0.25},
        {"billed": 0, "cost_usd": 0.25, "model": "\u202e=1"},
    ]
    spans = [
        Span.from_dict({"trace_id": f"{at:032x}", "span_id": f"{at:016x}", "name": "n", "attributes": {
            "kind": "llm", **attributes}, "start_time": START, "end_time": START + 1, "duration_ms": None})
        for at, attributes in enumerate(odd, 1)
    ]  # fmt: skip
    exporter = SQLiteExporter(tmp_path / "odd.db")
    exporter.export_batch(spans)
    exporter.shutdown()
    by = ["model", "provider", "tenant", "day"]
    with peekr.open_store(tmp_path / "odd.db") as store:
        tally = SpendTally(by, 3)
        for span in store.iter_spans():
            tally.add(span)
        assert store.spending(by, top=3) == tally.spending()


@pytest.mark.parametrize(
    "figures",
    [
        lambda at: (at * 7919 % 1000 / 100, float(at * 104729 % 997)),
        lambda at: (at / 100, 1000.0 - at),  # the dear ones are the quick ones
        lambda at: (2.0, 50.0),
        lambda at: (None, float(at % 300)),
        lambda at: (float(at in (3, 900)), 0.0),
    ],
)
def test_the_hottest_calls_are_found_without_keeping_all(tmp_path: Path, monkeypatch: Any, figures: Any) -> None:
    """issue 5, figures: calls that cannot be among the hottest are dropped early, and the lists are the same."""
    from peekr_sqlite import SQLiteExporter, tally

    spans = []
    for at in range(1, 1001):
        cost, took = figures(at)
        spans.append(Span.from_dict({"trace_id": f"{at:032x}", "span_id": f"{at:016x}", "name": "n", "attributes": {
            "kind": "llm", "model": "m", "cost_usd": cost}, "start_time": START + at, "end_time": START + at + took,
            "duration_ms": took * 1000}))  # fmt: skip
    exporter = SQLiteExporter(tmp_path / "many.db")
    exporter.export_batch(spans)
    exporter.shutdown()
    with peekr.open_store(tmp_path / "many.db") as store:
        whole = store.spending(["model"], top=10)
        monkeypatch.setattr(tally, "_SAMPLE", 100)
        assert store.spending(["model"], top=10) == whole
    assert (len(whole.hottest), len(whole.slowest)) == (10, 5)


def test_a_long_database_is_added_up_in_two_processes_alike(tmp_path: Path, records: Any, monkeypatch: Any) -> None:
    """issue 5, figures: a second core is used, and the result is the same; also where the second process fails."""
    from peekr_sqlite import SQLiteExporter, halves, spending

    exporter = SQLiteExporter(tmp_path / "traces.db")
    exporter.export_batch([Span.from_dict(record) for record in records])
    exporter.shutdown()
    by = ["tenant", "model", "day"]
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with peekr.open_store(tmp_path / "traces.db") as store:
        alone = store.spending(by, top=4)
        monkeypatch.setattr(spending, "WORTH_IT", 0)
        results: List[Any] = []
        monkeypatch.setattr(halves.Half, "result", lambda self, real=halves.Half.result: results.append(real(self)))
        assert store.spending(by, top=4) == alone
        monkeypatch.undo()
        monkeypatch.setattr(spending, "WORTH_IT", 0)
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        assert store.spending(by, top=4) == alone
    assert results[0][1] == 3


def test_the_table_is_readable(run: Run, target: str) -> None:
    """CLI-12, D-16: table; unknown models are listed."""
    text = run(target).stdout
    assert "LLM calls  5" in text
    assert "est. cost  $1.8750" in text
    assert "openai.chat.completions [gpt-4o]" in text
    assert "Hottest calls" in text
    assert "house-model  1" in text
    text = run(target, "--by", "tenant").stdout
    assert [line.split()[:2] for line in text.splitlines() if line.startswith(("acme", "globex"))] == [
        ["acme", "3"],
        ["globex", "2"],
    ]
    assert "Hottest" not in text


def test_csv_has_no_formulas(run: Run, target: str) -> None:
    """design 9: no formulas; issue 5.4: CSV."""
    rows = list(csv.DictReader(io.StringIO(run(target, "--by", "feature", "--csv").stdout)))
    assert [(row["feature"], row["cost_usd"]) for row in rows] == [("", "1.375"), ("'=chat", "0.5")]


def test_hostile_names_reach_no_terminal(run: Run, tmp_path: Path) -> None:
    """CLI-VIEW-10"""
    path = tmp_path / "t.jsonl"
    record = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "n\x1b]0;x\x07", "start_time": 1.0, "end_time": 2.0}
    attributes = {"kind": "llm", "model": "m\x1b[31m\u202e", "tokens_input": 1}
    path.write_text(json.dumps({**record, "attributes": attributes}) + "\n")
    for arguments in ((path,), (path, "--csv"), (path, "--json"), (path, "--by", "model")):
        output = run(*arguments).stdout
        assert not set(output) & set("\x1b\x07\u202e")
        assert "31m" in output


def test_reprice_writes_new_costs_into_a_database(run: Run, target: str) -> None:
    """COST-3: recompute for old spans; a cost that no table can compute stays."""
    found = shown(run, target, "--reprice", "--by", "model")
    expected = (350 * 2.5 + 30 * 10) / 1e6
    assert found["groups"][0]["cost_usd"] == pytest.approx(expected, abs=1e-9)
    stored = target.endswith(".db")
    assert found["repriced"] == {"changed": 4, "written": 4 if stored else 0}
    after = shown(run, target, "--by", "model")["groups"][0]["cost_usd"]
    assert after == pytest.approx(expected if stored else 1.75, abs=1e-9)


def test_reprice_uses_a_prices_file_and_writes_nothing_when_only_tried(run: Run, target: str, tmp_path: Path) -> None:
    """COST-3"""
    prices = tmp_path / "prices.json"
    prices.write_text('{"house-model": {"input": 100000, "output": 0}}')
    found = shown(run, target, "--reprice", "--dry-run", "--prices", prices)
    assert found["unknown_models"] == []
    assert {each["model"]: each["cost_usd"] for each in found["groups"]}["house-model"] == 0.7
    assert shown(run, target)["unpriced_calls"] == 1


def test_user_errors_are_sentences(run: Run, target: str, tmp_path: Path) -> None:
    """CLI-11: no traceback for a user error; exit codes 1 and 2."""
    prices = tmp_path / "prices.json"
    prices.write_text('{"m": {"inptu": 1}}')
    for arguments, code, said in (
        ((target, "--by", "colour"), 2, "colour"),
        ((target, "--json", "--csv"), 2, "not both"),
        ((target, "--dry-run"), 2, "--reprice"),
        ((target, "--since", "yesterday-ish"), 2, "is no time"),
        ((target, "--prices", prices), 1, "line 1: m has a field 'inptu'"),
        ((tmp_path / "nowhere.db",), 1, "nowhere.db"),
    ):
        result = run(*arguments)
        assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
        assert "Traceback" not in result.stderr


def test_an_empty_store_says_so(run: Run, tmp_path: Path) -> None:
    """CLI-VIEW-8 in its spirit: exit 0."""
    path = tmp_path / "traces.jsonl"
    path.write_text("")
    result = run(path)
    assert (result.exit_code, "no model calls" in result.stdout) == (0, True)
