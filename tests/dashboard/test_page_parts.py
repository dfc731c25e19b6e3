"""What the report's data is made of: columns, sums of what is not listed, waterfalls."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peekr import Span
from peekr_dashboard import columns
from peekr_dashboard.collect import Limits, gather
from peekr_dashboard.diagnostics.records import record_of
from peekr_dashboard.rest import MOST, Rest
from peekr_dashboard.texts import full
from peekr_dashboard.waterfalls import waterfall

VALUES = (
    st.none() | st.integers() | st.text(max_size=4) | st.dictionaries(st.sampled_from("ab"), st.integers(), min_size=1)
)


def decoded(table):
    """As ``frontend/js/data.js``."""
    read = {key: read_column(column) for key, column in table["c"].items()}
    return [{key: values[row] for key, values in read.items() if values[row] is not None} for row in range(table["n"])]


def read_column(column):
    if "v" in column:
        return column["v"]
    if "d" in column:
        return [None if at < 0 else column["d"][at] for at in column["i"]]
    return [row or None for row in decoded(column["o"])]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES)))
def test_objects_come_out_of_columns_as_they_went_in(objects):
    """The page reads the very records that the rules in Python saw; null counts as absent."""
    assert decoded(columns.encode(objects)) == [
        {key: value for key, value in each.items() if value is not None} for each in objects
    ]


def test_the_newest_and_the_worst_are_listed_and_the_others_summed(record):
    """Issue 6: newest and worst calls in full, the rest aggregated; nothing is counted twice or lost."""
    calls = [
        record(number, eval_scores={"Hallucination": 0.1 if number in (3, 4) else 0.9}, cost_usd=1.0)
        for number in (*range(11, 21), *range(1, 11))  # in any order
    ]
    found = gather(map(record_of, map(Span.from_dict, calls)), limits=Limits(newest=5, worst=2))
    listed = [int(each.id, 16) for each in found.calls]
    assert listed == [3, 4, 16, 17, 18, 19, 20]
    (rest,) = found.rest.rows()
    assert (rest["calls"], rest["cost"], rest["scored"], rest["model"]) == (13, 13.0, 13, "gpt-4o")
    assert found.counts.calls == 20


def test_sums_stay_few_whatever_the_channels_are(record):
    """The file stays small with a million endpoints."""
    rest = Rest()
    for number in range(MOST + 50):
        rest.add(record_of(Span.from_dict(record(number + 1, endpoint=f"/item/{number}"))))
    rows = rest.rows()
    assert len(rows) < 100 and sum(row["calls"] for row in rows) == MOST + 50


def rows_of(*records):
    drawn = waterfall(map(Span.from_dict, records))
    return [(int(row[0], 16), row[1], row[8]) for row in drawn["r"]]


def test_a_trace_is_drawn_depth_first_by_start(record):
    """DASH-19: the waterfall."""
    spans = [record(1, trace=9), record(4, 1, 9), record(2, 1, 9, at=1.1), record(3, 2, 9, at=1.2)]
    assert rows_of(*spans) == [(1, 0, ""), (2, 1, ""), (3, 2, ""), (4, 1, "")]


def test_orphans_cycles_and_wrong_clocks_are_drawn_and_marked(record):
    """Bad input: each has a designed answer."""
    orphan = record(5, 99, 9)
    ring = [record(6, 7, 9), record(7, 6, 9)]
    skewed = record(2, 1, 9, at=-5)
    assert rows_of(record(1, trace=9), skewed) == [(1, 0, ""), (2, 1, "skew")]
    assert rows_of(orphan) == [(5, 0, "orphan")]
    assert rows_of(*ring) == [(6, 0, "cycle"), (7, 1, "")]
    assert rows_of(record(1, 1, 9)) == [(1, 0, "cycle")]


def test_an_open_span_has_no_duration(record):
    """Bad input: a file that is being written."""
    (row,) = waterfall([Span.from_dict(record(1, end_time=None, duration_ms=None))])["r"]
    assert row[5] is None


def test_the_question_of_a_long_conversation_is_what_the_user_asked(record):
    """DASH-9: capture cuts the messages (LLM-11), so their text is no JSON; the payload has them whole."""
    messages = [{"role": "system", "content": "word " * 400}, {"role": "user", "content": "Where is it?"}]
    given = json.dumps(messages)[:999] + "…"
    span = Span.from_dict(record(1, input=given))
    assert full(span)["q"].startswith('[{"role": "system"')
    span.payload = {"request": {"messages": messages}}
    assert full(span)["q"] == "Where is it?"


@pytest.mark.parametrize(
    ("content", "question"),
    [
        ("Where is it?", "Where is it?"),
        ([{"text": "Where"}, {"image": {}}, {"type": "text", "text": "is it?"}], "Where\nis it?"),
        (["Where is it?"], "Where is it?"),
    ],
)
def test_the_question_is_text_however_a_provider_writes_messages(record, content, question):
    """DASH-9: OpenAI and Anthropic have texts or parts of a type, Bedrock has parts without one."""
    messages = [{"role": "user", "content": content}, {"role": "user", "content": [{"toolResult": {"content": 4}}]}]
    assert full(Span.from_dict(record(1, input=json.dumps(messages))))["q"] == question
