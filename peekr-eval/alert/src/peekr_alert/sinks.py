"""Where alerts are sent: stderr, Slack, any webhook, PagerDuty.

A sink has one method, ``send(notice)``, called in a thread of its own. What it raises is counted and logged, once for
each kind; addresses, keys and headers are never shown.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Mapping, Optional

import attrs

from peekr.terminal import neutral
from peekr_alert.http import post_json, web_address
from peekr_alert.outbox import Outbox

#: A message is cut to this; Slack takes 40,000 characters, but nobody reads them.
MAX_MESSAGE = 3000
_PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
_SEVERITIES = ("critical", "error", "warning", "info")


@attrs.define(slots=True, frozen=True)
class Notice:
    """One message on its way.

    :ivar alert: name of the alert.
    :ivar message: at most 3000 characters, control and invisible characters written out. It may hold what a model or
        user wrote: a sink escapes it as its receiver needs.
    :ivar time: Unix seconds.
    """

    alert: str
    message: str
    time: float

    @property
    def line(self) -> str:
        """The message, behind the alert's name where it does not begin with it."""
        return self.message if self.message.startswith(self.alert) else f"{self.alert}: {self.message}"

    @property
    def timestamp(self) -> str:
        """ISO 8601, in UTC."""
        return datetime.fromtimestamp(self.time, timezone.utc).isoformat()


class Sink:
    """Sends notices in a thread of its own. Subclass it and write :meth:`send`."""

    def __init__(self) -> None:
        self._outbox = Outbox(self.send, type(self).__name__)

    @classmethod
    def around(cls, other: Any) -> Sink:
        """Return a sink for any object with a method ``send(notice)``."""
        sink = cls.__new__(cls)
        sink._outbox = Outbox(other.send, type(other).__name__)
        return sink

    def send(self, notice: Notice) -> None:
        """Send one notice; may take its time, and may raise."""
        raise NotImplementedError(f"{type(self).__name__}.send(notice) has to send it")

    def post(self, alert: str, message: str) -> None:
        """Queue a message; returns at once and never raises."""
        self._outbox.put(Notice(alert, neutral(str(message))[:MAX_MESSAGE], time.time()))

    def drain(self, deadline: float) -> bool:
        """Wait until all is sent, or until ``deadline`` (of time.monotonic); return whether it is."""
        return self._outbox.drain(deadline)

    @property
    def stats(self) -> Dict[str, Any]:
        """``{"sent", "failed", "dropped", "waiting", "last_error"}``."""
        return self._outbox.stats()


class StderrSink(Sink):
    """Prints ``[peekr alert] <message>`` to stderr."""

    def send(self, notice: Notice) -> None:
        """Print one line."""
        print(f"[peekr alert] {notice.message}", file=sys.stderr, flush=True)


class WebhookSink(Sink):
    """Posts each notice as JSON: ``{"source": "peekr", "alert", "message", "timestamp", "time"}``.

    An answer of 400 or more, and a redirection, count as failures. Five seconds to connect, and between two bytes.

    :param url: http or https. It may hold a secret; it is never shown.
    :param headers: sent along, for instance ``{"Authorization": "Bearer …"}``.
    :param payload_builder: makes the body: ``payload_builder(message)`` or ``payload_builder(alert, message)``, both
        texts; returns what becomes JSON. Called in the sink's thread.
    :raises ConfigurationError: (a ValueError) if the URL is none, a header no text, or the builder cannot be called.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        payload_builder: Optional[Callable[..., Any]] = None,
    ) -> None:
        self._address = web_address(url, headers)
        self._build = _builder(payload_builder)
        super().__init__()

    def send(self, notice: Notice) -> None:
        """Post one notice."""
        post_json(self._address, self.body(notice))

    def body(self, notice: Notice) -> Any:
        """Return what is posted."""
        if self._build is not None:
            return self._build(notice)
        return {
            "source": "peekr",
            "alert": notice.alert,
            "message": notice.message,
            "timestamp": notice.timestamp,
            "time": notice.time,
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{self._address.host}>)"


class SlackSink(WebhookSink):
    """Posts ``{"text": …}`` to an incoming webhook of Slack (or of what understands the same: Mattermost, Discord's
    ``/slack``). Nothing in a message can mention anybody or become a link.

    :param url: of the incoming webhook.
    """

    def __init__(self, url: str, *, headers: Optional[Mapping[str, str]] = None) -> None:
        super().__init__(url, headers=headers)

    def body(self, notice: Notice) -> Any:
        """Return Slack's message. https://docs.slack.dev/messaging/formatting-message-text#escaping"""
        return {
            "text": f":rotating_light: [peekr alert] {slack_text(notice.line)}",
            "unfurl_links": False,
            "mrkdwn": False,
        }


class PagerDutySink(WebhookSink):
    """Triggers an incident through PagerDuty's Events API v2; notices of one alert join one incident.

    :param routing_key: the integration key. Never shown.
    :param severity: ``critical``, ``error``, ``warning`` or ``info``.
    :param source: what the alert is about, for instance a host or service.
    :param url: of another region or a relay that takes the same.
    :raises ConfigurationError: (a ValueError) if one of them cannot work.
    """

    def __init__(
        self, routing_key: str, *, severity: str = "error", source: str = "peekr", url: str = _PAGERDUTY
    ) -> None:
        from peekr.errors import ConfigurationError

        if not isinstance(routing_key, str) or not routing_key.strip():
            raise ConfigurationError("PagerDutySink needs the routing key of an integration, a text.")
        if severity not in _SEVERITIES:
            raise ConfigurationError(f"severity must be one of {', '.join(_SEVERITIES)}, got {severity!r}.")
        self._routing_key, self._severity, self._source = routing_key, severity, str(source)
        super().__init__(url)

    def body(self, notice: Notice) -> Any:
        """Return the event. https://developer.pagerduty.com/docs/send-alert-event"""
        joined = hashlib.sha256(f"{self._source}\0{notice.alert}".encode("utf-8", "replace")).hexdigest()[:32]
        return {
            "routing_key": self._routing_key,
            "event_action": "trigger",
            "dedup_key": f"peekr-{joined}",
            "client": "peekr",
            "payload": {
                "summary": notice.line[:1024],
                "source": self._source,
                "severity": self._severity,
                "timestamp": notice.timestamp,
                "class": notice.alert,
                "custom_details": {"message": notice.message},
            },
        }


def slack_text(text: str) -> str:
    """Return a text with Slack's three control characters escaped: no mention, no link, no channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _builder(given: Optional[Callable[..., Any]]) -> Optional[Callable[[Notice], Any]]:
    """A builder that takes a notice, of one that takes a message or an alert's name and a message."""
    from peekr.errors import ConfigurationError

    if given is None:
        return None
    if not callable(given):
        raise ConfigurationError(f"payload_builder must be a function of the message, got {given!r}.")
    try:
        inspect.signature(given).bind("alert", "message")
    except TypeError:
        return lambda notice: given(notice.message)
    except ValueError:  # a built-in that tells no signature
        return lambda notice: given(notice.message)
    if _optional_second(given):
        return lambda notice: given(notice.message)
    return lambda notice: given(notice.alert, notice.message)


def _optional_second(function: Callable[..., Any]) -> bool:
    """Whether it can be called with one argument as well, as ``json.dumps`` and ``lambda message, indent=2`` can."""
    try:
        inspect.signature(function).bind("message")
    except TypeError:
        return False
    return True
