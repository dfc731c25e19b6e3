"""``/v1/runs``: contract API-2 to API-9, MODEL-5 to MODEL-7, of both local stores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")


API_4 = {
    "id", "name", "status", "started_at", "completed_at", "duration_ms", "agent_type", "user_id", "session_id",
    "metadata", "created_at", "trace_id", "tenant_id", "retention_class", "parent_run_id", "step_count", "tokens_total",
    "cost_usd", "scores",
}  # fmt: skip


@pytest.fixture
def api(path: Path, record: Any, write: Any, serve: Any) -> Any:
    """Four runs: a complete one with steps, a failed one, one of another user, and a nested one."""
    write(
        path,
        record(1, name="flight search", user_id="user123", session_id="s1", tenant_id="acme", agent_type="planner"),
        record(
            11, 1, 1, at=1.1, model="gpt-4o", input="Where?", output="Oslo", tokens_total=12, cost_usd=0.25,
            eval_scores={"Relevance": 0.5},
        ),
        record(12, 1, 1, at=1.2, kind="tool", tool_name="search", name="tool.search", input='{"q":1}', output='"x"'),
        record(13, 1, 1, at=1.3, kind="final", name="final.answer", output="Oslo.", success=True),
        record(2, name="Hotel Search", status="error", user_id="user123"),
        record(3, name="weather 100%", user_id="other", end_time=NOW_3, duration_ms=9000.0),
        record(4, 13, 4, trace=1, kind="run", at=1.35, name="inner"),
    )  # fmt: skip
    return serve(path)


NOW_3 = 1_780_000_003.0 + 9


def ids(answer: Any) -> Any:
    return [int(run["id"], 16) for run in answer["runs"]]


def test_a_run_has_the_fields_of_the_contract(api: Any) -> None:
    """API-4: times in ms, sums over its steps, and what it was begun with."""
    run = api.json("/v1/runs/0000000000000001")

    assert set(run) == API_4
    assert run["status"] == "completed"
    assert run["name"] == "flight search"
    assert (run["started_at"], run["completed_at"], run["duration_ms"]) == (1780000001000, 1780000001500, 500.0)
    assert (run["user_id"], run["session_id"], run["tenant_id"]) == ("user123", "s1", "acme")
    assert (run["agent_type"], run["tokens_total"], run["cost_usd"]) == ("planner", 12, 0.25)
    assert run["scores"] == {"Relevance": 0.5}
    assert run["metadata"] == {}
    assert run["step_count"] == 5  # its four spans, and the beginning of the nested run


def test_runs_are_listed_the_newest_first_with_the_number_of_all(api: Any) -> None:
    """API-2."""
    answer = api.json("/v1/runs")

    assert ids(answer) == [3, 2, 4, 1]
    assert (answer["total"], answer["limit"], answer["offset"]) == (4, 100, 0)
    assert all(set(run) == API_4 for run in answer["runs"])


def test_a_page_is_cut_out_of_the_list(api: Any) -> None:
    """API-2: total counts all matches."""
    answer = api.json("/v1/runs?limit=2&offset=1")

    assert ids(answer) == [2, 4]
    assert (answer["total"], answer["limit"], answer["offset"]) == (4, 2, 1)


FILTERS: Any = [
    ("status=completed", [3, 4, 1]),
    ("status=failed", [2]),
    ("run_status=failed", [2]),  # C-23
    ("status=running", []),
    ("status=", [3, 2, 4, 1]),
    ("user_id=user123", [2, 1]),
    ("session_id=s1", [1]),
    ("search=SEARCH", [2, 1]),
    ("search=100%25", [3]),
    ("search=%25", [3]),
    ("status=completed&user_id=user123&search=flight", [1]),
    ("started_after=1780000002000", [3, 2]),
    ("started_before=1780000001000", [1]),
    ("started_after=1780000001001&started_before=1780000002000", [2, 4]),
    ("order_by=name&order_dir=ASC", [2, 1, 4, 3]),
    ("order_by=duration_ms", [3, 4, 2, 1]),
    ("order_by=completed_at&order_dir=asc", [1, 4, 2, 3]),
    ("order_by=nonsense", [3, 2, 4, 1]),
    ("event_type=tool_call", [1]),  # UI-2
]


def test_filters_and_orders_hold(api: Any) -> None:
    """API-2, API-3, C-23: a filter really filters, and an unknown order_by is ignored."""
    for query, expected in FILTERS:
        found = ids(api.json(f"/v1/runs?{query}"))
        assert sorted(found) == sorted(expected), query
        if "duration_ms" not in query:  # of equal ones the order is the store's
            assert found == expected, query
        assert found[0:1] == expected[0:1], query


WRONG = [
    "limit=0",
    "limit=1001",
    "limit=x",
    "offset=-1",
    "order_dir=up",
    "status=done",
    "started_after=nan",
    "offset=99999999999999999999",
]


def test_a_wrong_parameter_is_named(api: Any) -> None:
    """API-2, API-3: 422."""
    for query in WRONG:
        detail = api.json(f"/v1/runs?{query}", 422)["detail"]
        assert [each["loc"] for each in detail] == [["query", query.partition("=")[0]]]
        assert detail[0]["msg"]


def test_a_search_that_no_name_has_finds_ids(api: Any) -> None:
    """UI-2: search by name and id, within the filters."""
    assert ids(api.json("/v1/runs?search=00000000000000000000000000000002")) == [2]
    assert ids(api.json("/v1/runs?search=0000000000000004")) == [4]
    assert api.json("/v1/runs?search=0000000000000004&status=failed")["total"] == 0
    assert api.json("/v1/runs?search=nothing-like-it")["total"] == 0


def test_an_unknown_run_is_not_found(api: Any) -> None:
    """API-5: 404 with the id."""
    for ask in ("", "/timeline", "/steps", "/export", "/steps/000000000000000b/data"):
        assert api.json(f"/v1/runs/ffffffff{ask}", 404) == {"detail": "Run ffffffff not found"}


def test_a_run_may_be_named_by_its_trace_or_a_beginning(api: Any) -> None:
    """MODEL-5: an ambiguous beginning lists what it fits."""
    assert api.json("/v1/runs/00000000000000000000000000000002")["id"] == "0000000000000002"
    detail = api.json("/v1/runs/00000000", 409)["detail"]
    assert "0000000000000002" in detail and "fits" in detail


def test_a_timeline_is_oldest_first_and_shows_nested_runs(api: Any) -> None:
    """API-6, MODEL-2, MODEL-6."""
    answer = api.json("/v1/runs/0000000000000001/timeline")

    assert answer["run_id"] == "0000000000000001"
    assert answer["total"] == 5
    assert [(event["type"], event["name"]) for event in answer["events"]] == [
        ("run_start", "flight search"),
        ("llm_call", "gpt-4o"),
        ("tool_call", "search"),
        ("final_answer", "final.answer"),
        ("run_start", "inner"),
    ]
    assert answer["events"][1] == {
        "id": "000000000000000b",
        "run_id": "0000000000000001",
        "timestamp": 1780000001100,
        "type": "llm_call",
        "name": "gpt-4o",
        "status": "completed",
        "duration_ms": 500.0,
        "parent_event_id": "0000000000000001",
    }


def test_a_timeline_has_its_data_if_asked_for(api: Any) -> None:
    """API-6, C-36: under both of its names."""
    events = api.json("/v1/runs/0000000000000001/timeline?include_data=true")["events"]

    assert events[1]["data"]["prompt"] == events[1]["data"]["input"] == "Where?"
    assert events[1]["data"]["total_tokens"] == 12


def test_steps_can_be_paged_and_filtered(api: Any) -> None:
    """API-7: offset works without limit."""
    whole = api.json("/v1/runs/0000000000000001/steps")
    assert (whole["total"], whole["limit"], whole["offset"]) == (5, None, 0)
    assert whole["steps"][1]["data"]["response"] == "Oslo"

    some = api.json("/v1/runs/0000000000000001/steps?offset=3")
    assert [step["id"] for step in some["steps"]] == [step["id"] for step in whole["steps"][3:]]
    assert some["total"] == 5

    calls = api.json("/v1/runs/0000000000000001/steps?limit=50&offset=0&event_type=llm_call")
    assert [step["name"] for step in calls["steps"]] == ["gpt-4o"]
    assert (calls["total"], calls["limit"]) == (1, 50)
    api.json("/v1/runs/0000000000000001/steps?limit=0", 422)


def test_the_data_of_a_step(api: Any) -> None:
    """API-8: a step of another run is none of this one's."""
    found = api.json("/v1/runs/0000000000000001/steps/000000000000000b/data")
    assert found["step_id"] == "000000000000000b"
    assert found["data"]["output"] == "Oslo"
    assert api.json("/v1/runs/0000000000000002/steps/000000000000000b/data", 404) == {
        "detail": "Step 000000000000000b not found"
    }


