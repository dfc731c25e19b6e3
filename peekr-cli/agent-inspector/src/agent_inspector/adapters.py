"""Frameworks: ``from agent_inspector.adapters import enable_langchain``; it needs the distribution peekr-langchain.

``enable_crewai`` needs peekr-crewai.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

import peekr

if TYPE_CHECKING:
    from peekr import enable_langchain as enable_langchain
    from peekr import get_callback_handler as get_callback_handler

__all__ = ["enable_langchain", "get_callback_handler"]
#: Not part of ``import *``: it needs a distribution that few have beside the one for LangChain.
_OTHERS = ["enable_crewai"]


def __getattr__(name: str) -> Any:
    """Return the function of peekr, or say what to install for it."""
    if name not in __all__ and name not in _OTHERS:
        raise AttributeError(f"module 'agent_inspector.adapters' has no attribute {name!r}")
    return getattr(peekr, name)


def __dir__() -> List[str]:
    return [*_OTHERS, *__all__]
