"""The diagnosis of a store: reading, rules of others, and what bad input leads to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from peekr import Span, open_store
from peekr.errors import ConfigurationError, UnknownId
from peekr.selection import Selection
from peekr_dashboard.diagnostics import Card, Fix, Rule, Rules, diagnose, diagnose_store, installed_rules
from peekr_dashboard.diagnostics.expressions import compare
from peekr_dashboard.diagnostics.reading import Question, records_of
from peekr_dashboard.diagnostics.records import as_dict, detail_of, from_dict, record_of

START = 1_750_000_000.0
IDS = {
    "invented-citations", "high-contradiction", "out-of-context", "channel-concentration", "hallucination-drift",
    "error-spikes", "citations-grounded", "healthy", "no-scores", "judge-unavailable", "memory-rank-drop",
    "tool-reliability", "unbounded-history",
}  # fmt: skip


def make(number, name="openai.chat.completions", *, at=None, trace=None, parent=None, status="ok", tenant=None, **more):
    start = START + (number if at is None else at)
    attributes = {"kind": "llm", "model": "gpt-4o", "tokens_total": 10, **more}
    return Span.from_dict(
        {
            "trace_id": trace or f"trace-{number}", "span_id": f"span-{number}", "parent_id": parent, "name": name,
            "start_time": start, "end_time": start + 1, "duration_ms": 1000.0, "status": status, "tenant_id": tenant,
            "attributes": {key: value for key, value in attributes.items() if value is not None},
        }
    )  # fmt: skip


MIXED = [
    make(0, "agent.run", kind="run", model=None),
    make(1, trace="trace-0", parent="span-0", eval_scores={"Hallucination": 0.25, "Rubric": None}, tenant="acme",
         hallucination_details={"total": 4, "supported": 1, "contradicted": 1, "unsupported": 2, "claims": []}),
    make(2, "tool.search", kind="tool", model=None, trace="trace-0", parent="span-0"),
    make(3, "search", kind="tool", tool_name="web", error_reason="json_parse", model=None, status="error"),
    make(4, "memory.read", kind="memory_read", model=None,
         memories=[{"id": "m1", "rank": 1, "similarity": 0.5, "age_seconds": 9}, {"id": 7}, {"text": "no id"}]),
    make(5, memory_hits=["m1"], citation_details={"items": [{"kind": "url", "text": "u", "grounded": False}]}),
    make(6, status="error", error_type="APIError", tenant="acme", tokens_total=None),
    make(7, billed=False, user_id="ann", endpoint="/chat"),
    make(8, eval_scores="many", eval_errors=["no"], memory_hits="m1", tokens_total="ten", hallucination_details=3),
    make(9, "peekr.eval.judge"),
    make(10, **{"peekr.internal": True}),
]  # fmt: skip


@pytest.fixture(params=["jsonl", "sqlite"])
def store(request, tmp_path):
    """The mixed spans, in a store of either kind."""
    with open_store(write(tmp_path, request.param, MIXED)) as opened:
        yield opened


def write(folder, kind, spans):
    if kind == "jsonl":
        path = folder / "traces.jsonl"
        path.write_text("".join(json.dumps(span.to_dict()) + "\n" for span in spans))
        return str(path)
    from peekr_sqlite import SQLiteExporter

    exporter = SQLiteExporter(path=str(folder / "traces.db"))
    exporter.export_batch(spans)
    exporter.shutdown()
    return str(folder / "traces.db")


# -- records ----------------------------------------------------------------------------------------------------------


def test_a_record_says_in_short_keys_what_the_span_says():
    """The shape that page and rules share."""
    assert as_dict(record_of(MIXED[1])) == {
        "trace": "trace-0", "id": "span-1", "name": "openai.chat.completions", "kind": "llm", "start": START + 1,
        "parent": "span-0", "ms": 1000.0, "tenant": "acme", "model": "gpt-4o", "tok": 10,
        "scores": {"Hallucination": 0.25},
        "claims": {"total": 4, "supported": 1, "contradicted": 1, "unsupported": 2},
    }  # fmt: skip
    memories = [
        {"id": "m1", "rank": 1, "similarity": 0.5, "age": 9},
        {"id": "7", "rank": 2, "similarity": None, "age": None},
    ]
    assert as_dict(record_of(MIXED[4]))["memories"] == memories
    assert as_dict(record_of(MIXED[5]))["cites"] == {"total": 1, "grounded": 0, "invented": 1}
    assert [record_of(span).tool for span in MIXED[2:4]] == ["search", "web"]


@pytest.mark.parametrize("span", MIXED, ids=lambda span: span.span_id)
def test_a_record_survives_json(span):
    """What the page gets is what Python has."""
    record = record_of(span)
    assert from_dict(json.loads(json.dumps(as_dict(record)))) == record


def test_values_of_wrong_types_count_as_absent():
    """Trace content is hostile: no type is relied on."""
    record = record_of(MIXED[8])
    assert (record.scores, record.errs, record.hits, record.tok, record.claims) == ({}, {}, None, None, None)


def test_a_database_gives_the_records_of_its_spans(tmp_path):
    """Rows read without making spans say the same as spans."""
    with open_store(write(tmp_path, "sqlite", MIXED)) as store:
        fast = {record.id: as_dict(record) for record in records_of(store)}
        slow = {span.span_id: as_dict(record_of(span)) for span in store.iter_spans()}
    for span_id, record in slow.items():
        if record["kind"] in ("llm", "chain", "tool", "memory_read"):
            assert fast[span_id] == record


def test_a_call_shows_its_whole_texts():
    """DASH-13: the context is that of the chunks, else of the messages."""
    span = make(
        1, input='[{"role": "user", "content": "Why?"}]', output="So.",
        hallucination_details={"claims": [{"text": "So", "verdict": "odd"}]},
        citation_details={"items": [{"kind": "url", "text": "u", "grounded": False}, "x"]},
    )  # fmt: skip
    detail = detail_of(span)
    assert (detail["context"], detail["answer"]) == ("Why?", "So.")
    assert detail["claims"] == [{"text": "So", "verdict": "unsupported"}]
    assert detail["citations"] == [{"kind": "url", "text": "u", "grounded": False}]
    chunks = [{"n": 1, "id": "d", "title": None, "text": "Because."}]
    assert detail_of(make(2, input="Why?", evidence_chunks=chunks))["context"] == "Because."
    foreign = make(3, input=[{"role": "user", "content": "Why?"}], output={"said": "So."})
    assert (detail_of(foreign)["context"], detail_of(foreign)["answer"]) == ("Why?", '{"said":"So."}')


@pytest.mark.parametrize(
    ("similarity", "ranks", "change"),
    [((0.9, 0.9), (1, 2), "rank 1 → 2"), ((0.9, 0.6), (1, 1.2), "similarity 0.9 → 0.6"),
     ((0.9, 0.6), (2, 1), "similarity 0.9 → 0.6"), ((0.9, 0.86), (1, 1.4), None)],
)  # fmt: skip
def test_a_dropped_memory_is_named_with_what_made_it_count(similarity, ranks, change):
    """DIAG-10: rank or similarity, whichever got worse; never a rank that got better."""
    spans = []
    for number in range(6):
        late = number // 3
        memory = {"id": "m", "rank": ranks[late], "similarity": similarity[late]}
        spans.append(make(10 + number, trace=f"t{number}", kind="memory_read", model=None, memories=[memory]))
        spans.append(make(20 + number, trace=f"t{number}", eval_scores={"Hallucination": 0.9 - 0.4 * late}))
    found = [card for card in diagnose(spans) if card["rule"] == "memory-rank-drop"]
    assert [f"m ({change})" in card["cause"] for card in found] == ([True] if change else [])


# -- stores -----------------------------------------------------------------------------------------------------------


def test_both_kinds_of_store_give_the_same_diagnosis(store):
    """CLI-15: one engine for every store."""
    found = diagnose_store(store).aggregates
    assert (found["spans"], found["calls"], found["errors"], found["scored"]) == (9, 4, 1, 1)
    assert found["main_reason"] == "APIError"
    assert [(item["tool"], item["reason"]) for item in found["tools"]] == [("web", "json_parse")]
    assert found["memory"]["recalls"] == 1


@pytest.mark.parametrize(
    ("question", "spans"),
    [
        (Question(Selection(tenant_id="acme")), ["span-1", "span-6"]),
        (Question(Selection(since=START + 8)), ["span-8", "span-9", "span-10"]),
        (Question(Selection(until=START + 1)), ["span-0"]),
        (Question(Selection(status="error")), ["span-3", "span-6"]),
        (Question(trace="trace-0"), ["span-0", "span-1", "span-2"]),
    ],
)
def test_a_question_chooses_spans(store, question, spans):
    """CLI-VIEW-9: the filters of the reading commands."""
    assert {record.id for record in records_of(store, question)} == set(spans)


def test_a_status_chooses_whole_traces(tmp_path):
    """CLI-VIEW-9: of failed spans alone, all would have failed."""
    spans = [make(0), make(1, trace="trace-0", parent="span-0", status="error"), make(2)]
    with open_store(write(tmp_path, "sqlite", spans)) as store:
        found = {status: list(records_of(store, Question(Selection(status=status)))) for status in ("error", "ok")}
    assert [record.id for record in found["error"]] == ["span-0", "span-1"]
    assert [record.id for record in found["ok"]] == ["span-2"]


def test_an_unknown_trace_is_said_to_be_unknown(store):
    """MODEL-5."""
    with pytest.raises(UnknownId, match="no trace or run"):
        diagnose_store(store, Question(trace="nothing-like-it"))


def test_a_database_of_the_original_is_read(tmp_path):
    """Bad input: a database of version 0.9.3, which has no column for kind, run or tenant."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE spans (trace_id TEXT NOT NULL, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT NOT NULL,"
            " start_time REAL NOT NULL, end_time REAL, duration_ms REAL, status TEXT DEFAULT 'ok', attributes TEXT)"
        )
        for number in range(20):
            attributes = json.dumps({"model": "gpt-4o", "eval_scores": {"Hallucination": 1}, "tokens_total": 5})
            row = (
                "t",
                f"s{number}",
                None,
                "openai.chat",
                START,
                START,
                0.0,
                "error" if number < 5 else "ok",
                attributes,
            )
            connection.execute("INSERT INTO spans VALUES (?,?,?,?,?,?,?,?,?)", row)
    connection.close()
    with open_store(str(path)) as store:
        diagnosis = diagnose_store(store)
    assert (diagnosis.aggregates["calls"], diagnosis.aggregates["scored"]) == (20, 20)
    assert [card.rule for card in diagnosis.cards] == ["error-spikes"]