def test_an_export_is_the_run_with_its_timeline(api: Any) -> None:
    """API-9: data decoded."""
    found = api.json("/v1/runs/0000000000000001/export")

    assert sorted(found) == ["run", "timeline"]
    assert found["run"] == api.json("/v1/runs/0000000000000001")
    assert found["timeline"] == api.json("/v1/runs/0000000000000001/timeline?include_data=true")["events"]


def test_what_other_programs_write_is_seen_by_the_next_request(path: Path, record: Any, write: Any, serve: Any) -> None:
    """API-2: a file that is not there yet is an empty store, and one that is replaced is read anew."""
    api = serve(path)
    assert api.json("/v1/runs") == {"runs": [], "total": 0, "limit": 100, "offset": 0}
    assert api.json("/v1/stats")["total_runs"] == 0
    assert api.json("/v1/traces")["traces"] == []

    write(path, record(1))
    assert ids(api.json("/v1/runs")) == [1]
    write(path, record(2))
    assert ids(api.json("/v1/runs")) == [2, 1]
    path.unlink()
    write(path, record(7))
    assert ids(api.json("/v1/runs")) == [7]


def test_a_run_that_is_still_going_on_is_running(tmp_path: Path, record: Any, write: Any, serve: Any) -> None:
    """MODEL-7, MODEL-9."""
    path = write(tmp_path / "traces.db", record(1, end_time=None, duration_ms=None))
    api = serve(path)

    run = api.json("/v1/runs?status=running")["runs"][0]
    assert (run["status"], run["completed_at"]) == ("running", None)
    write(path, record(1))
    assert api.json("/v1/runs/0000000000000001")["status"] == "completed"


