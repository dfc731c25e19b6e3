"""What every store answers, whether it overrides the defaults or not: each test runs on three stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from peekr import open_store
from peekr.errors import AmbiguousId, StoreError, UnknownId
from peekr.stores import ReadStore

Ids = Dict[str, str]
START = 1_700_000_000.0


def ids_of(spans: Any) -> List[str]:
    return [span.span_id for span in spans]


def test_spans_come_oldest_first(store: ReadStore, records: List[Dict[str, Any]]) -> None:
    """IFACE-2"""
    assert [span.to_dict() for span in store.iter_spans()] == records


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"trace_id": "2" * 32}, ["c" * 16, "e5"]),
        ({"run_id": "b" * 16}, ["b" * 16, "e4"]),
        ({"session_id": "s1", "kind": "tool"}, ["e3"]),
        ({"tenant_id": "globex"}, ["d" * 16]),
        ({"user_id": "bob"}, ["d" * 16]),
        ({"since": START + 100, "until": START + 200}, ["c" * 16, "e5"]),
        ({"status": "error"}, ["b" * 16, "e5"]),
        ({"status": "ok", "kind": "llm"}, ["e1", "e2", "e4"]),
        ({"name": "openai"}, ["e1", "d" * 16]),
        ({"name": "openai.chat"}, ["e1"]),
        ({"name": "openai.chat.completions"}, ["e1"]),
        ({"name": "openai.ch"}, []),
        ({"limit": 2}, ["a" * 16, "e1"]),
        ({"limit": 2, "newest_first": True}, ["d" * 16, "e5"]),
        ({"kind": "llm", "newest_first": True, "limit": 1}, ["e4"]),
        ({"trace_id": "1" * 32, "newest_first": True, "limit": 1}, ["e4"]),
        ({"limit": 0}, []),
        ({"trace_id": "1"}, []),
    ],
)
def test_filters(store: ReadStore, filters: Dict[str, Any], expected: List[str]) -> None:
    """IFACE-2, C-1: all that is given must hold; a name may be its first dotted parts."""
    assert ids_of(store.spans(**filters)) == expected


def test_traces_are_summed_up(store: ReadStore, ids: Ids) -> None:
    """CLI-VIEW-2: newest first; tokens of a wrapper whose call was recorded are not counted twice."""
    newest, middle, oldest = store.traces()
    assert [one.trace_id for one in (newest, middle, oldest)] == [ids["trace 3"], ids["trace 2"], ids["trace 1"]]
    assert (oldest.name, oldest.start_time, oldest.duration_ms) == ("Support agent", START, 50_000.0)
    assert (oldest.span_count, oldest.tokens_total, oldest.cost_usd, oldest.error_count) == (6, 200, 0.004, 1)
    assert (oldest.status, oldest.tenant_id, oldest.user_id, oldest.session_id) == ("error", "acme", "alice", "s1")
    assert (middle.status, middle.tokens_total, middle.cost_usd, middle.tenant_id) == ("error", 0, None, None)
    assert (newest.status, newest.tokens_total, newest.name) == ("ok", 7, "openai.embeddings")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"limit": 1}, ["trace 3"]),
        ({"limit": 2, "newest_first": False}, ["trace 1", "trace 2"]),
        ({"status": "error"}, ["trace 2", "trace 1"]),
        ({"status": "ok", "limit": 5}, ["trace 3"]),
        ({"tenant_id": "acme", "limit": 5}, ["trace 1"]),
        ({"user_id": "bob"}, ["trace 3"]),
        ({"session_id": "s1", "limit": 1}, ["trace 1"]),
        ({"since": START + 50}, ["trace 3", "trace 2"]),
        ({"since": START + 50, "until": START + 150, "limit": 9}, ["trace 2"]),
        ({"limit": 0}, []),
    ],
)
def test_traces_are_chosen(store: ReadStore, ids: Ids, filters: Dict[str, Any], expected: List[str]) -> None:
    """CLI-VIEW-9"""
    assert [one.trace_id for one in store.traces(**filters)] == [ids[name] for name in expected]


@pytest.mark.parametrize("given", ["trace 1", "agent", "helper"])
def test_a_trace_is_found_by_its_id_or_that_of_a_run(store: ReadStore, ids: Ids, given: str) -> None:
    """MODEL-5: whole, or its first six characters."""
    expected = [ids["agent"], "e1", "e2", "e3", ids["helper"], "e4"]
    assert ids_of(store.trace(ids[given])) == ids_of(store.trace(ids[given][:6])) == expected
    assert store.resolve_id(f" {ids[given][:8]} ") == ids[given]


def test_an_unknown_id_names_the_store(store: ReadStore) -> None:
    """MODEL-5"""
    with pytest.raises(UnknownId, match=f"^{store.target} has no trace or run .* 'ffffff'"):
        store.trace("ffffff")
    assert issubclass(UnknownId, StoreError)


@pytest.mark.parametrize("given", ["", "  ", "1", "11111"])
def test_a_short_prefix_is_refused(store: ReadStore, given: str) -> None:
    """MODEL-5: six characters at least."""
    with pytest.raises(UnknownId, match="at least 6 characters"):
        store.resolve_id(given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SEARCH", ["e3"]),
        ("grüsse", []),
        ("grüße aus köln", ["e1"]),
        ("GRÜßE", ["e1"]),
        ("42%", ["e5"]),
        ("4_%", []),
        ("openai", ["d" * 16, "e1"]),
        ("whole prompt", []),
        ("nowhere", []),
    ],
)
def test_search_looks_at_names_and_attributes(store: ReadStore, text: str, expected: List[str]) -> None:
    """IFACE-2, MODEL-11: in any case of letters, newest first, not at payloads."""
    assert ids_of(store.search(text)) == expected


def test_search_stops_at_its_limit(store: ReadStore) -> None:
    """IFACE-2"""
    assert ids_of(store.search("openai", limit=1)) == ["d" * 16]
    assert ids_of(store.search("openai", limit=0)) == []


def test_a_record_of_another_program_does_not_harm_the_others(tmp_path: Path) -> None:
    """A nesting that recursion would not survive, and numbers that cannot be added up."""
    deep: Any = "the needle"
    for _ in range(400):
        deep = [deep]
    base = {"trace_id": "t" * 32, "parent_id": None, "start_time": 1.0, "end_time": 2.0}
    odd = {"model": "m", "cost_usd": 10**400, "tokens_total": 10**400, "deep": deep}
    path = tmp_path / "odd.jsonl"
    path.write_text(
        "".join(
            json.dumps({**base, "span_id": name, "name": name, "attributes": attributes}) + "\n"
            for name, attributes in (("odd", odd), ("usual", {"model": "m", "cost_usd": 0.5, "tokens_total": 3}))
        )
    )
    with open_store(str(path)) as store:
        assert [span.name for span in store.search("needle")] == ["odd"]
        (trace,) = store.traces()
        assert (trace.span_count, trace.cost_usd, trace.tokens_total) == (2, 0.5, 3)


def test_statistics(store: ReadStore) -> None:
    """IFACE-2"""
    stats = store.stats()
    assert stats.pop("size_bytes") > 0
    assert stats == {
        "target": store.target,
        "spans": 9,
        "traces": 3,
        "runs": 4,
        "errors": 2,
        "tokens_total": 207,
        "cost_usd": 0.004,
        "first": START,
        "last": START + 200,
        "skipped": 0,
    }


# -- runs -------------------------------------------------------------------------------------------------------------


def test_runs_have_the_shape_of_the_api(store: ReadStore, ids: Ids) -> None:
    """API-4, MODEL-7; times in milliseconds."""
    assert store.get_run(ids["agent"]) == {
        "id": ids["agent"],
        "name": "Support agent",
        "status": "completed",
        "started_at": 1_700_000_000_000,
        "completed_at": 1_700_000_050_000,
        "duration_ms": 50_000.0,
        "agent_type": "support",
        "user_id": "alice",
        "session_id": "s1",
        "metadata": {"team": "a"},
        "created_at": 1_700_000_000_000,
        "trace_id": ids["trace 1"],
        "tenant_id": "acme",
        "retention_class": None,
        "parent_run_id": None,
        "step_count": 5,
        "tokens_total": 100,
        "cost_usd": 0.002,
        "scores": {"Rubric": 0.9},
    }


def test_a_nested_run_is_a_run_of_its_own(store: ReadStore, ids: Ids) -> None:
    """MODEL-6"""
    run = store.get_run(ids["helper"])
    assert run is not None
    assert (run["parent_run_id"], run["status"], run["trace_id"]) == (ids["agent"], "failed", ids["trace 1"])
    assert (run["step_count"], run["tokens_total"], run["scores"]) == (2, 100, {"Rubric": 0.5})


def test_plain_traces_appear_as_runs(store: ReadStore, ids: Ids) -> None:
    """MODEL-4"""
    page = store.list_runs()
    assert [run["id"] for run in page] == [ids["embeds"], ids["plain"], ids["helper"], ids["agent"]]
    assert (page.total, page.limit, page.offset) == (4, 100, 0)


def test_a_list_and_a_single_run_say_the_same(store: ReadStore) -> None:
    """API-2, API-5"""
    assert list(store.list_runs()) == [store.get_run(run["id"]) for run in store.list_runs()]


@pytest.mark.parametrize(
    ("filters", "expected", "total"),
    [
        ({"limit": 1}, ["embeds"], 4),
        ({"limit": 2, "offset": 1}, ["plain", "helper"], 4),
        ({"limit": None, "offset": 3}, ["agent"], 4),
        ({"offset": 9}, [], 4),
        ({"status": "failed"}, ["helper"], 1),
        ({"status": "running"}, [], 0),
        ({"user_id": "alice"}, ["helper", "agent"], 2),
        ({"session_id": "s1", "limit": 1}, ["helper"], 2),
        ({"search": "SUPPORT"}, ["agent"], 1),
        ({"search": "p%"}, [], 0),
        ({"started_after": 1_700_000_100_000}, ["embeds", "plain"], 2),
        ({"started_before": 1_700_000_006_000}, ["helper", "agent"], 2),
        ({"order_by": "duration_ms", "limit": 2}, ["agent", "helper"], 4),
        ({"order_by": "name", "order_dir": "asc"}, ["agent", "plain", "helper", "embeds"], 4),
        ({"order_by": "completed_at", "order_dir": "ASC", "limit": 2}, ["helper", "agent"], 4),
        ({"order_by": "id; DROP TABLE spans", "limit": 1}, ["embeds"], 4),
    ],
)
def test_runs_are_filtered_ordered_and_paged(
    store: ReadStore, ids: Ids, filters: Dict[str, Any], expected: List[str], total: int
) -> None:
    """API-2, API-3: unknown fields of order are ignored; total counts all that match."""
    page = store.list_runs(**filters)
    assert [run["id"] for run in page] == [ids[name] for name in expected]
    assert page.total == total


def test_a_wrong_order_is_refused(store: ReadStore) -> None:
    """API-3"""
    with pytest.raises(ValueError, match="ASC or DESC"):
        store.list_runs(order_dir="sideways")


def test_steps_come_in_order_with_their_data(store: ReadStore, ids: Ids) -> None:
    """API-7, MODEL-2, MODEL-6: the nested run's beginning is a step of the outer one."""
    steps = store.get_run_steps(ids["agent"])
    assert [(step["type"], step["name"], step["status"]) for step in steps] == [
        ("run_start", "Support agent", "started"),
        ("llm_call", "gpt-4o", "completed"),
        ("llm_call", "gpt-4o", "completed"),
        ("tool_call", "search", "completed"),
        ("run_start", "helper", "started"),
    ]
    assert steps[4]["parent_event_id"] == "e3" and steps[4]["id"] == ids["helper"]
    assert {step["run_id"] for step in steps} == {ids["agent"]}
    assert steps[1] == {
        "id": "e1",
        "run_id": ids["agent"],
        "timestamp": 1_700_000_001_000,
        "type": "llm_call",
        "name": "gpt-4o",
        "status": "completed",
        "duration_ms": 1000.0,
        "parent_event_id": ids["agent"],
        "data": steps[1]["data"],
        "created_at": 1_700_000_001_000,
    }


