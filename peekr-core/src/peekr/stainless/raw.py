"""Raw responses: ``with_raw_response`` and ``with_streaming_response``, whose result the caller parses later."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Optional

from peekr.guarding import STOPS, after_call
from peekr.patching import note_failure
from peekr.pulling import Guard
from peekr.stainless.call import Call, StreamedCall, UnreadCall
from peekr.streaming import StreamRecorder

#: Where a raw response carries its :class:`Follower`; a hook on the instance would keep itself alive in a cycle,
#: or miss ``create().parse()``, where nobody holds the response during the call.
_KEY = "_peekr"


class Follower(Guard):
    """Waits for ``parse()``, the close of the body, or the end of the raw response it is tied to."""

    __slots__ = ("_call",)

    def __init__(self, recorder: StreamRecorder, call: Call) -> None:
        super().__init__(recorder)
        self._call = call

    def parsed(self, raw: Any, result: Any) -> None:
        """The caller has parsed the raw response: into a stream, or into an object; its body has been read then."""
        recorder = self._recorder
        if recorder is None:
            return
        if follow(recorder, result):
            self.release()
        elif not self._call.streaming and self._call.take_body(raw.http_response):
            try:
                after_call(recorder.span, self._call.preview_answer)
            finally:
                recorder.end()


def follow(recorder: StreamRecorder, stream: Any) -> bool:
    """Record an SDK's stream object in place; return whether it was one."""
    inner: Any = stream._iterator if _has(stream, "_iterator") else None
    if hasattr(inner, "__anext__"):
        stream._iterator = recorder.wrap_async(inner)
        recorder.watch(stream.response, "aclose")
    elif hasattr(inner, "__next__"):
        stream._iterator = recorder.wrap(inner)
        recorder.watch(stream.response, "close")
    else:
        return False
    return True


def _has(value: Any, name: str) -> bool:
    """Whether an object really has it, and not only says yes to everything as a mock does."""
    return name in getattr(value, "__dict__", ()) or hasattr(type(value), name)


def follow_call(call: Call, result: Any, asked: bool) -> bool:
    """Go on with a call whose result is not there yet; return False if it is, whatever it is.

    :param result: a stream, or a raw response.
    """
    if call.streaming:
        recorder = StreamRecorder(call.span, StreamedCall(call, asked), call.sdk.describe_error)
        if follow(recorder, result):
            return True
    else:
        recorder = StreamRecorder(call.span, UnreadCall(call), call.sdk.describe_error)
    if not _has(result, "http_response") or not _has(result, "parse"):
        recorder.cancel()
        return False
    http = result.http_response
    result.__dict__[_KEY] = Follower(recorder, call)
    if call.streaming:
        recorder.watch(http, "close", "aclose")
    else:
        recorder.on_close(http, _unread_closed(call, recorder, http), "close", "aclose")
    return True


def _unread_closed(call: Call, recorder: StreamRecorder, http: Any) -> Callable[[], None]:
    """A body that is being read closes itself just before its bytes are at hand; the caller's close comes after."""
    read = False

    def closed() -> None:
        nonlocal read
        if not call.take_body(http) and getattr(http, "is_stream_consumed", False) and not read:
            read = True
        else:
            recorder.end(incomplete=not read)

    return closed


def wrap_parse(original: Any) -> Any:
    """Wrap ``parse`` of a raw response class, sync or async."""

    @functools.wraps(original)
    def parse(self: Any, *args: Any, **kwargs: Any) -> Any:
        follower: Optional[Follower] = self.__dict__.get(_KEY)
        result = original(self, *args, **kwargs)
        if follower is None:
            return result
        if inspect.iscoroutine(result):
            return _parsed_later(self, result, follower)
        _tell(self, result, follower)
        return result

    return parse


async def _parsed_later(raw: Any, result: Any, follower: Follower) -> Any:
    parsed = await result
    _tell(raw, parsed, follower)
    return parsed


def _tell(raw: Any, result: Any, follower: Follower) -> None:
    try:
        follower.parsed(raw, result)
    except STOPS:
        raise
    except Exception as error:
        note_failure("following a raw response", error)