def test_data_that_cannot_be_decrypted_is_null(tmp_path: Path, record: Any, serve: Any) -> None:
    """API-15, PIPE-7: the rest of the step is there."""
    pytest.importorskip("cryptography", reason="encryption needs the extra peekr-core[encryption]")
    import peekr
    from peekr.spans import Span

    exporter = peekr.SQLiteExporter(tmp_path / "traces.db", encryption_enabled=True, encryption_key="right")
    exporter.export_batch([Span.from_dict(record(1)), Span.from_dict(record(2, 1, 1, model="m", input="secret"))])
    exporter.shutdown()

    wrong = serve(tmp_path / "traces.db", encryption_key="wrong")
    answer = wrong.json("/v1/runs/0000000000000001/steps/0000000000000002/data")
    assert answer == {"step_id": "0000000000000002", "data": None}


def test_hostile_content_comes_out_as_json(path: Path, record: Any, write: Any, serve: Any) -> None:
    """UI-7, API-15: markup, control characters, and halves of characters."""
    nasty = "</script><script>alert(1)</script>\x00\x1b[31m\u2028"
    write(path, record(1, name=nasty, user_id=nasty))
    api = serve(path)

    run = api.json("/v1/runs")["runs"][0]
    assert run["name"] == nasty
    assert api.json("/v1/runs", params={"user_id": nasty})["total"] == 1
    assert api.json("/v1/runs", params={"user_id": "' OR 1=1 --"})["total"] == 0


def test_an_answer_is_kept_until_the_store_changes(path: Path, record: Any, write: Any, serve: Any) -> None:
    """PERF-2: of a file at rest; what is written within a tick of the clock is seen all the same."""
    api = serve(write(path, record(1)))
    for number in range(2, 5):
        assert api.json("/v1/runs")["total"] == number - 1
        before = path.stat()
        write(path, record(number))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    long_ago = (1_700_000_000, 1_700_000_000)
    os.utime(path, long_ago)
    kept = api.json("/v1/runs")
    content = path.read_bytes()
    path.write_bytes(b"\xff" * len(content))
    os.utime(path, long_ago)  # nobody could tell that it was written to
    assert api.json("/v1/runs") == kept
    path.write_bytes(content)
    write(path, record(9))
    assert api.json("/v1/runs")["total"] == 5
