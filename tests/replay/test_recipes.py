"""The program of README.md, and the recipes of docs/recipes.md that diff and replay belong to, run as they stand there
(EX-3, issue 6 item 6)."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("peekr_cli", reason="peekr-cli is not installed")

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes.md"


def recipe(title):
    """The text of a section, its programs by file name, and its commands."""
    section = RECIPES.read_text(encoding="utf-8").split(f"## {title}", 1)[1].split("\n## ", 1)[0]
    programs = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", section, re.DOTALL))
    commands = [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    return section, programs, commands


@pytest.fixture
def follow(tmp_path):
    """Does what a recipe says in an empty directory; returns what its commands printed, by command."""

    def run(programs, commands):
        for name, text in programs.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        out = {}
        for line in commands:
            words = shlex.split(line)
            if words[0] == "echo":
                (tmp_path / words[-1]).write_text(words[1] + "\n", encoding="utf-8")
                continue
            start = [sys.executable, "-m", "peekr"] if words[0] == "peekr" else [sys.executable]
            done = subprocess.run(
                [*start, *words[1:]], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=60
            )
            assert done.returncode == 0, done
            out[line] = done.stdout
        return out

    return run


def without_figures(tree):
    """A tree but for what is different each time: the trace's id, times and tokens."""
    return re.sub(r"Trace \w{8}|[\d,.]+(ms|tok)|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "#", tree)


def test_the_program_of_the_readme_gives_the_tree_of_the_readme(api, follow):
    """issue 2 item 1: the README says only what works."""
    api.says = lambda body: "I could not find any details about this user."
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ((name, program),) = re.findall(r"```python\n# (\S+)\n(.*?)```", readme, re.DOTALL)
    ((command, tree),) = re.findall(r"```console\n\$ (.*?)\n(.*?)```", readme, re.DOTALL)
    out = follow({name: program}, [f"python {name}", command])
    assert without_figures(out[command].strip()) == without_figures(tree.strip())


def test_prod_versus_local(follow):
    """EX-3, E0-08: the lines that the recipe shows are the ones that are printed."""
    section, programs, commands = recipe("It works here and not in production")
    out = follow(programs, commands)["peekr diff local.jsonl prod.jsonl"]
    shown = section.split("```\n__main__", 1)[1].split("```", 1)[0]
    assert f"\n__main__{shown}" in out
    assert "agent returned something else for the same input  (a step inside of it differs, too)" in out


def test_a_wrong_answer(api, follow):
    """EX-3: view shows the empty output of the tool; replay shows that the right prompt gives the right answer."""
    api.says = lambda body: "14 days." if "14 days" in body["messages"][0]["content"] else "I do not know."
    _, programs, commands = recipe("The answer is wrong")
    out = follow(programs, commands)
    view = out["peekr view --io traces.db"]
    assert "tool.policy" in view and '"refunds"' in view and 'out: ""' in view
    replay = out["peekr replay traces.db --run --yes --system-file prompt.txt"]
    assert "   old: I do not know.\n   new: 14 days.\n" in replay
