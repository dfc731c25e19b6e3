"""Encoded spans that wait to be sent, and the batches that are made of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import List, Optional

import attrs

from peekr_http.spool import SpoolFile


@attrs.define
class Item:
    """One span as JSON.

    :ivar weight: how many ended spans it stands for in the counts: none for a run that is still open, two where an
        ended span came again before it was sent.
    :ivar number: in order of arrival.
    :ivar arrived: time.monotonic() of it.
    """

    body: bytes
    weight: int
    number: int = 0
    arrived: float = 0.0


@attrs.define(eq=False)
class Batch:
    """Spans of one request.

    :ivar file: of the spool, where they come from there.
    :ivar spooling: whether they go to the spool now.
    :ivar attempts: failed ones, and those of them made in a hurry.
    """

    items: List[Item]
    file: Optional[SpoolFile] = None
    spooling: bool = False
    attempts: int = 0
    hurried: int = 0

    @property
    def weight(self) -> int:
        """Ended spans in it."""
        return sum([item.weight for item in self.items])

    def body(self) -> bytes:
        """Return the body of the request (contract HTTPX-2)."""
        return b'{"spans":[' + b",".join([item.body for item in self.items]) + b"]}"

    def halves(self) -> List[Batch]:
        """Return the two halves of a batch that was too large."""
        middle = len(self.items) // 2
        return [Batch(self.items[:middle], self.file), Batch(self.items[middle:], self.file)]


class Buffer:
    """Spans in order of arrival, bounded by count and bytes. A span that comes again replaces its older self.

    :ivar weight: ended spans in it.
    """

    def __init__(self, max_spans: int, max_bytes: int) -> None:
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        self.size = 0
        self.weight = 0

    def __len__(self) -> int:
        return len(self._items)

    def first(self) -> Optional[Item]:
        """Return the oldest span."""
        return next(iter(self._items.values()), None)

    def has_room(self) -> bool:
        """Whether another span would be taken."""
        return len(self._items) < self._max_spans and self.size < self._max_bytes

    def add(self, span_id: str, item: Item) -> bool:
        """Take a span; return whether there was room."""
        older = self._items.get(span_id)
        if older is None and not self.has_room():
            return False
        self.weight += item.weight
        self.size += len(item.body)
        if older is not None:
            self.size -= len(older.body)
            item.weight, item.number, item.arrived = item.weight + older.weight, older.number, older.arrived
        self._items[span_id] = item
        return True

    def take(self, count: int, size: int) -> Batch:
        """Take the oldest spans out: at most so many, and so many bytes, but at least one."""
        taken: List[Item] = []
        total = 0
        while self._items and len(taken) < count:
            item = self.first()
            assert item is not None
            if taken and total + len(item.body) > size:
                break
            self._items.popitem(last=False)
            taken.append(item)
            total += len(item.body)
        self.size -= total
        batch = Batch(taken)
        self.weight -= batch.weight
        return batch
