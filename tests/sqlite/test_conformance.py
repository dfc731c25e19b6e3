"""The public suites of peekr.testing.conformance, inherited as a third party would."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from peekr.spans import Span
from peekr.testing.conformance import ExporterConformance, StoreConformance
from peekr_sqlite import SQLiteExporter, SQLiteStore


class TestSQLiteExporter(ExporterConformance):
    entry_point = "sqlite"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Any) -> None:
        self.path = tmp_path / "traces.db"

    def make_exporter(self) -> SQLiteExporter:
        return SQLiteExporter(self.path)

    def read_back(self, exporter: Any) -> Sequence[Span]:
        with SQLiteStore(str(self.path)) as store:
            return list(store.iter_spans())


class TestSQLiteStore(StoreConformance):
    entry_point = "sqlite"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Any) -> None:
        self.path = tmp_path / "traces.db"

    def make_target(self, spans: Sequence[Span]) -> str:
        exporter = SQLiteExporter(self.path)
        exporter.export_batch(spans)
        exporter.shutdown()
        return str(self.path)
