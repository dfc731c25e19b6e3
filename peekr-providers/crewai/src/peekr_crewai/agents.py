"""Tasks and agents: what is recorded of them. In the caller's thread."""

from __future__ import annotations

from typing import Any, Dict, Optional

from peekr.capture import LLM_LIMIT, cut
from peekr.settings import settings
from peekr.spans import Span
from peekr_crewai.doing import Call, Doing, Step
from peekr_crewai.kickoffs import Kickoff, put_output
from peekr_crewai.outline import (
    id_of,
    known,
    model_of,
    name_of,
    names_of,
    role_of,
    said,
    usage_of,
)


class TaskExecute(Step):
    name = "crewai.task.execute"

    def begin(self, doing: Doing, call: Call) -> None:
        span, task = doing.own, call.owner
        agent = call.given(0, "agent") or getattr(task, "agent", None)
        doing.notes = _retries_of(task)
        span.attributes.update(
            known(
                task_name=name_of(getattr(task, "name", None)),
                task_id=id_of(getattr(task, "id", None)),
                agent_role=role_of(agent, settings.capture_io),
                tools=names_of(call.given(2, "tools")),
                async_execution=getattr(task, "async_execution", None) or None,
                human_input=getattr(task, "human_input", None) or None,
            )
        )
        if settings.capture_io:
            span.attributes.update(
                known(
                    input=asked_of(getattr(task, "description", None), call.given(1, "context")),
                    expected_output=name_of(getattr(task, "expected_output", None), LLM_LIMIT),
                )
            )

    def finish(self, doing: Doing, result: Any) -> None:
        self._note_retries(doing)
        put_output(doing.own, result)

    def fail(self, doing: Doing, error: BaseException) -> Dict[str, Any]:
        self._note_retries(doing)
        return super().fail(doing, error)

    @staticmethod
    def _note_retries(doing: Doing) -> None:
        count = _retries_of(doing.owner) - doing.notes
        if count > 0:
            doing.own.attributes["retry_count"] = count


def _retries_of(task: Any) -> int:
    """How often a guardrail has sent the agent back to work, since the task was made."""
    counts, own = getattr(task, "_guardrail_retry_counts", None), getattr(task, "retry_count", 0)
    count = sum(counts.values()) if isinstance(counts, dict) else 0
    return count + own if isinstance(own, int) else count


def asked_of(description: Any, context: Any) -> Optional[str]:
    """Return what a task asks for, and what earlier tasks have found out for it."""
    asked = name_of(description, LLM_LIMIT)
    if not isinstance(context, str) or not context:
        return asked
    return cut(f"{asked or ''}\n\nContext:\n{context}", LLM_LIMIT)


class AgentExecute(Step):
    name = "crewai.agent.execute_task"
    kind = "agent"

    def again(self, here: Doing, call: Call) -> None:
        """After an error an agent begins again, up to ``max_retry_limit`` times."""
        if here.span is not None:
            here.span.attributes["retry_count"] = here.span.attributes.get("retry_count", 0) + 1

    def begin(self, doing: Doing, call: Call) -> None:
        describe_agent(doing.own, call.owner)
        task = call.given(0, "task")
        doing.own.attributes.update(known(task_name=name_of(getattr(task, "name", None))))
        if settings.capture_io:
            asked = asked_of(getattr(task, "description", None), call.given(1, "context"))
            doing.own.attributes.update(known(input=asked))

    def finish(self, doing: Doing, result: Any) -> None:
        put_output(doing.own, result)


def describe_agent(span: Span, agent: Any) -> None:
    """Note which agent it is."""
    role = role_of(agent, settings.capture_io)
    span.attributes.update(
        known(
            agent_name=role,
            agent_role=role,
            agent_id=id_of(getattr(agent, "id", None)),
            agent_model=model_of(getattr(agent, "llm", None)),
            tools=names_of(getattr(agent, "tools", None)),
        )
    )
    if settings.capture_io:
        span.attributes.update(known(agent_goal=name_of(getattr(agent, "goal", None), LLM_LIMIT)))


class AgentKickoff(Kickoff):
    """An agent that works without a crew. Some versions of CrewAI make a LiteAgent for it."""

    name = "crewai.agent.kickoff"
    kind = "agent"

    def passes(self, call: Call) -> bool:
        return False

    def is_same(self, here: Doing, call: Call) -> bool:
        return super().is_same(here, call) or type(call.owner).__name__ == "LiteAgent" != type(here.owner).__name__

    def begin(self, doing: Doing, call: Call) -> None:
        super().begin(doing, call)
        describe_agent(doing.own, call.owner)
        messages = call.given(0, "messages")
        if settings.capture_io and messages is not None:
            doing.own.attributes["input"] = said(messages)

    def finish(self, doing: Doing, result: Any) -> None:
        doing.own.attributes.update(known(usage_metrics=usage_of(result)))
        put_output(doing.own, result)


class LoopAwareKickoff(AgentKickoff):
    """Of versions whose ``kickoff`` returns a coroutine of ``kickoff_async``, which has its own span, in a loop."""

    def passes(self, call: Call) -> bool:
        from asyncio import _get_running_loop

        return _get_running_loop() is not None
