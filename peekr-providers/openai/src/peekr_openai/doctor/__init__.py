"""What ``peekr doctor`` drives of the OpenAI SDK: its entry points, and an API for them on this machine."""

from __future__ import annotations

from peekr.probes import Suite
from peekr_openai.doctor.answers import answer
from peekr_openai.doctor.entries import probes

SUITE = Suite("openai", "openai", answer=answer, probes=probes)
