"""The store that the tools read: opened anew for each call, for reading only."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, Optional

import attrs

from peekr import ReadStore, open_store
from peekr.errors import StoreError
from peekr_cli.targets import chosen_target


@attrs.define(slots=True, frozen=True)
class Source:
    """Which store is meant; it need not be there yet.

    :ivar path: a file or address; None for the store that ``peekr traces`` takes without one, looked up at each call.
    """

    path: Optional[str] = None

    def target(self) -> str:
        """Return the path that a call reads now; ``~`` is the home directory, since clients use no shell."""
        return chosen_target(None if self.path is None else os.path.expanduser(self.path))

    @contextmanager
    def reading(self) -> Iterator[ReadStore]:
        """Open the store as it is now, and close it.

        :raises StoreError: if it is not there, or no installed store can read it.
        """
        with open_store(self._present()) as store:
            yield store

    def _present(self) -> str:
        target = self.target()
        if "://" in target or os.path.exists(target):
            return target
        raise StoreError(
            f"{os.path.abspath(target)} does not exist (yet).\n"
            "It is made by the first span that the traced program writes; another file is named with --db or --jsonl"
        )
