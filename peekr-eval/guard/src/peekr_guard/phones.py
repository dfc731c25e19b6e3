"""Telephone numbers, as people of many countries write them.

International numbers are checked with Google's libphonenumber. National ones cannot be: what is eight digits in
Denmark is a house number and a street elsewhere. Some are known by their form (``(02) 9876 5432``, ``415-555-0134``,
``01 84 17 61 18``), the others by the words around them.
"""

from __future__ import annotations

import functools
import re
from typing import Iterable, Optional, Sequence, Tuple

from peekr_guard.words import CALL, CALLED, MARKS, OTHER, PHONE, PHONE_BEGINS, WHOSE, WORD

#: One group of digits: where it begins and ends in the text.
Group = Tuple[int, int]

_MIN, _MAX = 7, 15
#: Characters before a number in which words count.
_BEFORE = 48
#: What follows a number and says what it was.
_LABEL = re.compile(
    r"[ \t]{0,2}[-–(,/]?[ \t]?(?:office|fax|mobile|cell|home|work|phone|tel|direct|desk|main|landline|whatsapp"
    r"|телефон|tlf)(?![^\W_])",
    re.IGNORECASE,
)
_EXTENSION = re.compile(
    r"[ ,;]{0,2}(?:x|ext\.?|extension|durchwahl|poste|#)[ .:]?[0-9]{1,6}(?![0-9A-Za-z])", re.IGNORECASE
)
_STREET = re.compile(r"[ \t]+[^\W\d_]")
_GOES_ON = re.compile(
    r"[ \t]+(?:office|fax|mobile|cell|home|work|phone|and|or|to|if|please|for|is|was|at|but|so|because|when|after"
    r"|before|between|from|any|anytime|with|in|on|as|the|which|i|he|she|they|we|you|thanks|thank|ext|extension"
    r"|x\d|now|today|tomorrow|asap|only|et|ou|und|oder|y|o|e)(?![^\W_])",
    re.IGNORECASE,
)


def phone_end(text: str, groups: Sequence[Group], at: int, start: int, regions: Iterable[str] = ()) -> Tuple[int, int]:
    """Find a number in a row of digit groups that stand close together.

    :param groups: of the row, in order.
    :param at: index of the group that the number begins with.
    :param start: where the row begins in the text, with a ``+`` or ``(`` before the digits.
    :param regions: countries whose national numbers are known without any word about phones.
    :return: how many groups it takes, 0 if none, and where it ends with its extension.
    """
    first = groups[at][0]
    signs = text[start:first] if at == 0 else text[max(groups[at - 1][1], first - 3) : first]
    taken = _international(text, groups, at) if "+" in signs or _is_double_zero(text, groups[at]) else 0
    if taken and "+" not in signs and _telling(text, first, _NEAR) is False:
        return 0, 0
    if not taken and "+" not in signs:
        taken = _national(text, groups, at, signs) or _with_context(text, groups, at)
        if not taken and regions and len(groups) - at == 1:
            taken = int(_is_valid(text[slice(*groups[at])], tuple(regions)))
    if not taken:
        return 0, 0
    end = groups[at + taken - 1][1]
    extension = _EXTENSION.match(text, end)
    return taken, extension.end() if extension is not None else end


def _digits(text: str, groups: Sequence[Group]) -> str:
    return "".join([text[start:end] for start, end in groups])


# -- with a country code ---------------------------------------------------------------------------------------


def _is_double_zero(text: str, group: Group) -> bool:
    return text.startswith("00", group[0]) and text[group[0] + 2 : group[0] + 3] not in ("", "0")


def _international(text: str, groups: Sequence[Group], at: int) -> int:
    """The longest row of groups that is possible in the country."""
    zero = 2 if text.startswith("00", groups[at][0]) else 0
    domestic = text.find("(0", groups[at][0], groups[-1][1]) >= 0  # +44 (0)20: to be left out
    for end in range(len(groups), at, -1):
        row = groups[at:end]
        if domestic:
            row = [group for group in row if text[slice(*group)] != "0" or text[group[0] - 1] != "("]
        digits = _digits(text, row)[zero:]
        if _MIN <= len(digits) <= _MAX and (not zero or len(digits) >= 9) and _is_possible(digits[:5], len(digits)):
            return end - at
    return 0


@functools.lru_cache(maxsize=4096)
def _is_possible(prefix: str, length: int) -> bool:
    """Whether numbers of this country code can have so many digits; depends on nothing that names a person."""
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + prefix.ljust(length, "2"))
    except phonenumbers.NumberParseException:
        return False
    reason = phonenumbers.is_possible_number_with_reason(number)
    return bool(reason == phonenumbers.ValidationResult.IS_POSSIBLE)


def _is_valid(digits: str, regions: Tuple[str, ...]) -> bool:
    import phonenumbers

    for region in regions:
        try:
            if phonenumbers.is_valid_number_for_region(phonenumbers.parse(digits, region), region):
                return True
        except phonenumbers.NumberParseException:
            pass
    return False


# -- known by their form ---------------------------------------------------------------------------------------

#: Postal codes, licences and orders may begin with a zero too: so many words before a number decide.
_NEAR = 3


