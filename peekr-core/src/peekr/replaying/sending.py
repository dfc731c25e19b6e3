"""Which installed provider can send a recorded call again."""

from __future__ import annotations

import logging
from typing import Any, Dict, List, Optional, Tuple

from peekr.errors import PluginNotInstalled, ReplayError
from peekr.plugins import load_group
from peekr.replaying import Replayer, Shape
from peekr.spans import Span, describe_error

logger = logging.getLogger("peekr")

#: Distributions of ours that send calls of these names.
_FIRST_PARTY = ("openai", "anthropic", "gemini", "bedrock")


def installed() -> List[Tuple[str, Replayer]]:
    """Return what the installed providers offer, by name; one that fails is logged and left out."""
    out: List[Tuple[str, Replayer]] = []
    for name, entry in load_group("peekr.providers"):
        make = getattr(entry, "replayer", None)
        if make is None:
            continue
        try:
            provider = entry() if isinstance(entry, type) else entry
            out.append((name, provider.replayer()))
        except Exception as error:
            logger.warning("provider %r cannot replay: %s: %s", name, type(error).__name__, error)
    return out


def replayer_for(span: Span, replayers: List[Tuple[str, Replayer]]) -> Optional[Tuple[Replayer, Shape]]:
    """Return who can send this call again, and the shape of its request; None if nobody can."""
    for name, replayer in replayers:
        try:
            shape = replayer.shape(span)
        except Exception as error:
            logger.warning("provider %r cannot replay %s: %s: %s", name, span.name, type(error).__name__, error)
            continue
        if shape is not None:
            return replayer, shape
    return None


def nobody(span: Span, replayers: List[Tuple[str, Replayer]]) -> str:
    """Return why a call cannot be sent again, in two sentences."""
    family = span.name.partition(".")[0]
    known = [name for name, _ in replayers]
    if family in _FIRST_PARTY and family not in known:
        return str(PluginNotInstalled(f"replaying {span.name}", f"peekr-{family}"))
    return (
        f"{span.name} ({span.span_id}) is no call that the installed providers ({', '.join(known) or 'none'})"
        " can send again.\nRun the program itself once more"
    )


class Connections:
    """The SDKs' clients of one replay: each is made once, and closed at the end of the ``with`` block.

    :param client: given by the caller, used for every call and left open.
    """

    def __init__(self, client: Any = None) -> None:
        self._given = client
        self._made: Dict[Tuple[Any, ...], Any] = {}

    def client(self, replayer: Replayer, span: Span) -> Any:
        """Return the client for a recorded call.

        :raises ReplayError: if the SDK is missing, or has no credentials; says so in its words.
        """
        if self._given is not None:
            return self._given
        served = (span.attributes.get("provider"), span.attributes.get("region"))
        key = (type(replayer), *map(str, served))
        if key not in self._made:
            try:
                self._made[key] = replayer.client(span)
            except ImportError as error:
                raise ReplayError(_missing(replayer, error)) from error
            except Exception as error:
                raise ReplayError(
                    f"{span.name} cannot be sent again: {describe_error(error)}\n"
                    f"Set what the {replayer.distribution} SDK asks for in the environment"
                ) from error
        return self._made[key]

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_exc: object) -> None:
        for client in self._made.values():
            close = getattr(client, "close", None)
            if close is not None:
                close()
        self._made.clear()


def check_destination(span: Span, replayer: Replayer, client: Any) -> None:
    """Refuse to send a prompt to the API's own address that went to another server.

    :raises ReplayError: saying which.
    """
    server = span.attributes.get("server")
    if isinstance(server, str) and server and replayer.host(client) is None:
        raise ReplayError(
            f"{span.name} ({span.span_id}) went to {server}; by the environment it would now go to the API's own"
            " address.\nSet the SDK's base URL as the program did (for OpenAI: OPENAI_BASE_URL), or use --force"
        )


def _missing(replayer: Replayer, error: ImportError) -> str:
    """Return what to do about an SDK that cannot be imported."""
    return (
        f"the SDK {replayer.distribution!r} cannot be imported: {error}.\n"
        f"Install it with: pip install {replayer.distribution}"
    )
