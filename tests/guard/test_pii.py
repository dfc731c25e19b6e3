"""PIIRedact: nothing that is stored has the value; the caller's own data is untouched (GUARD-2, GUARD-3, IFACE-9)."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import peekr
from peekr.spans import Span
from peekr.testing import record

MAIL = "jane.doe@example.com"
CARD = "4111 1111 1111 1111"


def redacted(guard: Any = None, payload: Any = None, **attributes: Any) -> Span:
    span = Span("call", kind="llm")
    span.attributes.update(attributes)
    span._payload = payload
    (guard or peekr.guard.PIIRedact()).run(span)
    return span


def test_no_store_has_the_value(chat: Any, tmp_path: Path, capsys: Any) -> None:
    """GUARD-2: not the files, not an exporter, not the payload, not the console."""
    chat.says(f"Wrote to {MAIL}, card {CARD}.")
    seen = []

    class Keeper:
        def export(self, span: Any) -> None:
            seen.append(json.dumps(span.to_dict()))

    peekr.instrument(storage="both", exporter=Keeper(), plugins=["openai"], guardrails=[peekr.guard.PIIRedact()])
    answer = chat.ask(f"Mail {MAIL} about card {CARD}, SSN 078-05-1120")

    @peekr.trace
    def send(to: str) -> str:
        raise ValueError(f"no such mailbox: {to}")

    with pytest.raises(ValueError, match=MAIL):
        send(MAIL)
    assert peekr.flush(10)
    peekr.shutdown()
    database = sqlite3.connect(tmp_path / "traces.db")
    rows = str([database.execute(f"SELECT * FROM {name}").fetchall() for (name,) in database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()])  # fmt: skip
    database.close()
    everywhere = (tmp_path / "traces.jsonl").read_text() + rows + str(seen) + "".join(capsys.readouterr())
    for value in (MAIL, "jane", CARD, "1111", "078-05-1120"):
        assert value not in everywhere
    for tag in ("[EMAIL]", "[CREDIT_CARD]", "[SSN]"):
        assert tag in everywhere
    assert CARD in answer.choices[0].message.content
    assert MAIL in json.dumps(chat.requests)


def test_warnings_say_what_was_removed_and_how_often() -> None:
    """GUARD-2: category and count, not the value."""
    span = redacted(input=f"{MAIL} {MAIL}", output="10.0.0.1")
    assert span.attributes["guardrail_warnings"] == [
        "PIIRedact: email × 2 in input → [EMAIL]",
        "PIIRedact: ip_address × 1 in output → [IP_ADDRESS]",
    ]
    assert "guardrail_warnings" not in redacted(input="nothing").attributes


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "user", "content": f'line\n{MAIL}\nfor "{CARD}"'}],
        {"arguments": json.dumps({"to": MAIL, "body": json.dumps({"card": CARD, "note": "\nx@y.org"})})},
        {"card": 4111111111111111, "cards": [4111111111111111, 5500000000000004], "n": 1},
        {"deep": [{"user": {MAIL: "é\u00a0" + MAIL}}]},
    ],
)
@pytest.mark.parametrize("spaces", [None, (",", ":")])
def test_json_inside_of_texts_stays_json(value: Any, spaces: Any) -> None:
    """GUARD-2."""
    text = json.dumps(value, separators=spaces)
    out = redacted(input=text, payload=text.encode()).attributes["input"]
    json.loads(out)
    span = redacted(input=text, payload=json.dumps({"request": value}).encode())
    assert isinstance(span.payload, dict)
    for left in (out, json.dumps(span.payload)):
        assert "example.com" not in left and "4111" not in left and "5500" not in left and "y.org" not in left


def test_a_cut_json_text_is_cleaned_too() -> None:
    """Attributes may be cut in the middle of JSON."""
    out = redacted(input='[{"content": "a\\nbob@example.com and ' + CARD + " and …").attributes["input"]
    assert out == '[{"content": "a\\n[EMAIL] and [CREDIT_CARD] and …'


def test_every_text_of_a_span_is_looked_through() -> None:
    """GUARD-2: error texts, documents, tool arguments; who and which stay."""
    span = redacted(
        error=f"no mailbox {MAIL}",
        stack_trace=f"File x\n{MAIL}",
        tool_args={"to": MAIL},
        evidence_chunks=[{"text": MAIL}],
        user_id=MAIL,
        tokens_input=4111111111111111,
    )
    attributes = dict(span.attributes)
    assert (attributes.pop("user_id"), attributes.pop("tokens_input")) == (MAIL, 4111111111111111)
    assert MAIL not in str(attributes)


def test_one_field_only() -> None:
    """GUARD-2: fields."""
    payload = {"request": {"content": MAIL}, "response": {"content": MAIL}}
    span = redacted(peekr.guard.PIIRedact(fields=["output"]), json.dumps(payload).encode(), input=MAIL, output=MAIL)
    assert (span.attributes["input"], span.attributes["output"]) == (MAIL, "[EMAIL]")
    assert span.payload == {"request": {"content": MAIL}, "response": {"content": "[EMAIL]"}}


def test_some_categories_only() -> None:
    """GUARD-2: categories."""
    guard = peekr.guard.PIIRedact(categories=["email"])
    assert guard.redact(f"{MAIL} {CARD}") == f"[EMAIL] {CARD}"


@pytest.mark.parametrize(
    "settings",
    [{"categories": ["emails"]}, {"categories": "email"}, {"categories": []}, {"fields": ["x"]}, {"fields": "input"},
     {"engine": "magic"}],
)  # fmt: skip
def test_what_cannot_work_is_refused(settings: Any) -> None:
    """GUARD-2: an unknown category is a ValueError."""
    with pytest.raises(ValueError):
        peekr.guard.PIIRedact(**settings)


def test_what_a_guardrail_names_wins_over_default_redaction(chat: Any) -> None:
    """IFACE-9: [CREDIT_CARD] rather than what default redaction would write; evaluators see the redacted text."""
    judged = []

    class Seen(peekr.eval.BaseEvaluator):
        def evaluate(self, span: Any) -> float:
            judged.append(span.attributes["input"])
            return 1.0

    guardrails = [peekr.guard.PIIRedact()]
    with record(plugins=["openai"], guardrails=guardrails, evaluators=[Seen()]) as recording:
        chat.ask(f"card {CARD} of {MAIL}")
        assert "card [CREDIT_CARD] of [EMAIL]" in recording.only.attributes["input"]
    assert "card [CREDIT_CARD] of [EMAIL]" in judged[0]


def test_values_behind_the_stored_length_and_at_the_cut_are_gone(chat: Any) -> None:
    """GUARD-2: texts are cut after they are cleaned, so no half of a value is left."""
    with record(plugins=["openai"], guardrails=[peekr.guard.PIIRedact()]) as recording:
        for length in range(930, 975, 5):
            chat.ask("x" * length + " " + MAIL)
        chat.ask("x " * 4000 + MAIL)
        assert "jane" not in json.dumps(recording.records)


def test_presidio_is_used_only_where_it_is_installed() -> None:
    """Issue 5: an adapter for a heavier engine."""
    try:
        import presidio_analyzer  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install presidio-analyzer"):
            peekr.guard.PIIRedact(engine="presidio")
        with pytest.raises(ImportError, match="pip install presidio-analyzer"):
            peekr.guard.PresidioRedact()


def test_presidio_itself_finds_and_replaces() -> None:
    """Issue 5: the real engine, with its patterns; nothing is fetched, and a phone's number is no card's or SSN's."""
    pytest.importorskip("presidio_analyzer", reason="presidio-analyzer is not installed")
    text = "Mail jane@example.com or call +1 415-555-2671; card 4111 1111 1111 1111, SSN 536-90-4399, from 203.0.113.7"
    want = "Mail [EMAIL] or call [PHONE]; card [CREDIT_CARD], SSN [SSN], from [IP_ADDRESS]"
    assert peekr.guard.PIIRedact(engine="presidio").redact(text) == want
    guard = peekr.guard.PresidioRedact(categories=["email", "iban"])
    span = Span("call", kind="llm")
    span.attributes["output"] = '{"to": "jane@example.com", "iban": "DE89 3704 0044 0532 0130 00"}'
    guard.run(span)
    assert span.attributes["output"] == '{"to": "[EMAIL]", "iban": "[IBAN]"}'


