"""Methods that the SDK's objects hold on to: an index of pinecone 9 and newer keeps its own ``query`` and ``upsert``
from when it was made, so replacing them in the class would reach no index made before.

Since 10, both the class and its objects hold the same guard, a function around the one that does the work. So that
one is replaced, inside the guard. In 9, what the objects hold is replaced in them.
"""

from __future__ import annotations

import gc
from types import CellType
from typing import Any, Dict, Optional, Tuple

#: What the guard calls the function inside, and what an object's own method calls the class's.
_NAME, _CANONICAL = "func", "canonical"


class Held:
    """A function inside another one, as an attribute: what :class:`peekr.patching.Patches` can replace.

    Instances are kept for ever, one for each method, and their ``function`` is read from the cell.
    """

    def __init__(self, cell: CellType) -> None:
        self._cell = cell
        self.__dict__["function"] = cell.cell_contents

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value
        if name == "function":
            self._cell.cell_contents = value


_known: Dict[Tuple[Any, str], Held] = {}


def inner(owner: Any, method: str) -> Optional[Held]:
    """Return the function inside a guarded method; None if the method has no guard."""
    guard = vars(owner).get(method)
    cell = _cell(guard, _NAME)
    if cell is None or not hasattr(guard, "__wrapped__"):
        return None
    return _known.setdefault((owner, method), Held(cell))


def _cell(function: Any, name: str) -> Optional[CellType]:
    """Where a function keeps a variable of the function around it."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found: Optional[CellType] = function.__closure__[names.index(name)] if name in names else None
    return found


def refresh(owner: Any, methods: Any) -> None:
    """Give the objects made before the class's methods as they are now. What they hold is inert after tracing."""
    for each in gc.get_objects():
        if type(each) is owner:
            for method in methods:
                cell = _cell(vars(each).get(method), _CANONICAL)
                if cell is not None:
                    cell.cell_contents = getattr(owner, method).__get__(each)
