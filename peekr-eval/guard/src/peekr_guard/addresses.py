"""Addresses of mail and of machines in text."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Iterator, Tuple

#: Of those that RFC 5322 allows, not ``/?`{|}``: in text they part addresses far oftener than they stand in one.
_LOCAL_CHARS = r"\w.!#$%&'*+=^~-"
#: ``email=jane@example.com``, but not the ``=`` of ``bounce+jane=example.com@lists.org``.
_KEY = re.compile(r"\W?[^\W\d][\w-]*=(?=.)")
#: Read backwards from the @, at most the 64 characters that RFC 5321 allows.
_LOCAL = re.compile(rf"[{_LOCAL_CHARS}]+")
_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-zA-Z0-9-]{2,59}|[^\W\d_]{2,63})(?![\w-])|\[[0-9a-fA-F:.]+\]"
)
#: What stands before the @ of names that are no mail addresses: ``git@host:path`` and pictures for sharp screens.
_NO_MAILBOX = frozenset(("git", "hg", "svn"))
_NO_DOMAIN = re.compile(r"[1-9]x\.(?:png|jpe?g|gif|webp|svg|avif)\Z", re.IGNORECASE)
_LEADING = ".!#$%&'*=^~-"

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.[0-9])")
#: Three parts are enough to look closer.
_IPV6 = re.compile(r":[0-9A-Fa-f]{0,4}:")
_IPV6_CHARS = re.compile(r"[0-9A-Fa-f:.]*")
_IPV6_LEFT = re.compile(r"[0-9A-Fa-f:.]{0,45}\Z")
_VERSION = re.compile(r"(?:\bv|version|release|section|chapter|§|\bver|\brev|build)[ .:=]*\Z", re.IGNORECASE)
#: Last letters of these, so that most words need no closer look.
_VERSION_ENDS = frozenset("vVnNeErR§dD")


def find_emails(text: str) -> Iterator[Tuple[int, int]]:
    """Yield where each mail address begins and ends: from the ``@`` in both directions."""
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.match(text[max(at - 64, 0) : at][::-1])
        domain = _DOMAIN.match(text, at + 1) if local is not None else None
        if local is not None and domain is not None:
            start = at - len(local[0].rstrip(_LEADING))
            key = _KEY.match(text, start, at) if "=" in local[0] else None
            start = start if key is None else key.end()
            if start < at and _is_mailbox(text, start, at, domain):
                yield start, domain.end()
        at = text.find("@", at + 1)


def _is_mailbox(text: str, start: int, at: int, domain: re.Match[str]) -> bool:
    if text[start:at].lower() in _NO_MAILBOX and text[domain.end() : domain.end() + 1] in (":", "/"):
        return False
    return _NO_DOMAIN.match(domain[0]) is None and text[at - 1] != "."


def find_ipv4(text: str, start: int, end: int) -> Iterator[Tuple[int, int]]:
    """Yield where each IPv4 address in a part of the text begins and ends."""
    end += 2  # what follows tells whether it is an address
    match = _IPV4.search(text, start, end)
    while match is not None:
        first, last = match.span()
        before = text[max(first - 12, 0) : first]
        of_a_name = before[-1:] == "-" and before[-2:-1].isalnum()
        if not of_a_name and not (before.rstrip(" .:=")[-1:] in _VERSION_ENDS and _VERSION.search(before)):
            yield first, last
        match = _IPV4.search(text, last, end)


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
