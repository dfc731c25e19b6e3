"""How a provider proves itself: the entry points of its SDK, each with a way to drive it against a server at home.

A provider may have a method ``probes()`` that returns one :class:`Suite` for each SDK it patches. ``peekr doctor``
drives them on the SDK that is installed, and :class:`peekr.testing.conformance.ProviderConformance` does so in the
provider's own tests::

    class AcmeProvider:
        name = target = "acme"
        ...
        def probes(self):
            from peekr_acme import doctor       # only here: nothing else needs it

            return [Suite("acme", "acme", answer=doctor.answer, probes=doctor.probes)]

    # peekr_acme/doctor.py
    def answer(request):                        # the API, on the loopback interface
        return Reply.json({"text": "Paris.", "usage": {"in": 11, "out": 7}})

    def _chat(url):
        with acme.Client(base_url=url, api_key="none") as client:
            reach(client, "chat.create")(prompt="Capital of France?")

    def probes():
        return [Probe("chat.create", _chat, tokens=18), Probe("socket.connect", untraced="a websocket")]

Public, as :mod:`peekr.interfaces` is. :mod:`peekr.probes.driving` does the driving.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Union

import attrs


class Absent(Exception):
    """This version of the SDK has no such entry point."""


def reach(owner: Any, path: str) -> Any:
    """Return ``owner.a.b.c`` for the path ``"a.b.c"``.

    :raises Absent: if one of them is not there.
    """
    for name in path.split("."):
        try:
            owner = getattr(owner, name)
        except AttributeError:
            raise Absent(path) from None
    return owner


@attrs.frozen
class Request:
    """What the SDK sent.

    :ivar path: with the query.
    :ivar headers: names in lower case.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as data; an empty dict where it is no JSON."""
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            return {}


@attrs.frozen
class Reply:
    """What the server answers.

    :ivar body: bytes; or a sequence of them, each sent as a piece of its own.
    """

    body: Union[bytes, Sequence[bytes]]
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def json(cls, data: Any, status: int = 200, **headers: str) -> Reply:
        """Return an answer of JSON."""
        return cls(json.dumps(data).encode(), status=status, headers=headers)

    @classmethod
    def events(cls, events: Sequence[Any], *, named: bool = False, end: Optional[str] = None) -> Reply:
        """Return server-sent events.

        :param named: whether each has its ``type`` as its name.
        :param end: the text of a last event that is no JSON.
        """
        texts = [(f"event: {one['type']}\n" if named else "") + f"data: {json.dumps(one)}\n\n" for one in events]
        texts += [] if end is None else [f"data: {end}\n\n"]
        return cls([text.encode() for text in texts], "text/event-stream")


@attrs.frozen
class Probe:
    """One entry point, called in one way.

    :ivar entry: the path to it as the SDK's documentation has it: ``chat.completions.create``.
    :ivar run: called with the server's base URL; makes one call, reads the answer to its end and closes what it
        opened. May be a coroutine function, which then gets an event loop of its own. Raises :class:`Absent` where
        the SDK has no such entry point. None where it cannot be driven at all: say in ``untraced`` why.
    :ivar way: of calling it: ``plain``, ``streamed``, ``helper``, ``raw`` …
    :ivar asynchronous: whether it is the async twin.
    :ivar tokens: what the answers add up to; None where the API tells no usage, or bills nothing.
    :ivar spans: how many spans there are to be: as many as calls of the model. With ``tokens`` these are the ones
        that are billed; without, all.
    :ivar untraced: why the plugin does not trace it: told, and no fault. ``run`` then only has to find out whether
        it is there.
    """

    entry: str
    run: Optional[Callable[[str], Any]] = None
    way: str = "plain"
    asynchronous: bool = False
    tokens: Optional[int] = None
    spans: int = 1
    untraced: Optional[str] = None


@attrs.frozen
class Suite:
    """What there is to prove about one SDK. Cheap to make: the SDK is imported when it is driven.

    :ivar sdk: its distribution: ``google-genai``.
    :ivar module: what is imported: ``google.genai``.
    :ivar answer: the API: gets a :class:`Request`, returns a :class:`Reply`. Called in a thread of its own.
    :ivar probes: returns them; called when the SDK has been imported.
    :ivar environment: variables that the SDK wants.
    """

    sdk: str
    module: str
    answer: Callable[[Request], Reply]
    probes: Callable[[], Sequence[Probe]]
    environment: Dict[str, str] = attrs.field(factory=dict)


__all__ = ["Absent", "Probe", "Reply", "Request", "Suite", "reach"]
