"""Traces, costs, diagnosis, scores, feedback: contract API-16, COST-2, FEED-1, FEED-8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")

from click.testing import CliRunner

from peekr_cli.main import cli


@pytest.fixture
def api(path: Path, record: Any, write: Any, serve: Any) -> Any:
    """Two tenants' calls, some scored, one of an unknown model."""
    scores = {"Hallucination": 0.2, "Relevance": 1.0}
    call = {"model": "gpt-4o", "tokens_input": 100, "tokens_output": 10, "tokens_total": 110, "cost_usd": 0.5}
    write(
        path,
        record(1, tenant_id="acme", user_id="ann"),
        record(11, 1, 1, tenant_id="acme", user_id="ann", **call, eval_scores=scores),
        record(2, tenant_id="beta", status="error"),
        record(21, 2, 2, tenant_id="beta", **{**call, "cost_usd": 0.25}, eval_scores={"Hallucination": 0.8}),
        record(22, 2, 2, tenant_id="beta", model="own-model", tokens_input=5, tokens_output=5, tokens_total=10),
    )
    return serve(path)


def test_traces_are_listed_the_newest_first(api: Any) -> None:
    """API-16: as `peekr traces --json`, page by page."""
    answer = api.json("/v1/traces")
    assert [each["name"] for each in answer["traces"]] == ["run.2", "run.1"]
    assert answer["more"] is False
    newest = answer["traces"][0]
    assert (newest["status"], newest["span_count"], newest["tenant_id"]) == ("error", 3, "beta")

    assert [each["name"] for each in api.json("/v1/traces?limit=1")["traces"]] == ["run.2"]
    assert api.json("/v1/traces?limit=1")["more"] is True
    assert [each["name"] for each in api.json("/v1/traces?limit=1&offset=1")["traces"]] == ["run.1"]
    assert [each["name"] for each in api.json("/v1/traces?tenant_id=acme")["traces"]] == ["run.1"]
    assert [each["name"] for each in api.json("/v1/traces?status=error")["traces"]] == ["run.2"]
    assert [each["name"] for each in api.json("/v1/traces?until=1780000001.5")["traces"]] == ["run.1"]
    assert api.json("/v1/traces?since=1h")["traces"] == []
    api.json("/v1/traces?limit=0", 422)
    api.json("/v1/traces?status=failed", 422)
    assert api.json("/v1/traces?since=never", 422)["detail"][0]["loc"] == ["query", "since"]


def test_a_trace_is_its_spans_as_stored(api: Any, record: Any) -> None:
    """API-16, MODEL-5."""
    answer = api.json(f"/v1/traces/{1:032x}")

    assert answer["trace_id"] == f"{1:032x}"
    assert [span["span_id"] for span in answer["spans"]] == [f"{1:016x}", f"{11:016x}"]
    assert answer["spans"][1]["attributes"]["eval_scores"] == {"Hallucination": 0.2, "Relevance": 1.0}
    assert answer["feedback"] == []
    assert api.json("/v1/traces/eeeeeeee", 404) == {"detail": "Trace eeeeeeee not found"}
    assert "fits" in api.json("/v1/traces/000000", 409)["detail"]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("tenant", {"acme": 0.5, "beta": 0.25}),
        ("user", {"ann": 0.5, None: 0.25}),
        ("model", {"gpt-4o": 0.75, "own-model": None}),
        ("session", {None: 0.75}),
    ],
)
def test_costs_are_summed_by_group(api: Any, by: str, groups: Any) -> None:
    """API-16: GET /v1/costs?group_by=tenant|user|model|session."""
    answer = api.json(f"/v1/costs?group_by={by}")

    assert answer["group_by"] == by
    assert {each[by]: each["cost_usd"] for each in answer["groups"]} == groups
    assert (answer["cost_usd"], answer["tokens_total"], answer["llm_calls"]) == (0.75, 230, 3)
    assert answer["unknown_models"] == [{"model": "own-model", "calls": 1}]  # COST-1: counted, never guessed