def test_data_holds_the_payload_and_both_names(store: ReadStore, ids: Ids) -> None:
    """C-36, MODEL-11"""
    step = store.get_step_data(ids["agent"], "e1")
    assert step is not None and step["step_id"] == "e1"
    data = step["data"]
    assert data["request"] == {"messages": ["whole prompt"]}
    assert data["output"] == data["response"] == "Grüße aus Köln"
    assert (data["tokens_input"], data["prompt_tokens"], data["completion_tokens"], data["total_tokens"]) == (
        60,
        60,
        40,
        100,
    )


def test_steps_are_paged_and_chosen_by_type(store: ReadStore, ids: Ids) -> None:
    """API-7: offset works without limit."""
    page = store.get_run_steps(ids["agent"], event_type="llm_call", offset=1)
    assert [step["id"] for step in page] == ["e2"] and page.total == 2
    assert "langchain" not in page[0]["data"] and page[0]["data"]["billed"] is False
    assert [step["id"] for step in store.get_run_steps(ids["agent"], limit=2, offset=1)] == ["e1", "e2"]


def test_a_timeline_has_data_on_request(store: ReadStore, ids: Ids) -> None:
    """API-6"""
    bare, full = store.get_run_timeline(ids["plain"]), store.get_run_timeline(ids["plain"], include_data=True)
    assert [event["type"] for event in bare] == ["span", "tool_call"] and bare.total == 2
    assert "data" not in bare[0] and full[1]["data"]["error"] == "KeyError: 42%"
    assert (bare[1]["name"], bare[1]["status"]) == ("fetch_user", "failed")


