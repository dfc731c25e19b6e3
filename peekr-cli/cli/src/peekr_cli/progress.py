"""A progress bar on a terminal's stderr for whatever takes longer than a second; nothing anywhere else."""

from __future__ import annotations

import sys
from threading import Lock, Timer
from types import TracebackType
from typing import Any, Iterable, Iterator, Optional, Type, TypeVar

T = TypeVar("T")

#: Seconds of work before the bar shows.
_PATIENCE_S = 0.8
_EVERY = 200


class Bar:
    """``with Bar("Reading") as bar: bar.update(done, total)``, or ``for each in bar.over(items)``.

    Without an update it shows that something is going on. Safe to update from any thread.

    :param what: is being done, in a word or two.
    :param total: of the units that :meth:`update` counts, if it is known.
    """

    def __init__(self, what: str, total: Optional[int] = None) -> None:
        self._what = what
        self._done = 0
        self._total = total
        self._lock = Lock()
        self._shown: Any = None
        self._task: Any = None
        self._timer: Optional[Timer] = None

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            self._timer = Timer(_PATIENCE_S, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        with self._lock:
            shown, self._shown = self._shown, None
            if shown is not None:
                shown.stop()

    def update(self, done: int, total: Optional[int] = None) -> None:
        """Say how much is done."""
        self._done = done
        self._total = self._total if total is None else total
        if self._shown is not None:
            with self._lock:
                if self._shown is not None:
                    self._shown.update(self._task, completed=self._done, total=self._total)

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, counting."""
        for number, item in enumerate(items):
            if number % _EVERY == 0:
                self.update(number)
            yield item

    def _show(self) -> None:
        """In the timer's thread."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with self._lock:
            if self._timer is None:  # it is over already
                return
            shown = Progress(*columns, console=Console(file=sys.stderr), transient=True, redirect_stdout=False)
            self._task = shown.add_task(self._what, total=self._total, completed=self._done)
            self._shown = shown
            shown.start()
