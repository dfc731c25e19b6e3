"""``peekr doctor``. What it drives of each SDK is tested with its provider, by the conformance suite."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import textwrap
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List

import pytest
from click.testing import CliRunner

import peekr
from peekr import lifecycle
from peekr_cli.doctor import children, findings, report, stores, versions
from peekr_cli.doctor.command import doctor
from peekr_cli.doctor.findings import Check, SdkFinding
from peekr_cli.terminal import Screen

#: A third party's provider of an SDK of its own, with an entry point for each verdict.
PLUGIN = """
import os
import peekr
from peekr.probes import Absent, Probe, Reply, Suite


class AcmeProvider:
    name = "acme"
    target = "acme_sdk"

    def instrument(self, tracer):
        self.tracer = tracer

    def uninstrument(self):
        pass

    def probes(self):
        return [Suite("acme-sdk", "acme_sdk", answer=lambda request: Reply.json({}), probes=probes)]


def call(url):
    with peekr.span("acme.chat", kind="llm") as span:
        span.attributes["tokens_total"] = 18


def twice(url):
    call(url)
    call(url)


def absent(url):
    raise Absent("chat.batch")


def secrets(url):
    assert not [name for name in os.environ if "KEY" in name or name.startswith("OPENAI")], sorted(os.environ)
    assert os.path.expanduser("~") == os.getcwd()
    call(url)


def leave(url):
    import socket
    socket.create_connection(("192.0.2.1", 80), timeout=3)


def hang(url):
    import time
    time.sleep(60)


def die(url):
    os._exit(7)


def probes():
    mode = open(os.path.join(os.path.dirname(__file__), "mode")).read()
    print("an SDK that talks on stdout")
    modes = {
        "well": [Probe("chat.create", call, tokens=18), Probe("chat.batch", absent),
                 Probe("chat.env", secrets, tokens=18), Probe("live", untraced="a websocket"),
                 Probe("chat.leave", leave)],
        "ill": [Probe("chat.create", call, tokens=18), Probe("chat.blind", lambda url: None, tokens=18),
                Probe("chat.double", twice, tokens=18), Probe("chat.hang", hang), Probe("chat.last", call, tokens=18)],
        "dead": [Probe("chat.create", call, tokens=18), Probe("chat.die", die), Probe("chat.last", call, tokens=18)],
    }
    return modes[mode]
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs the provider and its SDK in a folder; gives a function that sets what it does."""
    folder = tmp_path / "site"
    for name, metadata, entries in (
        ("acme_sdk", "acme-sdk\nVersion: 1.2.3", ""),
        ("peekr_acme", "peekr-acme\nVersion: 0.1.0", "[peekr.providers]\nacme = peekr_acme:AcmeProvider\n"),
    ):
        info = folder / f"{name}-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {metadata}\n")
        (info / "entry_points.txt").write_text(entries)
    (folder / "acme_sdk.py").write_text("")
    (folder / "peekr_acme.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("peekr_cli.doctor.children.trial", lambda stores: [])
    return lambda mode: (folder / "mode").write_text(mode)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(doctor, list(arguments), catch_exceptions=False)


def verdicts(result: Any) -> Dict[str, str]:
    found = json.loads(result.stdout)
    return {probe["entry"]: probe["verdict"] for sdk in found["sdks"] for probe in sdk["probes"]}


def test_a_third_partys_provider_is_proven(acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 3, item 5: one span with usage; absent; no key, no network; the user's files and tracing as they were."""
    acme("well")
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setenv("PEEKR_PLUGINS", "acme")
    config, environment = lifecycle.current_config(), dict(os.environ)
    result = run("--sdk", "acme-sdk", "--json")
    assert result.exit_code == 0, result.output
    assert verdicts(result) == {
        "chat.create": "ok",
        "chat.batch": "absent",
        "chat.env": "ok",
        "live": "untraced",
        "chat.leave": "undriven",
    }
    found = json.loads(result.stdout)
    (sdk,) = found["sdks"]
    assert (found["schema"], found["ok"], found["peekr"]) == (1, True, peekr.__version__)
    assert (sdk["sdk"], sdk["provider"], sdk["version"], sdk["state"]) == ("acme-sdk", "acme", "1.2.3", "ok")
    first = sdk["probes"][0]
    assert (first["spans"], first["with_usage"], first["tokens"], first["fault"]) == (1, 1, 18, False)
    assert "stays on this machine" in sdk["probes"][-1]["reason"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (lifecycle.current_config(), dict(os.environ)) == (config, environment)


def test_faults_exit_with_1_and_a_probe_that_hangs_does_not_stop_the_others(acme: Any) -> None:
    """Issue 3, item 5: none, two; each probe has a deadline."""
    acme("ill")
    result = run("--sdk", "acme", "--timeout", "0.5", "--json")
    assert result.exit_code == 1
    assert verdicts(result) == {
        "chat.create": "ok",
        "chat.blind": "blind",
        "chat.double": "double",
        "chat.hang": "hung",
        "chat.last": "ok",
    }
    assert [sdk["state"] for sdk in json.loads(result.stdout)["sdks"]] == ["failed"]


def test_a_probe_that_kills_its_process_is_told_and_the_others_go_on(acme: Any) -> None:
    acme("dead")
    result = run("--sdk", "acme")
    assert result.exit_code == 1
    assert "entry point 2 of 3: its process ended with 7" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines() if line.startswith("chat.")]
    assert [line[0] for line in lines] == ["chat.create", "chat.last"]


