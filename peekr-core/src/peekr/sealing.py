"""Compression and encryption of payloads at rest: compact JSON → gzip → Fernet, and the way back.

A sealed payload tells by its first bytes what was done to it, so that compressed, encrypted and plain ones may stand
in one store. ``cryptography`` is imported when something is encrypted or decrypted, and not before.
"""

from __future__ import annotations

import base64
import os
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

from peekr.errors import ConfigurationError, PeekrError, PluginNotInstalled
from peekr.sealing_keys import CHECK_BYTES, SALT_BYTES, Ciphers, checked_key
from peekr.sealing_keys import Key as Key
from peekr.sealing_keys import is_fernet_key as is_fernet_key

GZIP = b"\x1f\x8b"
#: A Fernet token begins with version 0x80 and the high bytes of a time before the year 2106 (github.com/fernet/spec).
FERNET = b"gAAAAA"
#: Documents below this many bytes are not compressed: there is nothing to gain, and SQL can read them.
MIN_COMPRESSED = 512
#: Bytes that a document may have when it is unpacked; payloads end at 256 KiB.
MAX_UNPACKED = 64 * 1024 * 1024

_DIVIDER = b"."


class SealError(PeekrError):
    """A sealed payload cannot be opened.

    :cvar reason: ``no_key``, ``wrong_key``, ``damaged`` or ``no_library``.
    """

    reason = "damaged"


class NoKey(SealError):
    """It is encrypted, and no key is known."""

    reason = "no_key"


class WrongKey(SealError):
    """It was encrypted with another key."""

    reason = "wrong_key"


class Damaged(SealError):
    """It is no longer what was written."""


class NoLibrary(SealError):
    """It is encrypted, and ``cryptography`` is not installed."""

    reason = "no_library"


def is_sealed(payload: Any) -> bool:
    """Whether a payload is compressed or encrypted."""
    if isinstance(payload, str):
        return payload.startswith("gAAAAA")
    return isinstance(payload, bytes) and payload.startswith((GZIP, FERNET))


def _parts(token: bytes) -> Tuple[bytes, bytes, bytes]:
    """Return the Fernet token, and the salt and check bytes that stand behind it for a passphrase."""
    fernet, _, tail = token.partition(_DIVIDER)
    try:
        extra = base64.urlsafe_b64decode(tail) if tail else b""
    except ValueError:
        extra = b"?"
    if len(extra) not in (0, SALT_BYTES + CHECK_BYTES):
        raise Damaged("an encrypted payload is damaged: it has been cut.")
    return fernet, extra[:SALT_BYTES], extra[SALT_BYTES:]


# -- sealing ----------------------------------------------------------------------------------------------------------


class Sealer:
    """Compresses and encrypts documents.

    :param compression_level: of gzip, from 1 (fast) to 9 (small).
    :param encryption_key: a Fernet key, or a passphrase. From a passphrase the key is derived with scrypt; the random
        salt is written behind each token, and taken over from a file that has one (:meth:`adopt`).
    :raises ConfigurationError: (a ValueError) if the level is out of range, or encryption is on and there is no key.
    :raises PluginNotInstalled: if encryption is on and ``cryptography`` is not installed.
    """

    def __init__(
        self,
        compression_enabled: bool = False,
        compression_level: int = 6,
        encryption_enabled: bool = False,
        encryption_key: Optional[Key] = None,
    ) -> None:
        if isinstance(compression_level, bool) or compression_level not in range(1, 10):
            raise ConfigurationError(f"compression_level must be 1 to 9, got {compression_level!r}.\nThe default is 6")
        self._level = compression_level if compression_enabled else 0
        self._ciphers = Ciphers(_key_to_use(encryption_key)) if encryption_enabled else None
        self._salt = b""

    @property
    def encrypts(self) -> bool:
        """Whether documents are encrypted."""
        return self._ciphers is not None

    @property
    def seals(self) -> bool:
        """Whether documents are changed at all."""
        return self._ciphers is not None or self._level > 0

    def adopt(self, token: Any) -> bool:
        """Use the salt of a token that is in the file already, so that its readers derive one key only.

        :return: whether the token has one that fits the passphrase.
        """
        ciphers = self._ciphers
        if ciphers is None or not ciphers.is_passphrase or not is_sealed(token):
            return False
        try:
            _, salt, check = _parts(token.encode() if isinstance(token, str) else token)
        except Damaged:
            return False
        if not salt or ciphers.with_salt(salt)[1] != check:
            return False
        self._salt = salt
        return True

    @property
    def wants_salt(self) -> bool:
        """Whether a salt is still to be chosen."""
        return self._ciphers is not None and self._ciphers.is_passphrase and not self._salt

    def seal(self, document: bytes) -> bytes:
        """Return the document sealed; as it is where neither compression nor encryption applies."""
        if self._level and len(document) >= MIN_COMPRESSED:
            document = min(document, _packed(document, self._level), key=len)
        return document if self._ciphers is None else self._encrypted(self._ciphers, document)

    def _encrypted(self, ciphers: Ciphers, document: bytes) -> bytes:
        if not ciphers.is_passphrase:
            return bytes(ciphers.with_salt(b"")[0].encrypt(document))
        if not self._salt:
            self._salt = os.urandom(SALT_BYTES)
        cipher, check = ciphers.with_salt(self._salt)
        return bytes(cipher.encrypt(document)) + _DIVIDER + base64.urlsafe_b64encode(self._salt + check)


