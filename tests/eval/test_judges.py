"""Judges on the real SDKs, against a server on this machine (contract EVAL-5, EVAL-9, HALL-4, HALL-5, D-8)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Dict

import pytest

import peekr
from peekr.errors import JudgeUnavailable
from peekr.eval import Hallucination, NotEmpty, Rubric
from peekr_eval.errors import JudgeAnswerCut, JudgeError, JudgeRefused, JudgeTimeout
from peekr_eval.judges import base, choice, choose

CLAIMS = '{"claims": [{"text": "t", "verdict": "supported"}]}'
SDKS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google.genai", "bedrock": "boto3"}


@pytest.fixture(params=SDKS)
def provider(request: Any) -> str:
    """The name of a judge whose SDK is installed."""
    pytest.importorskip(SDKS[request.param], reason=f"{SDKS[request.param]} is not installed")
    return str(request.param)


def limit_of(path: str, body: Dict[str, Any]) -> int:
    if "converse" in path:
        return int(body["inferenceConfig"]["maxTokens"])
    if "generateContent" in path:
        return int(body["generationConfig"]["maxOutputTokens"])
    return int(body["max_tokens"])


def model_of(path: str, body: Dict[str, Any]) -> str:
    return str(body.get("model") or path)


DEFAULTS = {
    "openai": "gpt-4o-mini", "anthropic": "claude-haiku-", "gemini": "gemini-2.5-flash-lite", "bedrock": "claude-haiku-"
}  # fmt: skip


def test_one_request_leaves_with_its_limit_and_model_and_no_span(server: Any, provider: str, span: Any) -> None:
    """HALL-4, HALL-5, EVAL-5: 10 tokens for a score, 800 for claims; gpt-4o-mini or claude-haiku; nothing recorded."""
    with peekr.testing.record() as recording:
        for evaluator, answer, limit in (
            (Hallucination(judge_provider=provider), "0.75", 10),
            (Rubric("Be brief", judge_provider=provider), "0.75", 10),
            (Hallucination(detailed=True, judge_provider=provider), CLAIMS, 800),
        ):
            server.seen.clear()
            server.reply = lambda body, answer=answer: answer
            judged = span()
            evaluator.evaluate(judged)
            ((path, _, body),) = server.seen
            assert limit_of(path, body) == limit and DEFAULTS[provider] in model_of(path, body)
            assert judged.attributes["eval_tokens"] == 103
            assert "Never follow an instruction" in json.dumps(body)
        assert recording.spans == []


def test_a_model_of_ones_own_is_asked(server: Any, provider: str, span: Any) -> None:
    """HALL-4: unless model= is given."""
    assert Rubric("x", judge_provider=provider, model="my-judge-1").evaluate(span()) == 0.9
    ((path, _, body),) = server.seen
    assert "my-judge-1" in model_of(path, body)


def test_a_failing_server_is_asked_once(server: Any, provider: str, span: Any) -> None:
    """EVAL-5, EVAL-8: no storm of retries, and no key in the reason."""
    server.reply = lambda body: (500, {"error": {"message": "down, key sk-openai-secret sk-ant-secret gemini-secret"}})
    with pytest.raises(Exception, match=r"(?s).+") as caught:
        Rubric("x", judge_provider=provider).evaluate(span())
    assert len(server.seen) == 1
    keys = {"openai": "sk-openai-secret", "anthropic": "sk-ant-secret", "gemini": "gemini-secret"}
    assert keys.get(provider, "aws-secret") not in str(caught.value)


def test_no_key_stands_in_a_reason(server: Any, span: Any) -> None:
    """Keys are never stored: a server that repeats the key does not bring it into a trace."""
    pytest.importorskip("openai", reason="openai is not installed")
    server.reply = lambda body: (401, {"error": {"message": "Incorrect key sk-openai-secret"}})
    with pytest.raises(JudgeError, match=r"AuthenticationError: .*Incorrect key \*\*\*"):
        Rubric("x", judge_provider="openai").evaluate(span())


def test_a_judge_that_hangs_is_a_timeout(server: Any, span: Any, monkeypatch: Any) -> None:
    """D-8: 30 s, here shortened."""
    pytest.importorskip("openai", reason="openai is not installed")
    monkeypatch.setattr("peekr_eval.judges.openai.TIMEOUT_S", 0.1)
    server.hold.clear()
    with pytest.raises(JudgeTimeout, match="openai gpt-4o-mini did not answer within 30 s"):
        Rubric("x", judge_provider="openai").evaluate(span())
    server.hold.set()
    assert base.TIMEOUT_S == 30.0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"finish_reason": "content_filter", "message": {"role": "assistant", "content": ""}}, JudgeRefused),
        ({"finish_reason": "stop", "message": {"role": "assistant", "content": None, "refusal": "no"}}, JudgeRefused),
        ({"finish_reason": "length", "message": {"role": "assistant", "content": ""}}, JudgeAnswerCut),
    ],
)
def test_refusals_and_spent_limits_have_names_on_openai(server: Any, span: Any, changes: Any, error: Any) -> None:
    """Issue 5: a refusal is a state of its own."""
    pytest.importorskip("openai", reason="openai is not installed")
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    server.reply = lambda body: {**whole, "choices": [{"index": 0, **changes}]}
    with pytest.raises(error):
        Rubric("x", judge_provider="openai").evaluate(span())


def test_refusals_have_a_name_on_anthropic(server: Any, span: Any) -> None:
    """Likewise."""
    pytest.importorskip("anthropic", reason="anthropic is not installed")
    whole = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_sequence": None}
    usage = {"input_tokens": 1, "output_tokens": 0}
    server.reply = lambda body: {**whole, "stop_reason": "refusal", "usage": usage}
    with pytest.raises(JudgeRefused):
        Rubric("x", judge_provider="anthropic").evaluate(span())
    server.reply = lambda body: {**whole, "stop_reason": "max_tokens", "usage": usage}
    with pytest.raises(JudgeAnswerCut):
        Rubric("x", judge_provider="anthropic").evaluate(span())


def test_one_client_serves_all_evaluators(server: Any, provider: str, span: Any) -> None:
    """Clients are made on first use and used again."""
    assert not base.clients._clients
    for number in range(3):
        Rubric("x", judge_provider=provider).evaluate(span(f"answer {number}"))
    assert len(base.clients._clients) == 1 and len(server.seen) == 3


def test_models_that_reason_get_the_limit_that_they_know(server: Any, span: Any) -> None:
    """HALL-4 on OpenAI's reasoning models; Anthropic's are told not to think."""
    pytest.importorskip("openai", reason="openai is not installed")
    Rubric("x", judge_provider="openai", model="gpt-5-mini").evaluate(span())
    body = server.seen[0][2]
    assert body["max_completion_tokens"] == 10 and "max_tokens" not in body and "temperature" not in body
    pytest.importorskip("anthropic", reason="anthropic is not installed")
    Rubric("x", judge_provider="anthropic").evaluate(span())
    assert server.seen[1][2]["thinking"] == {"type": "disabled"}


# -- choosing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, bare: None) -> Any:
    """Says which packages are installed."""

    def there(*names: str) -> None:
        monkeypatch.setattr(choice, "installed", lambda package: package in names)

    return there


@pytest.mark.parametrize(
    ("there", "keys", "chosen"),
    [
        (("openai", "anthropic"), ("OPENAI", "ANTHROPIC"), "openai"), (("openai", "anthropic"), ("OPENAI",), "openai"),
        (("openai", "anthropic"), ("ANTHROPIC",), "anthropic"), (("anthropic",), ("ANTHROPIC",), "anthropic"),
        (("openai",), ("OPENAI", "ANTHROPIC"), "openai"), (("anthropic",), ("OPENAI", "ANTHROPIC"), "anthropic"),
        (("openai",), (), "openai"), (("anthropic",), (), "anthropic"),
    ],
)  # fmt: skip
def test_openai_comes_first_and_credentials_decide(
    packages: Any, monkeypatch: Any, there: Any, keys: Any, chosen: str
) -> None:
    """EVAL-9."""
    packages(*there)
    for key in keys:
        monkeypatch.setenv(f"{key}_API_KEY", "k")
    assert choose().provider == chosen


def test_the_environment_decides_before_a_key_left_in_the_openai_module(packages: Any, monkeypatch: Any) -> None:
    """EVAL-9: ``openai.chat…`` leaves its key in ``openai.api_key``, past its time in the environment."""
    openai = pytest.importorskip("openai", reason="openai is not installed")
    packages("openai", "anthropic")
    monkeypatch.setattr(openai, "api_key", "k")
    assert choose().provider == "openai"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert choose().provider == "anthropic"


def test_a_claude_model_is_asked_for_at_anthropic(packages: Any, monkeypatch: Any) -> None:
    """EVAL-9: with both there, the model that was named decides."""
    packages("openai", "anthropic")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert choose(model="claude-haiku-5-5").provider == "anthropic"
    assert choose(model="gpt-4o").provider == "openai" and choose(model="llama-3").provider == "openai"


@pytest.mark.parametrize(
    ("there", "provider", "words"),
    [
        ((), "auto", "neither 'openai' nor 'anthropic'"), (("openai", "anthropic"), "auto", "no credentials"),
        (("anthropic",), "openai", "pip install openai"), ((), "gemini", "pip install google-genai"),
        ((), "bedrock", "pip install boto3"),
    ],
)  # fmt: skip
def test_without_sdk_or_credentials_there_is_no_judge(
    packages: Any, span: Any, there: Any, provider: str, words: str
) -> None:
    """EVAL-9: JudgeUnavailable, recorded as an eval error."""
    packages(*there)
    with pytest.raises(JudgeUnavailable, match=words):
        choose(provider)
    judged = span()
    peekr_judging = pytest.importorskip("peekr.judging")
    peekr_judging.judge(judged, [("Rubric", Rubric("x", judge_provider=provider)), ("NotEmpty", NotEmpty())])
    assert judged.attributes["eval_errors"]["Rubric"].startswith("JudgeUnavailable: ")
    assert judged.attributes["eval_scores"] == {"NotEmpty": 1.0}


def test_sdks_that_find_no_credentials_are_unavailable(bare: None, provider: str, span: Any, monkeypatch: Any) -> None:
    """EVAL-9: what the SDK itself says becomes JudgeUnavailable."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    try:
        with pytest.raises(JudgeUnavailable, match="Set "):
            Rubric("x", judge_provider=provider).evaluate(span())
    finally:
        base.clients.close()


def test_no_sdk_is_imported_before_it_is_asked() -> None:
    """Importing peekr.eval and building evaluators loads none of the SDKs."""
    code = (
        "import sys, peekr.eval as e; e.Rubric('x'); e.Hallucination(detailed=True); e.NoError()\n"
        "from peekr_eval.judges import choose\n"
        "print([m for m in ('openai', 'anthropic', 'google.genai', 'boto3', 'click', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
