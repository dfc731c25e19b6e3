"""``POST /v1/spans``: contract API-12, HTTPX-2, HTTPX-4, XRT-6."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import Any, Iterator, List

import httpx
import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")


import peekr

SPANS = "/v1/spans"


def stored(path: Path) -> List[Any]:
    """What the installed stores read back."""
    with peekr.open_store(path) as store:
        return list(store.iter_spans())


def test_spans_that_are_posted_are_stored_as_they_came(path: Path, record: Any, serve: Any) -> None:
    """API-12: every field of the record, in the file that is served."""
    sent = [
        record(1, tenant_id="acme", user_id="ann", session_id="s", retention_class="long", status="error", error="x"),
        record(2, 1, 1, model="gpt-4o", input="q", output="a", payload={"messages": [{"role": "user"}]}, sdk="node"),
    ]
    answer = serve(path).post(SPANS, json={"spans": sent})

    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    assert answer.headers["accept-encoding"] == "gzip"  # RFC 7694: what makes HTTPExporter compress
    found = {span.span_id: span.to_dict() for span in stored(path)}
    for one in sent:
        got = found[one["span_id"]]
        for name, value in one.items():
            if name == "attributes":
                assert {key: got[name][key] for key in value} == value
            else:
                assert got[name] == value, name


def test_sending_again_changes_nothing(path: Path, record: Any, serve: Any) -> None:
    """API-12: idempotent by span_id; a later version of a span replaces it."""
    api = serve(path)
    for _ in range(3):
        assert api.post(SPANS, json={"spans": [record(1), record(2, 1, 1, output="old")]}).status_code == 200
    api.post(SPANS, json={"spans": [record(2, 1, 1, output="new", eval_scores={"Relevance": 0.5})]})

    assert sorted(span.span_id[-1] for span in stored(path)) == ["1", "2"]
    run = api.json("/v1/runs")["runs"][0]
    assert (run["step_count"], run["scores"]) == (2, {"Relevance": 0.5})
    steps = api.json("/v1/runs/0000000000000001/steps?event_type=llm_call")["steps"]
    assert steps[0]["data"]["output"] == "new"


def test_an_open_run_that_comes_late_does_not_reopen_it(tmp_path: Path, record: Any, serve: Any) -> None:
    """API-12, MODEL-9: a request may be tried again after its successor arrived."""
    api = serve(tmp_path / "traces.db")
    beginning = record(1, end_time=None, duration_ms=None)
    for one in (beginning, record(1), beginning):
        api.post(SPANS, json={"spans": [one]})

    assert api.json("/v1/runs")["runs"][0]["status"] == "completed"


def test_a_compressed_body_is_read(path: Path, record: Any, serve: Any) -> None:
    """API-12: as HTTPExporter sends it; of several members, too."""
    body = json.dumps({"spans": [record(1)]}).encode()
    for content in (gzip.compress(body), gzip.compress(body[:40]) + gzip.compress(body[40:])):
        answer = serve(path).post(SPANS, content=content, headers={"Content-Encoding": "gzip"})
        assert answer.json() == {"accepted": 1}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_does_not_matter(tmp_path: Path, record: Any, serve: Any, content_type: str) -> None:
    """API-12: curl's own, for one."""
    content = json.dumps({"spans": [record(1)]})
    answer = serve(tmp_path / "traces.db").post(SPANS, content=content, headers={"Content-Type": content_type})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "loc", "told"),
    [
        (b"", ["body"], "no JSON"),
        (b"{", ["body"], "no JSON"),
        (b"\xff\xfe", ["body"], "no JSON"),
        (b"[" * 100_000, ["body"], "no JSON"),
        (b"[]", ["body", "spans"], "list of span records"),
        (b'{"spans": {}}', ["body", "spans"], "list of span records"),
        (b'{"span": []}', ["body", "spans"], "list of span records"),
        (b'{"spans": [1]}', ["body", "spans", 0], "a span is an object"),
        (b'{"spans": [{"trace_id": "t", "name": "n"}]}', ["body", "spans", 0], "span_id"),
        (b'{"spans": [{"trace_id": 5, "span_id": "s", "name": "n"}]}', ["body", "spans", 0], "trace_id"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, serve: Any, content: bytes, loc: Any, told: str) -> None:
    """API-12: 422, and where it is wrong."""
    answer = serve(tmp_path / "traces.db").post(SPANS, content=content)

    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert detail[0]["loc"] == loc
    assert told in detail[0]["msg"]


def test_of_a_batch_with_a_wrong_span_nothing_is_stored(tmp_path: Path, record: Any, serve: Any) -> None:
    """API-12: all or none, so that a client knows what it has to send again."""
    answer = serve(tmp_path / "traces.db").post(SPANS, json={"spans": [record(1), {"name": "n"}, record(2), 7]})

    assert [each["loc"][-1] for each in answer.json()["detail"]] == [1, 3]
    assert not (tmp_path / "traces.db").exists()


def test_what_is_too_large_is_refused(tmp_path: Path, record: Any, serve: Any) -> None:
    """API-12: 413, by declared length, by what came, and by what it unpacks to."""
    api = serve(tmp_path / "traces.db", max_body_bytes=10_000)
    body = json.dumps({"spans": [record(1, output="x" * 20_000)]}).encode()

    async def chunks() -> Any:
        for at in range(0, len(body), 1000):
            yield body[at : at + 1000]

    assert api.post(SPANS, content=body).status_code == 413
    assert api.post(SPANS, content=chunks()).status_code == 413
    assert len(gzip.compress(body)) < 10_000
    assert api.post(SPANS, content=gzip.compress(body), headers={"Content-Encoding": "gzip"}).status_code == 413
    bomb = gzip.compress(b" " * 9_000) * 5
    assert api.post(SPANS, content=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    assert not (tmp_path / "traces.db").exists()
    assert api.post(SPANS, json={"spans": [record(1)]}).status_code == 200


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b'{"spans": []}')[:-9]], ids=["other bytes", "cut"])
def test_damaged_gzip_is_bad_input(tmp_path: Path, serve: Any, content: bytes) -> None:
    """API-12: 422."""
    answer = serve(tmp_path / "traces.db").post(SPANS, content=content, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 422
    assert "no gzip" in answer.json()["detail"][0]["msg"]


def test_an_unknown_encoding_is_refused_as_such(tmp_path: Path, serve: Any) -> None:
    """API-12: 415, on which HTTPExporter sends plain text."""
    answer = serve(tmp_path / "traces.db").post(SPANS, content=b"x", headers={"Content-Encoding": "br"})

    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "gzip"


def test_content_is_encrypted_where_the_settings_say_so(tmp_path: Path, record: Any, serve: Any) -> None:
    """PIPE-7: nothing of it is readable in the file; the server itself reads it."""
    pytest.importorskip("cryptography", reason="encryption needs the extra peekr-core[encryption]")
    path = tmp_path / "traces.db"
    api = serve(path, encryption_enabled=True, encryption_key="pass phrase")
    api.post(SPANS, json={"spans": [record(1), record(2, 1, 1, input="very-secret", output="more-secret")]})

    assert b"secret" not in b"".join(file.read_bytes() for file in tmp_path.glob("traces.db*"))
    data = api.json("/v1/runs/0000000000000001/steps/0000000000000002/data")["data"]
    assert data["input"] == "very-secret"


def test_a_file_that_cannot_be_written_is_a_failure_of_the_store(tmp_path: Path, record: Any, serve: Any) -> None:
    """API-15: 500, on which HTTPExporter tries again."""
    api = serve(tmp_path / "traces.db")
    (tmp_path / "traces.db").mkdir()
    answer = api.post(SPANS, json={"spans": [record(1)]})

    assert answer.status_code == 500
    assert str(tmp_path) not in answer.text


@pytest.fixture
def address(path: Path, serve: Any, listen: Any) -> Iterator[str]:
    """A server that listens, with a key."""
    with listen(serve(path, api_key="k1").app) as url:
        yield url


def test_many_clients_at_once_lose_nothing(path: Path, record: Any, address: str) -> None:
    """API-12, SQLITE-3, JSONL-2."""
    failed: List[str] = []

    def post(number: int) -> None:
        with httpx.Client(headers={"X-API-Key": "k1"}, trust_env=False) as client:
            for at in range(5):
                spans = [record(number * 1000 + at * 10 + each) for each in range(1, 6)]
                answer = client.post(address + SPANS, json={"spans": spans}, timeout=60)
                if answer.status_code != 200:
                    failed.append(answer.text)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert len({span.span_id for span in stored(path)}) == 6 * 5 * 5


def test_a_chunked_body_without_end_is_cut_off(tmp_path: Path, serve: Any, listen: Any) -> None:
    """API-12: memory stays bounded whatever a client sends; the connection gets its 413."""

    def endless() -> Iterator[bytes]:
        for _ in range(400):
            yield b"x" * 10_000

    with listen(serve(tmp_path / "traces.db", max_body_bytes=50_000).app) as url:
        with httpx.Client(trust_env=False) as client:
            assert client.post(url + SPANS, content=endless(), timeout=30).status_code == 413
            assert client.get(url + "/health").status_code == 200


def test_http_exporter_feeds_the_server(path: Path, address: str) -> None:
    """HTTPX-4, HTTPX-5: with its key and compression; the run shows with tenant and tokens."""
    pytest.importorskip("peekr_http", reason="needs peekr-http")
    exporter = peekr.HTTPExporter(endpoint=address, api_key="k1", gzip=True, gzip_min_bytes=10)
    peekr.instrument(console=False, exporter=exporter)
    try:
        with peekr.session(tenant_id="acme", retention_class="long"), peekr.trace.run("remote"):
            peekr.trace.llm(model="gpt-4o", prompt="p", response="r" * 2000, total_tokens=7)
        assert peekr.flush(timeout=30)
    finally:
        peekr.uninstrument()
    assert exporter.stats()["sent"] == 2

    with httpx.Client(trust_env=False) as client:
        run = client.get(address + "/v1/runs").json()["runs"][0]
    assert (run["name"], run["tenant_id"], run["retention_class"]) == ("remote", "acme", "long")
    assert (run["status"], run["step_count"], run["tokens_total"]) == ("completed", 2, 7)


def test_a_wrong_key_of_an_exporter_stores_nothing(path: Path, record: Any, address: str, caplog: Any) -> None:
    """API-12, HTTPX-3: the loss is said by the client."""
    pytest.importorskip("peekr_http", reason="needs peekr-http")
    exporter = peekr.HTTPExporter(endpoint=address, api_key="wrong")
    exporter.export(peekr.Span.from_dict(record(1)))
    with pytest.raises(peekr.PeekrError):
        exporter.flush()
    exporter.shutdown()
    assert "403" in caplog.text
    assert not path.exists()
