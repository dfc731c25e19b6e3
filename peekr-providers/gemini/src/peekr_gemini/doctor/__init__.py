"""What ``peekr doctor`` drives of google-genai and its predecessor: entry points, and an API on this machine."""

from __future__ import annotations

from peekr.probes import Suite
from peekr_gemini.doctor.answers import answer
from peekr_gemini.doctor.entries import probes
from peekr_gemini.doctor.old import probes as old_probes

SUITE = Suite("google-genai", "google.genai", answer=answer, probes=probes)
LEGACY_SUITE = Suite("google-generativeai", "google.generativeai", answer=answer, probes=old_probes)