def test_a_file_that_is_being_written_is_read_as_far_as_it_goes(tmp_path):
    """Bad input: the last line is half there, one is broken."""
    path = tmp_path / "traces.jsonl"
    lines = [json.dumps(span.to_dict()) for span in MIXED]
    path.write_text("\n".join([*lines, "no json", lines[0][:40]]))
    with open_store(str(path)) as store:
        assert diagnose_store(store).aggregates["spans"] == 9


def test_a_span_id_that_is_there_twice_counts_once(store):
    """Bad input: duplicate ids; the last one written counts (JSONL-3)."""
    assert diagnose_store(store).aggregates["integrity"]["problems"] == 0


# -- rules ------------------------------------------------------------------------------------------------------------


def test_all_rules_of_the_interface_are_there():
    """IFACE-14: the rule ids; every one is an entry of the group, and data."""
    rules = installed_rules()
    assert {rule.id for rule in rules.data} >= IDS
    assert all(Rule.from_dict(json.loads(json.dumps(rule.as_dict()))) == rule for rule in rules.data)


def test_every_card_has_a_cause_and_fixes():
    """DIAG-13; every place in a text has a value."""
    for card in diagnose(MIXED):
        assert card["cause"]
        assert card["fixes"]
        assert "{" not in card["title"] + card["cause"] + "".join(card["fixes"])


