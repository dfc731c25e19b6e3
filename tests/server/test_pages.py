"""Pages: contract UI-1, UI-7, API-11, API-17, DASH-20."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")


_ADDRESS = re.compile(r"https?://[^\s\"'<>]+|(?:src|href)=[\"']//[^\"']+")


def test_the_page_is_served_with_its_files(tmp_path: Path, serve: Any) -> None:
    """UI-1, UI-7: all of them from this server."""
    api = serve(tmp_path / "traces.db")
    page = api.get("/ui/")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    named = re.findall(r'(?:src|href)="(static/[^"]+)"', page.text)
    assert named
    for name in named:
        assert api.get(f"/ui/{name}").status_code == 200, name
    assert api.get("/ui/static/../../app.py").status_code == 404
    assert api.get("/ui/static/%2e%2e/%2e%2e/app.py").status_code == 404


def test_the_root_leads_to_the_page(tmp_path: Path, serve: Any) -> None:
    """API-17."""
    answer = serve(tmp_path / "traces.db").get("/")
    assert (answer.is_redirect, answer.headers["location"]) == (True, "/ui/")
    assert serve(tmp_path / "traces.db").get("/ui").headers["location"] == "/ui/"


def test_the_page_can_be_switched_off(tmp_path: Path, serve: Any) -> None:
    """UI-1: ui_enabled=False."""
    api = serve(tmp_path / "traces.db", ui_enabled=False)

    for ask in ("/ui/", "/ui", "/ui/dashboard", "/ui/static/main.js"):
        assert api.get(ask).status_code == 404, ask
    assert api.get("/").headers["location"] == "/docs"
    assert api.get("/v1/runs").status_code == 200


@pytest.mark.parametrize(("ui_path", "base"), [("/look/here", "/look/here"), ("/x/", "/x"), ("/", "")])
def test_the_page_can_be_elsewhere(tmp_path: Path, serve: Any, ui_path: str, base: str) -> None:
    """UI-1: ui_path."""
    api = serve(tmp_path / "traces.db", ui_path=ui_path)

    page = api.get(f"{base}/")
    assert page.status_code == 200 and "<html" in page.text
    name = re.findall(r'(?:src|href)="(static/[^"]+)"', page.text)[0]
    assert api.get(f"{base}/{name}").status_code == 200
    assert api.get(f"{base}/dashboard").status_code == 200
    assert api.get("/ui/").status_code == 404
    if base:
        assert api.get("/").headers["location"] == f"{base}/"


@pytest.mark.parametrize("ask", ["/docs", "/redoc"])
def test_the_documentation_needs_no_other_host(tmp_path: Path, serve: Any, ask: str) -> None:
    """API-11: script and style come from here, and the policy lets the browser ask nobody else."""
    api = serve(tmp_path / "traces.db")
    page = api.get(ask)

    assert page.status_code == 200
    assert _ADDRESS.findall(page.text) == []
    files = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert files
    for name in files:
        found = api.get(name)
        assert found.status_code == 200 and len(found.content) > 10_000, name
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "http" not in policy
    scripts = policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe" not in scripts
    assert len(re.findall(r"<script>", page.text)) == scripts.count("sha256-")


def test_the_api_is_described(tmp_path: Path, serve: Any) -> None:
    """API-11: every resource, with its parameters and answers."""
    found = serve(tmp_path / "traces.db").json("/openapi.json")

    for ask in (
        "/health", "/v1/runs", "/v1/runs/{run_id}", "/v1/runs/{run_id}/timeline", "/v1/runs/{run_id}/steps",
        "/v1/runs/{run_id}/steps/{step_id}/data", "/v1/runs/{run_id}/export", "/v1/stats", "/v1/spans", "/v1/traces",
        "/v1/traces/{trace_id}", "/v1/diagnose", "/v1/costs", "/v1/feedback", "/v1/scores",
    ):  # fmt: skip
        assert ask in found["paths"], ask
    parameters = {each["name"]: each for each in found["paths"]["/v1/runs"]["get"]["parameters"]}
    assert (parameters["limit"]["schema"]["minimum"], parameters["limit"]["schema"]["maximum"]) == (1, 1000)
    assert "application/json" in found["paths"]["/v1/spans"]["post"]["requestBody"]["content"]
    assert not any(name.startswith("/ui") for name in found["paths"])


def test_the_report_shows_the_store_as_it_is_now(tmp_path: Path, record: Any, write: Any, serve: Any) -> None:
    """DASH-20: the page of `peekr dashboard`, made anew when the store changed."""
    from peekr import open_store
    from peekr_dashboard.page import build

    write(tmp_path / "traces.db", record(1), record(11, 1, 1, model="first-model"))
    api = serve(tmp_path / "traces.db")
    page = api.get("/ui/dashboard")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "connect-src" in page.text and "default-src 'none'" in page.headers["content-security-policy"]
    long_ago = 1_700_000_000
    os.utime(tmp_path / "traces.db", (long_ago, long_ago))  # the file is at rest
    kept = api.get("/ui/dashboard")
    assert api.get("/ui/dashboard").content == kept.content  # it says when it was made

    write(tmp_path / "traces.db", record(2), record(21, 2, 2, model="second-model"))
    changed = api.get("/ui/dashboard")
    assert changed.content != page.content
    with open_store(tmp_path / "traces.db") as store:
        assert abs(len(build(store).html) - len(changed.content)) < 200


def test_a_report_asks_for_the_key(tmp_path: Path, record: Any, write: Any, serve: Any) -> None:
    """API-13, DASH-20: a link cannot bear it, so a form takes it."""
    api = serve(write(tmp_path / "traces.db", record(1)), api_key_required=True, api_key="k1")

    asked = api.get("/ui/dashboard")
    assert asked.status_code == 401
    assert '<form method="post" action="/ui/dashboard">' in asked.text and "peekr-data" not in asked.text
    wrong = api.post("/ui/dashboard", data={"api_key": "wrong"})
    assert wrong.status_code == 403 and "peekr-data" not in wrong.text
    for right in (
        api.post("/ui/dashboard", data={"api_key": "k1"}),
        api.get("/ui/dashboard", headers={"X-API-Key": "k1"}),
    ):
        assert right.status_code == 200 and "peekr-data" in right.text


def test_large_answers_are_compressed(tmp_path: Path, record: Any, write: Any, serve: Any) -> None:
    """PERF-2."""
    write(tmp_path / "traces.db", *[record(number) for number in range(1, 60)])
    answer = serve(tmp_path / "traces.db").get("/v1/runs", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) * 4 < len(answer.content)
