"""The recipes for a slow step and for token growth, run as they stand in docs/recipes.md (EX-3, issue 6 item 6)."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")

RECIPES = Path(__file__).parents[2] / "docs" / "recipes.md"


@pytest.fixture
def follow(tmp_path: Path, peekr: Any, invoke: Any) -> Callable[[str], Dict[str, str]]:
    """Does what a section says; returns what its commands printed, by command."""

    def run(title: str) -> Dict[str, str]:
        section = RECIPES.read_text(encoding="utf-8").split(f"## {title}", 1)[1].split("\n## ", 1)[0]
        for name, text in re.findall(r"```python\n# (\S+)\n(.*?)```", section, re.DOTALL):
            (tmp_path / name).write_text(text, encoding="utf-8")
        out = {}
        for line in "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).splitlines():
            words = shlex.split(line)
            if words[0] == "peekr":
                out[line] = invoke(*words[1:]).stdout
            else:
                command = [sys.executable, *words[1:]]
                subprocess.run(command, cwd=tmp_path, env=peekr.environment, check=True, timeout=60)
        return out

    return run


def test_a_slow_step(follow: Callable[[str], Dict[str, str]]) -> None:
    """EX-3, E0-05: the step that takes the time comes first, and the input with which it does."""
    traces, steps, inputs, view = follow("A step is slow").values()
    assert len(traces.splitlines()) == 5
    assert steps.splitlines()[2].split()[0] == "tool.search_web"
    assert "news today" in inputs.splitlines()[2]
    assert view.count("tool.search_web") == 3


def test_token_growth(follow: Callable[[str], Dict[str, str]]) -> None:
    """EX-3, E0-06, E0-07: what is sent grows with each turn; keeping the last messages bounds it."""
    traces, turns, after, before = follow("Every turn costs more").values()
    tokens = [int(line.split()[5]) for line in traces.splitlines()[2:]]
    assert tokens == sorted(tokens, reverse=True) and len(tokens) == 12
    sent = [int(line.split()[0]) for line in turns.splitlines()[2:]]
    assert sent == sorted(sent) and sent[-1] > 10 * sent[0]
    (most_after, total_after), (most_before, total_before) = (
        map(int, text.splitlines()[2].split()) for text in (after, before)
    )
    assert most_after < most_before / 2 and total_after < total_before
