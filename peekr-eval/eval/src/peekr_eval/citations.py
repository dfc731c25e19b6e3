"""References in a text: addresses, arXiv ids, DOIs, "Author et al. 2020", sections, titles. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Callable, List, Tuple

import attrs

_QUOTES = '"“”„«»'
_CITING = (
    r"(?:according\s+to|cited?\s+in|cit(?:es|ing)|as\s+(?:stated|described|reported|shown|noted|defined)\s+(?:in|by)|"
    r"see(?:\s+also)?|refer(?:s|ring)?\s+to|quot(?:es|ed|ing)(?:\s+(?:in|from))?|per|titled|entitled|called|"
    r"(?:the\s+)?(?:paper|article|book|report|study|document|chapter|section|guide|page|post|source|reference))"
)
_NAME = r"[A-Z\u00c0-\u00de][\w'’\-]+"
_ARXIV = r"""(?:https?://(?:www\.)?arxiv\.org/(?:abs|pdf)/|\barxiv\s*:?\s*)
    (?P<id>\d{4}\.\d{4,5}(?:v\d+)?|[a-z\-]+(?:\.[A-Z]{2})?/\d{7})(?:\.pdf)?"""
_DOI = r"(?:https?://(?:dx\.)?doi\.org/|\bdoi\s*:?\s*)?\b(?P<id>10\.\d{4,9}/[^\s\"'<>\]},;“”]+)"
_URL = r"(?:https?://|\bwww\.)[^\s<>\"'“”`\]}|]+"
_AUTHORS = rf"""\b(?P<who>{_NAME}(?:(?:\s+(?:and|&)\s+|,\s+){_NAME})?)(?:\s+(?P<etal>et\s+al\.?))?
    ,?\s*\(?(?P<year>(?:1[89]|20)\d\d)[a-z]?\)?(?!\d)"""
_SECTION = r"""(?:§§?\s*|\b(?:section|sec\.|clause|article|art\.)\s+)
    (?P<id>\d+(?:\.\d+)*(?:\([a-z0-9]+\))*[a-z]?)(?!\w)"""
_SECTION_WORDS = ("§", "section", "sec.", "clause", "article", "art.")
_TITLE = rf"\b{_CITING}\s*[:,]?\s*(?:the\s+)?[{_QUOTES}](?P<id>[^{_QUOTES}\n]{{3,200}})[{_QUOTES}]"
#: Kind, and where it stands: what is found first in this order is not found again as another kind.
_PATTERNS: Tuple[Tuple[str, re.Pattern[str]], ...] = (
    ("arxiv", re.compile(_ARXIV, re.IGNORECASE | re.VERBOSE)),
    ("doi", re.compile(_DOI, re.IGNORECASE)),
    ("url", re.compile(_URL, re.IGNORECASE)),
    ("author_year", re.compile(_AUTHORS, re.VERBOSE)),
    ("section", re.compile(_SECTION, re.IGNORECASE | re.VERBOSE)),
    ("title", re.compile(_TITLE, re.IGNORECASE)),
)
_TRAILING = ".,;:!?*_"


@attrs.define(slots=True, frozen=True)
class Reference:
    """One reference.

    :ivar kind: ``url``, ``arxiv``, ``doi``, ``author_year``, ``section`` or ``title``.
    :ivar text: as it stands in the text.
    :ivar keys: forms of it, one of which has to be in the context; of ``author_year`` the name and the year, both.
    """

    kind: str
    text: str
    keys: Tuple[str, ...]


def references(text: str) -> List[Reference]:
    """Return the references in a text in order, each once."""
    taken: List[Tuple[int, int]] = []
    found: List[Tuple[int, Reference]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if any(start < there[1] and there[0] < end for there in taken) or not _counts(kind, match):
                continue
            taken.append((start, end))
            found.append((start, _reference(kind, match)))
    unique = {(each.kind, each.keys): each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)}
    return list(reversed(list(unique.values())))


def _counts(kind: str, match: re.Match[str]) -> bool:
    """Whether it cites: for "May 2020" alone it does not; "et al.", a second name or brackets make a citation."""
    if kind != "author_year":
        return True
    return bool(match["etal"]) or match[0].endswith(")") or bool(re.search(r"\s(?:and|&)\s", match["who"]))


def _reference(kind: str, match: re.Match[str]) -> Reference:
    whole = _trimmed(match[0])
    if kind == "url":
        return Reference(
            kind, whole, (re.sub(r"^(?:https?://)?(?:www\.)?", "", whole, flags=re.IGNORECASE).rstrip("/"),)
        )
    if kind == "author_year":
        first = re.split(r"\s+(?:and|&)\s+|,", match["who"])[0]
        return Reference(kind, whole, (first, match["year"]))
    inner = _trimmed(match["id"])
    if kind == "section":
        return Reference(kind, whole, tuple(word + inner for word in _SECTION_WORDS))
    if kind == "title":
        return Reference(kind, inner, (inner,))
    return Reference(kind, whole, (re.sub(r"v\d+$", "", inner) if kind == "arxiv" else inner,))


def _trimmed(text: str) -> str:
    """Without the punctuation of the sentence around it; a bracket stays where its partner is inside."""
    text = text.strip().rstrip(_TRAILING)
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].rstrip(_TRAILING)
    return text


def grounding(context: str) -> Callable[[Reference], bool]:
    """Return the test whether a reference is in a context; case and spacing make no difference (CITE-2)."""
    folded = _folded(context)

    def is_grounded(reference: Reference) -> bool:
        if reference.kind == "author_year":
            name, year = reference.keys
            near = re.compile(rf"(?<!\w){_spaced(name)}(?!\w).{{0,{_YEAR_WITHIN}}}?{year}(?!\d)", re.DOTALL)
            return near.search(folded) is not None
        end = _ENDS[reference.kind]
        return any(re.search(_begin(key) + _spaced(key) + end, folded) for key in reference.keys)

    return is_grounded


#: What must not follow: section 4 is not section 4.2, and /a is not the page /a/b.
_ENDS = {
    "url": r"(?![\w\-/.?=&%#]*\w)",
    "doi": r"(?![\w\-/.]*\w)",
    "arxiv": r"(?!\d)",
    "section": r"(?!\w|\.\d)",
    "title": r"(?!\w)",
}
#: Characters between a name and its year: "Smith, J., Jones, A., … (2020)".
_YEAR_WITHIN = 160


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _spaced(key: str) -> str:
    """Return a pattern of the key with any spacing."""
    return r"\s*".join(re.escape(character) for character in _folded(key) if not character.isspace())


def _begin(key: str) -> str:
    return r"(?<!\w)" if key[:1].isalnum() else ""
