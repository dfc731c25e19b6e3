"""The methods of a database that can be looked after; what they do is imported when one is called."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from peekr.retention import Policy, Progress, Pruned


class UpkeepQueries:
    """Mixin of the SQLite store: the methods of :class:`peekr.retention.Upkeep`. The store itself reads only; these
    open connections of their own.
    """

    if TYPE_CHECKING:
        target: str

        def close(self) -> None: ...

    def prune(
        self,
        policy: Policy,
        *,
        vacuum: bool = False,
        dry_run: bool = False,
        now: Optional[float] = None,
        progress: Optional[Progress] = None,
    ) -> Pruned:
        """Forget runs; see :meth:`peekr.retention.Upkeep.prune`.

        Traces of which nothing is left lose their ratings too.
        """
        from peekr_sqlite.pruning import prune

        self.close()
        return prune(self.target, policy, vacuum, dry_run, time() if now is None else now, progress)

    def vacuum(self) -> int:
        """Give the room of what was deleted back to the disk; return the bytes that are left."""
        from peekr_sqlite.pruning import vacuum

        self.close()
        return vacuum(self.target)

    def backup(self, path: str, progress: Optional[Progress] = None) -> int:
        """Write a complete, consistent copy while others write; return its bytes.

        A copy that is there already is replaced once the new one is complete.
        """
        from peekr_sqlite.copying import backup

        return backup(self.target, path, progress)
