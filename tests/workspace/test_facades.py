"""Every name that a facade resolves at run time is one that checkers see, and the other way round (style 4)."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Set

import pytest

from peekr._facade import FIRST_PARTY

FACADES = {
    "peekr.eval": ["peekr.evaluators"],
    "peekr.guard": ["peekr.guardrails"],
    "peekr.alert": ["peekr.alerts", "peekr.sinks"],
    "peekr.exporters": ["peekr.exporters"],
}


def typed_names(module: str) -> Set[str]:
    """Names that the module imports from plugins, for checkers only."""
    tree = ast.parse(Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname
        for node in found
        if (node.module or "").startswith("peekr_")
        for alias in node.names
        if alias.asname is not None
    }


def test_the_command_line_knows_whose_commands_may_be_missing() -> None:
    """PKG-6: `peekr cost` without peekr-cost says what to install."""
    from peekr_cli.lazy import FIRST_PARTY as COMMANDS

    found = {}
    for path in Path(__file__).parents[2].glob("peekr-*/*/pyproject.toml"):
        project, _, entries = path.read_text(encoding="utf-8").partition('[project.entry-points."peekr.commands"]\n')
        distribution = re.search(r'^name = "(.*)"', project, re.M)
        for name in re.findall(r"^([\w-]+) = ", entries.partition("\n[")[0], re.M):
            found[name] = distribution[1] if distribution else ""
    assert {name: home for name, home in found.items() if home != "peekr-cli"} == COMMANDS


@pytest.mark.parametrize("module", FACADES)
def test_checkers_see_the_names_that_resolve(module: str) -> None:
    known = {name for group in FACADES[module] for name in FIRST_PARTY[group]}
    assert typed_names(module) == known
