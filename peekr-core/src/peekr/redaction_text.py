"""Secrets inside text: ``key: value``, ``key=value``, JSON that was cut, JSON inside JSON, and patterns."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple

import msgspec

from peekr.canary import MARKER, Canary
from peekr.redaction_keys import NONE, Keys
from peekr.redaction_patterns import MARKERS, Patterns, is_card_number

#: Levels of JSON, and of JSON inside its texts, that are looked into; what is deeper is left out.
MAX_DEPTH = 100

_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode
_format = msgspec.json.format

#: What stands between a key and its value, with the quote that ends the key.
_BETWEEN = r"(?P<kq>\\*[\"'`])?[ \t]*[:=]{1,3}>?[ \t]*(?:\r?\n[ \t]*)?"
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey|Negotiate|AWS4-HMAC-SHA256)[ \t]+", re.I)
#: Schemes whose credentials are a list.
_LISTS = ("digest", "aws4")
_QUOTE = re.compile(r"\\*[\"'`]")
_SCALAR = re.compile(r"[^\s,}\]]+")
_WORD = re.compile(r"[^\s&]+")
_LINE = re.compile(r"[^\r\n]*")
_PEM_END = re.compile(r"-----END [^-]*-----")
_NOTHING = frozenset(("null", "None", "true", "false", "True", "False"))
_MARKED = re.compile("|".join(map(re.escape, sorted(MARKERS))))


class Cleaner:
    """Takes secrets out of texts and JSON values. Never changes what it is given; returns what is the same as it was.

    Used by one thread at a time.
    """

    def __init__(self, keys: Keys, patterns: Patterns, canary: Optional[Canary]) -> None:
        self._keys = keys
        self._patterns = patterns
        self._canary = canary
        source = keys.pattern()
        self._pairs = re.compile(f"(?:{source}){_BETWEEN}", re.I) if source else None

    # -- values -----------------------------------------------------------------------------------------------

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return JSON data without secrets."""
        kind = type(value)
        if kind is str:
            return self.text(value, depth)
        if depth >= MAX_DEPTH:
            return "…" if kind in (dict, list) else value
        if kind is dict:
            return self._mapping(value, depth + 1)
        if kind is list:
            out = [self.value(item, depth + 1) for item in value]
            return out if any(_differs(new, old) for new, old in zip(out, value)) else value
        if kind is int and self._patterns.cards and is_card_number(value):
            return MARKER
        return value

    def _mapping(self, value: Dict[str, Any], depth: int) -> Dict[str, Any]:
        out: Dict[str, Any] = {}
        changed = False
        spared = "token" if "logprob" in value else None  # a piece of the answer, not a secret
        for key, item in value.items():
            new: Any
            if key == spared:
                new = self.value(item, depth)
            else:
                new = self.under(key, item, depth)
            name = self._key(key)
            while name != key and name in out:
                name += "'"
            changed = changed or name != key or _differs(new, item)
            out[name] = new
        return out if changed else value

    def under(self, key: str, item: Any, depth: int = 0) -> Any:
        """Return the value of a key without secrets."""
        judged = self._keys.judge(key)
        if judged == NONE or self._keys.spares(judged, key, item):
            return self.value(item, depth)
        return item if type(item) is str and item in MARKERS else MARKER

    def is_secret(self, name: Any) -> bool:
        """Whether what goes by this name is secret."""
        return isinstance(name, str) and self._keys.judge(name) != NONE

    def _key(self, key: str) -> str:
        return self.plain_text(key) if len(key) > 8 else self._patterns.redact_own(key)

    # -- texts ------------------------------------------------------------------------------------------------

    def text(self, text: str, depth: int = 0) -> str:
        """Return a text without secrets. One that is JSON stays JSON, spaced as it was."""
        if len(text) < 4:  # nothing known is so short; what users look for may be
            return self._patterns.redact_own(text)
        inner = self._inner(text) if depth < MAX_DEPTH else None
        if inner is not None:
            new = self.value(inner, depth + 1)
            if _differs(new, inner):
                text = _dumped(new, text)
            if self._canary is not None:
                text = self._canary.replace(text)
            return self._patterns.redact_own(text)
        return self.plain_text(self._without_pairs(text))

    def plain_text(self, text: str) -> str:
        """Take out the secrets of the environment, and what matches a pattern."""
        if self._canary is not None:
            text = self._canary.replace(text)
        return self._patterns.redact(text)

    def _inner(self, text: str) -> Any:
        """Return the object, list or text that a JSON text holds, or None."""
        start = text.lstrip()[:1]
        if start not in ("{", "[", '"'):
            return None
        try:
            value = _decode(text.strip())
        except Exception:  # no JSON, or cut, or too deep
            return None
        return value if isinstance(value, (dict, list, str)) else None

    # -- pairs ------------------------------------------------------------------------------------------------

    def _without_pairs(self, text: str) -> str:
        """Replace each value that stands behind a secret key."""
        if self._pairs is None:
            return text
        out: List[str] = []
        at = 0
        while True:
            found = self._pairs.search(text, at)
            if found is None:
                break
            start, end, quoted = _extent(text, found.end(), found.group("kq") or "")
            value = text[start:end]
            inside = value[len(quoted) : len(value) - len(quoted)] if quoted else value
            if not inside or inside in MARKERS or value in _NOTHING:
                out.append(text[at : max(end, found.end())])
                at = max(end, found.end())
                continue
            out += (text[at:start], quoted + MARKER + quoted)
            at = end
        out.append(text[at:])
        return "".join(out)


