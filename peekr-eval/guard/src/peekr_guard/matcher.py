"""Many terms and some patterns in one text: one automaton for all terms, so that their number costs nothing."""

from __future__ import annotations

import functools
import re
from typing import Any, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import ahocorasick_rs
import msgspec

from peekr.errors import ConfigurationError
from peekr_guard.secrets import NAMES
from peekr_guard.texts import masked

Pattern = Union[str, "re.Pattern[str]"]

#: Characters of the longest match that a pattern is taken to have.
PATTERN_WINDOW = 512


class Matcher:
    """Finds terms and patterns.

    :param terms: found anywhere, also inside of words.
    :param patterns: regular expressions, as text or compiled.
    :raises ConfigurationError: naming the term or pattern that is none.
    """

    def __init__(self, terms: Iterable[str], patterns: Iterable[Pattern], case_sensitive: bool) -> None:
        self._sensitive = case_sensitive
        self._terms = [_term(term) for term in terms]
        folded = list(dict.fromkeys(self._folded(term) for term in self._terms))
        self._automaton: Any = ahocorasick_rs.AhoCorasick(folded) if folded else None
        self._folded_terms = folded
        self._patterns = [_compiled(pattern, case_sensitive) for pattern in patterns]
        if not self._terms and not self._patterns:
            raise ConfigurationError("a Blocklist needs terms or patterns.\nFor instance: Blocklist(terms=['secret'])")

    @property
    def window(self) -> int:
        """Characters of the longest match."""
        longest = max(map(len, self._folded_terms), default=1)
        return max(longest, PATTERN_WINDOW) if self._patterns else longest

    def first(self, text: str) -> Optional[str]:
        """Describe the first thing found, without quoting what a pattern found; None if there is nothing.

        JSON is read as what it stands for too: ``"key:\\nsk-…"`` has a key at the beginning of a line.
        """
        for shown in (text, *([_plain(text)] if "\\" in text else ())):
            what = self._first(shown)
            if what is not None:
                return what
        return None

    def _first(self, text: str) -> Optional[str]:
        if self._automaton is not None:
            hits = self._automaton.find_matches_as_indexes(self._folded(text))
            if hits:
                return f"the blocked term {self._folded_terms[hits[0][0]]!r}"
        for pattern in self._patterns:
            if pattern.search(text) is not None:
                name = NAMES.get(pattern.pattern)
                return f"what looks like a secret ({name})" if name else f"a match of the pattern {pattern.pattern!r}"
        return None

    def find(self, text: str) -> List[Tuple[int, int, str]]:
        """Return where everything begins and ends, in order, without overlaps."""
        found: List[Tuple[int, int, str]] = []
        if self._automaton is not None:
            hits = self._automaton.find_matches_as_indexes(self._folded(text))
            if hits:  # folding may have moved what stands where: look again for these terms alone
                exact = _any_of(tuple(sorted({self._folded_terms[hit[0]] for hit in hits})), self._sensitive)
                found = [(*match.span(), "blocked") for match in exact.finditer(text)]
        shown = masked(text)
        for pattern in self._patterns:
            found += [(*match.span(), "blocked") for match in pattern.finditer(shown) if match.end() > match.start()]
        found.sort(key=lambda one: (one[0], -one[1]))
        out: List[Tuple[int, int, str]] = []
        for one in found:
            if out and one[0] < out[-1][1]:
                out[-1] = (out[-1][0], max(one[1], out[-1][1]), "blocked")
            else:
                out.append(one)
        return out

    def _folded(self, text: str) -> str:
        return text if self._sensitive else text.lower()


def _term(term: Any) -> str:
    if not isinstance(term, str) or not term.strip():
        raise ConfigurationError(f"terms must be texts that are not empty, got {term!r}.")
    return term


def _compiled(pattern: Any, case_sensitive: bool) -> re.Pattern[str]:
    if isinstance(pattern, re.Pattern):
        return pattern
    try:
        return re.compile(pattern, 0 if case_sensitive or pattern in NAMES else re.IGNORECASE)
    except (re.error, TypeError) as error:
        raise ConfigurationError(f"{pattern!r} is no regular expression: {error}.") from None


@functools.lru_cache(maxsize=256)
def _any_of(terms: Sequence[str], case_sensitive: bool) -> re.Pattern[str]:
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), 0 if case_sensitive else re.IGNORECASE)


def _plain(text: str) -> str:
    """The texts in JSON, one after the other; where it is none, or was cut, the text with its escapes as spaces."""
    if text[:1] in "{[":
        try:
            return "\n".join(_texts(msgspec.json.decode(text)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return masked(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
