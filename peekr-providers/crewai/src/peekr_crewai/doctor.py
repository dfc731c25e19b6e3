"""What ``peekr doctor`` drives of CrewAI: crews, agents, flows, tools and models, before an OpenAI API at home."""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import partial
from typing import Any, Callable, List, Tuple

from peekr.probes import Absent, Probe, Reply, Request, Suite, reach

TOKENS = 18
QUESTION = "What is the capital of France?"
_FINAL = "Thought: I now can give a great answer\nFinal Answer: Paris."


def answer(request: Request) -> Reply:
    """Answer a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": _FINAL}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": TOKENS}
    about = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o", "object": "chat.completion"}
    return Reply.json({**about, "choices": [choice], "usage": usage})


def probes() -> List[Probe]:
    """Return all of them; the awaited twins of what has some."""
    _warm_up()
    batch: Tuple[Any, ...] = ([{"n": 1}, {"n": 2}],)
    return [
        *_pair(_crew, "Crew.kickoff", "Crew.akickoff"),
        Probe("Crew.kickoff_async", _awaited(_crew, "kickoff_async"), "plain", True, TOKENS),
        Probe("Crew.kickoff_for_each", _called(_crew, "kickoff_for_each", *batch), "batch", False, 2 * TOKENS, 2),
        Probe("Crew.kickoff_for_each_async", _awaited(_crew, "kickoff_for_each_async", *batch), "batch", True, 36, 2),
        *_pair(_agent, "Agent.kickoff", "Agent.kickoff_async", QUESTION),
        Probe("LLM.call", _call, "plain", False, TOKENS),
        Probe("LLM.acall", _awaited(_llm, "acall", QUESTION), "plain", True, TOKENS),
        Probe("Flow.kickoff", _called(_flow, "kickoff"), spans=2),
        Probe("Flow.kickoff_async", _awaited(_flow, "kickoff_async"), asynchronous=True, spans=2),
        Probe("BaseTool.run", partial(_tool, structured=False)),
        Probe("CrewStructuredTool.invoke", partial(_tool, structured=True)),
    ]


def _warm_up() -> None:
    """The first flow of a process takes seconds, which are none of a probe's."""
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _flow("").kickoff()


def _pair(make: Callable[[str], Any], entry: str, twin: str, *given: Any) -> List[Probe]:
    return [
        Probe(entry, _called(make, entry.split(".")[1], *given), "plain", False, TOKENS),
        Probe(twin, _awaited(make, twin.split(".")[1], *given), "plain", True, TOKENS),
    ]


def _called(make: Callable[[str], Any], method: str, *given: Any) -> Callable[[str], None]:
    def run(url: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reach(make(url), method)(*given)

    return run


def _awaited(make: Callable[[str], Any], method: str, *given: Any) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            await reach(make(url), method)(*given)

    return run


def _llm(url: str) -> Any:
    from crewai import LLM

    return LLM(model="gpt-4o", base_url=f"{url.rstrip('/')}/v1", api_key="none")


def _call(url: str) -> None:
    from crewai.utilities.token_counter_callback import TokenCalcHandler

    _llm(url).call(QUESTION, callbacks=[TokenCalcHandler(None)])  # older versions count in no other way


def _agent(url: str) -> Any:
    from crewai import Agent

    return Agent(role="geographer", goal="answer", backstory="old", llm=_llm(url))


def _crew(url: str) -> Any:
    from crewai import Crew, Task

    agent = _agent(url)
    return Crew(agents=[agent], tasks=[Task(description=QUESTION, expected_output="a city", agent=agent)])


def _flow(url: str) -> Any:
    from crewai.flow.flow import Flow, start

    class Doctor(Flow):  # type: ignore[misc, unused-ignore]
        @start()  # type: ignore[untyped-decorator, unused-ignore]
        def ask(self) -> str:
            return "Paris."

    return Doctor()


def _tool(url: str, structured: bool) -> None:
    from crewai.tools import tool

    @tool("capital")  # type: ignore[untyped-decorator, unused-ignore]
    def capital(country: str) -> str:
        """Say what the capital of a country is."""
        return "Paris."

    if structured:
        if not hasattr(capital, "to_structured_tool"):
            raise Absent("CrewStructuredTool.invoke")
        capital.to_structured_tool().invoke({"country": "France"})
    else:
        capital.run(country="France")


#: Nothing is sent anywhere, nothing is printed or asked for.
_QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_TESTING": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_API_KEY": "none",
}
SUITE = Suite("crewai", "crewai", answer=answer, probes=probes, environment=_QUIET)
