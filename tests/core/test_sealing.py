"""Compression and encryption of payloads: what goes in comes out, and nothing else does (contract PIPE-1, -6 to -9)."""

from __future__ import annotations

import builtins
import gzip
import json
import os
from typing import Any, Callable, Dict, List

import pytest

from peekr import wire
from peekr.errors import ConfigurationError, PluginNotInstalled
from peekr.sealed_spans import UNREADABLE, Opener, SpanSealer, parted, sealed
from peekr.sealing import Damaged, NoKey, NoLibrary, Sealer, Unsealer, WrongKey, is_fernet_key, is_sealed
from peekr.spans import Span
from peekr.testing.conformance import sample_span

fernet = pytest.importorskip("cryptography.fernet", reason="the extra 'encryption' is not installed")

DOCUMENT = json.dumps({"messages": ["Where is my order? " * 60]}).encode()
PHRASE = "your-secret-key-here"


@pytest.fixture
def key() -> str:
    """A new Fernet key."""
    return str(fernet.Fernet.generate_key(), "ascii")


# -- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(1, 10))
def test_compressed_documents_come_back(level: int) -> None:
    """PIPE-6: levels 1 to 9; gzip, which anybody can read."""
    packed = Sealer(compression_enabled=True, compression_level=level).seal(DOCUMENT)
    assert len(packed) < len(DOCUMENT) / 5
    assert gzip.decompress(packed) == DOCUMENT
    assert Unsealer().unseal(packed) == DOCUMENT


def test_short_documents_stay_readable() -> None:
    """PIPE-6: there is nothing to gain, and SQL can look into them."""
    assert Sealer(compression_enabled=True).seal(b'{"a":1}') == b'{"a":1}'
    assert Unsealer().unseal(b'{"a":1}') == b'{"a":1}'


@pytest.mark.parametrize("compressed", [True, False])
def test_a_fernet_key_is_used_as_it_is(key: str, compressed: bool) -> None:
    """PIPE-9, PIPE-1: first gzip, then Fernet; any Fernet program can decrypt it."""
    token = Sealer(compression_enabled=compressed, encryption_enabled=True, encryption_key=key).seal(DOCUMENT)
    inner = fernet.Fernet(key).decrypt(token)
    assert (gzip.decompress(inner) if compressed else inner) == DOCUMENT
    assert Unsealer([key]).unseal(token) == DOCUMENT
    assert Unsealer([key.encode()]).unseal(token.decode()) == DOCUMENT
    assert is_sealed(token)


def test_any_other_text_is_a_passphrase() -> None:
    """PIPE-9, C-22: a key is derived from it with a salt that is stored with the token."""
    assert not is_fernet_key(PHRASE)
    one, two = (Sealer(encryption_enabled=True, encryption_key=PHRASE).seal(DOCUMENT) for _ in range(2))
    assert one.startswith(b"gAAAAA")
    assert one.partition(b".")[2] != two.partition(b".")[2], "each file has its own salt"
    unsealer = Unsealer([PHRASE])
    assert unsealer.unseal(one) == unsealer.unseal(two) == DOCUMENT


def test_the_salt_of_a_file_is_taken_over() -> None:
    """Readers derive one key for a file, however many processes wrote to it."""
    token = Sealer(encryption_enabled=True, encryption_key=PHRASE).seal(DOCUMENT)
    second = Sealer(encryption_enabled=True, encryption_key=PHRASE)
    assert second.wants_salt
    assert second.adopt(token)
    assert second.seal(b"x").partition(b".")[2] == token.partition(b".")[2]
    other = Sealer(encryption_enabled=True, encryption_key="another phrase")
    assert not other.adopt(token)
    assert not other.adopt(None)
    assert not other.adopt(b"gAAAAA.cut")


def test_encryption_without_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """PIPE-9: a ValueError that says what to do; the environment may give the key."""
    monkeypatch.delenv("TRACE_ENCRYPTION_KEY", raising=False)
    for missing in (None, "", "  "):
        with pytest.raises(ValueError, match="TRACE_ENCRYPTION_KEY"):
            Sealer(encryption_enabled=True, encryption_key=missing)
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", PHRASE)
    assert Sealer(encryption_enabled=True).encrypts