SLOW = Rule(
    id="acme-many-calls",
    severity="low",
    thresholds={"calls": 2},
    when=compare("calls", ">", "$calls"),
    title="{calls} calls",
    cause="More than {rule.calls}.",
    fixes=("Fewer.", Fix("Never shown.", compare("calls", "<", 0))),
    numbers=("calls",),
)


def test_a_rule_of_a_third_party_is_data_like_ours():
    """IFACE-5: as an object, or as JSON; its fixes may have conditions."""
    for rule in (SLOW, Rule.from_dict(json.loads(json.dumps(SLOW.as_dict())))):
        (card,) = diagnose(MIXED, Rules([rule]))
        assert (card["rule"], card["title"], card["cause"], card["fixes"]) == (
            "acme-many-calls", "4 calls", "More than 2.", ["Fewer."],
        )  # fmt: skip
        assert card["evidence"] == {"scope": "selection", "numbers": {"calls": 4}}


def test_a_rule_in_python_is_of_the_whole_file_and_says_so(store):
    """Issue 6, item 2: code cannot be evaluated again on what is filtered."""

    def check(aggregates, opened):
        yield {"severity": "high", "title": f"{aggregates['calls']} calls", "cause": opened.target, "fixes": "Look."}

    rules = Rules(code=[("acme-code", check)])
    (card,) = diagnose_store(store, Question(Selection(tenant_id="acme")), rules).cards
    assert (card.rule, card.title, card.fixes) == ("acme-code", "4 calls (whole file)", ("Look.",))
    assert card.evidence["scope"] == "whole file"


def test_a_rule_in_python_counts_as_a_problem():
    """DIAG-8: nothing is healthy while another rule warns."""
    spans = [make(number, eval_scores={"Hallucination": 1.0}) for number in range(3)]
    rules = installed_rules()
    rules.code.append(("acme", lambda found: Card("acme", "low", "t", "c", ["f"])))
    assert [card["rule"] for card in diagnose(spans, rules)] == ["acme"]


def test_a_rule_in_python_that_fails_is_logged_and_left_out(caplog):
    """Design 8: a plugin that fails is named, and the others go on."""
    rules = Rules([SLOW], [("acme-broken", lambda found: 1 / 0), ("acme-odd", lambda found: {"severity": "fatal"})])
    assert [card["rule"] for card in diagnose(MIXED, rules)] == ["acme-many-calls"]
    assert "'acme-broken' failed: ZeroDivisionError" in caplog.text
    assert "'acme-odd' failed" in caplog.text


@pytest.mark.parametrize(
    "given",
    [
        {"severity": "fatal"},
        {"when": {"op": "eval", "left": 1, "right": 2}},
        {"when": {"op": ">", "left": 1}},
        {"when": {"op": "not", "of": [True, True]}},
        {"when": {"threshold": "missing"}},
        {"when": [1]},
        {"escalate": {"worst": True}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_evaluated_is_refused(given):
    """Misuse at construction fails early."""
    with pytest.raises(ConfigurationError):
        Rule.from_dict({**SLOW.as_dict(), **given})