def test_a_disabled_plugin_is_told_and_not_driven(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 3, item 5: the effect of PEEKR_PLUGINS_DISABLE; CLI."""
    acme("ill")
    monkeypatch.setenv("PEEKR_PLUGINS_DISABLE", "acme")
    result = run("--sdk", "acme", "--json")
    assert result.exit_code == 0
    (sdk,) = json.loads(result.stdout)["sdks"]
    assert (sdk["state"], sdk["reason"], sdk["probes"]) == ("disabled", "disabled by PEEKR_PLUGINS_DISABLE", [])


def test_a_provider_that_cannot_be_imported_fails_with_its_reason(acme: Any, tmp_path: Path) -> None:
    acme("well")
    (tmp_path / "site" / "peekr_acme.py").write_text("import not_there")
    result = run("--sdk", "acme", "--json")
    assert result.exit_code == 1
    (sdk,) = json.loads(result.stdout)["sdks"]
    assert (sdk["state"], sdk["reason"]) == ("failed", "ModuleNotFoundError: No module named 'not_there'")


def test_an_sdk_that_nobody_traces_is_refused(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    acme("well")
    monkeypatch.setenv("PEEKR_PLUGINS", "acme")
    result = run("--sdk", "nothing")
    assert result.exit_code == 2
    assert "no plugin traces nothing" in result.output and "acme-sdk" in result.output


@pytest.mark.skipif(find_spec("peekr_jsonl") is None or find_spec("peekr_sqlite") is None, reason="needs both stores")
def test_the_trial_loads_plugins_and_sends_spans_through_the_stores(tmp_path: Path) -> None:
    """Issue 3, item 5: plugins that fail, dropped spans."""
    checks = children.trial(["jsonl", "sqlite"])
    delivery = [(one.subject, one.state, one.detail) for one in checks if one.check == "delivery"]
    said = "2000 spans from 4 threads written and read back, none dropped"
    assert delivery == [("jsonl", "ok", said), ("sqlite", "ok", said)]
    assert [one.subject for one in checks if one.check == "plugins"][-1] == "all"


def test_stores_are_looked_at_and_not_touched(tmp_path: Path) -> None:
    """Issue 3, item 5: unwritable stores."""
    good, database = tmp_path / "traces.jsonl", tmp_path / "traces.db"
    assert [one.state for one in stores.store_checks(str(good), str(database))] == ["ok", "ok"]
    assert list(tmp_path.iterdir()) == []
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE spans (id)")
    connection.close()
    bytes_before = database.read_bytes()
    assert stores.store_checks(str(good), str(database))[1].detail == f"{database} is there"
    assert (database.read_bytes(), [path.name for path in tmp_path.iterdir()]) == (bytes_before, ["traces.db"])


@pytest.mark.parametrize("kind", ["missing folder", "folder", "no database", "no permission"])
def test_a_store_that_cannot_be_written_fails(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 3, item 5."""
    path = tmp_path / "traces.db"
    if kind == "missing folder":
        path = tmp_path / "no" / "traces.db"
    elif kind == "folder":
        path.mkdir()
    elif kind == "no database":
        path.write_text("notes of mine, and long enough to be read as a header")
    else:
        monkeypatch.setattr(os, "access", lambda *_: False)
    check = stores.store_checks(str(tmp_path / "traces.jsonl"), str(path))[1]
    assert (check.check, check.state) == ("stores", "failed")
    assert str(path) in check.detail


@pytest.mark.parametrize(
    ("version", "wanted", "fit"),
    [
        ("0.1.0", ">=0.1,<0.2", True),
        ("0.2.0", "<0.2,>=0.1", False),
        ("0.1", "==0.1.0", True),
        ("1.10.0", ">=1.9", True),
        ("2.0.0rc1", "<2", False),
        ("1.0", "~=1.0", True),
        ("1.0", "", True),
    ],
)
def test_versions_fit(version: str, wanted: str, fit: bool) -> None:
    assert versions.fits(version, wanted) is fit


def test_distributions_that_do_not_fit_each_other_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 3, item 5: versions mismatched between distributions."""
    assert [one.state for one in versions.version_checks()] == ["ok"]
    info = tmp_path / "peekr_odd-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: peekr-odd\nVersion: 9\nRequires-Dist: peekr-core>=7\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (check,) = versions.version_checks()
    assert (check.state, check.subject) == ("failed", "peekr-odd")
    assert check.detail == f"peekr-odd 9 needs peekr-core>=7, but {peekr.__version__} is installed"


def test_an_sdk_older_than_its_plugin_supports_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "peekr_odd-9.dist-info"
    info.mkdir()
    requires = 'Requires-Dist: odd_sdk>=2; extra == "client"'
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: peekr-odd\nVersion: 9\n{requires}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    old, new = SdkFinding("odd-sdk", "odd", "1.9"), SdkFinding("odd-sdk", "odd", "2.0")
    versions.judge_version(old, "peekr-odd")
    versions.judge_version(new, "peekr-odd")
    assert [(one.state, one.reason) for one in (old, new)] == [
        ("warning", "peekr-odd is made for odd-sdk>=2"),
        ("ok", None),
    ]


def probe(entry: str, verdict: str = "ok", asynchronous: bool = False, **changes: Any) -> Dict[str, Any]:
    found = {"entry": entry, "way": "plain", "asynchronous": asynchronous, "verdict": verdict, "spans": 1}
    return {
        **found,
        "fault": verdict in ("blind", "double"),
        "tokens": 18,
        "expected_tokens": 18,
        "reason": None,
        **changes,
    }


def shown(sdks: List[SdkFinding], checks: List[Check], capsys: Any, quiet: bool = False) -> str:
    report.show(Screen(sys.stdout), sdks, checks, quiet)
    return str(capsys.readouterr().out)


def test_the_report_has_the_twins_side_by_side_and_ends_with_the_verdict(capsys: Any) -> None:
    probes = [
        probe("chat.create"),
        probe("chat.create", asynchronous=True),
        probe("chat.parse", "blind", reason="none"),
    ]
    found = SdkFinding("acme", "acme", "1", probes=probes)
    found.settle()
    text = shown([found, SdkFinding("gone", "acme", state="absent")], [Check("stores", "jsonl")], capsys)
    assert "acme 1 by acme: 2 ok, 1 blind" in text
    assert "chat.create  plain   1 span, 18 tokens  1 span, 18 tokens" in text
    assert "Not installed: gone" in text
    assert text.endswith("3 entry points, 1 at fault. Failed: acme.\n")


def test_quiet_shows_only_what_is_at_fault(capsys: Any) -> None:
    probes = [probe("chat.create"), probe("chat.parse", "blind")]
    text = shown([SdkFinding("acme", "acme", "1", probes=probes)], [Check("stores", "jsonl")], capsys, quiet=True)
    assert "chat.parse" in text and "chat.create" not in text and "stores" not in text


def test_what_a_plugin_says_cannot_move_the_cursor(capsys: Any) -> None:
    found = SdkFinding("acme", "acme", "1", "failed", "\x1b[2Jgone", [probe("chat", "blind", reason="\x1b[31m")])
    assert "\x1b" not in shown([found], [Check("plugins", "x", "failed", "\x1b[2J")], capsys)


def test_the_schema_of_the_json(capsys: Any) -> None:
    found = findings.as_json([SdkFinding("acme", "acme")], [Check("stores", "jsonl", "failed", "no")], 1.23)
    assert list(found) == ["schema", "ok", "peekr", "python", "seconds", "sdks", "checks"]
    assert (found["ok"], found["seconds"]) == (False, 1.2)
    assert list(found["sdks"][0]) == ["sdk", "provider", "version", "state", "reason", "probes"]
    assert found["checks"] == [{"check": "stores", "subject": "jsonl", "state": "failed", "detail": "no"}]


def test_the_help_has_an_example() -> None:
    text = textwrap.dedent(run("--help").stdout)
    assert "peekr doctor --sdk openai" in text and "Exits 1" in text
