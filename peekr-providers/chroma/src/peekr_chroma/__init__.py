"""Trace Chroma: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``import chromadb`` before or after; collections made before are traced too. What makes a
span: ``operations.py``.
"""

from __future__ import annotations

from peekr_chroma.provider import ChromaProvider

__all__ = ["ChromaProvider"]
