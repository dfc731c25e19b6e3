"""Files with encrypted payloads (contract PIPE-7 to PIPE-9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peekr.spans import Span
from peekr.stores import open_store
from peekr.testing.conformance import sample_span
from peekr_jsonl import JSONLExporter, JSONLStore

fernet = pytest.importorskip("cryptography.fernet", reason="the extra 'encryption' is not installed")
KEY = "5PZ2Xk0kqjv8m8o8oXkqGxYtqJ3J0w1fVq0r1c2b3d4="


def talk(number: int) -> Span:
    """A span with content."""
    attributes = {"kind": "llm", "run_id": f"{number:016x}", "model": "gpt-4o", "tokens_total": 7, "input": "SAID"}
    return sample_span(number, attributes=attributes, payload={"request": {"messages": ["SAID " * 300]}})


def write(path: Path, *numbers: int, **options: object) -> None:
    """Write these spans."""
    exporter = JSONLExporter(path, **options)  # type: ignore[arg-type]
    exporter.export_batch([talk(number) for number in numbers])
    exporter.shutdown()


def test_the_payload_is_a_fernet_token_and_the_rest_is_readable(path: Path) -> None:
    """PIPE-8: anybody with the key and a Fernet library gets the content."""
    write(path, 1, encryption_enabled=True, encryption_key=KEY)
    assert "SAID" not in path.read_text(encoding="utf-8")
    line = json.loads(path.read_text(encoding="utf-8"))
    assert (line["attributes"]["model"], line["attributes"]["tokens_total"]) == ("gpt-4o", 7)
    assert "input" not in line["attributes"]
    assert json.loads(fernet.Fernet(KEY).decrypt(line["payload"].encode()))["request"] == {"messages": ["SAID " * 300]}


@pytest.mark.parametrize("key", [KEY, "a passphrase"])
@pytest.mark.parametrize("compressed", [True, False])
def test_encrypted_spans_come_back_whole(path: Path, key: str, compressed: bool) -> None:
    """PIPE-1: in every way of reading, side by side with plain lines."""
    write(path, 1, 2)
    write(path, 3, 4, encryption_enabled=True, encryption_key=key, compression_enabled=compressed)
    wanted = [talk(number).to_dict() for number in (1, 2, 3, 4)]
    with JSONLStore(str(path), encryption_key=key) as store:
        assert [each.to_dict() for each in store.iter_spans()] == wanted
        assert [each.to_dict() for each in store.spans(newest_first=True)] == wanted[::-1]
        assert [each.to_dict() for each in store.trace(f"{2:032x}")] == wanted[2:]
        assert [each.to_dict() for each in store.follow(from_start=True, idle_s=0)] == wanted
        assert [each.span_id for each in store.search("said")] == [each["span_id"] for each in wanted[::-1]]


def test_a_file_that_is_only_compressed_stays_text(path: Path) -> None:
    """JSONL-1: gzip would be no line of JSON; compression is for what is encrypted."""
    write(path, 1, compression_enabled=True)
    assert json.loads(path.read_text(encoding="utf-8"))["payload"]["request"] == {"messages": ["SAID " * 300]}


def test_without_the_key_the_rest_is_shown(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """PIPE-7: one line says so."""
    write(path, 1, 2, encryption_enabled=True, encryption_key=KEY)
    with open_store(path) as store:
        assert [(each.payload, each.attributes["model"]) for each in store.iter_spans()] == [(None, "gpt-4o")] * 2
    assert len([text for text in caplog.messages if "TRACE_ENCRYPTION_KEY" in text]) == 1


def test_processes_share_the_salt_of_a_passphrase(path: Path) -> None:
    """PIPE-9: a reader derives one key for the file."""
    for number in (1, 2, 3):
        write(path, number, encryption_enabled=True, encryption_key="a passphrase")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len({line["payload"].partition(".")[2] for line in lines}) == 1


def test_encryption_without_a_key_fails_at_construction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIPE-9: ValueError, and nothing is written."""
    monkeypatch.delenv("TRACE_ENCRYPTION_KEY", raising=False)
    with pytest.raises(ValueError, match="encryption_key"):
        JSONLExporter(path, encryption_enabled=True)
    assert not path.exists()
