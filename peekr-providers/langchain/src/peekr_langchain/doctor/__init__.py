"""What ``peekr doctor`` drives of LangChain: models of its own kind, and OpenAI's through its package for them.

The second shows whether a call that two plugins see is counted once.
"""

from __future__ import annotations

from peekr.probes import Reply, Request, Suite
from peekr_langchain.doctor import entries, openai

_ASKED_NOBODY = "a model of this process has no API"


def _nobody(request: Request) -> Reply:
    raise LookupError(f"{_ASKED_NOBODY}: {request.path}")


SUITE = Suite("langchain-core", "langchain_core.runnables", answer=_nobody, probes=entries.probes)
OPENAI_SUITE = Suite("langchain-openai", "langchain_openai", answer=openai.answer, probes=openai.probes)
