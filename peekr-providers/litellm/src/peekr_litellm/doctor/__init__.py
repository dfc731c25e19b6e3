"""What ``peekr doctor`` drives of LiteLLM."""

from __future__ import annotations

from peekr.probes import Suite
from peekr_litellm.doctor.api import answer
from peekr_litellm.doctor.entries import probes

#: Else it would fetch its price list, and older versions a tokenizer.
_OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
SUITE = Suite("litellm", "litellm", answer=answer, probes=probes, environment=_OFFLINE)
