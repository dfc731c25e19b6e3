"""Presidio's recognisers in the place of the built-in ones; used only where presidio-analyzer is installed."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from peekr.errors import PluginNotInstalled
from peekr.guard import BaseGuardrail
from peekr.spans import Span
from peekr_guard.finder import apart
from peekr_guard.pii import FIELDS, checked_categories, checked_fields, note_removed, tag
from peekr_guard.texts import Find, Found, Replacer, masked

#: Presidio's entities by category.
ENTITIES: Dict[str, str] = {
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "ssn": "US_SSN",
    "credit_card": "CREDIT_CARD",
    "ip_address": "IP_ADDRESS",
    "iban": "IBAN_CODE",
    "person": "PERSON",
    "location": "LOCATION",
    "nationality": "NRP",
    "date_time": "DATE_TIME",
    "crypto": "CRYPTO",
    "medical_license": "MEDICAL_LICENSE",
    "us_driver_license": "US_DRIVER_LICENSE",
    "us_passport": "US_PASSPORT",
    "us_bank_number": "US_BANK_NUMBER",
    "uk_nhs": "UK_NHS",
}
_DEFAULT = ("email", "phone", "ssn", "credit_card", "ip_address", "iban", "person", "location")


def finder(
    categories: Sequence[str], *, language: str = "en", threshold: float = 0.5, analyzer: Optional[Any] = None
) -> Find:
    """Return a function that finds personal data with Presidio.

    :param analyzer: an ``AnalyzerEngine``; one with Presidio's defaults is made otherwise, which loads a language
        model and takes seconds.
    :raises PluginNotInstalled: if there is none and presidio-analyzer is not installed.
    """
    engine = analyzer if analyzer is not None else _engine()
    names = {ENTITIES[category]: category for category in categories}

    def found(text: str) -> List[Found]:
        results = engine.analyze(text=masked(text), language=language, entities=list(names), score_threshold=threshold)
        return apart([(one.start, one.end, names.get(one.entity_type, "pii")) for one in results])

    return found


def _engine() -> Any:
    try:
        from presidio_analyzer import AnalyzerEngine  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise PluginNotInstalled("peekr.guard.PresidioRedact", "presidio-analyzer") from None
    return AnalyzerEngine()


class PresidioRedact(BaseGuardrail):
    """As :class:`~peekr_guard.pii.PIIRedact`, with Presidio's recognisers: names and places of people too.

    :param categories: some of the keys of :data:`ENTITIES`; the built-in ones, ``person`` and ``location`` by default.
    :param language: of the texts, as Presidio calls it.
    :param threshold: least score, 0 to 1, of what is taken for found.
    :param analyzer: an ``AnalyzerEngine`` of your own.
    :raises PluginNotInstalled: if presidio-analyzer is not installed.
    """

    in_worker = True

    def __init__(
        self,
        fields: Sequence[str] = FIELDS,
        categories: Optional[Sequence[str]] = None,
        *,
        language: str = "en",
        threshold: float = 0.5,
        analyzer: Optional[Any] = None,
        name: Optional[str] = None,
    ) -> None:
        self.fields = checked_fields(fields)
        self.categories = _DEFAULT if categories is None else checked_categories(categories, ENTITIES)
        if name:
            self.name = name
        find = finder(self.categories, language=language, threshold=threshold, analyzer=analyzer)
        self._replacer = Replacer(find, tag, self.fields)

    def run(self, span: Span) -> None:
        """Replace what is found in the span, in place. In the worker."""
        note_removed(span, self.name, self._replacer)
