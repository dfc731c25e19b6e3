"""Prompts kept on a server: ``peekr.prompts.get("rag_answer")``, ``await peekr.prompts.get_async("rag_answer")``.

They need the distribution peekr-http.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from peekr_http.prompts import Prompt as Prompt
    from peekr_http.prompts import get as get
    from peekr_http.prompts import get_async as get_async
    from peekr_http.prompts import list_all as list_all
    from peekr_http.prompts import list_all_async as list_all_async
else:

    def __getattr__(name: str) -> Any:
        """Load the function from its distribution, or say what to install."""
        if name not in __all__:
            raise AttributeError(f"module 'peekr.prompts' has no attribute {name!r}")
        try:
            from peekr_http import prompts
        except ModuleNotFoundError as error:
            if error.name != "peekr_http":
                raise
            from peekr.errors import PluginNotInstalled

            raise PluginNotInstalled(f"peekr.prompts.{name}", "peekr-http") from None
        return getattr(prompts, name)


__all__ = ["Prompt", "get", "get_async", "list_all", "list_all_async"]


def __dir__() -> List[str]:
    return __all__
