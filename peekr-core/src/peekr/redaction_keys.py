"""Names that call for secrecy, and names that never do: what redaction and sealing know about keys; the defaults."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple

from peekr.errors import ConfigurationError

#: Values under these keys are redacted, in any case of letters, at any depth (contract PIPE-2).
DEFAULT_KEYS: Tuple[str, ...] = (
    "password",
    "api_key",
    "token",
    "secret",
    "credential",
    "access_key",
    "private_key",
    "auth_token",
    "session_token",
    "authorization",
    "bearer",
)
SSN = r"\b\d{3}-\d{2}-\d{4}\b"
CARD = r"\b(?:\d[ -]?){12,18}\d\b"
BEARER = r"\b[Bb]earer\s+[A-Za-z0-9._~+/=-]{6,}"
#: Matches of these are redacted in every text (contract PIPE-3). The card numbers among the matches of the second are
#: told from other numbers by issuer and check digit.
DEFAULT_PATTERNS: Tuple[str, ...] = (SSN, CARD, BEARER)
#: Other words for the defaults.
_ALIASES = {"password": ("passwd", "passphrase")}
#: What may follow a word and leave the value as secret as it was: ``secret_key``, ``password_hash``.
_TRAILERS = ("key", "hash", "value")

#: Attributes that say what a span is, never what was said (contract PIPE-4): not redacted, and not sealed away.
STRUCTURAL = frozenset(
    (
        *("trace_id", "span_id", "parent_id", "run_id", "user_id", "session_id", "tenant_id", "retention_class"),
        *("kind", "name", "status", "start_time", "end_time", "duration_ms", "timestamp_ms", "event_id", "event_type"),
        *("event_name", "model", "model_requested", "model_response", "provider", "operation", "family", "api"),
        *("response_id", "request_id", "conversation_id", "finish_reason", "stop_reason", "service_tier"),
        *("agent_type", "tool_name", "tool_type", "memory_type", "answer_type"),
        *("error_type", "error_reason", "retry_of", "eval_scores"),
        *("experiment_variant", "experiment_name", "prompt_name", "prompt_version", "framework"),
    )
)
#: Likewise, but only as what they are: numbers and flags. A text under such a name is somebody's own.
MEASURES = frozenset(
    (
        *("temperature", "top_p", "max_tokens", "stream", "streamed", "seed", "n", "dimensions", "latency_ms"),
        *("overwrite", "critical", "success", "billed", "status_code", "retries", "attempt", "eval_tokens", "price"),
    )
)
_MEASURE_PREFIXES = ("tokens_", "cost_")

#: How far a key is taken at its word.
NONE, DERIVED, EXACT = 0, 1, 2
Judge = Callable[[str], int]


def is_structural(name: Any, value: Any) -> bool:
    """Whether an attribute is about the span, not about what was said."""
    if name in STRUCTURAL:
        return True
    measures = name in MEASURES or (isinstance(name, str) and name.startswith(_MEASURE_PREFIXES))
    return measures and _is_measure(value)


def _is_measure(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return all(map(_is_measure, value)) if isinstance(value, list) else not isinstance(value, str)


def normal(key: str) -> str:
    """Return a key as letters and digits only: ``X-API-Key``, ``x_api_key`` and ``xApiKey`` are one."""
    return "".join([letter for letter in key.casefold() if letter.isalnum()])


def checked_keys(keys: Iterable[Any]) -> List[str]:
    """Return the keys, or raise what is wrong with them.

    :raises ConfigurationError: if one of them is no text, or has no letter or digit.
    """
    if isinstance(keys, str):
        raise ConfigurationError(f"redact_keys must be a list of names, got {keys!r}.\nWrite redact_keys=[{keys!r}]")
    found = list(keys)
    for key in found:
        if not isinstance(key, str) or not normal(key):
            raise ConfigurationError(f"redact_keys has {key!r}, which is no name.\nGive names such as 'password'")
    return found


class Keys:
    """The keys to redact, in the three forms that are needed.

    Those of :data:`DEFAULT_KEYS` stand for their compounds too (``x-api-key``, ``clientSecret``, ``db_passwords``);
    a key that somebody added stands for itself alone.

    :ivar judge: key → EXACT, DERIVED (a compound) or NONE; remembers its last answers.
    :ivar words: the compounding ones, as normal forms.
    """

    def __init__(self, keys: Iterable[Any] = DEFAULT_KEYS) -> None:
        given = checked_keys(keys)
        known = {normal(key): key for key in DEFAULT_KEYS}
        self.exact = frozenset(map(normal, given))
        roots = [known[each] for each in self.exact if each in known]
        self.spelled = [*given, *(alias for root in roots for alias in _ALIASES.get(root, ()))]
        self.words = tuple(sorted({normal(key) for key in self.spelled if normal(key) not in self.exact} | (
            self.exact & set(known)
        )))  # fmt: skip
        self.judge: Judge = lru_cache(4096)(self._judge)

    def _judge(self, key: str) -> int:
        name = normal(key)
        if name in self.exact:
            return EXACT
        return DERIVED if self.words and self._root(name) is not None else NONE

    def _root(self, name: str) -> Optional[str]:
        for word in self.words:
            if name.endswith(tuple(word + ending for ending in _endings(word))):
                return word
        return None

    def spares(self, judged: int, key: str, value: Any) -> bool:
        """Whether a value stays though its key is secret: nothing, a flag, a number called some kind of token."""
        if value is None or value == "":
            return True
        if judged != DERIVED:
            return False
        return isinstance(value, bool) or (isinstance(value, (int, float)) and normal(key).endswith("token"))

    # -- in text ----------------------------------------------------------------------------------------------

    def pattern(self) -> str:
        """Return the source of a regular expression for a key in text, without what follows it; "" for no keys."""
        loose = [_spelling(key) for key in self.spelled if normal(key) in self.words]
        strict = [_spelling(key) for key in self.spelled if normal(key) not in self.words]
        parts = []
        # Longest first: of words that begin alike, the first that fits is taken.
        loose.sort(key=len, reverse=True)
        counted = [each for each in loose if each.endswith("token")]
        plural = [each for each in loose if not each.endswith("token")]
        if counted:
            parts.append(f"(?:{'|'.join(counted)})")
        if plural:
            parts.append(f"(?:{'|'.join(plural)})(?:s|[_-]?(?:{'|'.join(_TRAILERS)}))?")
        if strict:
            parts.append(rf"(?<![^\W_])(?<![_-])(?:{'|'.join(sorted(strict, key=len, reverse=True))})")
        return "|".join(parts)

    def endings(self) -> Sequence[str]:
        """Return every normal form in which a name can end that is to be found."""
        out = set(self.exact)
        for word in self.words:
            out.update(word + ending for ending in _endings(word))
        return sorted(out)


def _endings(word: str) -> Tuple[str, ...]:
    """Return what may follow a word. Tokens are counted, not kept secret."""
    return ("",) if word.endswith("token") else ("", "s", *_TRAILERS)


def _spelling(key: str) -> str:
    """Return a regular expression for a key with any separator between its words."""
    words = [re.escape(word) for word in re.split(r"[\W_]+", key) if word]
    return r"[_\- .]?".join(words)