def test_what_a_tenant_spent_in_a_time_is_one_call(api: Any) -> None:
    """COST-2."""
    found = api.json("/v1/costs?group_by=tenant&tenant_id=acme&since=2026-05-28T00:00:00Z&until=1780000100")
    assert [(each["tenant"], each["cost_usd"]) for each in found["groups"]] == [("acme", 0.5)]
    assert api.json("/v1/costs?group_by=tenant&tenant_id=acme&since=7d&until=1780000000")["groups"] == []
    assert api.json("/v1/costs?group_by=colour", 422)["detail"][0]["loc"] == ["query", "group_by"]


def test_the_diagnosis_is_that_of_the_command(api: Any, path: Path) -> None:
    """API-16, IFACE-14: the same cards as `peekr diagnose --json`."""
    answer = api.json("/v1/diagnose")
    told = json.loads(CliRunner().invoke(cli, ["diagnose", str(path), "--json"]).stdout)

    assert answer["schema"] == 1
    assert answer["cards"] == told["cards"]
    assert answer["cards"]
    assert api.json("/v1/diagnose?tenant_id=acme&status=ok")["filters"] == {"status": "ok", "tenant_id": "acme"}
    assert api.json(f"/v1/diagnose?trace={2:032x}")["filters"] == {"trace": f"{2:032x}"}
    api.json("/v1/diagnose?trace=eeeeeeee", 404)


def test_scores_are_listed_with_their_sums(api: Any) -> None:
    """API-16."""
    answer = api.json("/v1/scores")

    assert [(each["span_id"], each["scores"]) for each in answer["scores"]] == [
        (f"{21:016x}", {"Hallucination": 0.8}),
        (f"{11:016x}", {"Hallucination": 0.2, "Relevance": 1.0}),
    ]
    assert answer["evaluators"] == {
        "Hallucination": {"count": 2, "mean": 0.5, "min": 0.2},
        "Relevance": {"count": 1, "mean": 1.0, "min": 1.0},
    }
    assert answer["total"] == 2
    assert answer["scores"][0]["timestamp"] == 1780000021000
    worst = api.json("/v1/scores?name=Hallucination&max_score=0.5")
    assert [each["scores"] for each in worst["scores"]] == [{"Hallucination": 0.2}]
    assert api.json("/v1/scores?limit=1&offset=1")["scores"] == answer["scores"][1:]
    api.json("/v1/scores?max_score=2", 422)


def test_a_trace_is_rated(api: Any, path: Path) -> None:
    """API-16, FEED-8: by its id, its run's, or the beginning; the rating is what peekr.feedback() stores."""
    whole = f"{1:032x}"
    answer = api.post("/v1/feedback", json={"trace_id": f"{1:016x}", "rating": "bad", "note": "made it up"})

    assert answer.json() == {"trace_id": whole, "rating": "bad", "note": "made it up"}
    assert api.post("/v1/feedback", json={"trace_id": whole, "rating": "good"}).status_code == 200
    assert [each["rating"] for each in api.json("/v1/feedback")["feedback"]] == ["bad", "good"]
    assert len(api.json(f"/v1/traces/{whole}")["feedback"]) == 2
    assert api.json("/v1/feedback", params={"trace_id": "f" * 32}) == {"feedback": []}

    from peekr_feedback import latest_ratings

    assert latest_ratings(str(path.parent / "traces.db"))[0].rating == "good"


@pytest.mark.parametrize(
    ("body", "status", "loc"),
    [
        ({"trace_id": f"{1:032x}", "rating": "great"}, 422, "rating"),
        ({"rating": "good"}, 422, "trace_id"),
        ({"trace_id": " ", "rating": "good"}, 422, "trace_id"),
        ({"trace_id": f"{1:032x}", "rating": "good", "note": 5}, 422, "note"),
        ([], 422, "body"),
        ({"trace_id": "eeeeeeee", "rating": "good"}, 404, None),
        ({"trace_id": "00000000", "rating": "good"}, 409, None),
    ],
)
def test_a_rating_that_cannot_be_is_refused(api: Any, body: Any, status: int, loc: Any) -> None:
    """API-16."""
    answer = api.post("/v1/feedback", json=body)

    assert answer.status_code == status
    assert loc is None or answer.json()["detail"][0]["loc"][-1] == loc
    assert api.json("/v1/feedback") == {"feedback": []}
