"""Keys, Host headers, foreign pages, headers of answers: contract API-13, API-14, API-18, C-24."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")


from peekr import TraceConfig
from peekr.errors import ConfigurationError
from peekr_server.security import allowed_hosts, is_allowed, is_foreign, is_loopback, name_of

KEY = "a-secret-key"


@pytest.fixture
def guarded(tmp_path: Path, record: Any, write: Any, serve: Any) -> Any:
    """A store whose server asks for a key."""
    return serve(write(tmp_path / "traces.db", record(1)), api_key_required=True, api_key=KEY)


@pytest.mark.parametrize(
    "ask",
    [
        "/v1/runs", "/v1/runs/0000000000000001", "/v1/runs/0000000000000001/timeline", "/v1/stats", "/v1/traces",
        "/v1/costs", "/v1/diagnose", "/v1/scores", "/v1/feedback",
    ],
)  # fmt: skip
def test_a_required_key_is_asked_for_everywhere(guarded: Any, ask: str) -> None:
    """API-13: missing 401, wrong 403, right 200."""
    assert guarded.get(ask).status_code == 401
    assert guarded.get(ask, headers={"X-API-Key": "wrong"}).status_code == 403
    assert guarded.get(ask, headers={"X-API-Key": KEY + "x"}).status_code == 403
    assert guarded.get(ask, headers={"X-API-Key": KEY}).status_code == 200
    assert guarded.get(ask, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    assert guarded.get(ask, headers={"Authorization": "Basic abc"}).status_code == 401
    assert guarded.get(ask, headers={"X-API-Key": b"\xff\xfe"}).status_code == 403
    assert KEY not in guarded.get(ask, headers={"X-API-Key": "wrong"}).text


def test_health_and_pages_ask_for_no_key(guarded: Any) -> None:
    """API-13: they show nothing of the store."""
    for ask in ("/health", "/docs", "/redoc", "/openapi.json", "/ui/"):
        assert guarded.get(ask).status_code == 200, ask


def test_writing_asks_for_a_key_wherever_there_is_one(tmp_path: Path, serve: Any) -> None:
    """API-12: reading does so only where the settings say it."""
    api = serve(tmp_path / "traces.db", api_key=KEY)

    assert api.get("/v1/runs").status_code == 200
    for ask, body in (("/v1/spans", {"spans": []}), ("/v1/feedback", {"trace_id": "f" * 32, "rating": "good"})):
        assert api.post(ask, json=body).status_code == 401
        assert api.post(ask, json=body, headers={"Authorization": "Bearer wrong"}).status_code == 403
        assert api.post(ask, json=body, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        assert api.post(ask, json=body, headers={"X-API-Key": KEY}).status_code == 200


def test_a_key_that_is_required_and_not_set_starts_no_server() -> None:
    """API-13, CONF-5."""
    with pytest.raises(ConfigurationError, match="api_key"):
        TraceConfig(api_key_required=True)


LOCAL = ("127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "app.localhost:80")
FOREIGN = ("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "")


def test_the_names_of_this_machine_are_answered(tmp_path: Path, serve: Any) -> None:
    """API-18."""
    api = serve(tmp_path / "traces.db")
    for host in LOCAL:
        assert api.get("/v1/runs", headers={"Host": host}).status_code == 200, host


def test_a_foreign_host_is_turned_away(tmp_path: Path, serve: Any) -> None:
    """API-18: a page whose own name was made to point here cannot read traces; /health neither."""
    api = serve(tmp_path / "traces.db")
    for host in FOREIGN:
        assert api.get("/v1/runs", headers={"Host": host}).status_code == 400, host
    host = "evil.example"
    for ask in ("/v1/runs", "/health", "/ui/", "/docs"):
        assert api.get(ask, headers={"Host": host}).status_code == 400


def test_a_server_for_others_answers_to_any_name(tmp_path: Path, serve: Any) -> None:
    """API-18 is for servers bound to a loopback address."""
    api = serve(tmp_path / "traces.db", api_host="0.0.0.0")

    assert api.get("/v1/runs", headers={"Host": "traces.example.com"}).status_code == 200


def test_no_other_origin_may_read_by_default(tmp_path: Path, serve: Any) -> None:
    """API-14, C-24: no Access-Control header at all."""
    api = serve(tmp_path / "traces.db")

    answer = api.get("/v1/runs", headers={"Origin": "https://page.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = api.request("OPTIONS", "/v1/spans", headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_configured_origins_may_read_and_write(tmp_path: Path, serve: Any) -> None:
    """API-14: those, without cookies, and no others."""
    api = serve(tmp_path / "traces.db", api_cors_origins=["https://page.example"])

    answer = api.get("/v1/runs", headers={"Origin": "https://page.example"})
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-credentials" not in answer.headers
    asked = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,content-type",
    }
    assert api.request("OPTIONS", "/v1/spans", headers=asked).status_code == 200
    assert api.post("/v1/spans", json={"spans": []}, headers={"Origin": "https://page.example"}).status_code == 200
    other = {"Origin": "https://other.example"}
    assert "access-control-allow-origin" not in api.get("/v1/runs", headers=other).headers
    assert api.post("/v1/spans", json={"spans": []}, headers=other).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://[bad"])
def test_pages_of_another_origin_cannot_write(tmp_path: Path, serve: Any, origin: str) -> None:
    """C-24: a form or fetch of a foreign page reaches this server without asking first."""
    api = serve(tmp_path / "traces.db")

    body = '{"spans": [{"trace_id": "a", "span_id": "b", "name": "c"}]}'
    answer = api.post("/v1/spans", content=body, headers={"Origin": origin, "Content-Type": "text/plain"})
    assert answer.status_code == 403
    assert not (tmp_path / "traces.db").exists()


def test_our_own_page_may_write(tmp_path: Path, serve: Any) -> None:
    """FEED-8."""
    answer = serve(tmp_path / "traces.db").post(
        "/v1/spans", json={"spans": []}, headers={"Origin": "http://127.0.0.1:8000"}
    )

    assert answer.status_code == 200


def test_every_answer_is_guarded_by_its_headers(guarded: Any) -> None:
    """UI-7: nothing is guessed, kept, or framed."""
    for ask, headers in (
        ("/v1/runs", {"X-API-Key": KEY}), ("/v1/runs", {}), ("/nothing", {}), ("/ui/", {}), ("/docs", {}),
        ("/v1/runs", {"Host": "evil"}),
    ):  # fmt: skip
        found = guarded.get(ask, headers=headers).headers
        assert found["x-content-type-options"] == "nosniff"
        assert found["x-frame-options"] == "DENY"
        assert found["cache-control"] == "no-store"
        assert found["referrer-policy"] == "no-referrer"


def test_hosts_are_compared_without_their_ports() -> None:
    """API-18."""
    assert [name_of(host) for host in ("a:1", "[::1]:80", "[::1]", "A.", "")] == ["a", "::1", "::1", "a", ""]
    assert is_loopback("127.8.0.1") and is_loopback("::1") and is_loopback("[::1]") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("::") and not is_loopback("example.com")
    assert allowed_hosts("0.0.0.0") is None
    assert is_allowed("127.8.0.1:1", allowed_hosts("127.8.0.1"))
    assert not is_allowed("127.8.0.2:1", allowed_hosts("127.8.0.1"))


def test_an_origin_is_ours_if_it_is_where_the_request_went() -> None:
    """C-24."""
    assert not is_foreign("http://localhost:8000", "localhost:8000", [])
    assert is_foreign("http://localhost:8001", "localhost:8000", [])
    assert not is_foreign("https://a.example", "localhost:8000", ["https://a.example"])
    assert not is_foreign("https://a.example", "localhost:8000", ["*"])
