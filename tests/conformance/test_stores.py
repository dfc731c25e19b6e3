"""Our own stores through the suite that a third party inherits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import pytest

import peekr
from peekr.spans import Span
from peekr.testing.conformance import StoreConformance


class _Written(StoreConformance):
    path: Path

    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "traces"

    def exporter(self) -> Any:
        raise NotImplementedError

    def make_target(self, spans: Sequence[Span]) -> str:
        exporter = self.exporter()
        exporter.export_batch(list(spans))
        exporter.shutdown()
        return str(self.path)


class TestJSONLStore(_Written):
    entry_point = "jsonl"

    def exporter(self) -> Any:
        return peekr.JSONLExporter(str(self.path))


class TestSQLiteStore(_Written):
    entry_point = "sqlite"

    def exporter(self) -> Any:
        return peekr.SQLiteExporter(str(self.path))
