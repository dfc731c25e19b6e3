"""What the tools answer, without the SDK: on every Python, from both kinds of store (CLI-14)."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from peekr.errors import AmbiguousId, StoreError, UnknownId
from peekr_mcp import queries
from peekr_mcp.content import mention


def ids(rows: Any) -> list[str]:
    return [row["span_id"].lstrip("0") for row in rows]


def test_recent_traces_come_newest_first_with_their_sums(store: Any) -> None:
    """CLI-14"""
    answer = queries.recent_traces(store)
    assert [trace["trace_id"].lstrip("0") for trace in answer["traces"]] == ["6", "4", "1"]
    agent = answer["traces"][2]
    assert (agent["name"], agent["status"], agent["span_count"], agent["error_count"]) == ("agent", "error", 3, 1)
    assert (agent["tokens_total"], agent["cost_usd"], agent["duration_ms"]) == (120, 0.002, 500.0)
    assert agent["started"] == "2026-05-28T20:26:41.000Z"
    assert answer["note"] is None


def test_a_call_that_two_spans_recorded_counts_once(store: Any) -> None:
    """CLI-14; `billed` False marks the wrapper."""
    wrapped = queries.recent_traces(store)["traces"][1]
    assert (wrapped["tokens_total"], wrapped["cost_usd"]) == (70, None)
    usage = queries.token_usage_by_model(store)
    claude = next(row for row in usage["models"] if row["model"] == "claude")
    assert (claude["calls"], claude["tokens_total"], claude["cost_usd"], claude["unpriced_calls"]) == (1, 70, None, 1)
    spans = queries.get_trace(store, wrapped["trace_id"])["spans"]
    assert [span["billed"] for span in spans] == [False, True]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "error"}, ["1"]),
        ({"status": "ok"}, ["6", "4"]),
        ({"tenant_id": "acme"}, ["6"]),
        ({"session_id": "s-1"}, ["6"]),
        ({"session_id": "s-2"}, []),
        ({"since": "1780000004"}, ["6", "4"]),
        ({"since": "1s"}, []),
        ({"limit": 2}, ["6", "4"]),
    ],
)
def test_recent_traces_are_filtered(store: Any, filters: Any, expected: Any) -> None:
    """CLI-14"""
    found = queries.recent_traces(store, **filters)
    assert [trace["trace_id"].lstrip("0") for trace in found["traces"]] == expected


def test_the_answer_says_that_older_traces_are_left_out(store: Any) -> None:
    assert queries.recent_traces(store, limit=3)["note"] is None
    assert "larger limit" in str(queries.recent_traces(store, limit=2)["note"])
    assert "No trace fits" in str(queries.recent_traces(store, tenant_id="nobody")["note"])


def test_a_trace_is_shown_as_a_tree_with_what_each_span_did(store: Any) -> None:
    """CLI-14"""
    answer = queries.get_trace(store, "0" * 31 + "1")
    agent, call, tool = answer["spans"]
    assert [span["depth"] for span in answer["spans"]] == [0, 1, 1]
    assert call["parent_id"] == agent["span_id"]
    assert (call["model"], call["tokens_input"], call["tokens_output"], call["tokens_cached"]) == (
        "gpt-4o",
        100,
        20,
        60,
    )
    assert (call["input"], call["output"]) == ("what does it cost?", "It costs 3 EUR.")
    assert (call["eval_scores"], call["cost_usd"]) == ({"Hallucination": 0.25}, 0.002)
    assert (tool["status"], tool["error"], tool["error_type"], tool["error_reason"]) == (
        "error", "no such sku: A-1", "KeyError", "not_found",
    )  # fmt: skip
    assert json.loads(str(tool["input"])) == {"sku": "A-1"}
    assert answer["trace"]["span_count"] == 3


@pytest.mark.parametrize("name", ["traces.jsonl", "traces.db"])
def test_a_trace_is_found_by_the_beginning_of_its_id(opened: Any, record: Any, name: str) -> None:
    """CLI-14; the store's own messages for ids that fit several traces or none."""
    store = opened(record(1, trace_id="aabbccdd01" + "0" * 22), record(2, trace_id="aabbccdd02" + "0" * 22), name=name)
    assert queries.get_trace(store, "aabbccdd01")["trace"]["trace_id"] == "aabbccdd01" + "0" * 22
    with pytest.raises(AmbiguousId, match="fits 2 ids"):
        queries.get_trace(store, "aabbccdd")
    with pytest.raises(UnknownId, match="no trace or run"):
        queries.get_trace(store, "eeeeeeee")
    with pytest.raises(UnknownId, match="too short"):
        queries.get_trace(store, "aa")


