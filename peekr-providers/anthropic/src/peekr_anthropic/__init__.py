"""Trace the Anthropic SDK: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``import anthropic`` before or after; clients made before are traced too. See ``operations.py`` for what makes a
span, ``response.py`` for the attributes.
"""

from __future__ import annotations

from peekr_anthropic.provider import AnthropicProvider

__all__ = ["AnthropicProvider"]
