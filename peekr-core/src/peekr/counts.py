"""What is left of exporters that are no longer in use: their counts, so that stats() speaks of the whole process."""

from __future__ import annotations

from typing import Dict, Iterable

from peekr.lane import Lane


class PastCounts:
    """Sums over earlier configurations of this process.

    :ivar exported: spans that at least one exporter took.
    :ivar dropped: spans that closed lanes lost, each lane for itself.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: a forked child begins at zero."""
        self.exported = self.dropped = self.sampled_out = 0

    def exported_with(self, lanes: Iterable[Lane]) -> int:
        """Return how many spans were exported, with those of the lanes in use."""
        by_route: Dict[int, int] = {}  # each span goes to the exporters of one route
        for lane in lanes:
            by_route[id(lane.route)] = max(by_route.get(id(lane.route), 0), lane.exported - lane.counted)
        return self.exported + sum(by_route.values())

    def dropped_with(self, lanes: Iterable[Lane]) -> int:
        """Return how many spans the lanes lost, with those of the lanes in use."""
        return self.dropped + sum([lane.dropped for lane in lanes if not lane.closed])

    def close(self, lanes: Iterable[Lane], closed: Iterable[Lane]) -> None:
        """Take over the counts of a configuration that is over; ``closed`` are those of its lanes that are too."""
        lanes = list(lanes)
        self.exported = self.exported_with(lanes)
        for lane in lanes:
            lane.counted = lane.exported
        self.dropped += sum([lane.dropped for lane in closed])
