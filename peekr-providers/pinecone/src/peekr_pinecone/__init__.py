"""Trace Pinecone: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``import pinecone`` before or after; indexes made before are traced too. What makes a
span: ``operations.py``.
"""

from __future__ import annotations

from peekr_pinecone.provider import PineconeProvider

__all__ = ["PineconeProvider"]
