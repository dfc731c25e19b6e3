"""Every span that does not arrive is counted, and the first of each kind of trouble is logged with its reason."""

from __future__ import annotations

import logging
from typing import Any, Dict, Set

logger = logging.getLogger("peekr")


def spans(count: int, which: str = "") -> str:
    """Return ``1 span``, ``2 spans``."""
    return f"{count}{which} span{'' if count == 1 else 's'}"


class Losses:
    """Counts of lost spans by kind. Called under the sender's lock."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._untold: Dict[str, int] = {}
        self._said: Set[str] = set()
        self.total = 0
        #: Reason of the latest.
        self.last = ""

    def note(self, count: int, kind: str, reason: str) -> None:
        """Count lost spans; log the first of a kind now, the others in :meth:`summarise`.

        :param reason: one line without any secret, safe to print.
        """
        if not count:  # a run that is still open: it comes again
            return
        self.total += count
        self.last = reason
        if kind in self._said:
            self._untold[kind] = self._untold.get(kind, 0) + count
            return
        self._said.add(kind)
        logger.warning("%s to %s lost: %s", spans(count), self._where, reason)

    def say(self, kind: str, message: str, *arguments: Any) -> None:
        """Log something that is no loss, once per kind."""
        if kind not in self._said:
            self._said.add(kind)
            logger.warning(message, *arguments)

    def summarise(self) -> None:
        """Log how many were lost that have not been told of."""
        untold, self._untold = self._untold, {}
        if untold:
            kinds = ", ".join(f"{count} × {kind}" for kind, count in untold.items())
            more = spans(sum(untold.values()), " more")
            logger.warning("%s to %s lost: %s; %d in all", more, self._where, kinds, self.total)
