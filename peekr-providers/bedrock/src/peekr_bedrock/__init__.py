"""Trace AWS Bedrock: ``peekr.instrument()`` finds this package by its entry point and needs no further step.

``import boto3`` before or after; clients made before are traced too. See ``operations.py`` for what makes a span,
``families.py`` for the bodies of InvokeModel, ``body.py`` and ``events.py`` for when a span ends.
"""

from __future__ import annotations

from peekr_bedrock.provider import BedrockProvider

__all__ = ["BedrockProvider"]
