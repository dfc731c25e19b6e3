"""Terms and patterns that must not go to a model, come back from it, or be stored."""

from __future__ import annotations

from typing import Iterable, Optional, Sequence

from peekr.errors import ConfigurationError, GuardrailError
from peekr.guard import BaseGuardrail
from peekr.guarding import add_note
from peekr.plain import text_of
from peekr.spans import Span
from peekr_guard.matcher import Matcher, Pattern
from peekr_guard.pii import FIELDS, checked_fields
from peekr_guard.secrets import COMMON_SECRETS
from peekr_guard.texts import Replacer

BLOCKED = "[BLOCKED]"
_ACTIONS = ("raise", "redact", "warn")


class Blocklist(BaseGuardrail):
    """Looks for terms and patterns: ``Blocklist(terms=["confidential"], patterns=Blocklist.COMMON_SECRETS)``.

    ``action="raise"`` stops a request before it leaves, and an answer before the caller gets it, with
    :class:`peekr.guard.GuardrailError`. ``"redact"`` stores ``[BLOCKED]`` in their place, ``"warn"`` stores them and
    says so in ``attributes.guardrail_warnings``; both work in the background and change nothing for the caller.

    :param terms: found anywhere in a text, also inside of words.
    :param patterns: regular expressions. In streams, a match may be 512 characters long.
    :param fields: ``"input"``, ``"output"`` or both.
    :param case_sensitive: for terms and patterns; patterns that are compiled already, and those of
        :attr:`COMMON_SECRETS`, decide for themselves.
    :raises ConfigurationError: (a ValueError) if there are neither terms nor patterns, or an argument cannot work.
    """

    #: Keys of OpenAI, Anthropic, Google, GitHub, Slack and others, PEM headers, Bearer tokens.
    COMMON_SECRETS = COMMON_SECRETS

    def __init__(
        self,
        terms: Optional[Iterable[str]] = None,
        patterns: Optional[Iterable[Pattern]] = None,
        action: str = "raise",
        fields: Sequence[str] = FIELDS,
        case_sensitive: bool = False,
        *,
        name: Optional[str] = None,
    ) -> None:
        if action not in _ACTIONS:
            raise ConfigurationError(f"unknown action {action!r}.\nUse 'raise', 'redact' or 'warn'")
        for given, value in (("terms", terms), ("patterns", patterns)):
            if isinstance(value, str):
                raise ConfigurationError(f"{given} must be a list, got {value!r}.\nWrite {given}=[{value!r}]")
        if terms is None and patterns is None:
            raise ConfigurationError("a Blocklist needs terms or patterns.\nFor instance: Blocklist(terms=['secret'])")
        self.action = action
        self.fields = checked_fields(fields)
        self._matcher = Matcher(terms or (), patterns or (), case_sensitive)
        self._replacer = Replacer(self._matcher.find, lambda kind: BLOCKED, self.fields)
        self.window = self._matcher.window
        self.in_worker = action != "raise"
        self.checks_input = action == "raise" and "input" in self.fields
        self.checks_output = action == "raise" and "output" in self.fields
        if name:
            self.name = name

    def check_input(self, span: Span) -> None:
        """Stop a request that holds something blocked. In the caller's thread.

        :raises GuardrailError: if it does.
        """
        self._stop(span, "input", ("input", "system"))

    def check_output(self, span: Span) -> None:
        """Stop an answer that holds something blocked. In the caller's thread.

        :raises GuardrailError: if it does.
        """
        self._stop(span, "output", ("output",))

    def run(self, span: Span) -> None:
        """Look at a whole call, which peekr itself does in two steps; redact or warn, in the worker.

        :raises GuardrailError: if it holds something blocked and the action is ``"raise"``.
        """
        if self.action == "raise":
            for field, check in (("input", self.check_input), ("output", self.check_output)):
                if field in self.fields:
                    check(span)
        elif self.action == "redact":
            self._redact(span)
        else:
            for field in self.fields:
                what = self._matcher.first(text_of(span.attributes.get(field) or ""))
                if what:
                    add_note(span, "guardrail_warnings", f"{self.name}: {field} holds {what}")

    def _stop(self, span: Span, field: str, names: Sequence[str]) -> None:
        for name in names:
            text = span.attributes.get(name)
            what = self._matcher.first(text) if isinstance(text, str) else None
            if what:
                raise GuardrailError(f"{field} holds {what}", self.name, span)

    def _redact(self, span: Span) -> None:
        counts = self._replacer.span(span)
        for field, counted in counts.items():
            if field != "payload" or len(counts) == 1:
                count = sum(counted.values())
                add_note(span, "guardrail_warnings", f"{self.name}: blocked content × {count} in {field} → {BLOCKED}")
