"""Which requests make a span, by HTTP method and path, and how the span is called."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

import attrs


@attrs.frozen
class Operation:
    """One endpoint.

    :ivar name: of the span.
    :ivar family: which extraction fits its request and response.
    :ivar kind: ``llm`` where a model generates; None, that is ``function``, where nothing is billed by tokens.
    :ivar counts: whether the tokens in its answer are spent by this very call. A fetch of an earlier response
        repeats that response's usage, so it must not count it again.
    :ivar binary: whether its answer is no text, so that only its length is kept.
    """

    name: str
    family: str
    kind: Optional[str] = "llm"
    counts: bool = True
    binary: bool = False


Table = Mapping[str, Operation]


class Routes:
    """Finds the operation of a request.

    :param posts: by the end of the path, without the leading slash; ``*`` stands for an id. The first that fits
        wins, so longer paths come before shorter ones that end alike.
    :param gets: the same for GET.
    """

    def __init__(self, posts: Table, gets: Optional[Table] = None) -> None:
        self._exact = {f"/{path}": operation for path, operation in posts.items() if "*" not in path}
        self._patterns = {"POST": _patterns(posts), "GET": _patterns(gets or {})}

    def find(self, method: Any, url: Any) -> Optional[Operation]:
        """Return the operation of a request, or None if it makes no span.

        :param url: a path as the SDK's resources give it, or an absolute URL, as text or as an httpx.URL.
        """
        if method == "post" and type(url) is str:
            found = self._exact.get(url)
            if found is not None:
                return found
        patterns = self._patterns.get(str(method).upper())
        if not patterns:
            return None
        parts = str(url).partition("?")[0].partition("#")[0].rstrip("/").split("/")
        for pattern, operation in patterns:
            tail = parts[-len(pattern) :]
            if len(tail) == len(pattern) and all(want in ("*", have) for want, have in zip(pattern, tail)):
                return operation
        return None


def _patterns(table: Table) -> List[Tuple[List[str], Operation]]:
    return [(path.split("/"), operation) for path, operation in table.items()]
