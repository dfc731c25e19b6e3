"""The records of a store, counted: a long database by two processes, each half of the rows."""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from peekr import ReadStore, open_store, secondcore
from peekr_dashboard.diagnostics.aggregation import Aggregator
from peekr_dashboard.diagnostics.reading import Question, Rows, middle_of, records_of

_STEP = 10_000
#: Called with the number of spans read.
Progress = Callable[[int], None]


def count_store(store: ReadStore, question: Question, progress: Progress = lambda done: None) -> Aggregator:
    """Count what is asked for, in memory that grows with the traces, and little with the spans.

    :raises StoreError: if the store cannot be read, or the trace asked for is not there.
    """
    middle, rows = middle_of(store, question)
    if rows < secondcore.WORTH_IT:
        return _counted(store, question, None, progress)
    worker = secondcore.start(_second_half, store.target, question, middle)
    if worker is None:
        return _counted(store, question, None, progress)
    try:
        tally = _counted(store, question, Rows("<=", middle), lambda done: progress(2 * done))
        found: Optional[Tuple[Aggregator, int]] = worker.result()
    except BaseException:
        worker.give_up()
        raise
    if found is None:
        return _counted(store, question, Rows(">", middle), progress, tally)
    other, skipped = found
    tally.absorb(other)
    if skipped:
        store.note_skipped(skipped)
    return tally


def _second_half(target: str, question: Question, middle: int) -> Tuple[Aggregator, int]:
    """In the other process: the tally, and the rows that are no spans."""
    with open_store(target) as store:
        return _counted(store, question, Rows(">", middle)), store.skipped


def _counted(
    store: ReadStore,
    question: Question,
    rows: Optional[Rows],
    progress: Progress = lambda done: None,
    tally: Optional[Aggregator] = None,
) -> Aggregator:
    tally = Aggregator(question.whole) if tally is None else tally
    add = tally.add
    for number, record in enumerate(records_of(store, question, rows)):
        add(record)
        if number % _STEP == 0:
            progress(number)
    return tally
