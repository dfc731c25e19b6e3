"""International bank account numbers: the country's length and the check sum (ISO 13616)."""

from __future__ import annotations

import functools
import re
import string
from typing import Dict

#: Characters of an IBAN by country, from the registry that SWIFT keeps.
LENGTHS: Dict[str, int] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip


def iban_end(text: str, start: int) -> int:
    """Return where the IBAN ends whose country code begins at ``start``; 0 if there is none.

    Single spaces or hyphens may part its groups.
    """
    length = LENGTHS.get(text[start : start + 2].upper())
    if length is None or (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
        return 0
    match = _grouped(length).match(text, start)
    return match.end() if match is not None and _checks(_PARTS.sub("", match[0])) else 0


@functools.lru_cache(maxsize=64)  # as many as there are lengths
def _grouped(length: int) -> re.Pattern[str]:
    """So many characters that end with the text or before what is no part of a word."""
    return re.compile(rf"[A-Za-z0-9](?:[ \-\u00a0]?[A-Za-z0-9]){{{length - 1}}}(?!\w)")


#: What parts groups.
_PARTS = re.compile(r"[ \-\u00a0]")
#: Letters count as 10 to 35.
_VALUES = {char: str(int(char, 36)) for char in string.digits + string.ascii_letters}


def _checks(iban: str) -> bool:
    """ISO 7064, MOD 97-10, with the first four characters at the end."""
    return int("".join(map(_VALUES.__getitem__, iban[4:] + iban[:4]))) % 97 == 1
