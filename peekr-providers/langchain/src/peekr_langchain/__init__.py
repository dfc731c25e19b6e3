"""Trace LangChain and LangGraph: ``peekr.instrument()`` finds this package by its entry point.

::

    with peekr.enable_langchain(run_name="flights"):      # one run around whatever LangChain does inside
        chain.invoke("Find flights from SFO to JFK")

Nothing here imports LangChain before the program does or one of the two functions below is called.
"""

from __future__ import annotations

from peekr_langchain.enabling import enable_langchain, get_callback_handler
from peekr_langchain.provider import LangChainProvider

__all__ = ["LangChainProvider", "enable_langchain", "get_callback_handler"]
