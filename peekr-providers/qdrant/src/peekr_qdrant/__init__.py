"""Trace Qdrant: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``import qdrant_client`` before or after; clients made before are traced too. What makes a
span: ``operations.py``.
"""

from __future__ import annotations

from peekr_qdrant.provider import QdrantProvider

__all__ = ["QdrantProvider"]
