"""The secret canary: secrets of the environment are looked for in everything that is about to leave.

A pattern finds what looks like a secret; this finds the secrets that the process really has. Their values are never
logged, only the names of their variables.
"""

from __future__ import annotations

import json
import logging
import os
import re
from typing import Any, Dict, List, Mapping, Tuple

import attrs

logger = logging.getLogger("peekr")

MARKER = "[REDACTED]"
#: Characters of the shortest value that is searched; shorter ones occur by chance.
MIN_LENGTH = 8
#: Characters of the beginning of a secret that is recognised where a text was cut.
MIN_CUT = 6
#: Variables looked after; each costs a search.
MAX_SECRETS = 64

_NAME = re.compile(
    r"(?:^|_)(?:API_?)?KEYS?(?:_\d+)?$|APIKEY|ACCESS_KEY|PRIVATE_KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL"
    r"|_PWD$|_PAT$|_PASS$|(?:^|_)AUTH$"
)
_NOT_NAME = re.compile(r"PUBLIC_?KEY|TOKENIZERS_|(?:_|^)(?:FILE|PATH|DIR|SOCK|NAME|TYPE|MODE|TTL|EXPIRY)$")
_PATH = re.compile(r"(?:~|\.{0,2}/|[A-Za-z]:\\)[^=+]*")
#: Base64 may begin like a path.
_AWS_SECRET = re.compile(r"[A-Za-z0-9/]{40}")
_NUMBER = re.compile(r"[\d.,:_-]+")
_IN_URL = re.compile(r"[A-Za-z][\w+.-]*://[^/@\s:]*:([^/@\s]+)@")
_TRIVIAL = frozenset(
    (
        *(
            "disabled",
            "enabled",
            "required",
            "optional",
            "production",
            "development",
            "default",
            "password",
            "changeme",
        ),
        *("undefined", "placeholder", "not-needed", "not_needed", "localhost", "keychain", "anonymous", "password123"),
        *("your-api-key", "your_api_key", "none-needed", "no-key-needed", "gnome-keyring"),
    )
)
#: What JSON may write in another way; and what is left between is looked for in encoded bytes.
_PLAIN_RUN = re.compile(r"[ !#-.0-\[\]-~]+")


@attrs.define(slots=True, frozen=True)
class Secret:
    """One value to look for.

    :ivar name: the environment variable.
    :ivar forms: the value, and how it is written inside JSON where that differs.
    :ivar needle: bytes that stand in every JSON encoding of it.
    :ivar head: the beginning by which a cut one is recognised.
    """

    name: str
    value: str
    forms: Tuple[str, ...]
    needle: bytes
    head: bytes


def secret_in(name: str, value: str) -> str:
    """Return the secret that a variable holds, or ""."""
    in_url = _IN_URL.search(value)
    if in_url is not None:
        return in_url.group(1) if _is_long_enough(in_url.group(1)) else ""
    upper = name.upper()
    if not _NAME.search(upper) or _NOT_NAME.search(upper):
        return ""
    value = value.strip()
    is_path = _PATH.fullmatch(value) and not _AWS_SECRET.fullmatch(value)
    if "://" in value or is_path or _NUMBER.fullmatch(value):
        return ""
    return value if _is_long_enough(value) else ""


def _is_long_enough(value: str) -> bool:
    return len(value) >= MIN_LENGTH and len(set(value)) >= 4 and value.lower() not in _TRIVIAL


def _secret(name: str, value: str) -> Secret:
    escaped = [json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True)]
    twice = [json.dumps(each, ensure_ascii=False)[1:-1] for each in escaped]
    runs = sorted(_PLAIN_RUN.findall(value), key=len, reverse=True)
    return Secret(
        name,
        value,
        tuple(dict.fromkeys((*twice, *escaped, value))),
        (runs[0] if runs else "").encode(),
        value[:MIN_CUT].encode(),
    )


class Canary:
    """Knows the secrets of the environment, replaces them, and reports each variable once.

    Follows the environment: comparing it with what it was takes less than a microsecond, as long as nothing changed.
    A secret that was once there stays known, since it may still be on its way. Used by one thread at a time.

    :param environ: where to look; ``os.environ`` by default.
    :param report: False only replaces them.
    """

    def __init__(self, environ: Any = None, report: bool = True) -> None:
        self._environ: Any = os.environ if environ is None else environ
        # The mapping behind os.environ: reading through os.environ would decode every variable each time.
        self._raw: Mapping[Any, Any] = getattr(self._environ, "_data", self._environ)
        self._seen: Dict[Any, Any] = {}
        self._by_value: Dict[str, Secret] = {}
        self._reported: Dict[str, bool] = {}
        self._reports = report
        self.secrets: Tuple[Secret, ...] = ()
        self.needles: Tuple[bytes, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Take in what the environment holds now."""
        if self._raw == self._seen:
            return
        self._seen = dict(self._raw)
        for name, value in dict(self._environ).items():
            secret = secret_in(name, value)
            if secret and secret not in self._by_value and len(self._by_value) < MAX_SECRETS:
                self._by_value[secret] = _secret(name, secret)
        # Longest first: one secret may be the beginning of another.
        self.secrets = tuple(sorted(self._by_value.values(), key=lambda each: len(each.value), reverse=True))
        self.needles = tuple(each.needle for each in self.secrets)

    def suspects(self, data: bytes) -> bool:
        """Whether a secret may be in encoded JSON; may be wrong in the positive only."""
        for needle in self.needles:  # noqa: SIM110  a generator costs more than the search
            if needle in data:
                return True
        return False

    def suspects_cut(self, window: bytes) -> bool:
        """Whether bytes in front of a ``…`` end with the beginning of a secret."""
        for each in self.secrets:  # noqa: SIM110  as above
            if each.head in window and _cut_at(window, each.value.encode()) >= 0:
                return True
        return False

    def replace(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self.secrets:
            for form in secret.forms:
                if form in text:
                    text = text.replace(form, MARKER)
                    self._report(secret.name)
            if "…" in text:
                text = self._without_cut(text, secret)
        return text

    def _without_cut(self, text: str, secret: Secret) -> str:
        pieces: List[str] = text.split("…")
        for number, piece in enumerate(pieces[:-1]):
            at = _cut_at(piece, secret.value)
            if at >= 0:
                pieces[number] = piece[:at] + MARKER
                self._report(secret.name)
        return "…".join(pieces)

    def _report(self, name: str) -> None:
        if self._reports and name not in self._reported:
            self._reported[name] = True
            logger.warning(
                "the value of the environment variable %s was about to leave in a span and was redacted; "
                "keep secrets out of prompts, arguments and results",
                name,
            )


def _cut_at(text: Any, secret: Any) -> int:
    """Return where the beginning of a secret starts with which the text ends, or -1. Both are str, or both bytes."""
    at = text.rfind(secret[:MIN_CUT], -len(secret) if len(secret) < len(text) else 0)
    while at >= 0:
        if secret.startswith(text[at:]):
            return int(at)
        at = text.rfind(secret[:MIN_CUT], 0, at + MIN_CUT - 1)
    return -1
