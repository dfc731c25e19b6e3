"""A plugin's part in the worker: a processor or a hook, what it costs, and how it fails without hurting the others."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any, Callable, Dict, List, Optional

from peekr.plugins import record_failure
from peekr.spans import Span

logger = logging.getLogger("peekr")

#: Failures in a row after which a processor or hook is left out.
MAX_FAILURES = 10


class Part:
    """A processor or hook of a plugin, with the ledger of what it cost and how it failed."""

    __slots__ = ("call", "disabled", "distribution", "errors", "group", "in_a_row", "last_error", "name", "seconds")

    def __init__(
        self, name: str, group: str, call: Callable[[Any], object], distribution: Optional[str] = None
    ) -> None:
        self.name = name
        self.group = group
        self.call = call
        self.distribution = distribution
        self.errors = self.in_a_row = 0
        self.last_error: Optional[str] = None
        self.disabled = False
        self.seconds = 0.0

    def __call__(self, subject: Any) -> bool:
        """Call it; log its first failure, count all, leave it out after ten in a row."""
        if self.disabled:
            return False
        start = monotonic()
        try:
            self.call(subject)
        except Exception as error:
            self._failed(error)
            return False
        else:
            self.in_a_row = 0
            return True
        finally:
            self.seconds += monotonic() - start

    def run(self, batch: List[Span]) -> None:
        """Call it for each span of a batch; the clock is read once, as it costs more than most processors."""
        start, call = monotonic(), self.call
        for span in batch:
            try:
                call(span)
            except Exception as error:
                self._failed(error)
                if self.disabled:
                    break
            else:
                self.in_a_row = 0
        self.seconds += monotonic() - start

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        self.in_a_row += 1
        self.last_error = f"{type(error).__name__}: {error}"
        if self.errors == 1:
            logger.warning("%s %r failed and was skipped: %s", self.group, self.name, self.last_error, exc_info=error)
        if self.in_a_row >= MAX_FAILURES and not self.disabled:
            self.disabled = True
            logger.error("%s %r failed %d times in a row and is disabled", self.group, self.name, self.in_a_row)
            if self.group in ("peekr.processors", "peekr.hooks"):  # entries; a guardrail is an object of the user
                record_failure(self.group, self.plugin, error)

    @property
    def plugin(self) -> str:
        """Name of the entry: a hook's part is called ``entry.hook``."""
        return self.name.rpartition(".")[0] if self.group == "peekr.hooks" else self.name

    def stats(self) -> Dict[str, Any]:
        """The ledger as :func:`peekr.stats` shows it."""
        return {
            "group": self.group,
            "distribution": self.distribution,
            "errors": self.errors,
            "last_error": self.last_error,
            "disabled": self.disabled,
            "seconds": round(self.seconds, 6),
        }


class BatchPart(Part):
    """A processor of which ``call`` takes a whole batch, and fails for none of its spans or for all."""

    __slots__ = ()

    def run(self, batch: List[Span]) -> None:
        """Call it once."""
        self(batch)


class SelectivePart(Part):
    """A processor of peekr's own, which tells by a look at a batch the spans that it is to be called for."""

    __slots__ = ("_wanted",)

    def __init__(self, name: str, group: str, processor: Any, distribution: str) -> None:
        super().__init__(name, group, processor.process, distribution)
        self._wanted: Callable[[List[Span]], List[Span]] = processor.wanted

    def run(self, batch: List[Span]) -> None:
        """Call it for each span that it wants."""
        wanted = self._wanted(batch)
        if wanted:
            super().run(wanted)
