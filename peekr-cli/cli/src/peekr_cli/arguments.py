"""Arguments that are trace files or ids, in any order: ``peekr diff traces.db 4f3a91 9c22d0``."""

from __future__ import annotations

import os
from typing import List, Sequence, Tuple

_ENDINGS = (".jsonl", ".db", ".sqlite", ".sqlite3", ".json")


def is_store(argument: str) -> bool:
    """Whether an argument names a trace file or address rather than a trace or run."""
    return "://" in argument or os.sep in argument or argument.lower().endswith(_ENDINGS) or os.path.exists(argument)


def parted(arguments: Sequence[str]) -> Tuple[List[str], List[str]]:
    """Return the stores and the ids among the arguments."""
    stores = [argument for argument in arguments if is_store(argument)]
    return stores, [argument for argument in arguments if not is_store(argument)]
