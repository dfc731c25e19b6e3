"""The body of an InvokeModel response: recorded while the caller reads it, never read for them.

The caller gets the SDK's own body. Its class, and that of the HTTP response in it, becomes a subclass of what it was
whose reading methods hand over what they return; nothing is read ahead. (A method replaced on the object alone would
not keep it alive in ``client.invoke_model(…)["body"].read()``, or would keep it alive for ever.) The call is over
when the body is: read to its end, closed, or let go. Where a body is in memory anyway, as in tests with a stub, the
call is over at once.
"""

from __future__ import annotations

import functools
import inspect
import io
from typing import Any, Callable, Dict, List, Optional, Tuple

from peekr.guarding import STOPS, after_call
from peekr.patching import note_failure
from peekr.pulling import Guard
from peekr.streaming import StreamRecorder

#: Bytes of a body that are kept.
KEPT = 16 * 1024 * 1024
#: Where an object that is followed keeps the tee, and the guard that ends the span when it is dropped.
_TEE, _GUARD = "_peekr_tee", "_peekr_guard"


class Tee:
    """What the caller has read of one body.

    :ivar depth: how many of the recording methods are running; one reads by another.
    :ivar size: bytes so far.
    :ivar whole: whether these are all.
    """

    def __init__(self, recorder: StreamRecorder, length: Any) -> None:
        self.recorder = recorder
        self.depth = self.size = 0
        self.whole = False
        self._length = int(length) if isinstance(length, (str, int)) and str(length).isdigit() else None
        self._pieces: List[bytes] = []

    def note(self, piece: Any, last: bool) -> None:
        """Take a piece as the caller got it, and end the span with the last."""
        if self.whole:
            return
        if isinstance(piece, (bytes, bytearray)) and piece:
            self.size += len(piece)
            if self.size <= KEPT:
                self._pieces.append(bytes(piece))
                self.recorder.span._size += len(piece)
        if last or self.size == self._length:
            self.whole = True
            try:  # whoever reads the body in pieces has had all but the last by now
                after_call(self.recorder.span, self.recorder.preview)
            finally:
                self.recorder.end()

    def fail(self, error: BaseException) -> None:
        """End the span with the exception that the caller gets."""
        self.recorder.end(error, finalizing=isinstance(error, GeneratorExit))

    def closed(self) -> None:
        """The body is closed: by the caller, or by the destructor of the file it is."""
        if not self.depth:
            self.recorder.end(incomplete=True, finalizing=True)

    def content(self) -> Optional[bytes]:
        """Return the bytes, or None if nothing was read or not all was kept."""
        return b"".join(self._pieces) if self._pieces and self.size <= KEPT else None


def at_hand(body: Any) -> Optional[bytes]:
    """Return the bytes of a body that is in memory, without reading it; None for one that has to be read."""
    raw = getattr(body, "_raw_stream", body)
    if isinstance(raw, io.BytesIO):
        return raw.getvalue()[raw.tell() :]
    return raw if isinstance(raw, bytes) else None


def follow_body(body: Any, tee: Tee) -> bool:
    """Let the tee see what is read from the body; return whether that could be arranged."""
    content = getattr(getattr(body, "__wrapped__", None), "content", None)
    if content is not None:  # aiobotocore before 3: a proxy of aiohttp's response
        body.__wrapped__.content = _Content(content, tee, Guard(tee.recorder))
        return True
    if not _swap(body, tee, _BODY):
        return False
    raw = getattr(body, "_raw_stream", None)
    # ``with body as raw`` hands out the HTTP response itself
    followed = not inspect.iscoroutinefunction(type(body).read) and _swap(raw, tee, _RAW)
    (raw if followed else body).__dict__[_GUARD] = Guard(tee.recorder)
    return True


def _swap(owner: Any, tee: Tee, methods: Methods) -> bool:
    """Make the object one of the recording subclass of its class; return whether that worked."""
    kind: Any = type(owner)
    if not callable(getattr(kind, "read", None)) or type(getattr(owner, "__dict__", None)) is not dict:
        return False
    try:
        recording = _recording(kind, methods)
        owner.__dict__[_TEE] = tee
        owner.__class__ = recording
    except TypeError:  # a class that is final, or one whose objects have no room
        owner.__dict__.pop(_TEE, None)
        return False
    return True


@functools.lru_cache(maxsize=32)
def _recording(kind: Any, methods: Methods) -> Any:
    """Return the subclass, which bears the name of its class."""
    own: Dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    for name, note in methods:
        method = getattr(kind, name, None)
        if method is not None:
            own[name] = _closing(method) if note is None else _noting(method, note)
    return type(kind.__name__, (kind,), own)


def _closing(method: Any) -> Any:
    @functools.wraps(method)
    def close(self: Any, *args: Any, **kwargs: Any) -> Any:
        tee = self.__dict__.get(_TEE)
        if tee is not None:
            tee.closed()
        return method(self, *args, **kwargs)

    return close


def _noting(method: Any, note: Note) -> Any:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def read_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            with _Reading(self.__dict__[_TEE], note, args, kwargs) as reading:
                reading.result = await method(self, *args, **kwargs)
            return reading.result

        return read_async

    @functools.wraps(method)
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _Reading(self.__dict__[_TEE], note, args, kwargs) as reading:
            reading.result = method(self, *args, **kwargs)
        return reading.result

    return read


# -- what a method's result says: note it, and whether it is the end ------------------------------------------

Note = Callable[[Tee, Any, Any], None]
Methods = Tuple[Tuple[str, Optional[Note]], ...]


def _of_read(tee: Tee, result: Any, amount: Any) -> None:
    tee.note(result, amount is None or amount < 0 or (not result and amount != 0))


def _of_readinto(tee: Tee, result: Any, buffer: Any) -> None:
    tee.note(bytes(memoryview(buffer)[: result or 0]), not result and len(buffer) > 0)


def _of_readlines(tee: Tee, result: Any, amount: Any) -> None:
    tee.note(b"".join(result), True)


_BODY: Methods = (
    ("read", _of_read),
    ("readinto", _of_readinto),
    ("readlines", _of_readlines),
    ("close", None),
    ("aclose", None),
)
_RAW: Methods = (("read", _of_read), ("read1", _of_read), ("close", None))


class _Reading:
    """One run of a recording method; only the outermost counts."""

    __slots__ = ("_amount", "_note", "_tee", "result")

    def __init__(self, tee: Tee, note: Note, args: Any, kwargs: Dict[str, Any]) -> None:
        self._tee = tee
        self._note = note
        self._amount = args[0] if args else kwargs.get("amt", kwargs.get("b"))
        self.result: Any = None

    def __enter__(self) -> _Reading:
        self._tee.depth += 1
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        tee = self._tee
        tee.depth -= 1
        if tee.depth:
            return
        try:
            if error is None:
                self._note(tee, self.result, self._amount)
            else:
                tee.fail(error)
        except STOPS:
            raise
        except Exception as failure:
            note_failure("recording an InvokeModel body", failure)


class _Content:
    """Stands for the stream in aiohttp's response, which has no room for anything of ours."""

    def __init__(self, content: Any, tee: Tee, guard: Guard) -> None:
        self._content = content
        self._tee = tee
        self._guard = guard

    async def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read and note."""
        with _Reading(self._tee, _of_read, args or (-1,), kwargs) as reading:
            reading.result = await self._content.read(*args, **kwargs)
        return reading.result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)
