"""Trace LlamaIndex: ``peekr.instrument()`` finds this package by its entry point.

::

    peekr.instrument()
    index.as_query_engine().query("What is the capital of France?")    # a tree: query, retrieve, embed, synthesize, …

Nothing here imports LlamaIndex before the program does.
"""

from __future__ import annotations

from peekr_llamaindex.provider import LlamaIndexProvider

__all__ = ["LlamaIndexProvider"]
