"""Probes for SDKs of the Stainless family: the ways in which each of their methods may be called, sync and async."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from peekr.probes import Probe, reach

#: Way → what stands before the method's name to call it so.
_VIEWS = {"raw": "with_raw_response", "raw streamed": "with_raw_response", "raw body": "with_streaming_response"}


class Twins:
    """Makes the probes of a method and its async twin.

    :param client: makes a client of a base URL; it is closed after the call.
    :param async_client: the same of its async twin; None where there is none.
    """

    def __init__(self, client: Callable[[str], Any], async_client: Optional[Callable[[str], Any]]) -> None:
        self._client, self._async_client = client, async_client

    def of(
        self, entry: str, way: str = "plain", *, tokens: Optional[int] = None, spans: int = 1, **arguments: Any
    ) -> List[Probe]:
        """Return the probes of one method.

        :param entry: its path from the client.
        :param way: ``plain``; ``streamed``: returns an iterator; ``helper``: returns a context manager that is one;
            ``runner``: is one itself, also in the async twin; ``raw``, ``raw streamed``, ``raw body``: the HTTP
            response, parsed or read by the caller. Any other word is a plain call.
        :param arguments: those of the method.
        """
        probes = [Probe(entry, self._sync(entry, way, arguments), way, False, tokens, spans)]
        if self._async_client is not None:
            probes.append(Probe(entry, self._async(entry, way, arguments), way, True, tokens, spans))
        return probes

    def _sync(self, entry: str, way: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
        def run(url: str) -> None:
            with self._client(url) as client:
                _read(reach(client, _path(entry, way))(**arguments), way)

        return run

    def _async(self, entry: str, way: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
        make = self._async_client
        assert make is not None

        async def run(url: str) -> None:
            async with make(url) as client:
                await _read_async(reach(client, _path(entry, way))(**arguments), way)

        return run


def _path(entry: str, way: str) -> str:
    view = _VIEWS.get(way)
    owner, _, method = entry.rpartition(".")
    return entry if view is None else f"{owner}.{view}.{method}"


def _read(result: Any, way: str) -> None:
    way = "streamed" if way.endswith(" streamed") and not way.startswith("raw") else way
    if way == "helper" or way == "raw body":
        with result as opened:
            opened.read() if way == "raw body" else list(opened)
    elif way in ("streamed", "runner"):
        list(result)
    elif way == "raw":
        result.parse()
    elif way == "raw streamed":
        list(result.parse())


async def _read_async(result: Any, way: str) -> None:
    way = "streamed" if way.endswith(" streamed") and not way.startswith("raw") else way
    if way == "helper" or way == "raw body":
        async with result as opened:
            if way == "raw body":
                await opened.read()
            else:
                await _exhaust(opened)
        return
    if way == "runner":
        await _exhaust(result)
        return
    result = await result
    if way == "streamed":
        await _exhaust(result)
    elif way.startswith("raw"):
        parsed = result.parse()
        parsed = await parsed if hasattr(parsed, "__await__") else parsed
        if way == "raw streamed":
            await _exhaust(parsed)


async def _exhaust(stream: Any) -> None:
    async for _ in stream:
        pass
