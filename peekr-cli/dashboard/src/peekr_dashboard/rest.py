"""The calls that the page does not list one by one, as sums over days and channels."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import attrs

from peekr_dashboard.diagnostics.records import Record, tenant_of

DAY_S = 86_400
#: Sums that are kept; beyond that the endpoint and the feature are left out of the key, then the tenant.
MOST = 6_000

Key = Tuple[Any, ...]
_NAMES = ("day", "model", "tenant", "endpoint", "feature")
_SUMS = ("calls", "errors", "tin", "tout", "tok", "cost", "priced", "ms", "score", "scored", "flagged")


@attrs.define(slots=True)
class Rest:
    """Sums of calls by day, model, tenant channel, endpoint and feature, with a bounded number of keys."""

    sums: Dict[Key, List[float]] = attrs.field(factory=dict)
    coarse: int = 0

    def add(self, record: Record) -> None:
        """Count one call."""
        key = self._key((int(record.start // DAY_S), record.model, tenant_of(record), record.endpoint, record.feature))
        sums = self.sums.get(key)
        if sums is None:
            sums = self.sums[key] = [0] * len(_SUMS)
        score = record.scores.get("Hallucination") if record.scores else None
        values = (
            1, record.status == "error", record.tin or 0, record.tout or 0, record.tok or 0, record.cost or 0,
            record.cost is not None, record.ms or 0, score or 0, score is not None, score is not None and score < 0.5,
        )  # fmt: skip
        for place, value in enumerate(values):
            sums[place] += value
        if len(self.sums) > MOST and self.coarse < 3:
            self._coarsen()

    def _key(self, key: Key) -> Key:
        day, model, tenant, endpoint, feature = key
        if self.coarse > 0:
            endpoint = feature = None
        if self.coarse > 1:
            tenant = None
        if self.coarse > 2:
            day -= day % 30
        return day, model, tenant, endpoint, feature

    def _coarsen(self) -> None:
        self.coarse += 1
        old, self.sums = self.sums, {}
        for key, values in old.items():
            into = self.sums.setdefault(self._key(key), [0] * len(values))
            for place, value in enumerate(values):
                into[place] += value

    def rows(self) -> List[Dict[str, Any]]:
        """Return the sums as objects; ``day`` is Unix seconds."""
        out = []
        for key, values in sorted(self.sums.items(), key=lambda item: item[0][0]):
            row = {name: value for name, value in zip(_NAMES, key) if value is not None}
            row["day"] = key[0] * DAY_S
            row.update((name, round(value, 6)) for name, value in zip(_SUMS, values) if value)
            out.append(row)
        return out
