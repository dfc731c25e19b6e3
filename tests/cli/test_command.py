"""The ``peekr`` command itself (contract CLI-10, CLI-11, PKG-6, PKG-12)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from peekr_cli import lazy

OWN = ["config", "demo", "init", "plugins", "query", "view"]


@pytest.fixture
def install(tmp_path: Path, peekr):
    """Installs a distribution of somebody else's: modules, and entry points in the group ``peekr.commands``."""

    def install_distribution(entries, group="peekr.commands", name="acme-peekr", **modules):
        site = tmp_path / "site"
        info = site / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = "".join(f"{key} = {value}\n" for key, value in entries.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        before = peekr.environment.get("PYTHONPATH")
        peekr.environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), before]))

    return install_distribution


GOOD = """
import click

@click.command()
@click.argument("name")
def hello(name):
    "Greet somebody."
    click.echo("hello " + name)
    return 7
"""


def test_the_version_is_that_of_the_core(peekr):
    """PKG-12."""
    import peekr as core

    assert peekr("--version").split() == ["peekr", core.__version__]


@pytest.mark.parametrize("module", ["peekr", "peekr.cli"])
def test_it_runs_as_a_module(peekr, module):
    """CLI-10."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], env=peekr.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: peekr ")


def test_without_peekr_cli_the_core_says_how_to_get_it(peekr, tmp_path):
    """PKG-6: never a bare ImportError."""
    hide = (
        "import sys; sys.modules['peekr_cli'] = None\n"
        "import importlib.abc, runpy\n"
        "class Gone(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'peekr_cli': raise ModuleNotFoundError(name, name='peekr_cli')\n"
        "del sys.modules['peekr_cli']; sys.meta_path.insert(0, Gone())\n"
        "runpy.run_module('peekr', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide], env=peekr.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Install it with: pip install peekr-cli"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", OWN)
def test_every_command_has_help(peekr, command):
    """CLI-11: in the list, with a line that is not cut, and for itself."""
    (line,) = (line for line in peekr("--help").splitlines() if line.split()[:1] == [command])
    assert line.endswith(".")
    assert not line.endswith("...")
    assert peekr(command, "--help").startswith(f"Usage: peekr {command} ")


def test_without_a_command_it_shows_what_there_is(peekr):
    """CLI-11: exit code 0, with every version of click."""
    assert peekr() == peekr("--help")


def test_an_unknown_command_exits_with_2(peekr):
    """CLI-11."""
    assert "No such command 'frobnicate'" in peekr.fails("frobnicate", code=2)


def test_a_wrong_option_exits_with_2(peekr):
    """CLI-11."""
    assert "--frobnicate" in peekr.fails("view", "--frobnicate", code=2)


def test_a_strangers_command_is_a_command(peekr, install):
    """CLI-11, PKG-6: listed with its help, run with its arguments; what it returns is no exit code."""
    install({"hello": "acme:hello"}, acme=GOOD)
    assert "Greet somebody." in peekr("--help")
    assert peekr("hello", "you") == "hello you\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import not_installed", "No module named 'not_installed'"),
        ("raise SystemExit(3)", "SystemExit"),
        ("def hello(): pass", "no click command"),
        ("hello = 1 /", "SyntaxError"),
        ("other = 1", "AttributeError"),
        ("raise ValueError('red \\x1b[31m')", "\\x1b[31m"),
    ],
)
def test_a_broken_command_harms_no_other_and_says_why_when_called(peekr, install, source, reason):
    """PKG-6: listed as broken, exit 1 with a sentence."""
    install({"hello": "acme:hello"}, acme=source)
    listed = peekr("--help")
    assert all(f"\n  {name} " in listed for name in [*OWN, "hello"])
    said = peekr.fails("hello", "--any", "thing")
    assert reason in said
    assert "\x1b" not in said
    assert "peekr plugins check" in said


def test_a_command_that_is_not_called_is_not_imported(peekr, install):
    """Start-up stays fast whatever is installed; the version needs no command at all."""
    install({"hello": "acme:hello"}, acme="print('imported')\n" + GOOD)
    assert "imported" not in peekr("--version")
    assert "imported" not in peekr("plugins", "list")
    assert "imported" in peekr("hello", "you")


def test_a_stranger_cannot_take_the_name_of_a_command_of_ours(peekr, install):
    """PKG-6: what `peekr view` does must not depend on what else is installed."""
    install({"view": "acme:hello"}, acme=GOOD)
    assert "Show the traces" in peekr("view", "--help")


def test_a_command_of_a_distribution_that_is_missing_says_how_to_get_it(monkeypatch):
    """PKG-6."""
    from click.testing import CliRunner

    from peekr_cli.main import cli

    monkeypatch.setattr(lazy, "FIRST_PARTY", {**lazy.FIRST_PARTY, "fly": "peekr-wings"})
    result = CliRunner().invoke(cli, ["fly", "--high"])
    assert result.exit_code == 2
    assert "'fly' needs the distribution 'peekr-wings'" in result.output
    assert result.output.endswith("Install it with: pip install peekr-wings\n")


def test_a_disabled_command_is_gone(peekr, install):
    """PKG-6."""
    install({"hello": "acme:hello"}, acme=GOOD)
    assert "hello" not in peekr("--help", PEEKR_PLUGINS_DISABLE="hello")
    peekr.fails("hello", "you", code=2, PEEKR_PLUGINS_DISABLE="acme")


def test_the_hook_peekr_cli_may_change_the_group(peekr, install):
    """The hook of peekr.hookspecs: called once, before parsing."""
    install(
        {"acme": "acme_hooks"},
        group="peekr.hooks",
        acme_hooks=(
            "import click\nfrom peekr.hookspecs import hookimpl\n"
            "@hookimpl\ndef peekr_cli(group):\n"
            "    group.add_command(click.Command('extra', callback=lambda: print('ran')))\n"
        ),
    )
    assert peekr("extra") == "ran\n"
    assert "extra" in peekr("--help")


def test_a_hook_that_fails_is_named_and_harms_nothing(peekr, install):
    """PKG-6."""
    source = "from peekr.hookspecs import hookimpl\n@hookimpl\ndef peekr_cli(group):\n    raise ValueError('no')\n"
    install({"acme": "acme_hooks"}, group="peekr.hooks", acme_hooks=source)
    done = peekr.run("--help")
    assert done.returncode == 0
    assert done.stderr == "peekr: the hook peekr_cli of 'acme' failed: ValueError: no\n"


def test_plugins_are_listed_from_metadata(peekr, install):
    """IFACE-7."""
    install({"hello": "acme:hello"}, acme="raise ValueError('never imported')")
    (line,) = (line for line in peekr("plugins").splitlines() if "acme-peekr" in line)
    assert line.split() == ["peekr.commands", "hello", "acme-peekr", "1.2", "installed"]


def test_check_loads_every_plugin_and_exits_with_1_when_one_is_broken(peekr, install):
    """IFACE-7, and what was found is known to the next `plugins list`."""
    assert "none is broken" in peekr("plugins", "check")
    install({"hello": "acme:hello"}, acme="raise ValueError('as\\nit is')")
    for arguments in (["check"], ["list", "--check"], ["--check"]):
        (line,) = (line for line in peekr("plugins", *arguments, code=1).splitlines() if "acme-peekr" in line)
        assert line.split(maxsplit=5)[4:] == ["failed", "ValueError: as it is"]
    assert "failed" in peekr("plugins", "list")


def test_plugins_as_json(peekr, install):
    """IFACE-7, for programs."""
    import json

    install({"hello": "acme:hello"}, acme="raise ValueError('broken')")
    (info,) = (info for info in json.loads(peekr("plugins", "list", "--json")) if info["distribution"] == "acme-peekr")
    assert (info["group"], info["name"], info["version"], info["state"]) == (
        "peekr.commands",
        "hello",
        "1.2",
        "installed",
    )
    checked = json.loads(peekr("plugins", "check", "--json", code=1))
    assert [info["reason"] for info in checked if info["state"] == "failed"] == ["ValueError: broken"]


def test_plugins_on_a_terminal_are_coloured(peekr, install):
    """A broken one catches the eye."""
    install({"hello": "acme:hello"}, acme="raise ValueError('broken')")
    peekr("plugins", "check", code=1)
    assert "\x1b[31m" in peekr.on_terminal("plugins", columns=120)


def _commands():
    import click

    from peekr_cli.main import cli

    context = click.Context(cli)
    ours = [entry for entry in lazy.entry_points(lazy.GROUP) if entry.value.startswith("peekr_")]
    return {entry.name: cli.get_command(context, entry.name) for entry in ours}


def test_the_help_shows_every_line_whole():
    """issue 6.5: in a terminal of 80 columns no command's description ends in dots."""
    commands = _commands()
    room = 80 - 6 - max(map(len, commands))
    cut = [name for name, command in commands.items() if command.get_short_help_str(room).endswith("...")]
    assert cut == []


