"""The table of all settings in the documentation, made from the code."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import peekr
from peekr import settings_table
from peekr.settings_table import VARIABLES
from peekr.traceconfig import SETTINGS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_the_documentation_is_up_to_date() -> None:
    """Issue 4, item 5: every setting in one table, generated from the code."""
    text = DOCS.read_text(encoding="utf-8")
    assert text == settings_table.with_table(text), "run: python -m peekr.settings_table docs/configuration.md"


def test_every_setting_is_in_it_once_and_explained() -> None:
    names = [row["name"] for row in settings_table.rows()]
    assert names == sorted({*SETTINGS, *inspect.signature(peekr.instrument).parameters})
    assert [row["name"] for row in settings_table.rows() if not row["meaning"]] == []


def test_every_variable_that_is_read_is_in_it() -> None:
    """Issue 4, item 5. Those of other standards (OpenTelemetry, terminals) are theirs to describe."""
    sources = [path.read_text(encoding="utf-8") for path in DOCS.parents[1].glob("peekr-*/**/src/**/*.py")]
    read = {name for text in sources for name in re.findall(r"""["']((?:PEEKR|TRACE)_[A-Z_]*[A-Z])["']""", text)}
    known = {*VARIABLES, *(row["variable"] for row in settings_table.rows() if row["variable"])}
    assert read - known == set()
    assert sorted(VARIABLES) == list(VARIABLES)


def test_the_command_prints_it_and_writes_it_into_a_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{settings_table.BEGIN}\n(yesterday)\n{settings_table.END}\nafter\n", encoding="utf-8")
    settings_table.main([str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "yesterday" not in text
    printed = subprocess.run(
        [sys.executable, "-m", "peekr.settings_table"], capture_output=True, encoding="utf-8", check=True, timeout=60
    ).stdout
    assert printed == settings_table.table() and printed in text


def test_a_file_without_the_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text", encoding="utf-8")
    with pytest.raises(ValueError, match="marks"):
        settings_table.main([str(page)])
    assert page.read_text(encoding="utf-8") == "text"
