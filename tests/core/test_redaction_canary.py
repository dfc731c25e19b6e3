"""The secret canary: what the environment holds does not leave in a span (issue 4, item 3)."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List

import pytest

from peekr import wire
from peekr.canary import secret_in
from peekr.capture import document, snapshot
from peekr.redaction import Redactor
from peekr.spans import Span

SECRET = "zx81-quite-unlikely"


def line_of(redactor: Redactor, **attributes: Any) -> Dict[str, Any]:
    """Return the record of a redacted span."""
    span = Span("work")
    span.attributes = attributes
    redactor.process(span)
    line: Dict[str, Any] = wire.decode(wire.encode(wire.record(span)))
    return line


def test_a_secret_of_the_environment_is_redacted_and_reported_once(
    monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], List[str]]
) -> None:
    """By the name of its variable, never by its value."""
    monkeypatch.setenv("MY_API_KEY", SECRET)
    redactor = Redactor()
    for _ in range(3):
        shown = line_of(redactor, input=f"use {SECRET}!", deep=[{"a": SECRET}])["attributes"]
        assert (shown["input"], shown["deep"]) == ("use [REDACTED]!", [{"a": "[REDACTED]"}])
    assert len(warnings()) == 1
    assert "MY_API_KEY" in warnings()[0]
    assert SECRET not in warnings()[0]


def test_a_variable_that_is_set_later_is_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may load its .env file after instrument()."""
    redactor = Redactor()
    assert SECRET in json.dumps(line_of(redactor, input=SECRET))
    monkeypatch.setenv("LATER_TOKEN", SECRET)
    assert SECRET not in json.dumps(line_of(redactor, input=SECRET))
    monkeypatch.delenv("LATER_TOKEN")
    assert SECRET not in json.dumps(line_of(redactor, input=SECRET)), "it may still be on its way"


def test_what_was_clean_is_looked_at_again_when_a_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs and outputs without secrets are remembered, as they come again."""
    redactor = Redactor()

    def shown() -> str:
        span = Span("work")
        span._output = snapshot({"said": SECRET})
        redactor.process_batch([span])
        return str(span.attributes["output"])

    assert shown() == shown() == json.dumps({"said": SECRET})
    monkeypatch.setenv("LATER_TOKEN", SECRET)
    assert shown() == shown() == '{"said": "[REDACTED]"}'


def test_a_secret_with_quotes_is_found_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a payload it is written with backslashes, in JSON inside JSON with more of them."""
    hard = 'pa"ss\\wo/rd-ž-9'
    monkeypatch.setenv("DB_PASSWORD", hard)
    redactor, span = Redactor(), Span("work")
    span._payload, _ = document({"a": hard, "b": json.dumps([hard]), "c": "text " + json.dumps([hard])})
    redactor.process(span)
    assert span.payload == {"a": "[REDACTED]", "b": '["[REDACTED]"]', "c": 'text ["[REDACTED]"]'}


def test_the_beginning_of_a_secret_is_found_where_a_text_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cut at 1,000 characters may go through it."""
    monkeypatch.setenv("MY_SECRET", SECRET)
    assert line_of(Redactor(), input=f"say {SECRET[:11]}…")["attributes"]["input"] == "say [REDACTED]…"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OPENAI_API_KEY", SECRET, SECRET),
        ("GITHUB_TOKEN", SECRET, SECRET),
        ("Db_Password", SECRET, SECRET),
        (
            "AWS_SECRET_ACCESS_KEY",
            "/abcdefghijklmnopqrstuvwxyz0123456789ABC",
            "/abcdefghijklmnopqrstuvwxyz0123456789ABC",
        ),
        ("DATABASE_URL", "postgres://bob:s3cr3t-pw@db/x", "s3cr3t-pw"),
        ("USE_TOKEN", "true", ""),
        ("SHORT_KEY", "abc", ""),
        ("MAX_TOKENS", "1000000000", ""),
        ("SSH_KEY", "/home/bob/.ssh/id_rsa", ""),
        ("PASSWORD_FILE", "some-value-here", ""),
        ("TOKEN_URL", "https://example.com/token", ""),
        ("SOME_KEY", "aaaaaaaaaaaa", ""),
        ("DB_PASSWORD", "changeme", ""),
        ("EDITOR", SECRET, ""),
        ("PWD", "/home/bob/somewhere", ""),
    ],
)
def test_secrets_are_told_from_settings(name: str, value: str, expected: str) -> None:
    """By name, and by a value that could be one: no flag, number, path, address or filler."""
    assert secret_in(name, value) == expected


def test_the_canary_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redactor(canary=False)."""
    monkeypatch.setenv("MY_API_KEY", SECRET)
    assert line_of(Redactor(canary=False), input=SECRET)["attributes"]["input"] == SECRET
