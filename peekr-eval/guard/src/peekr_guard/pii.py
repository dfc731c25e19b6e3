"""Personal data: replaced in every span before anybody else reads it."""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Sequence, Tuple

from peekr.errors import ConfigurationError
from peekr.guard import BaseGuardrail
from peekr.guarding import add_notes
from peekr.spans import Span
from peekr_guard.finder import TAGS, find
from peekr_guard.texts import Find, Found, Replacer

FIELDS = ("input", "output")


def checked_fields(fields: Any) -> Tuple[str, ...]:
    """Return the fields.

    :raises ConfigurationError: if they are not ``input``, ``output`` or both.
    """
    if isinstance(fields, str) or not isinstance(fields, Iterable):
        raise ConfigurationError(f"fields must be a list such as ['input', 'output'], got {fields!r}.")
    chosen = tuple(fields)
    if not chosen or not set(chosen) <= set(FIELDS):
        raise ConfigurationError(f"fields must be 'input', 'output' or both, got {fields!r}.\nLeave it out for both")
    return chosen


def checked_categories(categories: Any, known: Iterable[str]) -> Tuple[str, ...]:
    """Return the categories, all known ones for None.

    :raises ConfigurationError: naming the one that is not known.
    """
    known = tuple(known)
    if categories is None:
        return known
    if isinstance(categories, str) or not isinstance(categories, Iterable):
        raise ConfigurationError(f"categories must be a list, got {categories!r}.\nWrite categories=['email', ...]")
    chosen = tuple(categories)
    for name in chosen:
        if name not in known:
            raise ConfigurationError(f"unknown category {name!r}.\nUse some of: {', '.join(known)}")
    if not chosen:
        raise ConfigurationError("categories is empty, so nothing would be redacted.\nLeave it out for all of them")
    return chosen


class PIIRedact(BaseGuardrail):
    """Replaces personal data in what is recorded: ``instrument(guardrails=[peekr.guard.PIIRedact()])``.

    The traced program's own data stays as it is. With both fields, all other recorded text is cleaned too: error
    messages, tool arguments, retrieved documents, the payload. ``user_id`` and ``session_id`` stay.

    ``attributes.guardrail_warnings`` says what was removed and how often, never the value.

    :param fields: ``"input"``, ``"output"`` or both.
    :param categories: some of ``email``, ``phone``, ``ssn``, ``credit_card``, ``ip_address``, ``iban``; all by default.
    :param regions: countries (``"US"``, ``"DE"``) whose national phone numbers are known even without spaces or any
        word about phones; makes more numbers phones.
    :param engine: ``"builtin"``, or ``"presidio"`` for the heavier recognisers of an installed presidio-analyzer.
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    :raises PluginNotInstalled: if the engine is not installed.
    """

    in_worker = True

    def __init__(
        self,
        fields: Sequence[str] = FIELDS,
        categories: Optional[Sequence[str]] = None,
        *,
        regions: Sequence[str] = (),
        engine: str = "builtin",
        name: Optional[str] = None,
    ) -> None:
        if engine not in ("builtin", "presidio"):
            raise ConfigurationError(f"unknown engine {engine!r}.\nUse 'builtin' or 'presidio'")
        self.fields = checked_fields(fields)
        self.categories = checked_categories(categories, TAGS)
        if name:
            self.name = name
        finder = _builtin(self.categories, regions) if engine == "builtin" else _presidio(self.categories)
        self._replacer = Replacer(finder, tag, self.fields)

    def run(self, span: Span) -> None:
        """Replace what is found in the span, in place. In the worker."""
        note_removed(span, self.name, self._replacer)

    def redact(self, text: str) -> str:
        """Return a text with what is found in it replaced."""
        return self._replacer.text(text, {})


def note_removed(span: Span, guard: str, replacer: Replacer) -> None:
    """Replace, and note what was removed: category, count and where."""
    counts = replacer.span(span)
    payload = counts.pop("payload", None)
    if payload is not None:  # mostly the same texts again
        counts["payload"] = {
            kind: count - sum(counted.get(kind, 0) for counted in counts.values()) for kind, count in payload.items()
        }
    notes = [
        f"{guard}: {category} × {count} in {field} → {tag(category)}"
        for field, counted in counts.items()
        for category, count in sorted(counted.items())
        if count > 0
    ]
    if notes:
        add_notes(span, "guardrail_warnings", notes)


def tag(category: str) -> str:
    """Return what stands for a value of a category."""
    return TAGS.get(category) or f"[{category.upper()}]"


def _builtin(categories: Sequence[str], regions: Sequence[str]) -> Find:
    wanted = frozenset(categories)
    countries = tuple(str(region).upper() for region in regions)

    def builtin(text: str) -> List[Found]:
        return find(text, wanted, countries)

    return builtin


def _presidio(categories: Sequence[str]) -> Find:
    from peekr_guard.presidio import finder

    return finder(categories)
