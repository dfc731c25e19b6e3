"""A judge on Anthropic."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from peekr.errors import JudgeUnavailable
from peekr_eval.judges.base import TIMEOUT_S, Answer, clients, failed, refuse, setting
from peekr_eval.prompts import Question

DEFAULT_MODEL = "claude-haiku-5-5"
#: Models that think unless told not to, and can be told: thinking would take the few tokens of the answer.
_CAN_STOP_THINKING = re.compile(r".*claude-(?:haiku|sonnet)-[4-9]")


class AnthropicJudge:
    """Asks a Claude model, once for each question, without retries.

    :param client: an :class:`anthropic.Anthropic` of your own; by default one made from the environment on first use.
    """

    provider = "anthropic"

    def __init__(self, model: Optional[str] = None, client: Any = None) -> None:
        self.model = model or DEFAULT_MODEL
        self._client = client

    def ask(self, question: Question) -> Answer:
        """Send the question.

        :raises JudgeUnavailable: without the SDK or credentials.
        """
        client = self._client or self._shared()
        more: Dict[str, Any] = {}
        if _CAN_STOP_THINKING.match(self.model):
            more["extra_body"] = {"thinking": {"type": "disabled"}}  # a keyword that older SDKs lack
        try:
            response = client.messages.create(
                model=self.model,
                max_tokens=question.max_tokens,
                system=question.system,
                messages=[{"role": "user", "content": question.user}],
                **more,
            )
        except Exception as error:
            if isinstance(error, TypeError) and "authentication method" in str(error):
                raise JudgeUnavailable(
                    "the client of Anthropic has no credentials.\nSet ANTHROPIC_API_KEY, or give judge="
                ) from None
            key, token = setting("ANTHROPIC_API_KEY"), setting("ANTHROPIC_AUTH_TOKEN")
            raise failed(self, error, key, token, getattr(client, "api_key", None)) from None
        return _answer(response, self.model)

    def _shared(self) -> Any:
        try:
            import anthropic
        except ImportError as error:
            raise JudgeUnavailable(
                f"the package 'anthropic' cannot be imported: {error}.\nInstall it with: pip install anthropic"
            ) from error
        environment = tuple(map(setting, ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")))
        try:
            return clients.get(
                ("anthropic", *environment), lambda: anthropic.Anthropic(timeout=TIMEOUT_S, max_retries=0)
            )
        except anthropic.AnthropicError as error:
            raise JudgeUnavailable(
                f"no client of Anthropic can be made: {str(error)[:200]}\nSet ANTHROPIC_API_KEY, or give judge="
            ) from error


def _answer(response: Any, model: str) -> Answer:
    stop = getattr(response, "stop_reason", None)
    if stop == "refusal":
        refuse(model)
    usage = getattr(response, "usage", None)
    return Answer(
        text="".join(getattr(block, "text", None) or "" for block in getattr(response, "content", None) or ()),
        tokens_input=_input_tokens(usage),
        tokens_output=getattr(usage, "output_tokens", None),
        cut=stop == "max_tokens",
    )


def _input_tokens(usage: Any) -> Optional[int]:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    counts = [count for count in (getattr(usage, name, None) for name in names) if isinstance(count, int)]
    return sum(counts) if counts else None
