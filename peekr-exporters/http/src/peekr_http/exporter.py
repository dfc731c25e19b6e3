"""The exporter: what :func:`peekr.instrument` and programs call. The work is the sender's."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Set, Tuple, Union

from peekr import wire
from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr_http.buffer import Item
from peekr_http.options import PATH, Options, checked_endpoint, checked_folder, checked_key, is_unprotected
from peekr_http.sender import Sender
from peekr_http.spool import Spool
from peekr_http.transport import Transport

if TYPE_CHECKING:
    from peekr.config import Config

logger = logging.getLogger("peekr")


class HTTPExporter:
    """Posts spans to ``{endpoint}/v1/spans`` as ``{"spans": [record, ...]}`` (contract HTTPX-1 to HTTPX-5).

    Spans are encoded in the caller's thread (under :func:`peekr.instrument` the exporter's own) and sent by another,
    in order, over connections that are kept. An open run is sent when it begins and again when it ends, a judged span
    again with its scores: the server keeps the last version of each span_id, so nothing counts twice, not even
    what is sent again because an answer was lost. Statuses 429, 500, 502, 503, 504 and network errors are tried again
    (exponential backoff with full jitter, ``Retry-After`` honoured up to an hour); a batch that is too large (413) is
    halved; any other refusal loses the batch. Every loss is counted and logged with its reason.

    Redirects are not followed. Proxies are those of httpx (``HTTPS_PROXY``, ``NO_PROXY``, ...).

    :param endpoint: address of the server; a path in it is kept.
    :param api_key: sent as ``Authorization: Bearer``, shown nowhere.
    :param batch_size: spans in a request at most; this many are sent at once.
    :param flush_interval_seconds: fewer than that are sent after so long.
    :param timeout_seconds: for connecting, and for each write and read.
    :param max_retries: attempts after the first.
    :param gzip: compress requests. ``"auto"`` does so once the server's answers say ``Accept-Encoding: gzip``.
    :param gzip_min_bytes: leave smaller requests as they are.
    :param max_batch_bytes: split larger requests.
    :param max_buffer_spans: spans in memory at most; beyond that new ones are dropped and counted.
    :param max_buffer_bytes: likewise, their JSON.
    :param spool: a directory that keeps batches while the server cannot be reached, across restarts. What waits in
        memory is noted there too, so that ``kill -9`` loses none of it (not on Windows); without a spool it does.
    :param spool_max_bytes: of the batches; beyond that new ones are lost and counted.
    :raises ConfigurationError: (a ValueError) if one of them cannot work.
    """

    supports_update = True
    #: Set by the pipeline: told what became of the spans.
    on_settled: Optional[Callable[..., object]] = None

    def __init__(
        self,
        endpoint: Optional[str] = None,
        api_key: Optional[str] = None,
        *,
        batch_size: int = 100,
        flush_interval_seconds: float = 5.0,
        timeout_seconds: float = 10.0,
        max_retries: int = 4,
        gzip: Union[str, bool] = "auto",
        gzip_min_bytes: int = 1024,
        max_batch_bytes: int = 4 * 1024 * 1024,
        max_buffer_spans: int = 50_000,
        max_buffer_bytes: int = 32 * 1024 * 1024,
        spool: Union[str, os.PathLike[str], None] = None,
        spool_max_bytes: int = 1024**3,
    ) -> None:
        address, key = checked_endpoint(endpoint), checked_key(api_key)
        self._options = Options(
            batch_size=batch_size,
            flush_interval_seconds=flush_interval_seconds,
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
            gzip=gzip,
            gzip_min_bytes=gzip_min_bytes,
            max_batch_bytes=max_batch_bytes,
            max_buffer_spans=max_buffer_spans,
            max_buffer_bytes=max_buffer_bytes,
            spool_max_bytes=spool_max_bytes,
        )
        self.endpoint = address
        self.spool = None if spool is None else checked_folder(spool)
        self._spool = None if self.spool is None else Spool(self.spool, spool_max_bytes)
        self._transport = Transport(address, key, gzip, gzip_min_bytes)
        self._sender = Sender(self._options, self._transport, self._spool, self._settle)
        _exporters.add(self)
        if is_unprotected(address) and address not in _warned:
            _warned.add(address)
            logger.warning("%s is not encrypted: the api_key can be read on its way. Use https://", address)

    @classmethod
    def from_config(cls, config: Config) -> HTTPExporter:
        """Build the exporter that ``instrument(storage="http", storage_options={"http": {...}})`` asks for."""
        try:
            return cls(**config.options("http"))
        except TypeError as error:  # its message names the option; the values hold the key
            raise ConfigurationError(f"storage_options['http']: {error}.\nSee peekr.HTTPExporter") from None

    def fetch(self, path: str, timeout_seconds: float = 5.0) -> bytes:
        """Return what ``GET {endpoint}{path}`` answers, with the exporter's key; for what the server has to tell.

        :param path: ``/v1/compliance``, for instance.
        :raises httpx.HTTPError: if the server cannot be reached or refuses.
        """
        return self._transport.get(self.endpoint[: -len(PATH)] + path, timeout_seconds)

    def export(self, span: Span) -> None:
        """Take one span; see :meth:`export_batch`."""
        self.export_batch([span])

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Take spans to be sent; returns without waiting for the server, unless the buffer is full (1 s at most).

        :raises RuntimeError: after :meth:`shutdown`.
        """
        items: List[Tuple[str, Item]] = []
        for span in spans:
            weight = int(span.ended and type(span) is Span)  # what is not complete comes again, and counts then
            items.append((span.span_id, Item(wire.encode(wire.record(span)), weight)))
        self._sender.add(items)

    def flush(self) -> None:
        """Send what waits, also in the spool; returns when it was accepted, kept in the spool, or given up.

        :raises PeekrError: if spans were lost.
        """
        self._sender.flush()

    def hurry(self, deadline: float) -> None:
        """Have :meth:`flush` or :meth:`shutdown` done by ``deadline`` (of time.monotonic); any thread."""
        self._sender.hurry(deadline)

    def shutdown(self) -> None:
        """Send what can be sent within three seconds, or by the deadline of :meth:`hurry`, and end.

        What is left goes to the spool, or is counted as dropped. With a server that does not answer half of the
        time is enough. May be called twice.
        """
        self._sender.close()

    def after_fork_in_child(self) -> None:
        """Begin with an empty buffer and connections of one's own."""
        self._sender.after_fork_in_child()

    def stats(self) -> Dict[str, int]:
        """Return counts of ended spans: ``sent``, ``failed``, ``dropped``, ``spooled``, ``waiting``; and of
        ``requests`` and damaged spool files (``spool_corrupt``).
        """
        corrupt = 0 if self._spool is None else self._spool.corrupt
        return {**self._sender.stats(), "spool_corrupt": corrupt}

    def _settle(self, **counts: Any) -> None:
        report = self.on_settled
        if report is not None:
            report(**counts)

    def __repr__(self) -> str:
        return f"HTTPExporter(endpoint={self.endpoint!r})"


_exporters: weakref.WeakSet[HTTPExporter] = weakref.WeakSet()
_warned: Set[str] = set()


def _at_exit() -> None:
    """Send what was given to exporters that the pipeline does not know, after it gave what it had to their owners."""
    loose = [exporter for exporter in _exporters if exporter.on_settled is None]
    switching = sys.modules.get("peekr.switching")
    if loose and switching is not None:
        switching.shutdown()
    for exporter in loose:
        exporter.shutdown()


def _after_fork_in_child() -> None:
    for exporter in list(_exporters):
        exporter.after_fork_in_child()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
