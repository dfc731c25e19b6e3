"""Arguments given by position to parameters whose names call for secrecy: ``login("jane", "hunter2")``.

What is recorded of a call has the names of keyword arguments only, so that redaction by key cannot see the others.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from peekr.settings import settings

if TYPE_CHECKING:
    from peekr.config import Config

#: One of them is in every name that the default keys stand for; most functions have no such parameter.
_HINTS = ("pass", "key", "token", "secret", "credential", "auth", "bearer")
REDACTED = "[REDACTED]"

Cover = Callable[[Tuple[Any, ...]], Any]


def cover_of(function: Any, receivers: int) -> Optional[Cover]:
    """Return what makes of a call's positional arguments those that may be recorded, None if all may.

    :param receivers: how many of the parameters are left out of the arguments: ``self``.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return None
    first = 1 if inspect.ismethod(function) else receivers
    names = code.co_varnames[first : code.co_argcount]
    suspects = [(at, name) for at, name in enumerate(names) if any(hint in name.lower() for hint in _HINTS)]
    return (lambda args: _covered(args, suspects)) if suspects else None


def _covered(args: Tuple[Any, ...], suspects: List[Tuple[int, str]]) -> Any:
    is_secret = settings.is_secret
    if is_secret is None:
        return args
    shown = list(args)
    for at, name in suspects:
        if at < len(shown) and is_secret(name, shown[at]):
            shown[at] = REDACTED
    return shown


def secrecy(config: Config) -> Optional[Callable[[str, Any], bool]]:
    """Return what tells whether the value of a parameter is secret, None where nothing is redacted."""
    if not config.redact:
        return None
    from peekr.redaction_keys import NONE, Keys

    keys = Keys(config.redact_keys)

    def is_secret(name: str, value: Any) -> bool:
        judged = keys.judge(name)
        return judged != NONE and not keys.spares(judged, name, value)

    return is_secret
