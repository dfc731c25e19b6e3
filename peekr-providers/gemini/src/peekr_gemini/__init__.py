"""Trace the Google Gen AI SDK: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``from google import genai`` before or after; clients made before are traced too. See ``operations.py`` for what makes
a span, ``response.py`` for the attributes, ``turn.py`` for calls that call the model several times.
"""

from __future__ import annotations

from peekr_gemini.provider import GeminiProvider

__all__ = ["GeminiProvider"]
