"""Personal data in a text: where it is and of which category. Pure; knows nothing of spans.

Written for speed on texts without any: where something may begin is found by searching for plain bytes in the text's
classes of characters, one byte a character. Every candidate is then checked by patterns, and by what a pattern cannot
tell: check digits, lengths, ranges.
"""

from __future__ import annotations

import re
from typing import AbstractSet, Dict, Iterator, List, Sequence, Tuple

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
_PARTS = r" \u00a0\u2009\u202f.\-\u2010-\u2015\u2212/()"
_NUMBER = re.compile(rf"[0-9](?=[0-9{_PARTS}]{{6}})(?:[{_PARTS}]{{0,3}}[0-9])*")
_DIGITS = re.compile(r"[0-9]+")
_SHORTEST = 7
#: Characters as classes: digits, letters, what may part digits, and others. What Latin-1 does not have becomes "?", and
#: may part digits.
_CLASSES = bytes(
    ord(
        "d"
        if char in "0123456789"
        else "p"
        if char in " \xa0.-/()?"
        else "a"
        if char.isascii() and char.isalpha()
        else "o"
    )
    for char in map(chr, range(256))
)
_IBAN, _LONG = b"aadd", b"p" * _SHORTEST
_SSN_WORD = re.compile(r"(?<![^\W_])(?:ssn|social\s+security)(?![^\W_])", re.IGNORECASE)
#: Signs before a number that make it a sum, a fraction, or part of a name.
_NO_START = frozenset("$€£¥%~")


def find(text: str, categories: AbstractSet[str], regions: Sequence[str] = ()) -> List[Found]:
    """Return the personal data of these categories, in order and without overlaps.

    The text may be JSON: escapes in it are seen as space, so a result never cuts one.
    """
    text = masked(text)
    found: List[Found] = []
    if "email" in categories:
        found += [(start, end, "email") for start, end in find_emails(text)]
    if "ip_address" in categories and text.find(":", text.find(":") + 1) > 0:
        for start, end in find_ipv6(text):
            found.append((start, end, "ip_address"))
            text = _blotted(text, start, end)
    classes = text.encode("latin-1", "replace").translate(_CLASSES)
    for start, end in _ibans(text, classes):
        found.append((start, end, "iban"))
        text, classes = _blotted(text, start, end), classes[:start] + b"a" * (end - start) + classes[end:]
    for start, end in _rows(text, classes):
        found += _in_row(text, start, end, regions)
    return apart([one for one in found if one[2] in categories]) if found else found


def _blotted(text: str, start: int, end: int) -> str:
    """Return the text with letters in the place of what was found, whose digits are no other number's."""
    return f"{text[:start]}{'x' * (end - start)}{text[end:]}"


def _ibans(text: str, classes: bytes) -> List[Tuple[int, int]]:
    found: List[Tuple[int, int]] = []
    at = classes.find(_IBAN)
    while at >= 0:
        end = iban_end(text, at)
        if end:
            found.append((at, end))
        at = classes.find(_IBAN, max(at + 2, end))
    return found


def _rows(text: str, classes: bytes) -> Iterator[Tuple[int, int]]:
    """Yield where each row of digits begins and ends that is long enough to be something."""
    merged = classes.replace(b"d", b"p")
    at = merged.find(_LONG)
    while at >= 0:
        at = classes.find(b"d", at)
        if at < 0:
            return
        row = _NUMBER.match(text, at) if merged.startswith(_LONG, at) else None
        if row is None:
            at += 1
        else:
            if row.end() - at >= _SHORTEST:
                yield row.span()
            at = row.end()
        at = merged.find(_LONG, at)


def apart(found: List[Found]) -> List[Found]:
    """Without overlaps: what begins first stays, and of two the longer."""
    found.sort(key=lambda one: (one[0], -one[1]))
    out: List[Found] = []
    for one in found:
        if not out or one[0] >= out[-1][1]:
            out.append(one)
    return out


def _in_row(text: str, start: int, end: int, regions: Sequence[str]) -> List[Found]:
    """Return what a row of digits holds: several numbers may stand in it."""
    found: List[Found] = []
    if text.count(".", start, end) >= 3:
        found += [(first, last, "ip_address") for first, last in find_ipv4(text, start, end)]
        if len(found) == 1 and found[0][:2] == (start, end):
            return found
    groups = [match.span() for match in _DIGITS.finditer(text, start, end)]
    for first, last, _ in found:
        groups = [group for group in groups if not first <= group[0] < last]
    before = start
    while before and text[before - 1] in "+(":
        before -= 1
    at = 0
    while at < len(groups):
        category, count, last = _at_group(text, groups, at, before, regions)
        if category:
            found.append(_begin(text, groups[at][0], category, last))
        at += count
    return found


