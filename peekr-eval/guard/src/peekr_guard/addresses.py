"""Addresses of mail and of machines in text."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Iterator, Tuple

_LOCAL_CHARS = r"\w.!#$%&'*+/=?^`{|}~-"
#: Read backwards from the @, at most the 64 characters that RFC 5321 allows.
_LOCAL = re.compile(rf"[{_LOCAL_CHARS}]+")
_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-zA-Z0-9-]{2,59}|[^\W\d_]{2,63})(?![\w-])|\[[0-9a-fA-F:.]+\]"
)
#: What stands before the @ of names that are no mail addresses: ``git@host:path`` and pictures for sharp screens.
_NO_MAILBOX = frozenset(("git", "hg", "svn"))
_NO_DOMAIN = re.compile(r"[1-9]x\.(?:png|jpe?g|gif|webp|svg|avif)\Z", re.IGNORECASE)
_LEADING = ".!#$%&'*/=?^`{|}~-"

_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
#: Three parts are enough to look closer.
_IPV6 = re.compile(r":[0-9A-Fa-f]{0,4}:")
_IPV6_CHARS = re.compile(r"[0-9A-Fa-f:.]*")
_IPV6_LEFT = re.compile(r"[0-9A-Fa-f:.]{0,45}\Z")
_VERSION = re.compile(r"(?:\bv|version|release|section|chapter|§|\bver|\brev|build)[ .:=]*\Z", re.IGNORECASE)


def find_emails(text: str) -> Iterator[Tuple[int, int]]:
    """Yield where each mail address begins and ends: from the ``@`` in both directions."""
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.match(text[max(at - 64, 0) : at][::-1])
        domain = _DOMAIN.match(text, at + 1) if local is not None else None
        if local is not None and domain is not None:
            start = at - len(local[0].rstrip(_LEADING))
            if start < at and _is_mailbox(text, start, at, domain):
                yield start, domain.end()
        at = text.find("@", at + 1)


def _is_mailbox(text: str, start: int, at: int, domain: re.Match[str]) -> bool:
    if text[start:at].lower() in _NO_MAILBOX and text[domain.end() : domain.end() + 1] in (":", "/"):
        return False
    return _NO_DOMAIN.match(domain[0]) is None and text[at - 1] != "."


def find_ipv4(text: str, start: int, end: int) -> Iterator[Tuple[int, int]]:
    """Yield where each IPv4 address in a part of the text begins and ends."""
    for match in _IPV4.finditer(text, start, end):
        first, last = match.span()
        before, after = text[max(first - 2, 0) : first], text[last : last + 2]
        if before[-1:].isalnum() or before[-1:] in ("_", ".") or after[:1].isalnum() or after[:1] == "_":
            continue
        if (after[:1] == "." and after[1:].isdigit()) or (before[-1:] == "-" and before[:1].isalnum()):
            continue
        if _is_ipv4(match[0]) and _VERSION.search(text, max(first - 12, 0), first) is None:
            yield first, last


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def find_ipv6(text: str) -> Iterator[Tuple[int, int]]:
    """Yield where each IPv6 address begins and ends."""
    done = 0
    for match in _IPV6.finditer(text):
        if match.start() < done:
            continue
        left = _IPV6_LEFT.search(text, max(match.start() - 45, done), match.start())
        right = _IPV6_CHARS.match(text, match.start())
        start = match.start() if left is None else left.start()
        end = match.end() if right is None else right.end()
        done = end
        while end > start and text[end - 1] in ".:" and text[end - 2 : end] != "::":
            end -= 1
        if text[start] == ":" and text[start : start + 2] != "::":
            start += 1
        outside = text[start - 1 : start] + text[end : end + 1]
        if not any(char.isalnum() or char == "_" for char in outside) and _is_ipv6(text[start:end]):
            yield start, end


def _is_ipv6(text: str) -> bool:
    """Whether it is an address, and not a time, a slice of a list, or names of a program with ``::`` between them."""
    groups = [group for group in text.split(":") if group]
    if len(groups) < 8 and ("::" not in text or not any(char.isdigit() for char in text)):
        return False
    if len(groups) < 3 and len(groups[0] if groups else "") < 3:
        return False
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
