"""The second half of a long database, added up in a process of its own: a second core halves the time."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

from peekr import secondcore
from peekr.secondcore import WORTH_IT as WORTH_IT
from peekr.secondcore import Worker as Half
from peekr.selection import Selection


def start_half(target: str, by: Sequence[str], selection: Selection, top: int, middle: int) -> Optional[Half]:
    """Start a process for the rows after ``middle``; None where there is no second core, or no process to be had."""
    return secondcore.start(_added_up, target, tuple(by), selection, top, middle)


def _added_up(target: str, by: Sequence[str], selection: Selection, top: int, middle: int) -> Tuple[Any, ...]:
    """In that process."""
    from peekr_sqlite.spending import add_rows
    from peekr_sqlite.store import SQLiteStore
    from peekr_sqlite.tally import Tally

    tally = Tally(by, top)
    store = SQLiteStore(target)
    add_rows(store, tally, by, selection, "rowid > ?", middle)
    store.close()
    return tally.parts()
