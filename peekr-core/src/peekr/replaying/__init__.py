"""What :mod:`peekr.replay` is made of, and what a provider adds to it.

A provider whose SDK can send a recorded request again has a method ``replayer()``, which returns a
:class:`Replayer`; without it, its calls cannot be replayed. It knows the SDK; which request is sent, and what is
changed in it, is decided here. Public, as :mod:`peekr.interfaces` is.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Mapping, Optional, Protocol

import attrs

from peekr.spans import Span

Request = Dict[str, Any]


def _as_it_is(text: str) -> Any:
    return text


@attrs.frozen
class Shape:
    """Where a request, as the payload has it, keeps what a replay may change. A path such as ``body.system`` goes in.

    :ivar messages: path of the conversation; None where there is none.
    :ivar system: path of the system prompt; None where it is the first of the messages.
    :ivar as_system: makes of a text what stands there.
    :ivar message: makes a message of a text, where the conversation is a bare text.
    :ivar model: path of the model.
    :ivar inside: path of the object that parameters are in, unless the request has one of that name.
    :ivar top: names of parameters that are not ``inside``.
    :ivar names: common names of parameters → path in this request.
    """

    messages: Optional[str] = "messages"
    system: Optional[str] = None
    as_system: Callable[[str], Any] = _as_it_is
    message: Callable[[str], Any] = lambda text: {"role": "user", "content": text}
    model: str = "model"
    inside: Optional[str] = None
    top: FrozenSet[str] = frozenset()
    names: Mapping[str, str] = attrs.field(factory=dict)


class Replayer(Protocol):
    """Sends requests again through one SDK.

    :ivar distribution: what to install where the SDK is missing: ``openai``.
    """

    distribution: str

    def shape(self, span: Span) -> Optional[Shape]:
        """Return the shape of a recorded call's request, or None if it is not one that can be sent again."""

    def client(self, span: Span) -> Any:
        """Return a new client for a recorded call, with credentials and address from the environment.

        :raises ImportError: if the SDK is not installed.
        :raises Exception: what the SDK raises where it lacks something.
        """

    def host(self, client: Any) -> Optional[str]:
        """Return the host that a client sends to; None if that is the API's own."""

    def send(self, span: Span, old: Span, request: Request, client: Any) -> None:
        """Send a request, not streamed, and set the attributes and the payload of ``span`` as tracing would.

        :param span: the new one; it is open.
        :param old: the recorded call.
        :raises Exception: what the SDK raises; the span has been marked with it, and the request is in it.
        """
