"""Personal data in a text: where it is and of which category. Pure; knows nothing of spans.

Written for speed on texts without any: one pass looks for rows of digits, the other categories begin at a character
that is rare in prose. Every candidate is then checked by what a pattern cannot tell: check digits, lengths, ranges.
"""

from __future__ import annotations

import re
from typing import AbstractSet, Callable, Dict, Iterator, List, Sequence, Tuple

from peekr_guard.addresses import find_emails, find_ipv4, find_ipv6
from peekr_guard.cards import grouped_as_card, is_card
from peekr_guard.ibans import iban_end
from peekr_guard.phones import Group, phone_end
from peekr_guard.texts import Found, masked

#: Categories, and what stands for a value that was removed.
TAGS: Dict[str, str] = {
    "email": "[EMAIL]",
    "phone": "[PHONE]",
    "ssn": "[SSN]",
    "credit_card": "[CREDIT_CARD]",
    "ip_address": "[IP_ADDRESS]",
    "iban": "[IBAN]",
}
#: A row of digits with what people put between the groups of one number: spaces, hyphens of all kinds, dots, slashes,
#: parentheses.
_BETWEEN = r"[ \u00a0\u2009\u202f.\-\u2010-\u2015\u2212/()]{1,3}"
_NUMBER = re.compile(
    rf"[0-9](?:(?=[0-9 \u00a0\u2009\u202f.\-\u2010-\u2015\u2212/()]{{6}})(?:(?:{_BETWEEN})?[0-9])*"
    r"|(?<=[A-Za-z]{2}[0-9])(?=[0-9][ A-Za-z0-9\u00a0-]{11}))"
)
_DIGITS = re.compile(r"[0-9]+")
_SHORTEST = 7
_SSN_WORD = re.compile(r"(?<![^\W_])(?:ssn|social\s+security)(?![^\W_])", re.IGNORECASE)
#: Signs before a number that make it a sum, a fraction, or part of a name.
_NO_START = frozenset("_$€£¥#=%~")


def find(text: str, categories: AbstractSet[str], regions: Sequence[str] = ()) -> List[Found]:
    """Return the personal data of these categories, in order and without overlaps.

    The text may be JSON: escapes in it are seen as space, so a result never cuts one.
    """
    text = masked(text)
    found: List[Found] = []
    if "email" in categories:
        found += [(start, end, "email") for start, end in find_emails(text)]
    if "ip_address" in categories:
        found += [(start, end, "ip_address") for start, end in find_ipv6(text)]
    taken = [one for one in found if one[2] == "ip_address"]
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if text[start - 1 : start].isalpha():
            last = iban_end(text, start - 2) if start > 1 else 0
            if last:
                taken.append((start - 2, last, "iban"))
                found.append(taken[-1])
        if end - start >= _SHORTEST:
            found += _in_row(text, start, end, regions, taken)
    return apart([one for one in found if one[2] in categories]) if found else found


def apart(found: List[Found]) -> List[Found]:
    """Without overlaps: what begins first stays, and of two the longer."""
    found.sort(key=lambda one: (one[0], -one[1]))
    out: List[Found] = []
    for one in found:
        if not out or one[0] >= out[-1][1]:
            out.append(one)
    return out


def _in_row(text: str, start: int, end: int, regions: Sequence[str], taken: Sequence[Found]) -> Iterator[Found]:
    """Yield what a row of digits holds: several numbers may stand in it."""
    groups = [match.span() for match in _DIGITS.finditer(text, start, end)]
    dotted = list(find_ipv4(text, start, end)) if text.count(".", start, end) >= 3 else []
    yield from ((first, last, "ip_address") for first, last in dotted)
    busy = [*dotted, *((first, last) for first, last, _ in taken if first < end and last > start)]
    if busy:
        groups = [group for group in groups if not any(first <= group[0] < last for first, last in busy)]
    before = start
    while before and text[before - 1] in "+(":
        before -= 1
    at = 0
    while at < len(groups):
        category, count, last = _at_group(text, groups, at, before, regions)
        if category:
            yield _begin(text, groups[at][0], category, last)
            at += count
        else:
            at += 1


def _begin(text: str, first: int, category: str, end: int) -> Found:
    """With the sign and the parenthesis that belong to a phone's number."""
    if category == "phone":
        if text[first - 1 : first] == "(" and ")" in text[first:end]:
            first -= 1
        if text[first - 1 : first] == "+" or text[first - 2 : first] == "+ ":
            first = text.rindex("+", 0, first)
    return first, end, category


