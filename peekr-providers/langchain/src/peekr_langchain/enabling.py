"""The two functions for users. Light to import: LangChain is imported when one of them is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from peekr.errors import PluginNotInstalled

if TYPE_CHECKING:
    from peekr_langchain.manual import RunOpeningHandler
    from peekr_langchain.tracing import LangChainTracing


def _need_langchain(asked_for: str) -> None:
    try:
        import_module("langchain_core")
    except ModuleNotFoundError as error:
        if error.name != "langchain_core":  # it is there and lacks something itself
            raise
        raise PluginNotInstalled(asked_for, "langchain-core") from None


def enable_langchain(run_name: str = "langchain_agent", trace: Any = None) -> LangChainTracing:
    """Trace what LangChain does: inside a ``with`` block as one run, or process-wide.

    ::

        with enable_langchain(run_name="flights") as callbacks:
            chain.invoke("Find flights")                                        # traced
            chain.invoke("Find flights", config={"callbacks": callbacks})       # likewise, and not twice

        enable_langchain()        # without ``with``: process-wide from now on, until .disable() or uninstrument()

    After :func:`peekr.instrument` LangChain is traced anyway; the block then adds the run around it. Without it, the
    block begins to store runs as ``peekr.trace.run`` does.

    :param run_name: name of the run; its ``agent_type`` is ``langchain``.
    :param trace: a :class:`peekr.Trace` to open the run with; the default one if it is None.
    :return: the context manager, which is also what it gives: a list of one callback handler that answers as a
        handler itself.
    :raises PluginNotInstalled: (an ImportError) if langchain-core is not installed.
    """
    _need_langchain("peekr.enable_langchain")
    from peekr_langchain.tracing import LangChainTracing

    return LangChainTracing(run_name, trace)


def get_callback_handler(trace: Any = None) -> RunOpeningHandler:
    """Return a handler to pass by hand: ``chain.invoke(question, config={"callbacks": [get_callback_handler()]})``.

    Outside of any run it opens one around each chain, model, tool or retriever that is called by itself.

    :param trace: a :class:`peekr.Trace` to open runs with; the default one if it is None.
    :raises PluginNotInstalled: (an ImportError) if langchain-core is not installed.
    """
    _need_langchain("peekr_langchain.get_callback_handler")
    from peekr_langchain.manual import RunOpeningHandler

    return RunOpeningHandler(trace)
