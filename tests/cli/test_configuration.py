"""``peekr init`` and ``peekr config`` (contract CLI-3, CLI-9, CONF-3, CONF-8, C-18)."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

PROFILES = {"production": (0.01, True, "WARNING"), "development": (0.5, True, "INFO"), "debug": (1.0, False, "DEBUG")}


class InProcess:
    """The command in this process and the test's directory: many short calls, without an interpreter for each."""

    def __init__(self, capsys, monkeypatch):
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def _run(self, arguments, environment):
        from peekr_cli.main import _run

        with self._monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            code = _run([str(each) for each in arguments])
        return code, self._capsys.readouterr()

    def __call__(self, *arguments, **environment):
        code, said = self._run(arguments, environment)
        assert code == 0, said
        return said.out

    def fails(self, *arguments, code=1, **environment):
        got, said = self._run(arguments, environment)
        assert (got, "Traceback" in said.err) == (code, False), said
        return said.err


@pytest.fixture
def peekr(tmp_path, capsys, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("TRACE_", "PEEKR_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return InProcess(capsys, monkeypatch)


def shown(peekr, **environment):
    return json.loads(peekr("config", "--show", **environment))


def needs_sqlite():
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")


def test_a_profile_stays_for_later_processes(peekr):
    """CLI-9, C-18; example E4-03."""
    for name, (rate, compressed, level) in PROFILES.items():
        assert name in peekr("config", "--profile", name)
        settings = shown(peekr)
        assert settings["profile"] == name
        assert (settings["sample_rate"], settings["compression_enabled"], settings["log_level"]) == (
            rate,
            compressed,
            level,
        )
        assert settings["encryption_enabled"] is False
    assert shown(peekr, TRACE_ENCRYPTION_KEY="k", TRACE_PROFILE="production")["encryption_enabled"] is True


def test_the_brief_text_names_what_matters(peekr):
    """CLI-9"""
    text = peekr("config", TRACE_SAMPLE_RATE="0.25", TRACE_DB_PATH="mine.db")
    assert "0.25" in text and "mine.db" in text and "encryption   off" in text


def test_every_setting_is_shown_and_secrets_are_masked(peekr):
    """CLI-9"""
    text = peekr("config", "--show", TRACE_ENCRYPTION_KEY="hunter2", TRACE_API_KEY="hunter3")
    settings = json.loads(text)
    assert "hunter" not in text
    assert settings["encryption_key"] == settings["api_key"] == "********"
    assert len(settings) == 27


def test_choosing_a_profile_keeps_the_other_settings_of_the_file(peekr, tmp_path):
    """CLI-9"""
    (tmp_path / "peekr.config.json").write_text('{"retention_days": 9}', encoding="utf-8")
    peekr("config", "--profile", "debug", "--show")
    assert json.loads((tmp_path / "peekr.config.json").read_text()) == {"retention_days": 9, "profile": "debug"}


def test_another_file_may_be_named(peekr, tmp_path):
    """C-18"""
    path = tmp_path / "elsewhere.json"
    peekr("config", "--profile", "debug", PEEKR_CONFIG=str(path))
    assert json.loads(path.read_text()) == {"profile": "debug"}
    assert not (tmp_path / "peekr.config.json").exists()
    assert shown(peekr, PEEKR_CONFIG=str(path))["profile"] == "debug"


def test_what_is_wrong_is_said_in_a_sentence(peekr, tmp_path):
    """CLI-11, CONF-5"""
    assert "Invalid value for '--profile'" in peekr.fails("config", "--profile", "fast", code=2)
    assert "TRACE_SAMPLE_RATE" in peekr.fails("config", TRACE_SAMPLE_RATE="7")
    (tmp_path / "peekr.config.json").write_text("{", encoding="utf-8")
    for command in (["config"], ["config", "--profile", "debug"], ["init"]):
        assert "peekr.config.json is no JSON" in peekr.fails(*command)


@pytest.mark.skipif(sys.platform == "win32" or getattr(os, "geteuid", lambda: 1)() == 0, reason="root may write all")
def test_a_directory_that_cannot_be_written_is_said_in_a_sentence(peekr, tmp_path):
    """CLI-11"""
    tmp_path.chmod(0o500)
    try:
        assert "cannot read or write" in peekr.fails("config", "--profile", "debug")
    finally:
        tmp_path.chmod(0o700)


def test_init_makes_a_file_and_a_database(peekr, tmp_path):
    """CLI-3; example E4-02: it prints path, sample rate and encryption state."""
    needs_sqlite()
    text = peekr("init")
    assert "peekr.config.json" in text and "traces.db" in text
    assert "sample rate  1" in text and "encryption   off" in text
    assert json.loads((tmp_path / "peekr.config.json").read_text())["db_path"] == "traces.db"
    assert json.loads(peekr("query", "traces.db", "SELECT COUNT(*) n FROM spans", "--json")) == [{"n": 0}]


def test_init_without_a_storage_leaves_nothing_half_made(peekr, tmp_path):
    """CLI-3, PKG-6."""
    assert "'sqlite'" in peekr.fails("init", PEEKR_PLUGINS_DISABLE="sqlite")
    assert list(tmp_path.iterdir()) == []


def test_init_again_keeps_settings_and_data(peekr, tmp_path):
    """CLI-3"""
    needs_sqlite()
    peekr("init", "--profile", "debug")
    import peekr as core

    core.instrument(console=False, storage="sqlite", db_path=str(tmp_path / "traces.db"), plugins=[])
    with core.span("kept"):
        pass
    core.uninstrument()
    (tmp_path / "peekr.config.json").write_text('{"profile": "debug", "retention_days": 3}', encoding="utf-8")
    peekr("init")
    assert json.loads(peekr("query", "traces.db", "SELECT name FROM spans", "--json")) == [{"name": "kept"}]
    assert json.loads((tmp_path / "peekr.config.json").read_text()) == {"profile": "debug", "retention_days": 3}


def test_init_for_production_makes_a_key_and_uses_it(peekr, tmp_path):
    """CONF-8, CLI-3: mode 0600, beside the database."""
    needs_sqlite()
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    (tmp_path / "data").mkdir()
    database = str(tmp_path / "data" / "t.db")
    text = peekr("init", "--profile", "production", TRACE_DB_PATH=database)
    key = tmp_path / "data" / "t.db.key"
    assert "encryption   on" in text and "t.db.key" in text and "sample rate  0.01" in text
    if sys.platform != "win32":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first = key.read_text()
    assert first.strip() not in text
    settings = shown(peekr)
    assert settings["encryption_enabled"] is True and settings["encryption_key"] == "********"
    peekr("init", "--profile", "production", TRACE_DB_PATH=database)
    assert key.read_text() == first
    peekr("config", "--profile", "debug")
    peekr("config", "--profile", "production")
    assert shown(peekr)["encryption_enabled"] is True


def test_what_the_key_encrypts_can_be_read_back(peekr, tmp_path):
    """CONF-8, PIPE-7: by a program and the commands in the same directory."""
    needs_sqlite()
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    import subprocess

    peekr("init", "--profile", "production")
    program = (
        "import peekr\nwith peekr.trace.run('r') as run:\n    assert run\n    run.final(answer='the nightingale')\n"
        "peekr.shutdown()"
    )
    environment = {**os.environ, "TRACE_SAMPLE_RATE": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert b"nightingale" not in (tmp_path / "traces.db").read_bytes()
    assert "nightingale" in peekr("view", "--io", "traces.db")


def test_a_key_from_the_environment_needs_no_file(peekr, tmp_path: Path):
    """CONF-8"""
    needs_sqlite()
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    assert "encryption   on" in peekr("init", "--profile", "production", TRACE_ENCRYPTION_KEY="k")
    assert not (tmp_path / "traces.db.key").exists()
