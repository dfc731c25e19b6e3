"""Replace what a function does, wherever somebody already holds the function itself.

``from litellm import completion`` binds the function: another one in the module's place never reaches it. So the
function object stays and its ``__code__`` is exchanged, for code that calls the replacement.
"""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType
from typing import Any, Callable, Dict, List, Tuple

from peekr.patching import Patches

#: Stands in the code for what is called, until that is put in its place.
_TARGET = "peekr: what is called"
#: The function's closure stays, and has to fit the code: the code must name as many variables of it.
_SOURCE = """
def make({cells}):
    {kind} {name}(*args, **kwargs):
        if False:
            {cells}
        target = {target!r}
        return {wait}target(*args, **kwargs)
    return {name}
"""


def calling(function: FunctionType, target: Any) -> CodeType:
    """Return code for ``function`` that calls ``target`` with its arguments, and awaits it where ``function`` waits."""
    cells = ", ".join(f"cell{number}" for number in range(len(function.__closure__ or ())))
    waits = inspect.iscoroutinefunction(function)
    source = _SOURCE.format(
        cells=cells or "",
        kind="async def" if waits else "def",
        name=function.__name__,
        target=_TARGET,
        wait="await " if waits else "",
    )
    if not cells:
        source = source.replace("        if False:\n            \n", "")
    scope: Dict[str, Any] = {}
    exec(compile(source, "<peekr_litellm>", "exec"), scope)
    code: CodeType = scope["make"](*(cells and range(cells.count(",") + 1))).__code__
    return code.replace(co_consts=tuple(target if const == _TARGET else const for const in code.co_consts))


class FunctionPatches(Patches):
    """Patches that may also be put into a function, beside those of methods."""

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self._swapped: List[Tuple[FunctionType, CodeType, CodeType, bool]] = []

    def swap(self, function: Any, make: Callable[[Any], Any]) -> bool:
        """Let ``function`` do what ``make(original)`` does; return whether that worked. Never raises.

        ``original`` is a function that does what it did. A function that was swapped before is left alone.
        """
        if any(each[0] is function for each in self._swapped):
            return True
        try:
            before = function.__code__
            original = FunctionType(
                before, function.__globals__, function.__name__, function.__defaults__, function.__closure__
            )
            original.__kwdefaults__ = function.__kwdefaults__
            signed = not hasattr(function, "__wrapped__") and not hasattr(function, "__signature__")
            signature = inspect.signature(function) if signed else None
            after = calling(function, make(original))
            function.__code__ = after
            if signature is not None:
                function.__signature__ = signature
        except Exception as error:
            self._failed(getattr(function, "__qualname__", str(function)), error)
            return False
        self._swapped.append((function, before, after, signed))
        return True

    def undo(self) -> None:
        """Put everything back, unless somebody else has replaced it since (then theirs stays)."""
        super().undo()
        while self._swapped:
            function, before, after, signed = self._swapped.pop()
            if function.__code__ is not after:
                continue
            function.__code__ = before
            if signed:
                vars(function).pop("__signature__", None)
