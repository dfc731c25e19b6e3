"""Guardrails: the base class, and those of the installed plugins by class name: ``peekr.guard.PIIRedact``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from peekr.errors import GuardrailError as GuardrailError
from peekr.naming import WithName

if TYPE_CHECKING:  # first-party names, for checkers and editors
    from peekr.spans import Span
    from peekr_guard.blocklist import Blocklist as Blocklist
    from peekr_guard.compliance import CompliancePacks as CompliancePacks
    from peekr_guard.hallucination import HallucinationBlock as HallucinationBlock
    from peekr_guard.pii import PIIRedact as PIIRedact
    from peekr_guard.presidio import PresidioRedact as PresidioRedact


class BaseGuardrail(WithName):
    """Looks at what goes to a model and what comes back: ``instrument(guardrails=[Mine()])`` (contract GUARD-9).

    ::

        class NoPrices(peekr.guard.BaseGuardrail):
            def run(self, span):
                if "$" in span.attributes.get("output", ""):
                    raise peekr.guard.GuardrailError("an answer names a price")

    It is asked about calls of the providers, about ``trace.llm()``, and about spans of kind ``llm`` that the program
    ends by hand; these two are over by then, so the exception only says that their answer must not be used. What it
    replaces in ``input`` or ``output`` is stored nowhere in the original.

    A guardrail that fails in another way is skipped with a warning; after ten failures in a row it is left out.

    A subclass may have ``check_input(span)`` too: it is called in the caller's thread before a request leaves, with
    ``span.attributes`` holding ``input`` and ``model``, and may raise :class:`GuardrailError`: then the SDK is not
    called.

    :cvar in_worker: True for one that changes spans (and blocks nothing): :meth:`run` is then called in the delivery
        worker for every span, before redaction, evaluators and storage.
    :cvar window: of one that blocks: in streams, how many characters of the answer it has to see at once. Text is
        released as soon as it has been seen with that much before it. None means that it needs the whole answer,
        which is then withheld until its end.
    :cvar blocks: False for one that only takes notes: no stream is withheld for it.
    :cvar waits: True if :meth:`run` takes long, as a judge does: async callers then wait for it in a thread.
    """

    in_worker = False
    window: Optional[int] = 256
    blocks = True
    waits = False

    def run(self, span: Span) -> None:
        """Look at an LLM call that has been answered, or change any span (see :attr:`in_worker`).

        ``span.attributes`` have ``input`` and ``output`` in full length. In a stream, ``output`` is what came last,
        for each window, and the whole answer at the end.

        :raises GuardrailError: to withhold the answer; the caller gets the exception instead.
        """


if not TYPE_CHECKING:
    from peekr._facade import resolver

    __getattr__, __dir__ = resolver(__name__, group="peekr.guardrails")