def test_names_need_a_model_that_is_not_fetched_unasked() -> None:
    """Issue 5: the sentence says which categories and how to install one."""
    spacy = pytest.importorskip("spacy", reason="presidio-analyzer is not installed")
    pytest.importorskip("presidio_analyzer", reason="presidio-analyzer is not installed")
    if spacy.util.get_installed_models():
        pytest.skip("a language model is installed")
    with pytest.raises(ValueError, match="person, location can only be found by a language model"):
        peekr.guard.PresidioRedact()


def test_presidios_results_are_replaced() -> None:
    """Issue 5: with an engine of the caller's, in the shape of presidio's AnalyzerEngine."""

    class Result:
        def __init__(self, kind: str, start: int, end: int) -> None:
            self.entity_type, self.start, self.end = kind, start, end

    class Engine:
        def analyze(self, text: str, language: str, entities: Any, score_threshold: float) -> Any:
            at = text.find("Jane")
            return [Result("PERSON", at, at + 4)] if at >= 0 and "PERSON" in entities else []

    guard = peekr.guard.PresidioRedact(analyzer=Engine())
    span = redacted(guard, b'{"request":"Jane"}', input="I am Jane", output="Hello")
    assert (span.attributes["input"], span.payload) == ("I am [PERSON]", {"request": "[PERSON]"})
    with pytest.raises(ValueError):
        peekr.guard.PresidioRedact(categories=["nonsense"], analyzer=Engine())
