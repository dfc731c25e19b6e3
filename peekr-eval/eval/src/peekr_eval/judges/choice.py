"""Which judge is asked (contract EVAL-9): OpenAI, else Anthropic; credentials decide when both are installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, Callable, Dict, Optional, Tuple, Type

from peekr.errors import ConfigurationError, JudgeUnavailable
from peekr_eval.judges.anthropic import AnthropicJudge
from peekr_eval.judges.base import Judge, setting
from peekr_eval.judges.bedrock import BedrockJudge
from peekr_eval.judges.function import FunctionJudge
from peekr_eval.judges.gemini import GeminiJudge
from peekr_eval.judges.openai import OpenAIJudge

#: By name: the class, the package it needs.
JUDGES: Dict[str, Tuple[Type[Any], str]] = {
    "openai": (OpenAIJudge, "openai"),
    "anthropic": (AnthropicJudge, "anthropic"),
    "gemini": (GeminiJudge, "google.genai"),
    "bedrock": (BedrockJudge, "boto3"),
}
_PIP = {"google.genai": "google-genai"}


def check(provider: Any, judge: Any) -> None:
    """Refuse at once what can never work.

    :raises ConfigurationError: naming what was given.
    """
    if provider != "auto" and provider not in JUDGES:
        raise ConfigurationError(f"judge_provider must be 'auto', {_names()}, got {provider!r}.")
    if judge is not None and not callable(judge) and not callable(getattr(judge, "ask", None)):
        raise ConfigurationError(
            f"judge={judge!r} can neither be called nor asked.\n"
            "Give a function that takes the prompt, or an object with ask(question)"
        )


def choose(provider: str = "auto", model: Optional[str] = None, judge: Any = None) -> Judge:
    """Return the judge to ask. Imports no SDK.

    :param judge: a callable or judge of one's own, which then is the one.
    :raises JudgeUnavailable: if nothing that could be asked is installed, or there are no credentials for it.
    """
    if judge is not None:
        if callable(getattr(judge, "ask", None)):
            return judge  # type: ignore[no-any-return]
        function: Callable[[str], Any] = judge
        return FunctionJudge(function, model or "")
    name = _automatic(model) if provider == "auto" else provider
    kind, package = JUDGES[name]
    if not installed(package):
        raise JudgeUnavailable(
            f"the judge {name!r} needs the package {_PIP.get(package, package)!r}, which is not installed.\n"
            f"Install it with: pip install {_PIP.get(package, package)}"
        )
    return kind(model)  # type: ignore[no-any-return]


def _automatic(model: Optional[str]) -> str:
    there = [name for name in ("openai", "anthropic") if installed(JUDGES[name][1])]
    if not there:
        raise JudgeUnavailable(
            "neither 'openai' nor 'anthropic' is installed, so there is no model to ask.\n"
            "Install one with: pip install openai, or give judge= or judge_provider="
        )
    ready = [name for name in there if _has_credentials(name)]
    if not ready and "openai" in there and getattr(sys.modules.get("openai"), "api_key", None):
        ready = ["openai"]  # set in the program, or left there by an earlier call: the environment comes first
    fitting = [name for name in ready if _may_serve(name, model)]
    if fitting or ready:
        return (fitting or ready)[0]
    if len(there) == 1:  # its SDK may know credentials that are no environment variable
        return there[0]
    raise JudgeUnavailable(
        "there are no credentials for OpenAI or Anthropic.\nSet OPENAI_API_KEY or ANTHROPIC_API_KEY, or give judge="
    )


def _has_credentials(name: str) -> bool:
    if name == "anthropic":
        return bool(setting("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"))
    return bool(setting("OPENAI_API_KEY"))


def _may_serve(name: str, model: Optional[str]) -> bool:
    """A model of one provider is not asked for at the other."""
    return model is None or (name == "anthropic") == model.startswith("claude")


def installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except ValueError:  # a module that was put there by hand
        return True
    except ImportError:
        return False


def _names() -> str:
    names = [repr(name) for name in JUDGES]
    return ", ".join(names[:-1]) + " or " + names[-1]
