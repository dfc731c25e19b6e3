"""Databases with compressed and encrypted payloads (contract PIPE-6 to PIPE-9)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Callable, List

import pytest

import peekr
from peekr.spans import Span
from peekr.stores import open_store
from peekr.testing.conformance import sample_span
from peekr_sqlite import SQLiteExporter, SQLiteStore

pytest.importorskip("cryptography.fernet", reason="the extra 'encryption' is not installed")
KEY = "5PZ2Xk0kqjv8m8o8oXkqGxYtqJ3J0w1fVq0r1c2b3d4="
WORDS = ("SAIDBYUSER", "SAIDBYMODEL", "SAIDBYTOOL", "SAIDBYERROR")


def talk(number: int, length: int = 1) -> Span:
    """A span with content in every place, readable words of which are :data:`WORDS`."""
    kind = {"kind": "llm", "run_id": f"{number:016x}", "model": "gpt-4o", "tokens_total": 7, "eval_scores": {"q": 0.5}}
    said = {"input": WORDS[0], "output": [WORDS[1]], "error": WORDS[3], "stack_trace": WORDS[3]}
    payload = {"request": WORDS[0] * length, "response": WORDS[1], "tool_args": {"a": WORDS[2]}}
    return sample_span(number, attributes={**kind, **said}, payload=payload)


def contents(path: Path) -> bytes:
    """The bytes of the database, its log and its index."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(path.name + "*")))


@pytest.fixture
def written(path: Path) -> Callable[..., List[Span]]:
    """Write spans with these options; leaves the exporter open, so that the log is still there."""
    exporters = []

    def write(first: int = 1, count: int = 8, **options: Any) -> List[Span]:
        exporter = SQLiteExporter(path, **options)
        exporters.append(exporter)
        spans = [talk(number, 200) for number in range(first, first + count)]
        exporter.export_batch(spans)
        return spans

    yield write
    for exporter in exporters:
        exporter.shutdown()


@pytest.mark.parametrize("key", [KEY, "your-secret-key-here"])
@pytest.mark.parametrize("compressed", [True, False])
def test_no_content_is_found_in_the_bytes(
    path: Path, written: Callable[..., List[Span]], key: str, compressed: bool
) -> None:
    """PIPE-7: neither in the database nor in -wal or -shm; with the key all of it is there again."""
    spans = written(encryption_enabled=True, encryption_key=key, compression_enabled=compressed)
    assert (path.parent / (path.name + "-wal")).stat().st_size > 0
    raw = contents(path)
    assert not [word for word in WORDS if word.encode() in raw]
    with SQLiteStore(str(path), encryption_key=key) as store:
        assert [each.to_dict() for each in store.iter_spans()] == [each.to_dict() for each in spans]


def test_what_a_span_is_stays_queryable(path: Path, written: Callable[..., List[Span]]) -> None:
    """PIPE-8: model, tokens, scores and status, by SQL; sums by tenant too."""
    written(encryption_enabled=True, encryption_key=KEY)
    (row,) = peekr.query(
        path,
        "SELECT json_extract(attributes, '$.model') model, SUM(json_extract(attributes, '$.tokens_total')) tokens,"
        " AVG(json_extract(attributes, '$.eval_scores.q')) score, SUM(status = 'error') errors,"
        " COUNT(json_extract(attributes, '$.input')) inputs FROM spans",
    )
    assert row == {"model": "gpt-4o", "tokens": 56, "score": 0.5, "errors": 1, "inputs": 0}
    assert peekr.query(path, "SELECT SUM(tokens_total) n FROM span_costs") == [{"n": 56}]


