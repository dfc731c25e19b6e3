"""Several exporters as one."""

from __future__ import annotations

import logging
from typing import Any, Callable, List, Sequence, Set

from peekr.adapters import check_exporter, export_function
from peekr.errors import ConfigurationError
from peekr.spans import Span

logger = logging.getLogger("peekr")


class CompositeExporter:
    """Hands every batch to each of its members, in order; a member that fails does not keep it from the others.

    Members may have any of the forms of :mod:`peekr.interfaces`: those with ``initialize()`` get event dicts, the
    others spans. Given to peekr it is called from one thread of its own; members that must not wait for each other
    are better added one by one, with :func:`peekr.add_exporter`.

    :raises ConfigurationError: (a ValueError) if there are none, or one cannot export.
    :ivar failures: batches that a member refused, by its number.
    """

    def __init__(self, exporters: Sequence[Any]) -> None:
        members = list(exporters) if isinstance(exporters, (list, tuple)) else []
        if not members:
            raise ConfigurationError(
                f"CompositeExporter needs a list of one exporter or more, got {exporters!r}.\n"
                "For instance: CompositeExporter([JSONLExporter('a.jsonl'), mine])"
            )
        for member in members:
            check_exporter(member)
        self.exporters: List[Any] = members
        self.failures = [0] * len(members)
        self.supports_update = any(getattr(member, "supports_update", False) for member in members)
        self._said: Set[str] = set()
        self._start()

    def _start(self) -> None:
        self._ready: Set[int] = set()
        self._takes_spans: List[Callable[[Sequence[Span]], int]] = [
            export_function(_Ready(self, number) if _has(member, "initialize") else member, self._refused)
            for number, member in enumerate(self.exporters)
        ]

    def initialize(self) -> None:
        """Initialize the members that can be, in order, once.

        :raises Exception: that of the first that fails, after logging it.
        """
        for number in range(len(self.exporters)):
            self.initialize_member(number)

    def initialize_member(self, number: int) -> None:
        """Initialize one member, unless that was done."""
        member = self.exporters[number]
        if number in self._ready or not _has(member, "initialize"):
            return
        try:
            member.initialize()
        except Exception as error:
            self._log(member, "could not be initialized", error)
            raise
        self._ready.add(number)

    def export_batch(self, events: Sequence[Any]) -> None:
        """Hand a batch, of event dicts or of spans, to every member.

        :raises Exception: that of the last member, if all of them failed.
        """
        if events and isinstance(events[0], Span):
            self.export_spans(events)
            return

        def give(number: int) -> int:
            member = self.exporters[number]
            if callable(getattr(member, "export_batch", None)):
                member.export_batch(events)
            else:
                for event in events:
                    member.export(event)
            return 0

        self._each(give)

    def export_spans(self, batch: Sequence[Span]) -> int:
        """Hand a batch of spans to every member, in the form that it takes; return how many all of them refused."""
        return self._each(lambda number: self._takes_spans[number](batch))

    def flush(self) -> None:
        """Flush the members that can be.

        :raises Exception: that of the last that failed.
        """
        self._call("flush", range(len(self.exporters)))

    def shutdown(self) -> None:
        """Shut the members down, the last one first; a failure is logged and the others follow."""
        try:
            self._call("shutdown", range(len(self.exporters) - 1, -1, -1))
        except Exception as error:
            logger.debug("an exporter could not be shut down: %s", error)  # has been logged as a warning
        self._start()

    def after_fork_in_child(self) -> None:
        """Let the members start anew in a forked child."""
        self._call("after_fork_in_child", range(len(self.exporters)))

    def _each(self, give: Callable[[int], int]) -> int:
        refused, failed, last = [], 0, None
        for number, member in enumerate(self.exporters):
            try:
                refused.append(give(number))
            except Exception as error:
                self.failures[number] += 1
                failed, last = failed + 1, error
                self._log(member, "failed", error)
        if last is not None and failed == len(self.exporters):
            raise last
        return min(refused, default=0)

    def _call(self, method: str, numbers: Any) -> None:
        last = None
        for number in numbers:
            call = getattr(self.exporters[number], method, None)
            try:
                if call is not None:
                    call()
            except Exception as error:
                last = error
                self._log(self.exporters[number], f"failed to {method}", error)
        if last is not None:
            raise last

    def _refused(self, error: Exception) -> None:
        self._log(self, "has a member that refused a span", error)

    def _log(self, member: Any, what: str, error: Exception) -> None:
        """Log each kind of trouble once."""
        text = f"{type(member).__name__} {what}: {type(error).__name__}"
        if text not in self._said:
            self._said.add(text)
            logger.warning("exporter %s: %s. The other exporters go on", text, error, exc_info=error)


def _has(member: Any, method: str) -> bool:
    return callable(getattr(member, method, None))


class _Ready:
    """A member that takes events, initialized through its group: by whoever comes first."""

    def __init__(self, group: CompositeExporter, number: int) -> None:
        self._group, self._number = group, number

    def initialize(self) -> None:
        self._group.initialize_member(self._number)

    def export_batch(self, events: List[Any]) -> None:
        self._group.exporters[self._number].export_batch(events)
