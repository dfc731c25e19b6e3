"""How long runs are kept: by age, by class of retention, by size (contract DB-1, DB-2, DB-6).

A store that can forget has the methods of :class:`Upkeep`; ``peekr prune``, ``vacuum`` and ``backup`` call them.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Protocol, Set, runtime_checkable

import attrs

from peekr.errors import ConfigurationError, StoreError

DAY_S = 86_400.0
VARIABLE = "TRACE_RETENTION_CLASSES"
#: The class of what names none.
DEFAULT_CLASS = "default"
_EXAMPLE = "short=7,default=30,long=365,pii=7"

#: Called now and then with what is done and what there is in all, in any unit.
Progress = Callable[[int, int], object]


@attrs.define(slots=True, frozen=True)
class Policy:
    """What is kept.

    :ivar days: of runs whose class has no number of its own; 0 or less keeps them for ever.
    :ivar classes: class → days; 0 or less keeps for ever. Runs without a class are of class ``default``.
    :ivar max_bytes: the size that the store is brought down to; None for any.
    """

    days: float = 0
    classes: Mapping[str, float] = attrs.Factory(dict)
    max_bytes: Optional[int] = None

    @classmethod
    def of(
        cls,
        days: Optional[float] = None,
        max_bytes: Optional[int] = None,
        classes: Optional[str] = None,
        default: Any = 0,
    ) -> Policy:
        """Make one of what was asked for and the environment.

        :param days: asked for; holds before the class ``default`` of the environment.
        :param classes: as in ``TRACE_RETENTION_CLASSES``, which is read where this is None.
        :param default: days where nobody says anything.
        :raises ConfigurationError: if the classes cannot be read.
        """
        known = parse_classes(os.environ.get(VARIABLE, "") if classes is None else classes)
        if days is None:
            days = known.get(DEFAULT_CLASS, default)
        else:
            known.pop(DEFAULT_CLASS, None)
        return cls(float(days), known, max_bytes)

    def cutoff(self, retention_class: Optional[str], now: float) -> Optional[float]:
        """Return the Unix time before which runs of a class began that are forgotten; None keeps all."""
        days = self.classes.get(retention_class or DEFAULT_CLASS, self.days)
        return now - days * DAY_S if days > 0 else None

    def youngest_cutoff(self, now: float) -> Optional[float]:
        """Return the time from which on nothing can be too old; None if nothing ever is."""
        days = [each for each in (self.days, *self.classes.values()) if each > 0]
        return now - min(days) * DAY_S if days else None

    def is_over(self, started: float, classes: Iterable[Optional[str]], now: float) -> bool:
        """Whether a run is too old, by the shortest of the classes among its spans.

        Spans without a class count only where none has one.
        """
        named: Set[Optional[str]] = {each for each in classes if each}
        cutoffs = [cutoff for cutoff in (self.cutoff(each, now) for each in named or {None}) if cutoff is not None]
        return bool(cutoffs) and started < max(cutoffs)


def parse_classes(text: str) -> Dict[str, float]:
    """Return class → days of ``short=7,default=30``.

    :raises ConfigurationError: naming the part that cannot be read.
    """
    found: Dict[str, float] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, sign, days = part.rpartition("=")
        try:
            if not sign or not name.strip():
                raise ValueError(part)
            number = float(days)
            if number != number or abs(number) > 1e6:
                raise ValueError(part)
        except ValueError:
            raise ConfigurationError(
                f"{VARIABLE} cannot be read: {part!r} is no class with days.\nWrite for instance: {_EXAMPLE}"
            ) from None
        found[name.strip()] = number
    return found


@attrs.define(slots=True)
class Pruned:
    """What :meth:`Upkeep.prune` did, or would do.

    :ivar by_age: runs that were too old; ``by_size``: those that went for the sake of the size.
    :ivar spans: in all of them; ``ratings`` of their traces.
    :ivar classes: class → runs that were too old; None is written ``default``.
    :ivar size_before: bytes of the store, as is ``size_after``; that is estimated where nothing was done.
    """

    by_age: int = 0
    by_size: int = 0
    spans: int = 0
    ratings: int = 0
    classes: Dict[str, int] = attrs.Factory(dict)
    size_before: int = 0
    size_after: int = 0
    vacuumed: bool = False
    dry_run: bool = False

    @property
    def runs(self) -> int:
        """Runs in all."""
        return self.by_age + self.by_size


@runtime_checkable
class Upkeep(Protocol):
    """A store that can be pruned, made smaller and copied. All raise StoreError where that cannot be done."""

    def prune(
        self,
        policy: Policy,
        *,
        vacuum: bool = False,
        dry_run: bool = False,
        now: Optional[float] = None,
        progress: Optional[Progress] = None,
    ) -> Pruned:
        """Forget runs with all their spans, by age first, then the oldest until the size is met.

        Running runs are kept where only the size speaks against them. Meeting a size takes a vacuum.
        """

    def vacuum(self) -> int:
        """Give the room of what was deleted back to the disk; return the bytes that are left."""

    def backup(self, path: str, progress: Optional[Progress] = None) -> int:
        """Write a complete, consistent copy while others write; return its bytes."""


def upkeep_of(store: Any) -> Upkeep:
    """Return the store, if it can be looked after.

    :raises StoreError: if it cannot.
    """
    if isinstance(store, Upkeep):
        return store
    raise StoreError(
        f"{getattr(store, 'target', store)} is no database: it cannot be pruned, vacuumed or backed up.\n"
        f"Load it into one with: peekr import {getattr(store, 'target', 'FILE')} --db traces.db"
    )
