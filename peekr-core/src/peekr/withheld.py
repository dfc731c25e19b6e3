"""Whole texts of calls where nothing may be captured (``capture_io=False``): for those who judge, and for nobody else.

They are kept in memory from the end of a call until it has been judged, and never become part of the span. What the
judges add to the span stays, without the texts that it quotes.
"""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence
from weakref import WeakKeyDictionary

from peekr import spans
from peekr.patching import note_failure
from peekr.spans import Attributes, Span

if TYPE_CHECKING:
    from peekr.parts import Part

#: What evaluators add to a span with quotations, and the fields that hold them.
_QUOTING = ("hallucination_details", "citation_details")
_QUOTED = ("text", "title")
#: A quoted piece of an error message, also one that was cut.
_QUOTATION = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z))""", re.DOTALL)


class Withheld:
    """The texts that are kept at the moment.

    :ivar on: whether any are: nothing may be captured, and somebody judges.
    """

    def __init__(self) -> None:
        self.on = False
        self._views: WeakKeyDictionary[Span, Span] = WeakKeyDictionary()
        self._texts: WeakKeyDictionary[Span, Attributes] = WeakKeyDictionary()

    def switch(self, on: bool, calls: bool) -> None:
        """Keep texts from now on, or no longer.

        :param calls: also those that stand in the records of calls, until they have been judged.
        """
        self.on = on
        spans.unresolved = self._keep if on and calls else None
        if not on:
            self._views.clear()
            self._texts.clear()

    def put(self, span: Span, texts: Mapping[str, Any]) -> None:
        """Keep texts that are not in the record of a call. In the traced program's thread."""
        if self.on:
            self._texts[span] = {**self._texts.get(span, {}), **texts}

    def of(self, span: Span) -> Attributes:
        """Return what was put."""
        return self._texts.get(span, {}) if self.on else {}

    def _keep(self, span: Span, pending: Callable[[Span], None]) -> None:
        """Note a call as it was, before its record is reduced to what may be captured."""
        owner = getattr(pending, "__self__", None)
        show = getattr(owner, "preview_answer", None) or getattr(owner, "preview", None)
        if show is None:
            return
        view = copy(span)
        view._attributes = dict(span._attributes or {})
        try:
            show(view)
        except Exception as error:
            note_failure("describing a call to evaluators", error)
        else:
            self._views[span] = view

    def take(self, span: Span, cleaning: Sequence[Part] = ()) -> Optional[View]:
        """Return a span with its texts, which are not kept any longer; None if there are none."""
        if not self.on:
            return None
        shown, texts = self._views.pop(span, None), self._texts.pop(span, None)
        if shown is None and (texts is None or not texts.keys() & {"input", "output"}):
            return None
        whole = copy(span)
        whole._attributes = {**((shown or span)._attributes or {}), **(span._attributes or {}), **(texts or {})}
        if shown is not None:
            whole._payload, whole._pending = shown._payload, None
        for part in cleaning:
            part.run([whole])
        return View(span, whole, private=True)


class View:
    """One span and the copy of it that is judged.

    :ivar span: as it is stored.
    :ivar whole: as it is judged; the span itself, where it is judged in place.
    :ivar private: whether the copy has texts that must not become part of the span.
    """

    __slots__ = ("_before", "private", "span", "whole")

    def __init__(self, span: Span, whole: Span, private: bool = False) -> None:
        self.span = span
        self.whole = whole
        self.private = private
        self._before = dict(whole.attributes)

    def settle(self) -> None:
        """Give the span what was added to the copy. May be done again, when more has been added."""
        span, before = self.span, self._before
        if self.whole is span:
            return
        now = dict(self.whole.attributes)
        found = added(before, now)
        if self.private:
            found = without_quotations(found)
        kept = {name: value for name, value in (span._attributes or {}).items() if name in now or name not in before}
        span._attributes = {**kept, **found}


def added(before: Mapping[str, Any], now: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the attributes that are new or changed."""
    return {name: value for name, value in now.items() if name not in before or before[name] is not value}


def without_quotations(attributes: Attributes) -> Attributes:
    """Return what judges have added, with None for what it quotes of a call."""
    return {
        name: _blank(value) if name in _QUOTING else _unquoted(value) if name == "eval_errors" else value
        for name, value in attributes.items()
    }


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: None if name in _QUOTED else _blank(item) for name, item in value.items()}
    return [_blank(item) for item in value] if isinstance(value, list) else value


def _unquoted(errors: Any) -> Any:
    """A judge's answer that cannot be read is quoted in the error, and may quote the call."""
    if not isinstance(errors, dict):
        return errors
    return {name: _plain(reason) if isinstance(reason, str) else reason for name, reason in errors.items()}


def _plain(reason: str) -> str:
    return _QUOTATION.sub("'…'", reason)


withheld = Withheld()