def test_plain_compressed_and_encrypted_rows_share_a_database(path: Path, written: Callable[..., List[Span]]) -> None:
    """PIPE-6: reading handles them all; settings may change while a database grows."""
    spans = written(1, 4)
    spans += written(5, 4, compression_enabled=True, compression_level=9)
    spans += written(9, 4, encryption_enabled=True, encryption_key=KEY)
    spans += written(13, 4, compression_enabled=True, encryption_enabled=True, encryption_key=KEY)
    kinds = {row["head"] for row in peekr.query(path, "SELECT CAST(substr(payload, 1, 2) AS BLOB) head FROM spans")}
    assert kinds == {b'{"', b"\x1f\x8b", b"gA"}
    with SQLiteStore(str(path), encryption_key=KEY) as store:
        assert [each.to_dict() for each in store.iter_spans()] == [each.to_dict() for each in spans]
        assert len(list(store.search("saidbyerror", limit=None))) == 16
        assert len(list(store.follow(from_start=True, idle_s=0))) == 16


def test_a_wrong_key_shows_null_and_does_not_crash(
    path: Path, written: Callable[..., List[Span]], caplog: pytest.LogCaptureFixture
) -> None:
    """PIPE-7: data: null; one line in the log; the tree and the sums are there."""
    written(encryption_enabled=True, encryption_key=KEY)
    with SQLiteStore(str(path), encryption_key="another") as store:
        run = store.list_runs()[0]
        (step,) = store.get_run_steps(run["id"])
        assert step["data"] is None
        assert store.get_step_data(run["id"], step["id"]) == {"step_id": step["id"], "data": None}
        assert [each.payload for each in store.iter_spans()] == [None] * 8
        assert len(list(store.traces())) == 4
        assert store.stats()["tokens_total"] == 56
    assert store.opener.unreadable >= 8
    assert [each.getMessage() for each in caplog.records if "encrypted with another key" in each.getMessage()] == [
        caplog.messages[0]
    ]


def test_the_environment_gives_the_key(
    path: Path, written: Callable[..., List[Span]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CONF-2: TRACE_ENCRYPTION_KEY, for writers and for readers."""
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", "a passphrase")
    spans = written(encryption_enabled=True)
    with open_store(path) as store:
        assert [each.payload for each in store.iter_spans()] == [each.payload for each in spans]


def test_processes_share_the_salt_of_a_passphrase(path: Path, written: Callable[..., List[Span]]) -> None:
    """PIPE-9: a reader derives one key for the file."""
    for first in (1, 9):
        written(first, encryption_enabled=True, encryption_key="a passphrase")
    rows = peekr.query(path, "SELECT CAST(payload AS TEXT) payload FROM spans")
    assert len({row["payload"].partition(".")[2] for row in rows}) == 1


def test_scores_written_later_stay_with_encrypted_rows(path: Path, written: Callable[..., List[Span]]) -> None:
    """SQLITE-6: a row written again keeps its place and its content."""
    written(count=1, encryption_enabled=True, encryption_key=KEY)
    again = talk(1, 200)
    again.attributes["eval_scores"] = {"q": 0.9}
    exporter = SQLiteExporter(path, encryption_enabled=True, encryption_key=KEY)
    exporter.export_batch([again])
    exporter.shutdown()
    with SQLiteStore(str(path), encryption_key=KEY) as store:
        (one,) = store.iter_spans()
    assert one.attributes["eval_scores"] == {"q": 0.9}
    assert one.attributes["input"] == WORDS[0]


def test_encryption_without_a_key_fails_at_construction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIPE-9: ValueError, and nothing is written."""
    monkeypatch.delenv("TRACE_ENCRYPTION_KEY", raising=False)
    with pytest.raises(ValueError, match="encryption_key"):
        SQLiteExporter(path, encryption_enabled=True)
    assert not path.exists()


def test_damaged_payloads_are_skipped_over(path: Path, written: Callable[..., List[Span]]) -> None:
    """PIPE-7: one row that was changed does not hide the others."""
    written(count=3, encryption_enabled=True, encryption_key=KEY)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE spans SET payload = substr(payload, 1, 60) WHERE rowid = 2")
    connection.commit()
    connection.close()
    with SQLiteStore(str(path), encryption_key=KEY) as store:
        assert [each.payload is None for each in store.iter_spans()] == [False, True, False]
