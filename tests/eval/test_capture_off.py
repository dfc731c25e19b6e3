"""Evaluators where nothing may be captured: they see the texts, no store does (contract EVAL-8, EVAL-12)."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr.eval import CitationAccuracy, Hallucination, NoError, NotEmpty, Rubric

SECRET = "The tower of Marrowgate was finished in 1889."
ANSWER = "Marrowgate has a tower (see https://marrowgate.example/tower)."


class Seen(peekr.eval.BaseEvaluator):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.texts: List[Any] = []

    def evaluate(self, span: Any) -> float:
        self.texts.append((span.attributes.get("input"), span.attributes.get("output")))
        return 0.5


@pytest.fixture
def openai(server: Any) -> Any:
    module = pytest.importorskip("openai", reason="openai is not installed")
    pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")
    server.reply = lambda body: ANSWER
    return module


def messages() -> List[Dict[str, str]]:
    return [{"role": "system", "content": SECRET}, {"role": "user", "content": "When was it finished?"}]


def plain(openai: Any, url: str) -> None:
    with openai.OpenAI(api_key="k", base_url=url) as client:
        client.chat.completions.create(model="gpt-4o", messages=messages())


def streamed(openai: Any, url: str) -> None:
    with openai.OpenAI(api_key="k", base_url=url) as client:
        for _ in client.chat.completions.create(model="gpt-4o", messages=messages(), stream=True):
            pass


def plain_async(openai: Any, url: str) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=url) as client:
            await client.chat.completions.create(model="gpt-4o", messages=messages())

    asyncio.run(main())


def streamed_async(openai: Any, url: str) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=url) as client:
            async for _ in await client.chat.completions.create(model="gpt-4o", messages=messages(), stream=True):
                pass

    asyncio.run(main())


@pytest.mark.parametrize("inline", [False, True], ids=["beside", "in line"])
@pytest.mark.parametrize("call", [plain, streamed, plain_async, streamed_async], ids=lambda call: call.__name__)
def test_scores_are_those_of_the_texts_which_nobody_stores(
    openai: Any, server: Any, call: Callable[[Any, str], None], inline: bool
) -> None:
    """EVAL-12: judged as with texts; what is stored has none of them, not even where a judge quoted them."""
    seen = Seen()
    claims = {"claims": [{"text": ANSWER, "verdict": "supported"}, {"text": SECRET, "verdict": "contradicted"}]}
    judge = Hallucination(detailed=True, judge=lambda prompt: json.dumps(claims))
    evaluators = [seen, NotEmpty(), NoError(), CitationAccuracy(), judge]
    options = {"capture_io": False, "evaluators": evaluators, "async_eval": not inline}
    with peekr.testing.record(plugins=["openai"], **options) as recording:
        call(openai, server.url + "/v1")
        span = recording.only
    ((asked, answered),) = seen.texts
    assert SECRET in asked and answered == ANSWER
    scores = {"Seen": 0.5, "NotEmpty": 1.0, "NoError": 1.0, "CitationAccuracy": 0.0, "Hallucination": 0.5}
    assert span.attributes["eval_scores"] == scores
    assert span.attributes["hallucination_details"]["contradicted"] == 1
    assert span.attributes["citation_details"]["invented"] == 1
    assert "Marrowgate" not in json.dumps(span.to_dict(), ensure_ascii=False)
    assert span.payload is None and "eval_errors" not in span.attributes


def anthropic(url: str) -> None:
    sdk = pytest.importorskip("anthropic", reason="anthropic is not installed")
    with sdk.Anthropic(api_key="k", base_url=url) as client:
        asked = [{"role": "user", "content": SECRET}]
        client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=asked)


def gemini(url: str) -> None:
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed")
    client = genai.Client(api_key="k", http_options={"base_url": url})
    client.models.generate_content(model="gemini-2.5-flash", contents=SECRET)
    client.close()


def gemini_streamed(url: str) -> None:
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed")
    client = genai.Client(api_key="k", http_options={"base_url": url})
    for _ in client.models.generate_content_stream(model="gemini-2.5-flash", contents=SECRET):
        pass
    client.close()


def bedrock(url: str) -> None:
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url)
    asked = [{"role": "user", "content": [{"text": SECRET}]}]
    client.converse(modelId="anthropic.claude-3-haiku-20240307-v1:0", messages=asked)
    client.close()


def langchain(url: str) -> None:
    chat = pytest.importorskip("langchain_core.language_models.fake_chat_models", reason="langchain is not installed")
    chat.FakeListChatModel(responses=[ANSWER]).invoke(SECRET)


@pytest.mark.parametrize(
    ("provider", "call"),
    [
        ("anthropic", anthropic),
        ("gemini", gemini),
        ("gemini", gemini_streamed),
        ("bedrock", bedrock),
        ("langchain", langchain),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_provider_keeps_texts_for_the_judges(server: Any, provider: str, call: Callable[[str], None]) -> None:
    """EVAL-12, EVAL-15."""
    pytest.importorskip(f"peekr_{provider}", reason=f"peekr-{provider} is not installed")
    server.reply = lambda body: ANSWER
    seen = Seen()
    with peekr.testing.record(plugins=[provider], capture_io=False, evaluators=[seen, NotEmpty()]) as recording:
        call(server.url)
        (span,) = [span for span in recording.spans if span.kind == "llm"]
    assert span.attributes["eval_scores"] == {"Seen": 0.5, "NotEmpty": 1.0}
    assert SECRET in seen.texts[0][0] and seen.texts[0][1] == ANSWER
    assert "Marrowgate" not in json.dumps(span.to_dict())


def test_a_judge_that_cannot_be_read_is_not_quoted(openai: Any, server: Any) -> None:
    """EVAL-8: the reason stays, what the judge said does not."""
    judge = Rubric("be exact", judge=lambda prompt: f"I can't say: '{SECRET}'")
    with peekr.testing.record(plugins=["openai"], evaluators=[judge], capture_io=False) as recording:
        plain(openai, server.url + "/v1")
        attributes = recording.only.attributes
    assert attributes["eval_errors"]["Rubric"].startswith("JudgeAnswerInvalid: ") and "eval_scores" not in attributes
    assert "Marrowgate" not in json.dumps(attributes)


def test_texts_are_redacted_before_they_are_judged(openai: Any, server: Any) -> None:
    """GUARD-2: PIIRedact runs before evaluation, wherever the texts are."""
    pytest.importorskip("peekr_guard", reason="peekr-guard is not installed")
    seen = Seen()
    server.reply = lambda body: "Write to jane.doe@example.com"
    options = {"capture_io": False, "evaluators": [seen], "guardrails": [peekr.guard.PIIRedact()]}
    with peekr.testing.record(plugins=["openai"], **options) as recording:
        plain(openai, server.url + "/v1")
        assert recording.only.payload is None
    assert seen.texts[0][1] == "Write to [EMAIL]"


def test_a_filter_sees_the_texts(openai: Any, server: Any) -> None:
    """EVAL-11."""
    options = {
        "capture_io": False,
        "evaluators": [NotEmpty()],
        "evaluate_filter": lambda span: SECRET in span.attributes["input"],
    }
    with peekr.testing.record(plugins=["openai"], **options) as recording:
        plain(openai, server.url + "/v1")
        assert recording.only.attributes["eval_scores"] == {"NotEmpty": 1.0}


def test_calls_that_are_traced_by_hand_are_judged_too() -> None:
    """EVAL-15: trace.llm(), with the evidence attached to it (MEM-5)."""
    seen = Seen()
    prompts: List[str] = []
    judge = Hallucination(judge=lambda prompt: prompts.append(prompt) or "1.0")
    with peekr.testing.record(capture_io=False, evaluators=[seen, NotEmpty(), judge]) as recording:
        with peekr.trace.run("run"), peekr.evidence([{"text": SECRET}]):
            peekr.trace.llm(model="gpt-4o", prompt="When?", response=ANSWER)
        (span,) = [span for span in recording.spans if span.kind == "llm"]
    assert seen.texts == [("When?", ANSWER)] and SECRET in str(prompts[0])
    assert span.attributes["eval_scores"] == {"Seen": 0.5, "NotEmpty": 1.0, "Hallucination": 1.0}
    assert "Marrowgate" not in json.dumps(span.to_dict())


def test_a_call_of_which_nothing_was_kept_has_a_reason_and_no_score() -> None:
    """EVAL-8: a provider that keeps no texts for evaluators; a check without texts is done all the same."""
    with peekr.testing.record(capture_io=False, evaluators=[NotEmpty(), Hallucination(), NoError()]) as recording:
        with peekr.span("foreign.call", kind="llm"):
            pass
        attributes = recording.only.attributes
    assert attributes["eval_scores"] == {"NoError": 1.0}
    assert set(attributes["eval_errors"]) == {"NotEmpty", "Hallucination"}
    assert attributes["eval_errors"]["NotEmpty"].startswith("NotCaptured: neither input nor output")


@pytest.mark.parametrize("call", [plain, streamed_async], ids=lambda call: call.__name__)
def test_a_blocking_judge_leaves_its_verdict_without_the_words(
    openai: Any, server: Any, call: Callable[[Any, str], None]
) -> None:
    """GUARD-8: the score stands on the span, and is not asked for again; what was claimed does not."""
    pytest.importorskip("peekr_guard", reason="peekr-guard is not installed")
    asked: List[str] = []
    claims = {"claims": [{"text": ANSWER, "verdict": "contradicted"}]}
    options: Dict[str, Any] = {"detailed": True, "judge": lambda prompt: asked.append(prompt) or json.dumps(claims)}
    guard = peekr.guard.HallucinationBlock(threshold=0.5, **options)
    with peekr.testing.record(
        plugins=["openai"], capture_io=False, guardrails=[guard], evaluators=[Hallucination(**options)]
    ) as recording:
        with pytest.raises(peekr.GuardrailError):
            call(openai, server.url + "/v1")
        span = recording.only
    assert span.attributes["eval_scores"] == {"Hallucination": 0.0} and len(asked) == 1
    assert span.attributes["hallucination_details"]["claims"] == [{"text": None, "verdict": "contradicted"}]
    assert "Marrowgate" not in json.dumps(span.to_dict())