def test_long_texts_are_cut_and_can_be_read_to_the_end(opened: Any, record: Any) -> None:
    """CLI-14; the note says how."""
    text = "".join(f"{number:05d} " for number in range(1_000))
    store = opened(record(1, input=text, output="short"))
    answer = queries.get_trace(store, "0" * 31 + "1", max_chars=1_000)
    span = answer["spans"][0]
    assert span["input"] == text[:1_000] + " […5,000 more characters]"
    assert span["output"] == "short"
    assert "1 text is cut" in str(answer["note"]) and "max_chars=" in str(answer["note"])
    whole = queries.get_trace(store, "0" * 31 + "1", span_id=span["span_id"], max_chars=6_000)
    assert whole["spans"][0]["input"] == text and whole["note"] is None
    rest = queries.get_trace(store, "0" * 31 + "1", span_id=span["span_id"], max_chars=5_000, start_char=1_000)
    assert rest["spans"][0]["input"] == text[1_000:]


def test_all_texts_of_an_answer_together_are_bounded(opened: Any, record: Any) -> None:
    records = [record(number, None if number == 1 else 1, trace=1, input="x" * 40_000) for number in range(1, 9)]
    answer = queries.get_trace(opened(*records), "0" * 31 + "1", max_chars=50_000)
    shown = [str(span["input"]) for span in answer["spans"]]
    assert len(shown[0]) == 40_000 and sum(map(len, shown)) < 61_000
    assert shown[7] == " […40,000 more characters]"
    assert "7 texts are cut" in str(answer["note"])


def test_a_trace_with_many_spans_is_shown_in_parts(opened: Any, record: Any) -> None:
    records = [record(number, None if number == 1 else 1, trace=1) for number in range(1, 121)]
    store = opened(*records)
    first = queries.get_trace(store, "0" * 31 + "1")
    assert len(first["spans"]) == 50 and "Spans 1 to 50 of 120" in str(first["note"])
    last = queries.get_trace(store, "0" * 31 + "1", limit=50, offset=100)
    assert len(last["spans"]) == 20 and "Spans 101 to 120 of 120" in str(last["note"])


def test_one_span_of_a_trace_can_be_named(store: Any) -> None:
    answer = queries.get_trace(store, "0" * 31 + "1", span_id="0" * 15 + "3")
    assert ids(answer["spans"]) == ["3"]
    with pytest.raises(StoreError, match="has no span 'ffff'"):
        queries.get_trace(store, "0" * 31 + "1", span_id="ffff")


def test_the_worst_hallucinations_come_first_with_their_groundless_claims(store: Any) -> None:
    """CLI-14: limit=10, max_score=0.5"""
    answer = queries.worst_hallucinations(store)
    assert [(row["score"], row["span_id"].lstrip("0")) for row in answer["hallucinations"]] == [(0.0, "5"), (0.25, "2")]
    assert answer["scored"] == 3
    claims = answer["hallucinations"][1]["claims"]
    assert claims == {
        "total": 4, "supported": 1, "contradicted": 1, "unsupported": 2,
        "unsupported_claims": ["it is blue", "it is new"], "contradicted_claims": ["it is heavy"],
    }  # fmt: skip
    assert answer["hallucinations"][0]["claims"] is None


def test_hallucinations_are_limited_by_score_and_number(store: Any, opened: Any, record: Any) -> None:
    """CLI-14"""
    everything = queries.worst_hallucinations(store, max_score=1.0)
    assert [row["score"] for row in everything["hallucinations"]] == [0.0, 0.25, 0.9]
    assert ids(queries.worst_hallucinations(store, limit=1)["hallucinations"]) == ["5"]
    assert ids(queries.worst_hallucinations(store, max_score=0.1)["hallucinations"]) == ["5"]
    assert queries.worst_hallucinations(store, since="1780000006")["hallucinations"] == []
    at_limit = opened(record(1, eval_scores={"Hallucination": 0.5}), record(2, eval_scores={"Hallucination": 0.51}))
    assert ids(queries.worst_hallucinations(at_limit)["hallucinations"]) == ["1"]