def _key_to_use(key: Any) -> bytes:
    usable = checked_key(key if key is not None else os.environ.get("TRACE_ENCRYPTION_KEY"))
    try:
        import cryptography.fernet  # noqa: F401
    except ImportError as error:
        raise PluginNotInstalled("encryption_enabled=True", "peekr-core[encryption]") from error
    return usable


# -- unsealing --------------------------------------------------------------------------------------------------------


class Unsealer:
    """Undoes what :class:`Sealer` did, whatever it was. Redaction cannot be undone.

    :param keys: the keys to try, in order; or a function that finds them, called when the first one is needed.
    """

    def __init__(self, keys: Union[Sequence[Key], Callable[[], Sequence[Key]]] = ()) -> None:
        self._keys = keys
        self._ciphers: Optional[List[Ciphers]] = None

    def unseal(self, payload: Union[bytes, str]) -> bytes:
        """Return the document.

        :raises NoKey: if it is encrypted and there is no key.
        :raises WrongKey: if no key fits.
        :raises Damaged: if it was cut or changed. Of a payload encrypted with a Fernet key that is known once the key
            has opened another one; before that it counts as a wrong key.
        :raises NoLibrary: if ``cryptography`` is not installed.
        """
        data = payload.encode() if isinstance(payload, str) else payload
        if data.startswith(FERNET):
            data = self._decrypted(data)
        return _unpacked(data) if data.startswith(GZIP) else data

    def _decrypted(self, token: bytes) -> bytes:
        if self._ciphers is None:
            found = self._keys() if callable(self._keys) else self._keys
            self._ciphers = [Ciphers(checked_key(key)) for key in found if key]
        if not self._ciphers:
            raise NoKey("the payload is encrypted and no key is known.\nSet TRACE_ENCRYPTION_KEY")
        try:
            return self._tried(self._ciphers, token)
        except ImportError as error:
            raise NoLibrary(
                "the payload is encrypted and cryptography is not installed.\n"
                "Install it with: pip install 'peekr-core[encryption]'"
            ) from error

    def _tried(self, ciphers: List[Ciphers], token: bytes) -> bytes:
        from cryptography.fernet import InvalidToken

        fernet, salt, check = _parts(token)
        _check_shape(fernet)
        damaged = False
        for each in ciphers:
            if each.is_passphrase != bool(salt):
                continue
            cipher, own = each.with_salt(salt)
            if own != check:
                continue
            try:
                document = bytes(cipher.decrypt(fernet))
            except InvalidToken:
                damaged = damaged or bool(salt) or each.opened > 0
                continue
            each.opened += 1
            return document
        if damaged:
            raise Damaged("an encrypted payload is damaged: its signature does not fit.")
        raise WrongKey("the payload was encrypted with another key.\nSet TRACE_ENCRYPTION_KEY to that one")


def _check_shape(fernet: bytes) -> None:
    """Raise if a token is none whatever the key: version, time, IV, whole blocks, HMAC."""
    try:
        raw = base64.urlsafe_b64decode(fernet)
    except ValueError:
        raw = b""
    if len(raw) < 73 or raw[0] != 0x80 or (len(raw) - 57) % 16:
        raise Damaged("an encrypted payload is damaged: it has been cut.")


def _packed(document: bytes, level: int) -> bytes:
    import gzip

    return gzip.compress(document, level, mtime=0)


def _unpacked(data: bytes) -> bytes:
    import gzip
    import io
    import zlib

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            document = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(f"a compressed payload is damaged: {error}.") from None
    if len(document) > MAX_UNPACKED:
        raise Damaged("a compressed payload is damaged: it does not end.")
    return document