def _differs(new: Any, old: Any) -> bool:
    """Whether something was taken out; containers without secrets are returned as they are."""
    return new is not old and not (type(new) is str and new == old)


def _dumped(value: Any, like: str) -> str:
    encoded = _encode(value)
    if ": " in like or ", " in like:
        encoded = _format(encoded, indent=0)
    return encoded.decode()


def _extent(text: str, at: int, key_quote: str) -> Tuple[int, int, str]:
    """Return where the value that begins here starts and ends, and the quotes to write around its replacement.

    A value whose end was cut away, or cannot be told, goes on to the end of the text.
    """
    if text.startswith("-----BEGIN ", at):
        end = _PEM_END.search(text, at)
        return at, len(text) if end is None else end.end(), ""
    quote = _QUOTE.match(text, at)
    if quote is not None:
        return at, _end_of_quoted(text, quote.end(), quote.group()), quote.group()
    if text[at : at + 1] in ("{", "["):
        if _MARKED.match(text, at):
            return at, at, ""
        return at, _end_of_container(text, at), key_quote
    scheme = _SCHEME.match(text, at)
    start = at
    if scheme is not None:
        if scheme.group().lower().startswith(_LISTS):
            return start, _LINE.match(text, at).end(), ""  # type: ignore[union-attr]
        at = scheme.end()
    if _MARKED.match(text, at):
        return at, at, ""
    return start, _end_of_word(text, at, key_quote), key_quote


def _end_of_word(text: str, at: int, key_quote: str) -> int:
    found = (_SCALAR if key_quote else _WORD).match(text, at)
    if found is None:
        return at
    end = found.end()
    while end > at + 1 and text[end - 1] in ",;.)]}>\"'`\\":
        end -= 1
    return end


def _end_of_quoted(text: str, at: int, quote: str) -> int:
    """Return the end behind the closing quote, which has as many backslashes before it as the opening one."""
    level = len(quote) - 1
    while True:
        at = text.find(quote[-1], at)
        if at < 0:
            return len(text)
        slashes = 0
        while text[at - 1 - slashes : at - slashes] == "\\":
            slashes += 1
        at += 1
        if slashes == level or (level == 0 and slashes % 2 == 0) or slashes < level:
            return at


def _end_of_container(text: str, at: int) -> int:
    """Return the end behind the bracket that closes the one here; brackets inside of quotes do not count."""
    depth, quote = 0, ""
    end = len(text)
    while at < end:
        letter = text[at]
        if letter in "\"'" and text[at - 1 : at] != "\\":
            quote = "" if quote == letter else quote or letter
        elif not quote:
            depth += (letter in "{[") - (letter in "}]")
            if depth == 0:
                return at + 1
        at += 1
    return end
