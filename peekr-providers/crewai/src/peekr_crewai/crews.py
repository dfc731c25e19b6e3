"""Crews: what is recorded of them. In the caller's thread."""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Optional

from peekr.capture import LLM_LIMIT, text
from peekr.settings import settings
from peekr_crewai import events
from peekr_crewai.doing import Call, Doing, Step
from peekr_crewai.kickoffs import Kickoff, put_output
from peekr_crewai.outline import (
    id_of,
    known,
    name_of,
    names_of,
    roles_of,
    said,
    usage_of,
)


def _enum(value: Any) -> Optional[str]:
    return name_of(value.value if isinstance(value, Enum) else value)


class CrewKickoff(Kickoff):
    name = "crewai.crew.kickoff"

    def begin(self, doing: Doing, call: Call) -> None:
        super().begin(doing, call)
        describe_crew(doing, call.owner)
        inputs = call.given(0, "inputs")
        if settings.capture_io and inputs:
            doing.own.attributes["input"] = text(inputs, LLM_LIMIT)

    def finish(self, doing: Doing, result: Any) -> None:
        describe_crew(doing, doing.owner)  # what the inputs have made of the agents' roles
        doing.own.attributes.update(known(usage_metrics=usage_of(result)))
        put_output(doing.own, result)
        if settings.capture_io:
            events.write_answer(doing, said(result))

    def fail(self, doing: Doing, error: BaseException) -> Dict[str, Any]:
        describe_crew(doing, doing.owner)
        return super().fail(doing, error)


class CrewReplay(CrewKickoff):
    name = "crewai.crew.replay"

    def passes(self, call: Call) -> bool:
        return False

    def begin(self, doing: Doing, call: Call) -> None:
        describe_crew(doing, call.owner)
        doing.own.attributes.update(known(task_id=id_of(call.given(0, "task_id"))))


class CrewForEach(Step):
    """One span around a kickoff for each of some inputs."""

    name = "crewai.crew.kickoff_for_each"

    def passes(self, call: Call) -> bool:
        return getattr(call.owner, "stream", False) is True

    def begin(self, doing: Doing, call: Call) -> None:
        describe_crew(doing, call.owner)
        inputs = call.given(0, "inputs")
        if not isinstance(inputs, (list, tuple)):
            return
        doing.own.attributes["input_count"] = len(inputs)
        if settings.capture_io:
            doing.own.attributes["input"] = text(inputs, LLM_LIMIT)

    def finish(self, doing: Doing, result: Any) -> None:
        if settings.capture_io and isinstance(result, list):
            doing.own.attributes["output"] = text([said(one) for one in result[:50]], LLM_LIMIT)


class CrewKickoffAsync(Kickoff):
    """``kickoff_async`` calls ``kickoff`` in a thread: only what streams needs to be seen here."""

    name = "crewai.crew.kickoff_async"

    def passes(self, call: Call) -> bool:
        super().passes(call)
        return True


def describe_crew(doing: Doing, crew: Any) -> None:
    """Note which crew it is, and who is in it."""
    doing.own.attributes.update(
        known(
            crew_name=name_of(getattr(crew, "name", None)),
            crew_id=id_of(getattr(crew, "id", None)),
            process=_enum(getattr(crew, "process", None)),
            agents=roles_of(getattr(crew, "agents", None), settings.capture_io),
            tasks=names_of(getattr(crew, "tasks", None)),
            task_count=len(getattr(crew, "tasks", None) or ()),
        )
    )
