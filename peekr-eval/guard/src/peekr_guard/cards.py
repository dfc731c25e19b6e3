"""Payment card numbers: the issuer's prefix, its lengths, and the check digit (ISO/IEC 7812)."""

from __future__ import annotations

from typing import Tuple

#: First and last prefix of a range, and the lengths of its numbers. Prefixes as the schemes publish them.
_RANGES: Tuple[Tuple[int, int, Tuple[int, ...]], ...] = (
    (4, 4, (13, 16, 18, 19)),  # Visa
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),
    (51, 55, (16,)),  # Mastercard
    (2221, 2729, (16,)),
    (36, 36, (14, 16, 19)),  # Diners Club
    (38, 39, (14, 16, 19)),
    (300, 305, (14, 16, 19)),
    (309, 309, (14,)),
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (644, 649, (16, 17, 18, 19)),
    (65, 65, (16, 17, 18, 19)),
    (35, 35, (16, 17, 18, 19)),  # JCB, RuPay
    (1800, 1800, (15,)),
    (2131, 2131, (15,)),
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (81, 82, (16,)),  # UnionPay, RuPay
    (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, Verve, RuPay
    (56, 61, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (63, 63, (12, 13, 14, 15, 16, 17, 18, 19)),
    (66, 69, (12, 13, 14, 15, 16, 17, 18, 19)),
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (9792, 9792, (16,)),  # Troy
)
#: Digit → the digit that counts in its place where it is doubled: the sum of the double's digits.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def is_card(digits: str) -> bool:
    """Whether 12 to 19 ASCII digits are a card number of a known scheme with a right check digit."""
    return 12 <= len(digits) <= 19 and _is_issued(digits) and luhn(digits)


def luhn(digits: str) -> bool:
    """Whether the check digit is right (Luhn, US patent 2950048)."""
    number = digits.encode("ascii")
    total = sum(number[::-2]) + sum(number[-2::-2].translate(_DOUBLED)) - 48 * len(number)
    return total % 10 == 0


#: The same by prefix, for one look-up for each length that prefixes have. 0604 was Maestro's once.
_LENGTHS = {str(prefix): set(lengths) for first, last, lengths in _RANGES for prefix in range(first, last + 1)}
_LENGTHS["0604"] = {12}


def _is_issued(digits: str) -> bool:
    length, known = len(digits), _LENGTHS.get
    return (
        length in known(digits[0], ())
        or length in known(digits[:2], ())
        or length in known(digits[:4], ())
        or length in known(digits[:3], ())
    )


_GROUPS = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4))


def grouped_as_card(groups: Tuple[int, ...]) -> bool:
    """Whether digits are written in the groups that cards have: 4-4-4-4, 4-6-5, 4-6-4, or in one piece."""
    if len(groups) == 1 or groups in _GROUPS:
        return True
    return all(size == 4 for size in groups[:-1]) and 1 <= groups[-1] <= 7
