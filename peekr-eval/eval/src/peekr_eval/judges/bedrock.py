"""A judge on Amazon Bedrock: ``judge_provider="bedrock"``."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from peekr.errors import JudgeUnavailable
from peekr_eval.judges.base import TIMEOUT_S, Answer, clients, failed, refuse, setting
from peekr_eval.prompts import Question

DEFAULT_MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
_REFUSALS = ("guardrail_intervened", "content_filtered", "refusal")
_UNAVAILABLE = ("NoCredentialsError", "PartialCredentialsError", "NoRegionError", "ProfileNotFound")


class BedrockJudge:
    """Asks a model by the Converse API, once for each question, without retries.

    :param client: of ``bedrock-runtime``, your own; by default one made from the environment on first use.
    """

    provider = "bedrock"

    def __init__(self, model: Optional[str] = None, client: Any = None) -> None:
        self.model = model or DEFAULT_MODEL
        self._client = client

    def ask(self, question: Question) -> Answer:
        """Send the question.

        :raises JudgeUnavailable: without boto3, a region or credentials.
        """
        try:
            client = self._client or self._shared()
            response = client.converse(
                modelId=self.model,
                system=[{"text": question.system}],
                messages=[{"role": "user", "content": [{"text": question.user}]}],
                inferenceConfig={"maxTokens": question.max_tokens},
            )
        except JudgeUnavailable:
            raise
        except Exception as error:
            if type(error).__name__ in _UNAVAILABLE:
                raise JudgeUnavailable(
                    f"Bedrock cannot be asked: {error}\nSet AWS credentials and AWS_REGION, or give judge="
                ) from None
            raise failed(self, error, setting("AWS_SECRET_ACCESS_KEY"), setting("AWS_SESSION_TOKEN")) from None
        return _answer(response, self.model)

    def _shared(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise JudgeUnavailable(
                f"the package 'boto3' cannot be imported: {error}.\nInstall it with: pip install boto3"
            ) from error
        environment = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID")
        config = Config(read_timeout=TIMEOUT_S, connect_timeout=10, retries={"total_max_attempts": 1})
        region = setting("AWS_REGION", "AWS_DEFAULT_REGION")
        return clients.get(
            ("bedrock", *map(setting, environment)),
            lambda: boto3.client("bedrock-runtime", config=config, **({"region_name": region} if region else {})),
        )


def _answer(response: Mapping[str, Any], model: str) -> Answer:
    stop = response.get("stopReason")
    if stop in _REFUSALS:
        refuse(model, stop)
    message = (response.get("output") or {}).get("message") or {}
    usage = response.get("usage") or {}
    return Answer(
        text="".join(block.get("text") or "" for block in message.get("content") or ()),
        tokens_input=usage.get("inputTokens"),
        tokens_output=usage.get("outputTokens"),
        cut=stop == "max_tokens",
    )
