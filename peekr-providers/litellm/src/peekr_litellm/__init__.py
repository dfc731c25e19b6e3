"""Trace LiteLLM: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``import litellm`` or ``from litellm import completion`` before or after. See ``operations.py`` for what makes a span,
``response.py`` for the attributes.
"""

from __future__ import annotations

from peekr_litellm.provider import LiteLLMProvider

__all__ = ["LiteLLMProvider"]