def test_calls_that_nobody_scored_are_said_to_be_unscored(opened: Any, record: Any) -> None:
    answer = queries.worst_hallucinations(opened(record(1), record(2, eval_scores={"Rubric": 0.1})))
    assert answer["hallucinations"] == [] and "No span has a Hallucination score" in str(answer["note"])


def test_token_usage_is_summed_up_by_model(store: Any) -> None:
    """CLI-14"""
    answer = queries.token_usage_by_model(store)
    best = answer["models"][0]
    assert (best["model"], best["calls"], best["tokens_input"], best["tokens_output"]) == ("gpt-4o", 2, 110, 30)
    assert (best["tokens_cached"], best["cost_usd"]) == (60, pytest.approx(0.003))
    assert (answer["total"]["calls"], answer["total"]["tokens_total"]) == (3, 210)
    assert answer["total"]["cost_usd"] == pytest.approx(0.003)
    assert "1 call has no known cost" in str(answer["note"])
    assert queries.token_usage_by_model(store, since="1780000006")["total"]["calls"] == 1


def test_failed_spans_come_newest_first(store: Any, opened: Any, record: Any) -> None:
    """CLI-14"""
    assert ids(queries.error_spans(store)["spans"]) == ["3"]
    assert queries.error_spans(store, since="1780000005")["spans"] == []
    several = opened(*(record(number, status="error", error=f"no {number}") for number in range(1, 26)))
    answer = queries.error_spans(several)
    assert len(answer["spans"]) == 20 and answer["spans"][0]["error"] == "no 25"
    assert "older failed spans" in str(answer["note"])


def test_spans_are_found_by_a_text_in_any_case_of_letters(store: Any) -> None:
    """CLI-14"""
    answer = queries.search_spans(store, "NO SUCH sku")
    assert ids(answer["spans"]) == ["3"]
    assert answer["spans"][0]["match"] == "error: no such sku: A-1"
    assert ids(queries.search_spans(store, "litellm")["spans"]) == ["4"]
    assert queries.search_spans(store, "it is blue")["spans"][0]["match"].startswith(
        "hallucination_details.claims[1].text"
    )
    assert len(queries.search_spans(store, "gpt-4o", limit=1)["spans"]) == 1
    assert queries.search_spans(store, "nowhere")["note"] == "No span mentions it."


def test_a_record_nested_to_any_depth_is_searched() -> None:
    nested: Any = "needle"
    for _ in range(5_000):
        nested = [nested]
    assert mention("name", {"input": nested}, "NEEDLE").endswith(": needle")


@pytest.mark.parametrize("call", [lambda store: queries.search_spans(store, "  "),
                                  lambda store: queries.error_spans(store, since="yesterday-ish")])  # fmt: skip
def test_an_argument_that_cannot_be_meant_is_an_error(store: Any, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"is empty|is no time"):
        call(store)


@pytest.mark.parametrize("value", [10**18, "many", None, True, [1], {"a": 1}, -5, 1e300])
def test_foreign_records_may_hold_anything(opened: Any, record: Any, value: Any) -> None:
    """SPAN-5; the answers are JSON all the same."""
    store = opened(
        record(1, status="error", tokens_total=value, tokens_input=value, cost_usd=value, model=value, error=value,
               input=value, eval_scores={"Hallucination": value, "x": value}, hallucination_details=value),
        record(2, eval_scores=value, hallucination_details={"claims": value, "total": value}, error_type=value),
        record(3, eval_scores={"Hallucination": 0.1}, hallucination_details={"claims": [value, {"verdict": value}]}),
    )  # fmt: skip
    answers = [
        queries.recent_traces(store),
        queries.error_spans(store),
        queries.worst_hallucinations(store),
        queries.get_trace(store, "0" * 31 + "1"),
        queries.get_trace(store, "0" * 31 + "2"),
    ]
    assert all(json.loads(json.dumps(answer, allow_nan=False)) for answer in answers)
    assert "0" * 15 + "3" in [row["span_id"] for row in answers[2]["hallucinations"]]  # type: ignore[typeddict-item]
