"""What ``enable_langchain()`` returns: a context manager, a list of callbacks and a callback handler in one."""

from __future__ import annotations

from typing import Any, List, Optional

from peekr.agent import Run, get_trace
from peekr_langchain.callbacks import PeekrCallbackHandler
from peekr_langchain.registration import register
from peekr_langchain.switch import switch


class LangChainTracing(List[Any], PeekrCallbackHandler):
    """See :func:`peekr_langchain.enable_langchain`. May be entered again, also by several tasks at once."""

    def __init__(self, run_name: str, trace: Any = None) -> None:
        super().__init__([PeekrCallbackHandler()])
        self._run_name = run_name
        self._trace = trace
        self._run: Optional[Run] = None
        self._holder = object()
        register()
        switch.hold(self._holder)

    __hash__ = object.__hash__  # type: ignore[assignment]  # LangChain may keep handlers in sets

    def __enter__(self) -> LangChainTracing:
        switch.hold(self._holder)
        if self._run is None:
            self._run = (self._trace or get_trace()).run(self._run_name, agent_type="langchain")
        self._run.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._run is not None:
            self._run.__exit__(*failure)
            if not self._run._open:
                self.disable()

    async def __aenter__(self) -> LangChainTracing:
        return self.__enter__()

    async def __aexit__(self, *failure: Any) -> None:
        self.__exit__(*failure)

    def disable(self) -> None:
        """Switch off what this object switched on; LangChain stays traced as long as ``instrument()`` asks for it."""
        switch.release(self._holder)
