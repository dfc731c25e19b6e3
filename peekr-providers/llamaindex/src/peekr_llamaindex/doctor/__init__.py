"""What ``peekr doctor`` drives of LlamaIndex: a model of its own kind, and OpenAI's through its package for them.

The second shows whether a call that two plugins see is counted once.
"""

from __future__ import annotations

from peekr.probes import Reply, Request, Suite
from peekr_llamaindex.doctor import entries, openai


def _nobody(request: Request) -> Reply:
    raise LookupError(f"a model of this process has no API: {request.path}")


SUITE = Suite("llama-index-core", "llama_index.core", answer=_nobody, probes=entries.probes)
OPENAI_SUITE = Suite("llama-index-llms-openai", "llama_index.llms.openai", answer=openai.answer, probes=openai.probes)