def _begin(text: str, first: int, category: str, end: int) -> Found:
    """With the sign and the parenthesis that belong to a phone's number."""
    if category == "phone":
        if text[first - 1 : first] == "(" and ")" in text[first:end]:
            first -= 1
        if text[first - 1 : first] == "+" or text[first - 2 : first] == "+ ":
            first = text.rindex("+", 0, first)
    return first, end, category


def _at_group(text: str, groups: Sequence[Group], at: int, start: int, regions: Sequence[str]) -> Tuple[str, int, int]:
    """Return category, number of groups and end of what begins with a group; ``("", 1, 0)`` if nothing does."""
    if not _may_begin(text, groups, at):
        return "", 1, 0
    count = _card(text, groups, at)
    if count:
        return "credit_card", count, groups[at + count - 1][1]
    count = _ssn(text, groups, at)
    if count:
        return "ssn", count, groups[at + count - 1][1]
    count, end = phone_end(text, groups, at, start, regions)
    if count and not _goes_on(text, end):
        return "phone", count, end
    return "", 1, 0


def _may_begin(text: str, groups: Sequence[Group], at: int) -> bool:
    """Whether a number can begin here, and not in the middle of a longer one, of a name or of a sum."""
    first = groups[at][0]
    if not first:
        return True
    before = text[first - 1]
    if before == " ":
        return True
    earlier = text[first - 2 : first - 1]
    if before.isalnum() or before in _NO_START or (before == "_" and earlier.isalnum()):
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
    if not after or after[0] == " ":
        return False
    if after[:1].isalnum() or (after[:1] == "_" and after[1:].isalnum()):
        return True
    if after[:1] == "," and text[max(end - 4, 0) : end].isdigit() and end >= 4:  # no thousands
        return False
    return (after[:1] in ("-", ".", "/", ",") and after[1:].isdigit()) or after[:1] in ("%", "€", "$")


_EXPIRY = re.compile(r"/(?:0[1-9]|1[0-2])/[0-9]{2}(?![0-9])")
_CARD_PARTS = (" ", "-", "\u00a0", "\u202f", "\u2011", "\u2013")


def _card(text: str, groups: Sequence[Group], at: int) -> int:
    """The most groups that make a card number."""
    if groups[-1][1] - groups[at][0] - (len(groups) - at - 1) < 12:  # at least a sign between two groups
        return 0
    digits, before, possible = "", 0, []
    for count, (start, end) in enumerate(groups[at : at + 6], 1):
        if count > 1 and text[before:start] not in _CARD_PARTS:
            break
        digits += text[start:end]
        before = end
        if len(digits) > 19:
            break
        if len(digits) >= 12:
            possible.append((count, digits))
    for count, digits in reversed(possible):
        last = groups[at + count - 1][1]
        if (not _goes_on(text, last) or _EXPIRY.match(text, last) is not None) and is_card(digits):
            sizes = tuple([last - first for first, last in groups[at : at + count]])
            if grouped_as_card(sizes) and not _is_tail(text, groups, at, sizes):
                return count
    return 0


def _is_tail(text: str, groups: Sequence[Group], at: int, sizes: Tuple[int, ...]) -> bool:
    """Whether these twelve digits are the end of sixteen in one row, which are no card's."""
    if at == 0 or sizes != (4, 4, 4):
        return False
    first, last = groups[at - 1]
    return last - first == 4 and text[last : groups[at][0]] == text[groups[at][1] : groups[at + 1][0]]


_SSN_PARTS = ("-", " ", "\u2011", "\u2013", "\u2010", ".")


def _ssn(text: str, groups: Sequence[Group], at: int) -> int:
    """A social security number: three, two and four digits, of which no group is all zeros, and no area 666 or 9xx."""
    start, end = groups[at]
    if end - start == 9:
        digits, sure, count = text[start:end], False, 1
    elif end - start == 3 and len(groups) - at >= 3:
        (first, behind), (last, end) = groups[at + 1 : at + 3]
        between = text[start + 3 : first]
        if behind - first != 2 or end - last != 4 or text[behind:last] != between or between not in _SSN_PARTS:
            return 0
        digits, sure, count = text[start : start + 3] + text[first:behind] + text[last:end], between not in " .", 3
    else:
        return 0
    if digits[0] == "9" or digits.startswith(("000", "666")) or digits[3:5] == "00" or digits[5:] == "0000":
        return 0
    if _goes_on(text, end):
        return 0
    return count if sure or _SSN_WORD.search(text, max(start - 40, 0), start) is not None else 0
