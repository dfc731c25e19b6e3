"""Replace methods of somebody else's classes, and put them back exactly."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Callable, Dict, List, Tuple

logger = logging.getLogger("peekr")

_MISSING = object()


class Patches:
    """The methods one provider has replaced. Each patch stands alone: one that fails leaves the others."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.failures: List[str] = []
        self._undo: List[Tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> bool:
        """Replace ``owner.name`` by ``make(original)``; return whether that worked. Never raises.

        A method that this provider wrapped before is left alone, so that no call is traced twice. ``make`` gets the
        function, of a static or class method too; of these the replacement becomes one as well.
        """
        try:
            descriptor = inspect.getattr_static(owner, name, None)
            kind = type(descriptor) if isinstance(descriptor, (staticmethod, classmethod)) else None
            original = getattr(owner, name) if kind is None else descriptor.__func__
            if getattr(original, "__peekr__", None) == self.provider:
                return True
            replacement = make(original)
            replacement.__peekr__ = self.provider
            if kind is not None:
                replacement = kind(replacement)
            before = vars(owner).get(name, _MISSING)
            setattr(owner, name, replacement)
        except Exception as error:
            self._failed(f"{getattr(owner, '__qualname__', owner)}.{name}", error)
            return False
        self._undo.append((owner, name, before, replacement))
        return True

    def _failed(self, what: str, error: Exception) -> None:
        self.failures.append(f"{what}: {type(error).__name__}: {error}")
        logger.warning(
            "provider %r could not patch %s (%s: %s): calls through it are not traced, everything else is",
            self.provider,
            what,
            type(error).__name__,
            error,
        )

    def undo(self) -> None:
        """Put every method back, unless somebody else has replaced it since (then theirs stays)."""
        while self._undo:
            owner, name, before, replacement = self._undo.pop()
            if vars(owner).get(name) is not replacement:
                continue
            if before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


def before_call(owner: Any, name: str, action: Callable[[], None]) -> bool:
    """Let ``action`` run before each call of one object's method; return whether that could be arranged.

    The object holds the hook in its ``__dict__`` and the hook holds the object, until ``owner.__dict__.pop(name)``
    takes it away. Not weakly: the collector clears weak references before it closes what was dropped, and the close
    must still come through. ``action`` must not raise.
    """
    method = getattr(type(owner), name, None)
    if method is None or name in getattr(owner, "__dict__", (name,)):
        return False

    def hooked(*args: Any, **kwargs: Any) -> Any:
        action()
        return method(owner, *args, **kwargs)

    owner.__dict__[name] = hooked
    return True


#: How often each kind of capture step has failed: (step, exception class) -> count.
failures: Dict[Tuple[str, str], int] = {}


def note_failure(what: str, error: BaseException) -> None:
    """Count a capture step that failed and log the first of each kind; the traced call goes on regardless."""
    kind = (what, type(error).__name__)
    failures[kind] = count = failures.get(kind, 0) + 1
    if count == 1:
        logger.warning("%s failed and was skipped: %s: %s", what, kind[1], error, exc_info=error)
