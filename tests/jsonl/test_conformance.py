"""The public suites of peekr.testing.conformance, inherited as a third party would."""

from __future__ import annotations

import json
from typing import Any, Sequence

import pytest

from peekr.spans import Span
from peekr.testing.conformance import ExporterConformance, StoreConformance
from peekr_jsonl import JSONLExporter, JSONLStore


class TestJSONLExporter(ExporterConformance):
    entry_point = "jsonl"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Any) -> None:
        self.path = tmp_path / "traces.jsonl"

    def make_exporter(self) -> JSONLExporter:
        return JSONLExporter(self.path)

    def read_back(self, exporter: Any) -> Sequence[Span]:
        return list(JSONLStore(self.path).iter_spans())


class TestJSONLStore(StoreConformance):
    entry_point = "jsonl"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Any) -> None:
        self.path = tmp_path / "traces.jsonl"

    def make_target(self, spans: Sequence[Span]) -> str:
        lines = [json.dumps(span.to_dict()) + "\n" for span in spans]
        self.path.write_text("".join(lines), encoding="utf-8")
        return str(self.path)