def test_a_run_is_found_by_prefix_and_by_its_trace(store: ReadStore, ids: Ids) -> None:
    """MODEL-5"""
    for given in (ids["agent"][:6], ids["trace 1"], ids["trace 1"][:10]):
        run = store.get_run(given)
        assert run is not None and run["id"] == ids["agent"]
    assert store.get_run_steps(ids["trace 2"][:6])[0]["run_id"] == ids["plain"]


def test_unknown_runs_and_steps_are_none(store: ReadStore, ids: Ids) -> None:
    """API-5, API-8: also a step of another run."""
    assert store.get_run("ffffff") is None
    assert store.get_run_steps("ffffff") == [] and store.get_run_timeline("ffffff") == []
    assert store.get_step_data(ids["agent"], "e5") is None
    assert store.get_step_data("ffffff", "e1") is None


def test_counts_for_the_start_page(store: ReadStore) -> None:
    """API-10"""
    stats = store.get_stats(now=START + 86_400 + 150)
    assert stats.pop("db_size_bytes") > 0
    assert stats == {
        "total_runs": 4,
        "running_runs": 0,
        "completed_runs": 3,
        "failed_runs": 1,
        "total_steps": 9,
        "recent_runs_24h": 1,
    }


def test_follow_gives_everything_once(store: ReadStore) -> None:
    """CLI-VIEW-7: the default polls iter_spans."""
    assert len(ids_of(store.follow(from_start=True, idle_s=0))) == 9
    assert ids_of(store.follow(idle_s=0)) == []


def test_a_closed_store_can_be_closed_again(store: ReadStore) -> None:
    """IFACE-2"""
    store.close()
    store.close()


def test_ambiguous_prefixes_list_the_candidates(tmp_path: Any) -> None:
    """MODEL-5"""
    import json

    import peekr

    path = tmp_path / "traces.jsonl"
    lines = [
        {"trace_id": f"abcdef{number}", "span_id": f"{number}", "name": "x", "start_time": 1.0, "end_time": 2.0}
        for number in (1, 2)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with peekr.open_store(path) as store:
        with pytest.raises(AmbiguousId, match=r"'abcdef' fits 2 ids: abcdef1, abcdef2"):
            store.trace("abcdef")
        with pytest.raises(AmbiguousId):
            store.get_run("abcdef")
        assert store.resolve_id("abcdef1") == "abcdef1"
