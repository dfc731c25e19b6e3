"""Default redaction: the one place where secrets are taken out of spans, before anything else sees them.

It runs in the worker, after guardrails that change spans and before evaluators, alerts, exporters and logs. Most
spans have no secret, and are told from the others by :class:`peekr.redaction_scan.Scanner`.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

import attrs
import msgspec

from peekr.canary import MARKER, Canary
from peekr.capture import FUNCTION_LIMIT, LLM_LIMIT, Snapshot, cut
from peekr.plain import key_of, plain
from peekr.redaction_keys import DEFAULT_KEYS as DEFAULT_KEYS
from peekr.redaction_keys import Keys, is_structural
from peekr.redaction_patterns import DEFAULT_PATTERNS as DEFAULT_PATTERNS
from peekr.redaction_patterns import Patterns
from peekr.redaction_scan import Scanner
from peekr.redaction_text import Cleaner
from peekr.repeats import Repeats
from peekr.spans import Span

logger = logging.getLogger("peekr")

#: Stands for content that was left out because redacting it failed.
WITHHELD = "[REDACTION FAILED]"
#: Spans looked at together; one that is suspected has all of them looked at one by one.
_AT_ONCE = 16
_CONTENT = ("input", "output", "system", "error")
_SCALARS = frozenset((str, bool, type(None), int, float))
_encode = msgspec.json.Encoder(enc_hook=plain).encode
_decode = msgspec.json.decode


class Redactor:
    """Takes secrets out of spans (contract PIPE-2 to PIPE-5, PIPE-10).

    Values under secret keys, what matches a pattern, and the values of the environment's secrets become
    ``[REDACTED]``: in attributes, payloads, tags, inputs and outputs, at any depth, and inside JSON texts. Ids, times,
    names, models, counts and scores are never altered. Belongs to the worker: one thread at a time.

    :param keys: names whose values are secret; the defaults stand for their compounds too (``x-api-key``).
    :param patterns: regular expressions, as text or compiled. Those of :data:`DEFAULT_PATTERNS` cost next to nothing,
        others a full walk through every span.
    :param canary: whether to look for the secrets of the environment (:mod:`peekr.canary`).
    :param report: whether to log which of them were found.
    :ivar redacted: spans out of which something was taken.
    :ivar failed: spans whose content was withheld, because redacting it failed.
    :raises ConfigurationError: if a key is no name or a pattern no regular expression.
    """

    def __init__(
        self,
        keys: Optional[Iterable[Any]] = DEFAULT_KEYS,
        patterns: Optional[Iterable[Any]] = DEFAULT_PATTERNS,
        canary: bool = True,
        report: bool = True,
    ) -> None:
        own = Keys(DEFAULT_KEYS if keys is None else keys)
        looks = Patterns(DEFAULT_PATTERNS if patterns is None else patterns)
        self._canary = Canary(report=report) if canary else None
        self._scanner = Scanner(own, looks, self._canary)
        self._cleaner = Cleaner(own, looks, self._canary)
        self._clean = Repeats()
        self._needles = self._scanner.needles
        self._said: Dict[str, int] = {}
        self.redacted = 0
        self.failed = 0

    def process_batch(self, spans: Sequence[Span]) -> None:
        """Redact spans as :meth:`process` does each of them; a look at many costs little more than a look at one."""
        for at in range(0, len(spans), _AT_ONCE):
            some = spans[at : at + _AT_ONCE]
            try:
                clean = not self._suspects(some)
            except Exception:  # told apart, and told of, one by one
                clean = False
            if not clean:
                for span in some:
                    self.process(span)

    def process(self, span: Span) -> None:
        """Redact one span. Never raises: content that cannot be redacted is replaced by ``[REDACTION FAILED]``."""
        try:
            if self._suspects((span,)):
                self._redact(span)
        except Exception as error:
            self._withhold(span, error)

    def text(self, text: str) -> str:
        """Return a text without secrets, for what leaves by another way than in a span: notes, messages."""
        if self._canary is not None:
            self._canary.refresh()
        return self._cleaner.text(text)

    def value(self, value: Any) -> Any:
        """Return JSON data without secrets."""
        return self._cleaner.value(plain(value))

    def stats(self) -> Dict[str, int]:
        """Return ``{"redacted", "failed"}``, in spans."""
        return {"redacted": self.redacted, "failed": self.failed}

    # -- looking ----------------------------------------------------------------------------------------------

    def _suspects(self, spans: Sequence[Span]) -> bool:
        """Whether there may be a secret in one of the spans. Freezes what a program could go on changing."""
        if self._canary is not None:
            self._canary.refresh()
        if self._scanner.needles is not self._needles:
            self._clean.forget()
            self._needles = self._scanner.needles
        clean = self._clean.known
        parts: List[bytes] = []
        fresh: List[Snapshot] = []
        for span in spans:
            if span._pending is not None:
                span.resolve()
            taken = span._input
            if taken is not None and taken not in clean:
                fresh.append(taken)
            taken = span._output
            if taken is not None and taken not in clean:
                fresh.append(taken)
            has_more = span._attributes or span._payload is not None or span.scope.tags
            if has_more and self._stands_out(span, parts):
                return True
        parts += [taken if type(taken) is bytes else _bytes(taken) for taken in fresh]
        if parts and self._scanner.suspects(b"\n".join(parts)):
            return True
        if fresh:
            self._clean.note(fresh, True)
        return False

    def _stands_out(self, span: Span, parts: List[bytes]) -> bool:
        """Add what the span has beside input and output to the parts; return whether it need not be looked at."""
        payload, attributes = span._payload, span._attributes
        if payload is not None:
            if not isinstance(payload, bytes):
                # As plain data, encoded: what a program still holds of it cannot change any more.
                span._payload = payload = _encode(plain(payload))
            if self._scanner.is_escaped(payload):
                return True
            parts.append(payload)
        if attributes:
            if not _SCALARS.issuperset(map(type, attributes.values())):
                span._attributes = attributes = _frozen(attributes)
            if "memory_key" in attributes and self._cleaner.is_secret(attributes["memory_key"]):
                return True
            parts.append(_bytes(attributes))
        if span.scope.tags:
            parts.append(_bytes(plain(dict(span.scope.tags))))
        return False

    # -- redacting --------------------------------------------------------------------------------------------

    def _redact(self, span: Span) -> None:
        before = (span._input, span._output, span._attributes, span._payload)
        span._input = self._snapshot(span._input)
        span._output = self._snapshot(span._output)
        attributes = span._attributes
        if attributes and not _SCALARS.issuperset(map(type, attributes.values())):
            attributes = _frozen(attributes)
        if attributes or span.scope.tags:
            span._attributes = self._attributes(attributes or {}, span.scope.tags)
        payload = span._payload
        if payload is not None:
            data = _decode(payload)
            clean = self._cleaner.value(data)
            if clean is not data:
                span._payload = _encode(clean)
        after = (span._input, span._output, span._attributes, span._payload)
        self.redacted += before != after

    def _snapshot(self, taken: Optional[Snapshot]) -> Optional[Snapshot]:
        if taken is None or isinstance(taken, bytes):
            return taken and self._document(taken)
        return _bounded(self._cleaner.text(taken), taken, FUNCTION_LIMIT)

    def _document(self, encoded: bytes) -> bytes:
        data = _decode(encoded)
        clean = self._cleaner.value(data)
        return encoded if clean is data else _encode(clean)

    def _attributes(self, attributes: Mapping[str, Any], tags: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
        out = {}
        remembered = attributes.get("memory_key")
        under = remembered if isinstance(remembered, str) and self._cleaner.is_secret(remembered) else None
        for name, value in attributes.items():
            if is_structural(name, value):
                out[name] = value
                continue
            clean = self._cleaner.under(key_of(name), value)
            if under is not None and name in ("input", "output"):
                clean = MARKER
            out[name] = _bounded(clean, value, LLM_LIMIT) if isinstance(clean, str) else clean
        for name, value in (tags or {}).items():
            if name not in out and not is_structural(name, value):
                clean = self._cleaner.under(key_of(name), plain(value))
                if clean != value:
                    out[name] = clean  # a span's own attribute stands before a tag of the same name
        return out

    # -- failing ----------------------------------------------------------------------------------------------

    def _withhold(self, span: Span, error: Exception) -> None:
        """Keep what the span is, and nothing of what was said in it (contract PIPE-10)."""
        self.failed += 1
        attributes = span._attributes or {}
        kept = {name: attributes[name] for name in list(attributes) if is_structural(name, attributes[name])}
        kept = {name: value for name, value in kept.items() if type(value) in _SCALARS}
        had = [name for name in _CONTENT if name in attributes]
        had += [name for name, taken in (("input", span._input), ("output", span._output)) if taken is not None]
        span._pending = span._input = span._output = span._payload = None
        span._attributes = {**kept, **dict.fromkeys(had, WITHHELD), "redaction_failed": type(error).__name__}
        if span.scope.tags:
            span.scope = attrs.evolve(span.scope, tags=None)
        kind = type(error).__name__
        self._said[kind] = self._said.get(kind, 0) + 1
        if self._said[kind] == 1:
            # Neither message nor traceback: they may quote what was to be redacted.
            logger.error("a span could not be redacted (%s); its content was left out", kind)


def _bytes(value: Any) -> bytes:
    try:
        return _encode(value)
    except Exception:  # lone surrogates, keys that are no text
        return _encode(plain(value))


def _frozen(attributes: Mapping[Any, Any]) -> Dict[str, Any]:
    """Return the attributes as the record will hold them; a container that a program goes on changing is copied."""
    return {
        key_of(name): value if type(value) in _SCALARS else plain(value) for name, value in list(attributes.items())
    }


def _bounded(new: str, old: Any, limit: int) -> str:
    """Cut a text that a marker made longer than texts of its kind may be."""
    if not isinstance(old, str) or len(new) <= max(len(old), 1):
        return new
    for bound in (FUNCTION_LIMIT, limit):
        if len(old) <= bound:
            return cut(new, bound) if len(new) > bound else new
    return new