@pytest.mark.parametrize("level", [0, 10, 2.5, True, "6"])
def test_wrong_levels_are_refused(level: Any) -> None:
    """CONF-5: 1 to 9."""
    with pytest.raises(ConfigurationError, match="compression_level"):
        Sealer(compression_enabled=True, compression_level=level)


def test_a_key_that_is_no_text_is_refused_without_being_shown() -> None:
    """PIPE-9: keys are never logged."""
    with pytest.raises(ConfigurationError) as raised:
        Sealer(encryption_enabled=True, encryption_key=12345678)  # type: ignore[arg-type]
    assert "12345678" not in str(raised.value)


def test_a_wrong_key_is_told_from_damage(key: str) -> None:
    """PIPE-7: the one is the reader's to mend, the other is not."""
    other = str(fernet.Fernet.generate_key(), "ascii")
    for right, wrong in ((key, other), (PHRASE, "another phrase"), (key, PHRASE), (PHRASE, key)):
        token = Sealer(encryption_enabled=True, encryption_key=right).seal(DOCUMENT)
        with pytest.raises(WrongKey):
            Unsealer([wrong]).unseal(token)
        with pytest.raises(NoKey):
            Unsealer().unseal(token)
        assert Unsealer([wrong, right]).unseal(token) == DOCUMENT
        reader = Unsealer([right])
        reader.unseal(token)
        with pytest.raises(Damaged):
            reader.unseal(token[:40] + (b"A" if token[40:41] != b"A" else b"B") + token[41:])
        with pytest.raises(Damaged):
            Unsealer([wrong]).unseal(token[:50])
    packed = Sealer(compression_enabled=True).seal(DOCUMENT)
    with pytest.raises(Damaged):
        Unsealer().unseal(packed[:-9])
    with pytest.raises(Damaged):
        Unsealer().unseal(packed[:20] + b"\0\0\0\0" + packed[24:])


def test_encryption_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """PKG-6: the pip install line, at construction; a reader goes on without the content."""
    token = Sealer(encryption_enabled=True, encryption_key=key).seal(DOCUMENT)
    whole = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginNotInstalled, match=r"pip install .*encryption"):
        Sealer(encryption_enabled=True, encryption_key=key)
    with pytest.raises(NoLibrary, match=r"pip install .*encryption"):
        Unsealer([key]).unseal(token)


def test_cryptography_is_not_imported_before_it_is_needed(python: Callable[..., str]) -> None:
    """PKG-7: neither with peekr, nor with a sealer that only compresses."""
    said = python(
        """
        import sys, peekr, peekr.sealed_spans
        from peekr.sealing import Sealer, Unsealer
        Unsealer(["x"]).unseal(Sealer(compression_enabled=True).seal(b"x" * 9999))
        print("cryptography" in sys.modules)
        """
    )
    assert said.strip() == "False"


# -- spans ------------------------------------------------------------------------------------------------------------


def stored_record(span: Span, sealer: Sealer) -> Dict[str, Any]:
    """Return the record that a JSONL file would hold."""
    (stored,) = SpanSealer(sealer, as_text=True).sealed([span], lambda: None)
    line: Dict[str, Any] = wire.decode(wire.encode(wire.record(stored)))
    return line


def test_content_leaves_the_attributes_and_what_a_span_is_stays(key: str) -> None:
    """PIPE-8: model, tokens, scores, status stay queryable; the span itself is not changed."""
    content = {"input": "ask", "output": "answer", "system": "be nice", "error": "boom", "stack_trace": "at line 1"}
    content.update(custom="text", tool_calls=[{"arguments": "x"}], unknown={"a": 1})  # type: ignore[arg-type]
    facts = {"model": "gpt-4o", "tokens_total": 7, "eval_scores": {"q": 0.5}, "error_type": "E", "cost_usd": 0.1}
    span = sample_span(2, attributes={"kind": "llm", "run_id": "1" * 16, **facts, **content}, status="error")
    before = span.to_dict()
    line = stored_record(span, Sealer(encryption_enabled=True, encryption_key=key))
    assert {name: line["attributes"].get(name) for name in facts} == facts
    assert not set(content) & set(line["attributes"])
    assert line["payload"].startswith("gAAAAA")
    assert (line["status"], line["tenant_id"], line["name"]) == ("error", "acme", "openai.chat.completions")
    assert span.to_dict() == before
    assert Opener("x", key)(Span.from_dict(line)).to_dict() == before