def _at_group(text: str, groups: Sequence[Group], at: int, start: int, regions: Sequence[str]) -> Tuple[str, int, int]:
    """Return category, number of groups and end of what begins with a group; an empty category if nothing does."""
    if not _may_begin(text, groups, at):
        return "", 0, 0
    for category, take in _TAKERS:
        count = take(text, groups, at)
        if count:
            return category, count, groups[at + count - 1][1]
    count, end = phone_end(text, groups, at, start, regions)
    if count and not _goes_on(text, end):
        return "phone", count, end
    return "", 0, 0


def _may_begin(text: str, groups: Sequence[Group], at: int) -> bool:
    """Whether a number can begin here, and not in the middle of a longer one, of a name or of a sum."""
    first = groups[at][0]
    if not first:
        return True
    before, earlier = text[first - 1], text[first - 2 : first - 1]
    if before.isalnum() or before in _NO_START:
        return False
    if before == "," and earlier.isdigit():  # a list of numbers, or thousands
        size = groups[at][1] - first
        return size >= 9 or (size == 3 and text[groups[at][1] : groups[at][1] + 1] == "-")
    if before in ".-/" and earlier.isalnum():
        return before in ".-" and earlier.isalpha() and (before == "." or (at == 0 and _ends_word(text, first - 1)))
    return True


def _ends_word(text: str, end: int) -> bool:
    """Whether a whole word, as ``tel-``, stands there, and not the beginning of a part number."""
    return text[max(end - 3, 0) : end].lower() in ("tel", "fax", "mob", "one", "ell", "ile")


def _goes_on(text: str, end: int) -> bool:
    """Whether what follows belongs to the number, which is none then."""
    after = text[end : end + 2]
    if after[:1].isalnum() or after[:1] == "_":
        return True
    if after[:1] == "," and text[max(end - 4, 0) : end].isdigit() and end >= 4:  # no thousands
        return False
    return (after[:1] in ("-", ".", "/", ",") and after[1:].isdigit()) or after[:1] in ("%", "€", "$")


_CARD_PARTS = (" ", "-", "\u00a0", "\u202f", "\u2011", "\u2013")


def _card(text: str, groups: Sequence[Group], at: int) -> int:
    """The most groups that make a card number."""
    digits = ""
    best = 0
    for count, (start, end) in enumerate(groups[at : at + 6], 1):
        if count > 1 and text[groups[at + count - 2][1] : start] not in _CARD_PARTS:
            break
        digits += text[start:end]
        if len(digits) > 19:
            break
        if len(digits) >= 12 and not _goes_on(text, end) and is_card(digits):
            sizes = tuple([last - first for first, last in groups[at : at + count]])
            best = count if grouped_as_card(sizes) and not _is_tail(text, groups, at, sizes) else best
    return best


def _is_tail(text: str, groups: Sequence[Group], at: int, sizes: Sequence[int]) -> bool:
    """Whether these twelve digits are the end of sixteen in one row, which are no card's."""
    if at == 0 or list(sizes) != [4, 4, 4]:
        return False
    first, last = groups[at - 1]
    return last - first == 4 and text[last : groups[at][0]] == text[groups[at][1] : groups[at + 1][0]]


def _ssn(text: str, groups: Sequence[Group], at: int) -> int:
    """A social security number: three, two and four digits, of which no group is all zeros, and no area 666 or 9xx."""
    start, end = groups[at]
    row = groups[at : at + 3]
    sizes = [last - first for first, last in row]
    if sizes == [3, 2, 4]:
        between = {text[row[0][1] : row[1][0]], text[row[1][1] : row[2][0]]}
        if len(between) > 1 or not between <= {"-", " ", "\u2011", "\u2013", "\u2010", "."}:
            return 0
        sure = between & {"-", "\u2011", "\u2010", "\u2013"}
        count, area, group, serial = 3, text[start:end], text[slice(*row[1])], text[slice(*row[2])]
    elif sizes[:1] == [9]:
        sure, count = set(), 1
        area, group, serial = text[start : start + 3], text[start + 3 : start + 5], text[start + 5 : end]
    else:
        return 0
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        return 0
    if _goes_on(text, row[count - 1][1]):
        return 0
    return count if sure or _SSN_WORD.search(text, max(start - 40, 0), start) is not None else 0


_TAKERS: Tuple[Tuple[str, Callable[[str, Sequence[Group], int], int]], ...] = (("credit_card", _card), ("ssn", _ssn))
