"""Secrets that are known by their look: social security numbers, card numbers, bearer tokens, and what users name."""

from __future__ import annotations

import re
from typing import Any, Iterable, List, Pattern

from peekr.canary import MARKER
from peekr.errors import ConfigurationError
from peekr.redaction_keys import BEARER, CARD, SSN
from peekr.redaction_keys import DEFAULT_PATTERNS as DEFAULT_PATTERNS

#: What guardrails and earlier redaction wrote; it stays as it is.
MARKERS = frozenset(
    (MARKER, "[EMAIL]", "[PHONE]", "[SSN]", "[CREDIT_CARD]", "[IP_ADDRESS]", "[BLOCKED]", "[REDACTION FAILED]")
)

# Neither part of a longer number, nor of an id: 0.4111…, a1b2-4111…, 4111…-ab12. Cut numbers end with "…".
_BEFORE = r"(?<!\w)(?<!\w-)(?<!\d\.)"
_SSN = re.compile(r"(?<!\d)(?<!\d-)\d{3}-\d{2}-\d{4}(?!\d)(?!-\d)")
_SSN_CUT = re.compile(r"(?<!\d)(?<!\d-)\d{3}-\d{1,2}(?:-\d{0,3})?(?=…)")
#: Four groups of four are a card number whatever the check digit says.
_GROUPS = re.compile(_BEFORE + r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?!\w)(?!-\w)")
_DIGITS = re.compile(r"(?<!\w)(?<!\d\.)[2-6](?:[ -]?\d){12,18}(?!\w)(?!\.\d)")
_DIGITS_CUT = re.compile(r"(?<!\w)(?<!\d\.)(?:4|5[1-5]|2[2-7]|3[0-9]|6[0-9])(?:[ -]?\d){5,18}[ -]?(?=…)")
_BEARER = re.compile(
    r"\bBearer\s+(?!(?:tokens?|auth\w*|scheme|headers?|format)\b(?![._~+/=-]))[A-Za-z0-9._~+/=-]{6,}"
    r"|\bbearer\s+(?=[A-Za-z0-9._~+/=-]{16}|[A-Za-z0-9._~+/=-]{0,15}[0-9_~+/=])[A-Za-z0-9._~+/=-]{6,}"
    r"|\bBEARER\s+[A-Za-z0-9._~+/=-]{6,}"
    r"|\b[Bb]earer\s+[A-Za-z0-9._~+/=-]{2,}(?=…)"
)
#: First digits and length of card numbers: ISO/IEC 7812 ranges of Visa, Mastercard, American Express, Diners Club,
#: Discover, JCB, UnionPay, Maestro.
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-59]|[689]\d)\d{11,16}|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|62\d{14,17}|(?:50|5[6-9]|6\d)\d{11,17}"
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (Luhn 1960; ISO/IEC 7812-1, annex B)."""
    total = 0
    for number, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        if number % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether so many digits are the number of a payment card."""
    return _ISSUED.fullmatch(digits) is not None and luhn(digits)


def is_card_number(value: int) -> bool:
    """Whether an integer is a card number; only the lengths in common use, since ids are integers too."""
    return 10**13 <= value < 10**16 and is_card(str(value))


def without_ssn(text: str) -> str:
    """Replace social security numbers, and the beginning of one where the text was cut."""
    text = _SSN.sub(MARKER, text)
    return _SSN_CUT.sub(MARKER, text) if "…" in text else text


def without_cards(text: str) -> str:
    """Replace card numbers, and what may be the beginning of one where the text was cut."""
    text = _DIGITS.sub(_card_or_number, _GROUPS.sub(MARKER, text))
    return _DIGITS_CUT.sub(MARKER, text) if "…" in text else text


def _card_or_number(match: Any) -> str:
    """A card number may have other numbers beside it: ``5 4111111111111111 2024``."""
    found: str = match.group()
    starts = [at for at in range(len(found) - 12) if found[at].isdigit() and not found[at - 1 : at].isdigit()]
    ends = [at for at in range(len(found), 12, -1) if found[at - 1].isdigit() and not found[at : at + 1].isdigit()]
    for start in starts:
        for end in ends:
            if is_card("".join(filter(str.isdigit, found[start:end]))):
                return found[:start] + MARKER + found[end:]
    return found


def without_bearer(text: str) -> str:
    """Replace bearer tokens with the word before them."""
    return _BEARER.sub(MARKER, text)


_KNOWN = {SSN: without_ssn, CARD: without_cards, BEARER: without_bearer}


class Patterns:
    """The patterns to redact.

    :ivar own: those that are none of the defaults.
    :raises ConfigurationError: if one of them is no regular expression.
    """

    def __init__(self, patterns: Iterable[Any] = DEFAULT_PATTERNS) -> None:
        if isinstance(patterns, (str, bytes)):
            raise ConfigurationError(
                f"redact_patterns must be a list of regular expressions, got {patterns!r}.\nPut it in brackets"
            )
        self.own: List[Pattern[str]] = []
        self._known = []
        for pattern in patterns:
            known = _KNOWN.get(pattern) if isinstance(pattern, str) else None
            if known is not None:
                self._known.append(known)
            else:
                self.own.append(_compiled(pattern))
        self.cards = without_cards in self._known

    def redact(self, text: str) -> str:
        """Return the text without what matches."""
        for known in self._known:
            text = known(text)
        for pattern in self.own:
            text = pattern.sub(_marker, text)
        return text

    def redact_own(self, text: str) -> str:
        """Apply only those that are no defaults."""
        for pattern in self.own:
            text = pattern.sub(_marker, text)
        return text


def _marker(match: Any) -> str:
    """A pattern that matches nothing at all does so between any two characters."""
    return MARKER if match.group() else ""


def _compiled(pattern: Any) -> Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError, RecursionError) as error:
        raise ConfigurationError(
            f"redact_patterns has {pattern!r}, which is no regular expression: {error}.\n"
            "Correct it; Python's syntax is described in the documentation of the module re"
        ) from error
    if not isinstance(compiled.pattern, str):
        raise ConfigurationError(f"redact_patterns has {pattern!r}, which is for bytes.\nGive a text pattern")
    return compiled
