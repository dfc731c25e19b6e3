"""Keys of encrypted payloads: a Fernet key as it is, or one that is derived from a passphrase."""

from __future__ import annotations

import base64
from typing import Any, Dict, Tuple, Union

from peekr.errors import ConfigurationError

SALT_BYTES, CHECK_BYTES, _KEY_BYTES = 16, 4, 32
#: scrypt (RFC 7914): 32 MiB and about 0.1 s for each salt, of which a file has one as a rule.
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}

Key = Union[str, bytes]


def is_fernet_key(key: Key) -> bool:
    """Whether a key is 32 random bytes in URL-safe base64; any other text is a passphrase."""
    data = key.encode() if isinstance(key, str) else key
    try:
        return len(data) == 44 and len(base64.urlsafe_b64decode(data)) == _KEY_BYTES and b"+" not in data
    except ValueError:
        return False


def checked_key(key: Any) -> bytes:
    """Return a key as bytes.

    :raises ConfigurationError: if it is empty, or no text. The key is not shown.
    """
    data = key.encode() if isinstance(key, str) else key
    if not isinstance(data, bytes) or not data.strip():
        what = "is empty" if isinstance(data, (bytes, type(None))) else f"is {type(key).__name__}, not text"
        raise ConfigurationError(
            f"encryption is on, but encryption_key {what}.\n"
            "Set TRACE_ENCRYPTION_KEY to a Fernet key or a passphrase, or run: peekr init --profile production"
        )
    return data.strip()


class Ciphers:
    """The ciphers of one key: one, or one for each salt where the key is a passphrase."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._made: Dict[bytes, Tuple[Any, bytes]] = {}
        self.is_passphrase = not is_fernet_key(key)
        self.opened = 0

    def with_salt(self, salt: bytes) -> Tuple[Any, bytes]:
        """Return the cipher, and the bytes by which the right passphrase is told from a wrong one."""
        made = self._made.get(salt)
        if made is None:
            from cryptography.fernet import Fernet

            if self.is_passphrase:
                derived = _derived(self._key, salt)
                made = Fernet(base64.urlsafe_b64encode(derived[:_KEY_BYTES])), derived[_KEY_BYTES:]
            else:
                made = Fernet(self._key), b""
            self._made[salt] = made
        return made


def _derived(passphrase: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return bytes(Scrypt(salt=salt, length=_KEY_BYTES + CHECK_BYTES, **_SCRYPT).derive(passphrase))
