"""A judge on Gemini: ``judge_provider="gemini"``."""

from __future__ import annotations

from typing import Any, Optional

from peekr.errors import JudgeUnavailable
from peekr_eval.judges.base import TIMEOUT_S, Answer, clients, failed, refuse, setting
from peekr_eval.prompts import Question

#: Does not think unless asked to.
DEFAULT_MODEL = "gemini-2.5-flash-lite"
_REFUSALS = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")


class GeminiJudge:
    """Asks a Gemini model, once for each question, without retries.

    :param client: a :class:`google.genai.Client` of your own; by default one made from ``GEMINI_API_KEY`` or
        ``GOOGLE_API_KEY`` on first use.
    """

    provider = "gemini"

    def __init__(self, model: Optional[str] = None, client: Any = None) -> None:
        self.model = model or DEFAULT_MODEL
        self._client = client

    def ask(self, question: Question) -> Answer:
        """Send the question.

        :raises JudgeUnavailable: without the SDK or a key.
        """
        client = self._client or self._shared()
        config = {
            "system_instruction": question.system,
            "max_output_tokens": question.max_tokens,
            "temperature": 0.0,
        }
        try:
            response = client.models.generate_content(model=self.model, contents=question.user, config=config)
        except Exception as error:
            raise failed(self, error, setting("GEMINI_API_KEY"), setting("GOOGLE_API_KEY")) from None
        return _answer(response, self.model)

    def _shared(self) -> Any:
        try:
            from google import genai
        except ImportError as error:
            raise JudgeUnavailable(
                f"the package 'google-genai' cannot be imported: {error}.\nInstall it with: pip install google-genai"
            ) from error
        key = setting("GOOGLE_API_KEY", "GEMINI_API_KEY")
        options = {"timeout": int(TIMEOUT_S * 1000), "retry_options": {"attempts": 1}}
        try:
            return clients.get(
                ("gemini", key, setting("GOOGLE_GEMINI_BASE_URL")),
                lambda: genai.Client(http_options=genai.types.HttpOptions.model_validate(options)),
            )
        except ValueError as error:
            raise JudgeUnavailable(
                f"no client of Gemini can be made: {str(error)[:200]}\nSet GEMINI_API_KEY, or give judge="
            ) from error


def _answer(response: Any, model: str) -> Answer:
    candidates = getattr(response, "candidates", None) or ()
    if not candidates:
        refuse(model, getattr(getattr(response, "prompt_feedback", None), "block_reason", None))
    candidate = candidates[0]
    finish = getattr(candidate, "finish_reason", None)
    finish = str(getattr(finish, "value", finish) or "")
    if finish in _REFUSALS:
        refuse(model, finish)
    parts = getattr(getattr(candidate, "content", None), "parts", None) or ()
    usage = getattr(response, "usage_metadata", None)
    counts = [getattr(usage, name, None) for name in ("candidates_token_count", "thoughts_token_count")]
    known = [count for count in counts if isinstance(count, int)]
    return Answer(
        text="".join(getattr(part, "text", None) or "" for part in parts if not getattr(part, "thought", None)),
        tokens_input=getattr(usage, "prompt_token_count", None),
        tokens_output=sum(known) if known else None,
        cut=finish == "MAX_TOKENS",
    )