@pytest.mark.parametrize("payload", [None, {"a": 1}, b' { "a" : 1 } ', "odd", [1, 2]])
def test_every_kind_of_payload_comes_back(key: str, payload: Any) -> None:
    """PIPE-1: unsealing undoes all but redaction."""
    span = sample_span(2, payload=payload)
    line = stored_record(span, Sealer(True, 6, True, key))
    back = Opener("x", key)(Span.from_dict(line))
    assert back.payload == sample_span(2, payload=payload).payload
    assert back.attributes["input"] == span.attributes["input"]


def test_a_function_without_content_has_no_payload(key: str) -> None:
    """Nothing is encrypted where nothing was said."""
    span = sample_span(1, attributes={"kind": "function", "run_id": "1" * 16}, payload=None)
    assert "payload" not in stored_record(span, Sealer(encryption_enabled=True, encryption_key=key))


def test_tags_of_a_session_are_content(key: str) -> None:
    """PIPE-8: tags are text that a program chose."""
    span = Span("work")
    span.scope = span.scope.with_values(tags={"ticket": "the customer said hello"})
    span._t1 = span._t0 + 1
    line = stored_record(span, Sealer(encryption_enabled=True, encryption_key=key))
    assert "hello" not in json.dumps(line)
    assert Opener("x", key)(Span.from_dict(line)).attributes["ticket"] == "the customer said hello"


def test_what_cannot_be_opened_is_counted_and_said_once(key: str, warnings: Callable[[], List[str]]) -> None:
    """PIPE-7: no crash; the payload is None, the rest of the span is there."""
    from peekr.runs import step_data

    sealer = Sealer(encryption_enabled=True, encryption_key=key)
    lines = [stored_record(sample_span(number), sealer) for number in (1, 2, 3)]
    opener = Opener("traces.db", "another")
    read = [opener(Span.from_dict(line)) for line in lines]
    assert [span.payload for span in read] == [None] * 3
    assert [span.attributes[UNREADABLE] for span in read] == ["wrong_key"] * 3
    assert [step_data(span) for span in read] == [None] * 3
    assert [span.attributes["model"] for span in read] == ["gpt-4o"] * 3
    assert opener.unreadable == 3
    assert len(warnings()) == 1
    assert key not in warnings()[0]


def test_a_span_that_cannot_be_sealed_is_left_out_and_the_others_go_on(
    key: str, warnings: Callable[[], List[str]]
) -> None:
    """PIPE-10: logged once and counted; never stored raw."""

    def pending(span: Span) -> None:
        raise RuntimeError("the content")

    broken, sealer = sample_span(1), SpanSealer(Sealer(encryption_enabled=True, encryption_key=key))
    broken._pending = pending
    out = sealer.sealed([sample_span(2), broken, sample_span(3)], lambda: None)
    assert [span.span_id[-1] for span in out] == ["2", "3"]
    assert sealer.skipped == 1
    assert len(warnings()) == 1
    assert "the content" not in warnings()[0]


def test_a_sealer_that_does_nothing_gives_the_spans_themselves() -> None:
    """No cost for those who store plainly."""
    spans = [sample_span(1)]
    assert SpanSealer(Sealer()).sealed(spans, lambda: None) is spans
    assert sealed(spans[0], Sealer(compression_enabled=True)).payload == spans[0].payload


def test_the_key_is_found_where_it_is_kept(key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """CONF-2, CONF-8: in the environment, in the configuration, in the file beside the store."""
    line = stored_record(sample_span(2), Sealer(encryption_enabled=True, encryption_key=key))
    target = str(tmp_path / "traces.db")

    def reads() -> bool:
        return Opener(target)(Span.from_dict(line)).payload is not None

    assert not reads()
    with open(f"{target}.key", "w", encoding="utf-8") as file:
        file.write(key + "\n")
    assert reads()
    os.unlink(f"{target}.key")
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", key)
    assert reads()


def test_a_text_under_the_name_of_a_measure_is_sealed() -> None:
    """PIPE-8: numbers stay to be asked for, texts go into the payload."""
    kept, content = parted({"n": "words", "seed": 7, "tokens_total": 3, "tokens_note": "words", "success": True})
    assert kept == {"seed": 7, "tokens_total": 3, "success": True}
    assert content == {"n": "words", "tokens_note": "words"}