def test_every_help_has_an_example():
    """issue 6.5: help texts with an example each, those of sub-commands too."""
    commands = _commands()
    commands.update({f"plugins {name}": command for name, command in commands["plugins"].commands.items()})
    bare = [name for name, command in commands.items() if f"peekr {name}" not in command.help]
    assert bare == []


def test_every_option_says_what_it_does_and_examples_fit_a_terminal():
    """issue 6.5: also of the commands of other distributions."""
    import click

    for name, command in _commands().items():
        silent = [each.opts for each in command.params if isinstance(each, click.Option) and not each.help]
        wide = [line for line in command.help.splitlines() if line.strip().startswith("peekr ") and len(line) > 90]
        assert (name, silent, wide) == (name, [], [])


LISTED = """
import importlib.metadata, sys
real, calls = importlib.metadata.entry_points, []
importlib.metadata.entry_points = lambda **given: calls.append(1) or real(**given)
sys.argv = ["peekr", "view", sys.argv[1]]
from peekr_cli.start import main
try:
    main()
except SystemExit:
    print(len(calls), file=sys.stderr)
"""


def test_what_is_installed_is_listed_once(peekr, tmp_path):
    """issue 6, figures: hooks, commands and stores come of one scan of the disk, or of none where it is cached."""
    (tmp_path / "t.jsonl").write_text("")
    command = [sys.executable, "-c", LISTED, str(tmp_path / "t.jsonl")]
    done = subprocess.run(command, env=peekr.environment, capture_output=True, text=True, timeout=60)
    assert "has no spans yet" in done.stdout and done.stderr.strip() in ("0", "1")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full disk to write to")
def test_output_that_cannot_be_written_is_a_sentence(peekr, tmp_path):
    """CLI-11: a full disk is no traceback, and no success, whether the output is short or long."""
    path = tmp_path / "t.jsonl"
    span = {"trace_id": "ab" * 16, "parent_id": None, "name": "step", "start_time": 1.0, "status": "ok"}
    lines = (json.dumps({**span, "span_id": f"{at:016x}", "attributes": {"output": "x" * 100}}) for at in range(200))
    path.write_text("\n".join(lines) + "\n")
    for arguments in (["stats", path], ["view", path, "--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                peekr.command(*arguments), env=peekr.environment, stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("Error: the output cannot be written: No space left")


def test_without_standard_output_nothing_breaks(peekr, tmp_path):
    """CLI-11: closed by the shell, or never opened by a service."""
    path = tmp_path / "t.jsonl"
    path.write_text("")
    command = [sys.executable, "-c", "import os, sys; os.close(1); os.execv(sys.executable, sys.argv[1:])"]
    done = subprocess.run(
        [*command, *peekr.command("stats", path)], env=peekr.environment, stderr=subprocess.PIPE, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
