"""Guardrails for peekr; use them as ``peekr.guard.PIIRedact``, ``peekr.guard.Blocklist`` and so on."""
