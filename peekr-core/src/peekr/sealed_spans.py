"""Spans whose content is sealed: what stays readable, what goes into the payload, and its return for readers."""

from __future__ import annotations

import logging
import os
from copy import copy
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import attrs

from peekr import wire
from peekr.redaction_keys import is_structural
from peekr.sealing import Key, Sealer, SealError, Unsealer, is_sealed
from peekr.spans import Span

logger = logging.getLogger("peekr")

#: Key of a sealed payload under which the attributes stand that were taken out of the span.
ATTRIBUTES = "peekr.attributes"
#: Attribute of a span that was read without its content, with the reason: ``no_key``, ``wrong_key``, ``damaged``.
UNREADABLE = "payload_unreadable"

_BEGINNING = b'{"%s":' % ATTRIBUTES.encode()
_HINTS = {
    "no_key": "encrypted, and no key is given: shown without inputs and outputs. Set TRACE_ENCRYPTION_KEY",
    "wrong_key": "encrypted with another key: shown without inputs and outputs. Set TRACE_ENCRYPTION_KEY to that key",
    "damaged": "damaged: shown without inputs and outputs",
    "no_library": "encrypted: shown without inputs and outputs. Install: pip install 'peekr-core[encryption]'",
}


# -- writing ----------------------------------------------------------------------------------------------------------


def parted(attributes: Mapping[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Return attributes as those that stay queryable, and those that are content (contract PIPE-8).

    What a span is stays, with every number, flag and score; other texts and all containers go.
    """
    kept: Dict[str, Any] = {}
    content: Dict[str, Any] = {}
    for name, value in attributes.items():
        stays = value is None or isinstance(value, (bool, int, float)) or is_structural(name, value)
        (kept if stays else content)[name] = value
    return kept, content


def sealed(span: Span, sealer: Sealer) -> Span:
    """Return the span as it is stored; the one given stays as it was.

    With compression alone its payload is shorter; with encryption no content is left outside of the payload.
    """
    if not sealer.encrypts:
        return _compressed(span, sealer)
    kept, content = parted(wire.record_attributes(span))
    stored = copy(span)
    stored._attributes, stored._input, stored._output, stored._pending = kept, None, None, None
    if span.scope.tags:  # they are among the attributes by now
        stored.scope = attrs.evolve(span.scope, tags=None)
    document = _document(span._payload, content)
    stored._payload = None if document is None else sealer.seal(document)
    return stored


class SpanSealer:
    """Seals the batches of an exporter; a span that cannot be sealed is left out, counted and logged once.

    :param as_text: tokens are given as str, for records that become JSON; bytes by default.
    :ivar skipped: spans left out (contract PIPE-10).
    """

    def __init__(self, sealer: Sealer, as_text: bool = False) -> None:
        self._sealer = sealer
        self._as_text = as_text and sealer.encrypts
        self._salted = False
        self.skipped = 0

    def sealed(self, spans: Sequence[Span], token_in_file: Callable[[], Any]) -> Sequence[Span]:
        """Return the spans as they are stored.

        :param token_in_file: finds what another process encrypted; its salt is taken over.
        """
        if not self._sealer.seals:
            return spans
        if self._sealer.wants_salt and not self._salted:
            self._salted = True
            self._take_over(token_in_file)
        out = []
        for span in spans:
            try:
                stored = sealed(span, self._sealer)
                if self._as_text and stored._payload is not None:
                    stored._payload = str(stored._payload, "ascii")
                out.append(stored)
            except Exception as error:
                self.skipped += 1
                if self.skipped == 1:
                    logger.error("a span could not be sealed (%s) and is not stored", type(error).__name__)
        return out

    def _take_over(self, token_in_file: Callable[[], Any]) -> None:
        try:
            self._sealer.adopt(token_in_file())
        except Exception as error:  # a salt of its own will do; the write that follows meets the error again
            logger.debug("no salt was taken over: %s", type(error).__name__)


def _compressed(span: Span, sealer: Sealer) -> Span:
    if span._pending is not None:
        span.resolve()
    if span._payload is None:
        return span
    stored = copy(span)
    stored._payload = sealer.seal(_encoded(span._payload))
    return stored


def _encoded(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else wire.encode(payload)


def _document(payload: Any, content: Dict[str, Any]) -> Optional[bytes]:
    """Return the payload as compact JSON, with the content attributes as its first entry."""
    if payload is None:
        return _BEGINNING + wire.encode(content) + b"}" if content else None
    encoded = _encoded(payload)
    if not content:
        return encoded
    inner = encoded.lstrip()
    if inner[:1] != b"{":  # no object: a program's own payload
        return _BEGINNING + wire.encode(content) + b',"payload":' + encoded + b"}"
    rest = inner[1:].lstrip()
    return _BEGINNING + wire.encode(content) + (b"" if rest[:1] == b"}" else b",") + rest


# -- reading ----------------------------------------------------------------------------------------------------------


def keys_for(target: str) -> List[str]:
    """Return the keys that may open a store: the environment's, the configuration's, the one in a file beside it."""
    from peekr.configfile import key_path_for, read_key

    found = [os.environ.get("TRACE_ENCRYPTION_KEY"), _configured_key(), read_key(key_path_for(target))]
    return list(dict.fromkeys(key for key in found if key))


def _configured_key() -> Optional[str]:
    try:
        from peekr.globalconfig import get_config

        return get_config().encryption_key
    except Exception:  # a configuration that is wrong does not keep anybody from reading
        return None


class Opener:
    """Opens the sealed spans of one store, each when it is first looked into.

    :param key: the only key to try; those of :func:`keys_for` by default.
    :ivar unreadable: spans whose content could not be opened so far; the first of each reason is logged.
    """

    def __init__(self, target: str, key: Optional[Key] = None) -> None:
        self._target = target
        self._unsealer = Unsealer([key] if key is not None else lambda: keys_for(target))
        self._said: List[str] = []
        self.unreadable = 0

    def __call__(self, span: Span) -> Span:
        """Return the span, whose content is unsealed when it is asked for."""
        if is_sealed(span._payload):
            span._pending = self._open
        return span

    def _open(self, span: Span) -> None:
        attributes = span._attributes = dict(span._attributes or {})
        try:
            payload, content = _taken_apart(self._unsealer.unseal(span._payload))
        except SealError as error:
            span._payload = None
            attributes[UNREADABLE] = error.reason
            self._note(error.reason)
            return
        span._payload = payload
        attributes.update(content)

    def _note(self, reason: str) -> None:
        self.unreadable += 1
        if reason not in self._said:
            self._said.append(reason)
            logger.warning("%s is %s", self._target, _HINTS[reason])


def _taken_apart(document: bytes) -> Tuple[Any, Dict[str, Any]]:
    """Return the payload as it was, and the attributes that were put into it."""
    if not document.startswith(_BEGINNING):
        return document, {}
    try:
        whole = wire.decode(document)
    except Exception as error:
        raise SealError(f"a sealed payload is no JSON: {error}") from None
    content = whole.pop(ATTRIBUTES)
    if set(whole) == {"payload"} and not isinstance(whole["payload"], dict):
        return whole["payload"], content
    return (whole or None), (content if isinstance(content, dict) else {})