def _national(text: str, groups: Sequence[Group], at: int, signs: str) -> int:
    """Numbers that look like nothing else: an area code in parentheses or with a zero, North America's 3-3-4."""
    sizes = [end - start for start, end in groups[at : at + 6]]
    if sizes[:3] == [3, 3, 4] and _evenly(text, groups[at : at + 3]):
        return 3
    if sizes[:4] == [1, 3, 3, 4] and text[groups[at][0]] == "1":
        return 4
    if sizes[:2] == [3, 7] and "(" in signs:
        return 2
    if "(" in signs and text[groups[at][1] : groups[at][1] + 1] == ")" and 2 <= sizes[0] <= 5:
        return 0 if _is_year(text, groups[at]) else _row(text, groups, at, sum(sizes[:1]) + 5, 12)
    if sizes[0] >= 2 and text[groups[at][0]] == "0" and text[groups[at][0] + 1] != "0":
        count = _row(text, groups, at, 9, 12)
        if count == 2 and _is_street(text, groups[at + 1][1]):
            return 0
        return 0 if count and _telling(text, groups[at][0], _NEAR) is False else count
    return 0


def _is_street(text: str, end: int) -> bool:
    """Whether two numbers with a word behind them may be those of a postcode and a house."""
    return _STREET.match(text, end) is not None and _GOES_ON.match(text, end) is None


def _evenly(text: str, groups: Sequence[Group]) -> bool:
    """Parts of one number are parted alike, but for parentheses around the first."""
    between = [text[one[1] : two[0]].strip("()") or " " for one, two in zip(groups, groups[1:])]
    return text[groups[0][0] - 1 : groups[0][0]] == "(" or between[0] == between[1] or {*between} <= {" ", "-"}


def _row(text: str, groups: Sequence[Group], at: int, least: int, most: int) -> int:
    """As many groups, at least two, as make a number of so many digits; another number may follow in the row."""
    digits = 0
    for count, (start, end) in enumerate(groups[at:], 1):
        if digits >= least and count > 1 and text[start] == "0" and end - start >= 2 and end - start + digits > 11:
            return count - 1
        digits += end - start
        if digits > most:
            return count - 1 if count > 2 and digits - (end - start) >= least else 0
    return count if digits >= least and count > 1 and not _looks_dated(text, groups[at : at + count]) else 0


def _is_year(text: str, group: Group) -> bool:
    return group[1] - group[0] == 4 and text[group[0] : group[0] + 2] in ("19", "20")


def _looks_dated(text: str, groups: Sequence[Group]) -> bool:
    """``2003-08-28 12``, ``28.08.2003 12``, ``1990-1995``."""
    sizes = [end - start for start, end in groups]
    years = [_is_year(text, group) for group in groups]
    if sizes[:3] == [4, 2, 2] and years[0]:
        return int(text[slice(*groups[1])]) <= 12
    if len(sizes) >= 3 and sizes[0] <= 2 and sizes[1] <= 2 and years[2]:
        return int(text[slice(*groups[0])]) <= 31 and int(text[slice(*groups[1])]) <= 31
    return len(sizes) == 2 and all(years)


# -- known by what is said about them --------------------------------------------------------------------------


def _with_context(text: str, groups: Sequence[Group], at: int) -> int:
    """Any 7 to 15 digits in at most six groups, or ``82 80 14``, next to a word about phones."""
    row = groups[at : at + 6]
    digits, count = 0, 0
    for start, end in row:
        if digits + end - start > _MAX:
            break
        digits += end - start
        count += 1
    row = row[:count]
    least = 6 if [end - start for start, end in row] == [2, 2, 2] and _spaced(text, row) else _MIN
    if digits < least or _looks_dated(text, row) or (count > 1 and max(end - start for start, end in row) > 8):
        return 0
    if count <= 2 and _is_street(text, row[-1][1]):
        return 0
    return count if _is_called_phone(text, row[0][0], row[-1][1]) else 0


def _spaced(text: str, groups: Sequence[Group]) -> bool:
    return all(text[one[1] : two[0]] == " " for one, two in zip(groups, groups[1:]))


def _is_called_phone(text: str, start: int, end: int) -> bool:
    """Whether the nearest telling word before the number, or a label behind it, means a phone."""
    return _LABEL.match(text, end) is not None or _telling(text, start) is True


def _telling(text: str, start: int, most: int = _BEFORE) -> Optional[bool]:
    """Whether the nearest telling word before a number means a phone (True) or something else (False).

    :param most: how many words to look at.
    """
    before = text[max(start - _BEFORE, 0) : start]
    words = [(match[0].lower(), match.end()) for match in WORD.finditer(before)]
    for place in range(len(words) - 1, max(len(words) - 1 - most, -1), -1):
        word, behind = words[place]
        if word in OTHER:
            return False
        if word in PHONE or word.startswith(PHONE_BEGINS):
            return True
        if word in CALL and CALLED.match(before, behind) is not None:
            return True
        if word == "number" and place and words[place - 1][0] in WHOSE:
            return True
    return True if not before.isascii() and any(mark in before for mark in MARKS) else None
