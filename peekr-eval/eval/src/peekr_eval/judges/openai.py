"""A judge on OpenAI, or on any server that speaks its chat API (``OPENAI_BASE_URL``)."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from peekr.errors import JudgeUnavailable
from peekr_eval.judges.base import TIMEOUT_S, Answer, clients, failed, refuse, setting
from peekr_eval.prompts import Question

DEFAULT_MODEL = "gpt-4o-mini"
#: Models that reason take neither ``max_tokens`` nor a temperature.
_REASONING = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9])")


class OpenAIJudge:
    """Asks a chat model, once for each question, without retries.

    :param client: an :class:`openai.OpenAI` (or AzureOpenAI) of your own; by default one made from the environment
        on first use.
    """

    provider = "openai"

    def __init__(self, model: Optional[str] = None, client: Any = None) -> None:
        self.model = model or DEFAULT_MODEL
        self._client = client

    def ask(self, question: Question) -> Answer:
        """Send the question.

        :raises JudgeUnavailable: without the SDK or a key.
        """
        client = self._client or self._shared()
        try:
            response = client.chat.completions.create(
                model=self.model,
                messages=[
                    {"role": "system", "content": question.system},
                    {"role": "user", "content": question.user},
                ],
                **_limits(self.model, question.max_tokens),
            )
        except Exception as error:
            raise failed(self, error, setting("OPENAI_API_KEY"), getattr(client, "api_key", None)) from None
        return _answer(response, self.model)

    def _shared(self) -> Any:
        try:
            import openai
        except ImportError as error:
            raise JudgeUnavailable(
                f"the package 'openai' cannot be imported: {error}.\nInstall it with: pip install openai"
            ) from error
        key = getattr(openai, "api_key", None) or setting("OPENAI_API_KEY")
        base = getattr(openai, "base_url", None) or setting("OPENAI_BASE_URL")
        given: Dict[str, Any] = {"timeout": TIMEOUT_S, "max_retries": 0}
        given.update({name: value for name, value in (("api_key", key), ("base_url", base)) if value})
        try:
            return clients.get(("openai", key, str(base)), lambda: openai.OpenAI(**given))
        except openai.OpenAIError as error:
            raise JudgeUnavailable(
                f"no client of OpenAI can be made: {str(error)[:200]}\nSet OPENAI_API_KEY, or give judge="
            ) from error


def _limits(model: str, tokens: int) -> Dict[str, Any]:
    if _REASONING.match(model):
        return {"max_completion_tokens": tokens}
    return {"max_tokens": tokens, "temperature": 0}


def _answer(response: Any, model: str) -> Answer:
    choices = getattr(response, "choices", None) or ()
    if not choices:
        return Answer("")
    choice = choices[0]
    message, finish = choice.message, getattr(choice, "finish_reason", None)
    refusal = getattr(message, "refusal", None)
    if refusal or finish == "content_filter":
        refuse(model, refusal or "content filter")
    usage = getattr(response, "usage", None)
    return Answer(
        text=message.content or "",
        tokens_input=getattr(usage, "prompt_tokens", None),
        tokens_output=getattr(usage, "completion_tokens", None),
        cut=finish == "length",
    )
