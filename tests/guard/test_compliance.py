"""Compliance packs of a server: what is asked of it, and what its rules do (GUARD-10, D-13)."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import peekr

pytest.importorskip("peekr_http")
PROVIDERS = ["openai"] if importlib.util.find_spec("peekr_openai") else []
GuardrailError = peekr.guard.GuardrailError

HIPAA = {
    "name": "HIPAA",
    "rules": [
        {"id": "in-1", "type": "prohibited_input", "pattern": r"patient\s+id"},
        {"id": "out-1", "type": "prohibited_output", "terms": ["diagnosis:"], "message": "no diagnoses"},
        {"id": "out-2", "type": "prohibited_output", "terms": ["maybe"], "action": "warn"},
    ],
}
FINRA = {"name": "FINRA", "rules": [{"id": "d-1", "type": "required_disclosure", "text": "not financial advice"}]}


class Keeper:
    def __init__(self) -> None:
        self.spans: Any = []

    def export(self, span: Any) -> None:
        self.spans.append(span)


@pytest.fixture
def start(packs: Any) -> Any:
    """Instrument with the server's packs; returns what keeps the spans."""

    def start(*names: str) -> Keeper:
        keeper = Keeper()
        peekr.add_exporter(keeper)
        exporter = peekr.HTTPExporter(endpoint=packs.url, api_key="pk_test")
        peekr.instrument(console=False, exporter=exporter, plugins=PROVIDERS, compliance=list(names))
        return keeper

    packs.answer = {"packs": [HIPAA, FINRA]}
    return start


def test_without_an_http_exporter_it_is_refused() -> None:
    """GUARD-10."""
    with pytest.raises(ValueError, match="HTTPExporter"):
        peekr.instrument(console=False, storage=None, compliance=["HIPAA"])


def test_an_empty_list_is_off(packs: Any, start: Any) -> None:
    """GUARD-10."""
    start()
    assert packs.seen == []


def test_rules_are_fetched_with_the_key(packs: Any, start: Any) -> None:
    """GUARD-10: GET {endpoint}/v1/compliance."""
    start("hipaa")
    assert packs.seen == [("/v1/compliance", "Bearer pk_test")]


def test_prohibited_input_does_not_leave(chat: Any, start: Any) -> None:
    """GUARD-10."""
    keeper = start("HIPAA")
    with pytest.raises(GuardrailError):
        chat.ask("The Patient ID is 7")
    assert chat.requests == []
    assert peekr.flush(10)
    (span,) = keeper.spans
    assert span.attributes["compliance_violations"] == [
        {"pack": "HIPAA", "rule": "in-1", "type": "prohibited_input", "message": "HIPAA: prohibited input (in-1)"}
    ]
    assert span.attributes["blocked"] is True


def test_prohibited_output_is_withheld_or_noted(chat: Any, start: Any) -> None:
    """GUARD-10: a rule may only note."""
    keeper = start("HIPAA")
    chat.says("Diagnosis: flu", "maybe", "fine")
    with pytest.raises(GuardrailError, match="no diagnoses"):
        chat.ask()
    chat.ask()
    chat.ask()
    assert peekr.flush(10)
    rules = [[one["rule"] for one in span.attributes.get("compliance_violations", [])] for span in keeper.spans]
    assert rules == [["out-1"], ["out-2"], []]


def test_a_required_disclosure_has_to_be_there(chat: Any, start: Any) -> None:
    """GUARD-10; of a stream too."""
    start("FINRA")
    chat.says("Buy! This is Not Financial Advice.", "Buy!", ["Buy", "!"])
    chat.ask()
    with pytest.raises(GuardrailError):
        chat.ask()
    with pytest.raises(GuardrailError):
        list(chat.ask(stream=True))


def test_an_unknown_pack_is_refused(start: Any) -> None:
    """GUARD-10: names the packs that there are."""
    with pytest.raises(ValueError, match="FINRA, HIPAA"):
        start("GDPR")


def test_a_server_that_is_down_stops_nothing(chat: Any, packs: Any, start: Any) -> None:
    """Design 8: calls go through, and say so."""
    packs.status = 503
    keeper = start("HIPAA")
    chat.ask("The patient id is 7")
    assert peekr.flush(10)
    assert "not at hand" in keeper.spans[0].attributes["guardrail_warnings"][0]


@pytest.mark.parametrize("key", ["type", "rule_type"])
def test_rules_may_stand_beside_the_packs(chat: Any, packs: Any, start: Any, key: str) -> None:
    """GUARD-10: packs and rules as two lists; a pack says what becomes of its violations."""
    rules = [
        {"pack": "FDCPA", key: "prohibited_output", "pattern": "legal action", "description": "no threats"},
        {"pack": "FDCPA", key: "required_disclosure", "pattern": "(this is) an attempt to collect a debt"},
        {"pack": "SOFT", key: "prohibited_input", "pattern": "hello"},
        {"pack": "OTHER", key: "prohibited_input", "pattern": "."},
    ]
    answer = {"packs": [{"name": "FDCPA", "action": "raise"}, {"name": "SOFT", "action": "warn"}], "rules": rules}
    start()  # sets the answer
    packs.answer = answer
    keeper = Keeper()
    peekr.add_exporter(keeper)
    exporter = peekr.HTTPExporter(endpoint=packs.url, api_key="pk_test")
    peekr.instrument(console=False, exporter=exporter, plugins=PROVIDERS, compliance=["FDCPA", "SOFT"])
    disclosure = "(This is) an attempt to collect a debt."
    chat.says(f"We take legal action. {disclosure}", disclosure, "Pay.")
    with pytest.raises(GuardrailError, match="no threats"):
        chat.ask("hello")
    chat.ask("hi")
    with pytest.raises(GuardrailError):
        chat.ask("hi")
    assert peekr.flush(10)
    first = [one["type"] for one in keeper.spans[0].attributes["compliance_violations"]]
    assert first == ["prohibited_input", "prohibited_output"]


@pytest.mark.parametrize("answer", [{"packs": [], "rules": []}, {"rules": []}, {"packs": ["HIPAA"]}])
def test_a_server_without_rules_is_no_mistake(chat: Any, packs: Any, start: Any, answer: Any) -> None:
    """GUARD-10: it may get them later; nothing is held up meanwhile."""
    start()
    packs.answer = answer
    exporter = peekr.HTTPExporter(endpoint=packs.url, api_key="pk_test")
    peekr.instrument(console=False, exporter=exporter, plugins=PROVIDERS, compliance=["HIPAA"])
    assert chat.ask("diagnosis").choices
