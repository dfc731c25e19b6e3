"""A file of the spool as a batch again."""

from __future__ import annotations

from typing import List, Optional

import msgspec

from peekr_http.buffer import Batch, Item
from peekr_http.spool import Spool


class _Body(msgspec.Struct):
    spans: List[msgspec.Raw]


class _Ended(msgspec.Struct):
    end_time: Optional[float] = None


def load(spool: Spool, size: int) -> List[Batch]:
    """Return the oldest file of the spool as batches of at most so many spans.

    None of them if the spool is empty, or others are sending what there is.
    """
    while True:
        file = spool.oldest()
        if file is None:
            return []
        try:
            spans = msgspec.json.decode(file.data, type=_Body).spans
            items = [
                Item(bytes(span), int(msgspec.json.decode(span, type=_Ended).end_time is not None)) for span in spans
            ]
        except msgspec.MsgspecError:
            spool.damaged(file)
            continue
        batches = [Batch(items[start : start + size], file) for start in range(0, len(items), size)]
        file.parts = len(batches)
        if batches:
            return batches
        spool.release(file, done=True)
