"""Secrets in what peekr itself says: its log, and the errors that stats() shows (issue 4, PIPE-2, PIPE-3)."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

import peekr

SECRETS = ("hunter2", "abcdefgh123456", "canary-0123456789")
SAID = f"refused: password={SECRETS[0]}, Bearer {SECRETS[1]}, {SECRETS[2]}"


class Talkative:
    """An exporter whose errors quote what it was given."""

    def export(self, span: Any) -> None:
        raise RuntimeError(SAID)


class TalkativeSampler:
    def should_sample(self, run_id: str, run_name: str, config: Any) -> bool:
        raise RuntimeError(SAID)


def found(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", SECRETS[2])


def test_an_exporters_error_is_told_without_the_secrets_in_it(caplog: pytest.LogCaptureFixture) -> None:
    """PIPE-2, PIPE-3, IFACE-6: in the log and in stats()."""
    peekr.instrument(console=False, exporter=Talkative(), plugins=[])
    with peekr.span("a"):
        pass
    assert peekr.flush(10)
    stats = json.dumps(peekr.stats())
    assert "refused" in caplog.text and "refused" in stats
    assert not found(caplog.text) and not found(stats)


def test_a_traceback_is_told_without_the_secrets_in_it(caplog: pytest.LogCaptureFixture) -> None:
    """PIPE-2: the formatted exception is part of what is logged."""
    peekr.instrument(console=False, exporter=Talkative(), sampler=TalkativeSampler(), plugins=[])
    with peekr.span("a"):
        pass
    record = next(each for each in caplog.records if each.exc_info and "Sampler" in each.getMessage())
    text = logging.Formatter().format(record)
    assert "Traceback" in text and "refused" in text and not found(text)


def test_own_words_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    """PIPE-3: a message without arguments is no text of the program's."""
    peekr.instrument(console=False, exporter=Talkative(), plugins=[])
    logging.getLogger("peekr").warning("set token: yours, please")
    assert "set token: yours, please" in caplog.text


def test_nothing_is_taken_out_where_redaction_is_off(caplog: pytest.LogCaptureFixture) -> None:
    """D-5: instrument(redact=False)."""
    peekr.instrument(console=False, exporter=Talkative(), redact=False, plugins=[])
    with peekr.span("a"):
        pass
    assert peekr.flush(10)
    assert found(caplog.text) == list(SECRETS)
    assert found(json.dumps(peekr.stats())) == list(SECRETS)
