"""Presidio's recognisers in the place of the built-in ones; used only where presidio-analyzer is installed."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from peekr.errors import ConfigurationError, PluginNotInstalled
from peekr.guard import BaseGuardrail
from peekr.spans import Span
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


#: Of them, those that only a language model finds.
_OF_MODELS = ("person", "location", "nationality")
#: What Presidio gives a phone's number without any word about phones near it; other patterns it trusts more.
THRESHOLD = 0.4


def finder(
    categories: Sequence[str], *, language: str = "en", threshold: float = THRESHOLD, analyzer: Optional[Any] = None
) -> Find:
    """Return a function that finds personal data with Presidio.

    :param analyzer: an ``AnalyzerEngine``; one with Presidio's recognisers is made otherwise, with the language model
        that is installed, which takes seconds.
    :raises PluginNotInstalled: if there is none and presidio-analyzer is not installed.
    :raises ConfigurationError: if a category needs a language model and none is installed.
    """
    engine = analyzer if analyzer is not None else _engine(language, categories)
    names = {ENTITIES[category]: category for category in categories}

    def found(text: str) -> List[Found]:
        results = engine.analyze(text=masked(text), language=language, entities=list(names), score_threshold=threshold)
        sure = sorted(results, key=lambda one: (-getattr(one, "score", 0), one.start - one.end))
        kept: List[Found] = []
        for one in sure:
            if all(one.end <= start or one.start >= end for start, end, _ in kept):
                kept.append((one.start, one.end, names.get(one.entity_type, "pii")))
        return sorted(kept)

    return found


def _engine(language: str, categories: Sequence[str]) -> Any:
    """Make an engine of what is installed: Presidio by itself would fetch a model of hundreds of megabytes."""
    try:
        import spacy  # type: ignore[import-not-found,unused-ignore]
        from presidio_analyzer import AnalyzerEngine  # type: ignore[import-not-found,unused-ignore]
        from presidio_analyzer.nlp_engine import SpacyNlpEngine  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise PluginNotInstalled("peekr.guard.PresidioRedact", "presidio-analyzer") from None
    model = _model(spacy, language)
    wanting = [category for category in categories if category in _OF_MODELS]
    if model is None and wanting:
        raise ConfigurationError(
            f"{', '.join(wanting)} can only be found by a language model, and spaCy has none for {language!r}.\n"
            f"Install one, for instance: python -m spacy download {language}_core_web_sm, or leave these categories out"
        )
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model or "blank"}])
    if model is None:
        engine.nlp = {language: spacy.blank(language)}
    return _offline(AnalyzerEngine(nlp_engine=engine, supported_languages=[language]), language)


def _model(spacy: Any, language: str) -> Optional[str]:
    """The largest model of the language that is installed."""
    found = [name for name in spacy.util.get_installed_models() if name.startswith(f"{language}_")]
    sizes = ("_lg", "_trf", "_md", "_sm")
    return min(
        found, key=lambda name: next((at for at, size in enumerate(sizes) if name.endswith(size)), 9), default=None
    )


def _offline(analyzer: Any, language: str) -> Any:
    """Check domains of mail addresses by the list that comes with tldextract; Presidio would fetch a newer one."""
    import tldextract  # type: ignore[import-not-found,unused-ignore]
    from presidio_analyzer.predefined_recognizers import (  # type: ignore[import-not-found,unused-ignore]
        EmailRecognizer,
    )

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class Offline(EmailRecognizer):  # type: ignore[misc,unused-ignore]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(extract(pattern_text).fqdn)

    analyzer.registry.remove_recognizer("EmailRecognizer", language)
    analyzer.registry.add_recognizer(Offline(supported_language=language))
    return analyzer


class PresidioRedact(BaseGuardrail):
    """As :class:`~peekr_guard.pii.PIIRedact`, with Presidio's recognisers: names and places of people too.

    :param categories: some of the keys of :data:`ENTITIES`; the built-in ones, ``person`` and ``location`` by default.
        These two need a language model: ``python -m spacy download en_core_web_sm``.
    :param language: of the texts, as Presidio calls it.
    :param threshold: least score, 0 to 1, of what is taken for found.
    :param analyzer: an ``AnalyzerEngine`` of your own.
    :raises PluginNotInstalled: if presidio-analyzer is not installed.
    :raises ConfigurationError: (a ValueError) if an argument cannot work, or a language model is wanting.
    """

    in_worker = True

    def __init__(
        self,
        fields: Sequence[str] = FIELDS,
        categories: Optional[Sequence[str]] = None,
        *,
        language: str = "en",
        threshold: float = THRESHOLD,
        analyzer: Optional[Any] = None,
        name: Optional[str] = None,
    ) -> None:
        self.fields = checked_fields(fields)
        self.categories = checked_categories(_DEFAULT if categories is None else categories, ENTITIES)
        if name:
            self.name = name
        find = finder(self.categories, language=language, threshold=threshold, analyzer=analyzer)
        self._replacer = Replacer(find, tag, self.fields)

    def run(self, span: Span) -> None:
        """Replace what is found in the span, in place. In the worker."""
        note_removed(span, self.name, self._replacer)
