"""Rule packs that a server keeps: ``instrument(compliance=["HIPAA"], exporter=peekr.HTTPExporter(...))``."""

from __future__ import annotations

import logging
import os
import threading
from time import monotonic
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import httpx
import msgspec

from peekr.config import Config
from peekr.errors import ConfigurationError, GuardrailError
from peekr.guard import BaseGuardrail
from peekr.guarding import add_note
from peekr.plain import text_of
from peekr.spans import Span
from peekr_guard.rules import Rule, read_packs

logger = logging.getLogger("peekr")

PATH = "/v1/compliance"
#: Seconds for the server's answer, and until it is asked again after it could not be had.
TIMEOUT_S, RETRY_S = 5.0, 30.0

Fetch = Callable[[], bytes]


class CompliancePacks(BaseGuardrail):
    """Holds calls to the rules of some packs (contract GUARD-10).

    ``prohibited_input`` stops a request before it leaves; ``prohibited_output`` and ``required_disclosure`` stop an
    answer. A rule with ``"action": "warn"`` only notes its violation. All violations are in
    ``attributes.compliance_violations``: ``{"pack", "rule", "type", "message"}`` each.

    The rules are fetched once, when it is made. While the server cannot be reached calls go through, with a note in
    ``attributes.guardrail_warnings``, and it is asked again every 30 seconds.

    :param packs: names of packs, in any case.
    :param fetch: returns the server's answer.
    :raises ConfigurationError: (a ValueError) if the server does not have one of the packs.
    """

    name = "Compliance"
    window: Optional[int] = None

    def __init__(self, packs: Sequence[str], fetch: Fetch) -> None:
        self.packs = tuple(packs)
        self._fetch = fetch
        self._lock = threading.Lock()
        self._again_at = 0.0
        self._rules: Optional[Tuple[Rule, ...]] = None
        try:
            self._take(fetch())
        except (httpx.HTTPError, OSError, msgspec.MsgspecError) as error:
            self._missed(error)

    @classmethod
    def from_config(cls, config: Config) -> CompliancePacks:
        """Build the guardrail that ``instrument(compliance=[...])`` asks for.

        :raises ConfigurationError: if there is no HTTPExporter, or a pack is no name.
        """
        for pack in config.compliance:
            if not isinstance(pack, str) or not pack.strip():
                raise ConfigurationError(f"compliance must be a list of names of packs, got {pack!r}.")
        return cls(config.compliance, _fetcher(config))

    # -- asked in the caller's thread -------------------------------------------------------------------------

    def check_input(self, span: Span) -> None:
        """Stop a request that a rule prohibits.

        :raises GuardrailError: if one does.
        """
        text = "\n".join(text_of(span.attributes[name]) for name in ("input", "system") if span.attributes.get(name))
        self._check(span, text, ("prohibited_input",))

    def run(self, span: Span) -> None:
        """Stop an answer that a rule prohibits, or that lacks what one requires.

        :raises GuardrailError: if one does.
        """
        self._check(span, text_of(span.attributes.get("output") or ""), ("prohibited_output", "required_disclosure"))

    def _check(self, span: Span, text: str, kinds: Iterable[str]) -> None:
        rules = self._rules
        if rules is None:
            add_note(span, "guardrail_warnings", f"{self.name}: the rules of {', '.join(self.packs)} are not at hand")
            self._ask_again()
            return
        violated = [rule for rule in rules if rule.kind in kinds and rule.violated(text)]
        if not violated:
            return
        known = span.attributes.get("compliance_violations")
        span.attributes["compliance_violations"] = [
            *(known if isinstance(known, list) else ()),
            *(rule.record() for rule in violated),
        ]
        for rule in violated:
            if rule.blocks:
                raise GuardrailError(rule.message, self.name, span)

    # -- the server's rules -----------------------------------------------------------------------------------

    def _take(self, body: bytes) -> None:
        packs, troubles = read_packs(msgspec.json.decode(body))
        for trouble in troubles:
            logger.warning("compliance: %s; it is left out", trouble)
        if not packs:
            logger.warning("compliance: the server has no packs yet, so %s holds nobody up", ", ".join(self.packs))
            self._rules = ()
            return
        self._rules = tuple(rule for pack in self.packs for rule in _chosen(pack, packs))

    def _missed(self, error: Exception) -> None:
        self._again_at = monotonic() + RETRY_S
        logger.warning(
            "compliance: the rules of %s could not be fetched (%s: %s): calls go through unchecked until they are",
            ", ".join(self.packs),
            type(error).__name__,
            error,
        )

    def _ask_again(self) -> None:
        """In a thread of its own, so that no call waits for the server."""
        with self._lock:
            if monotonic() < self._again_at:
                return
            self._again_at = monotonic() + RETRY_S
        threading.Thread(target=self._retry, name="peekr-compliance", daemon=True).start()

    def _retry(self) -> None:
        try:
            self._take(self._fetch())
        except Exception as error:
            self._missed(error)


def _chosen(pack: str, packs: Dict[str, List[Rule]]) -> List[Rule]:
    for name, rules in packs.items():
        if name.lower() == pack.strip().lower():
            return rules
    raise ConfigurationError(
        f"the server has no compliance pack {pack!r}; it has: {', '.join(sorted(filter(None, packs))) or 'none'}.\n"
        "Name one of them, or leave compliance out"
    )


# -- where the server is ---------------------------------------------------------------------------------------


def _fetcher(config: Config) -> Fetch:
    for exporter in _exporters(config):
        if any(cls.__name__ == "HTTPExporter" for cls in type(exporter).__mro__):
            fetch = getattr(exporter, "fetch", None)
            if callable(fetch):
                return lambda: bytes(fetch(PATH, TIMEOUT_S))
            return _get(getattr(exporter, "endpoint", None), getattr(exporter, "api_key", None))
    if "http" in config.storage:
        options = config.options("http")
        return _get(options.get("endpoint"), options.get("api_key"))
    raise ConfigurationError(
        f"compliance={list(config.compliance)!r} needs an HTTPExporter, whose server has the rules.\n"
        "Add exporter=peekr.HTTPExporter(endpoint=..., api_key=...), or leave compliance out"
    )


def _exporters(config: Config) -> Iterable[Any]:
    """The exporters by hand, also those inside of others."""
    from peekr.process import state

    found = [config.exporter, *(lane.exporter for lane in state.user_lanes)]
    for exporter in found:  # which grows meanwhile
        yield exporter
        inner = getattr(exporter, "exporters", None)
        found += inner if isinstance(inner, (list, tuple)) else ()


def _get(endpoint: Any, api_key: Any) -> Fetch:
    address = str(endpoint or os.environ.get("PEEKR_ENDPOINT") or "").strip().rstrip("/")
    if address.endswith("/v1/spans"):
        address = address[: -len("/v1/spans")]
    key = str(api_key or os.environ.get("PEEKR_API_KEY") or "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    def fetch() -> bytes:
        response = httpx.get(address + PATH, headers=headers, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.content

    return fetch
