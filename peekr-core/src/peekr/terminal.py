"""Span content on a terminal: nothing in it may move the cursor, change colours, or hide text."""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, line and paragraph separators, and the characters that reorder or hide text
# (Unicode's bidirectional controls, zero-width characters, tags, the byte-order mark) and lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def neutral(text: str) -> str:
    """Return the text with every control and invisible character written out, as ``\\x1b`` or ``\\u202e``."""
    return _UNSAFE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
