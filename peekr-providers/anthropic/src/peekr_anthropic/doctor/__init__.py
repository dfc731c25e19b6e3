"""What ``peekr doctor`` drives of the Anthropic SDK: its entry points, and an API for them on this machine."""

from __future__ import annotations

from peekr.probes import Suite
from peekr_anthropic.doctor.answers import answer
from peekr_anthropic.doctor.entries import probes

SUITE = Suite("anthropic", "anthropic", answer=answer, probes=probes)
