"""Our own exporters through the suite that a third party inherits."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Sequence

import pytest

import peekr
from peekr.console import ConsoleExporter
from peekr.spans import Span
from peekr.testing import MemoryExporter
from peekr.testing.conformance import ExporterConformance


class TestMemoryExporter(ExporterConformance):
    def make_exporter(self) -> MemoryExporter:
        return MemoryExporter()

    def read_back(self, exporter: Any) -> Sequence[Span]:
        return exporter.spans


class TestConsoleExporter(ExporterConformance):
    def make_exporter(self) -> ConsoleExporter:
        return ConsoleExporter(io.StringIO())


class _File(ExporterConformance):
    path: Path

    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "traces"

    def read_back(self, exporter: Any) -> Sequence[Span]:
        with peekr.open_store(self.path) as store:
            return list(store.iter_spans())


class TestJSONLExporter(_File):
    entry_point = "jsonl"

    def make_exporter(self) -> Any:
        return peekr.JSONLExporter(str(self.path))


class TestSQLiteExporter(_File):
    entry_point = "sqlite"

    def make_exporter(self) -> Any:
        return peekr.SQLiteExporter(str(self.path))
