"""One trace across processes: the W3C ``traceparent`` header.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
from contextvars import Token
from typing import Any, Iterable, Mapping, MutableMapping, Optional, Tuple, TypeVar, Union

from peekr.context import Block, current, restore
from peekr.ids import format_span_id, format_trace_id
from peekr.sampling import sampling_of
from peekr.scope import Remote, root_scope
from peekr.spans import Anchor, Parent

HEADER = "traceparent"
_PATTERN = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

Headers = TypeVar("Headers", bound=MutableMapping[str, str])


def inject(headers: Optional[Headers] = None) -> Any:
    """Add ``traceparent`` for the current span to a mapping of request headers, and return the mapping.

    Outside of any span nothing is added. Without an argument a new dict is returned.
    """
    target: Any = {} if headers is None else headers
    place = current.get()
    if place is not None and place._trace is not None and place._id is not None:
        flags = "01" if sampling_of(place).is_sampled(place) else "00"
        target[HEADER] = f"00-{format_trace_id(place._trace)}-{format_span_id(place._id)}-{flags}"
    return target


class extract(Block["extract"]):
    """Continue the trace that a request's headers name: ``with peekr.extract(headers):``, or ``async with``.

    Spans inside become children of the remote caller and follow its sampling decision. A missing or malformed
    header changes nothing: the next root starts a trace of its own.

    :param headers: a mapping (names in any case), or pairs of str or bytes as ASGI has them.
    :ivar trace_id: the trace continued, or None.
    """

    def __init__(self, headers: Union[Mapping[Any, Any], Iterable[Tuple[Any, Any]]]) -> None:
        self._parsed = _parse(_find(headers))
        self.trace_id = self._parsed[0] if self._parsed else None
        self._token: Optional[Token[Parent]] = None
        self._remote: Optional[Remote] = None

    def __enter__(self) -> extract:
        if self._parsed is not None:
            trace_id, span_id, sampled = self._parsed
            parent = current.get()
            scope = root_scope.value if parent is None else parent.scope
            self._remote = Remote(span_id)
            anchor = Anchor(scope.with_values(sampled=sampled, remote=self._remote))
            anchor._trace, anchor._id = trace_id, span_id
            self._token = current.set(anchor)
        return self

    def _leave(self, error: Optional[BaseException]) -> None:
        if self._token is not None:
            restore(self._token)
            self._token = None
        if self._remote is not None:
            self._remote.open = False


def _find(headers: Union[Mapping[Any, Any], Iterable[Tuple[Any, Any]]]) -> Optional[str]:
    items = getattr(headers, "items", None)
    try:
        for name, value in items() if items is not None else headers:
            if _text(name).lower() == HEADER:
                return _text(value).strip()
    except (TypeError, ValueError):  # no headers at all, or none that come in pairs
        pass
    return None


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _parse(header: Optional[str]) -> Optional[Tuple[str, str, bool]]:
    match = _PATTERN.fullmatch(header) if header else None
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return trace_id, span_id, bool(int(flags, 16) & 1)
