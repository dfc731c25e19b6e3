"""The entry points of google-generativeai. Its async methods speak gRPC only, which has no server here."""

from __future__ import annotations

import functools
from typing import Any, Callable, List

from peekr.probes import Absent, Probe
from peekr_gemini.doctor.answers import MODEL, TOKENS

_QUESTION = "What is the capital of France?"
_GRPC = "it is traced, but speaks gRPC: it cannot be driven here"


def probes() -> List[Probe]:
    """Return all of them."""
    generate, send = "GenerativeModel.generate_content", "ChatSession.send_message"
    later = [f"{generate}_async", f"{send}_async", "GenerativeModel.count_tokens_async", "embed_content_async"]
    return [
        Probe(generate, _run(lambda sdk: _model(sdk).generate_content(_QUESTION)), tokens=TOKENS),
        Probe(
            generate,
            _run(lambda sdk: list(_model(sdk).generate_content(_QUESTION, stream=True))),
            "streamed",
            tokens=TOKENS,
        ),
        Probe(send, _run(lambda sdk: _model(sdk).start_chat().send_message(_QUESTION)), tokens=TOKENS),
        Probe("GenerativeModel.count_tokens", _run(lambda sdk: _model(sdk).count_tokens(_QUESTION))),
        Probe("embed_content", _run(lambda sdk: sdk.embed_content("models/text-embedding-004", "hello"))),
        *(Probe(entry, asynchronous=True, untraced=_GRPC) for entry in later),
    ]


def _model(sdk: Any) -> Any:
    return sdk.GenerativeModel(MODEL)


def _run(call: Callable[[Any], Any]) -> Callable[[str], None]:
    """Return a probe's function; the SDK has settings of the whole process, which are put back."""

    @functools.wraps(call)
    def run(url: str) -> None:
        import google.generativeai as sdk
        from google.generativeai import client

        manager = getattr(client, "_client_manager", None)
        if manager is None:
            raise Absent("configurable client")
        before = dict(vars(manager))
        try:
            sdk.configure(api_key="none", transport="rest", client_options={"api_endpoint": url})
            call(sdk)
        finally:
            vars(manager).clear()
            vars(manager).update(before)

    return run
