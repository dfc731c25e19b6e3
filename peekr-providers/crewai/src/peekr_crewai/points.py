"""Which methods are patched. Each patch stands alone; a method that a version of CrewAI lacks is no failure."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Callable, Dict, Sequence, Tuple

from peekr.patching import Patches, note_failure
from peekr_crewai.agents import AgentExecute, AgentKickoff, LoopAwareKickoff, TaskExecute
from peekr_crewai.crews import CrewForEach, CrewKickoff, CrewKickoffAsync, CrewReplay
from peekr_crewai.flows import FlowKickoff, FlowMethod
from peekr_crewai.llm import LLMCall, is_concrete, wrap_token_callback, wrap_usage
from peekr_crewai.tools import Search, ToolRun

Wrap = Callable[[Any], Any]

_crew, _for_each, _agent, _llm = CrewKickoff(), CrewForEach(), AgentExecute(), LLMCall()
_task, _flow, _kickoff = TaskExecute(), FlowKickoff(), AgentKickoff()


def _wrap_agent_kickoff(original: Any) -> Any:
    """Newer versions look for a running event loop, and then return a coroutine of ``kickoff_async``."""
    hands_over = "is_inside_event_loop" in getattr(getattr(original, "__code__", None), "co_names", ())
    return (LoopAwareKickoff() if hands_over else _kickoff).wrap(original)


_ASYNC_KICKOFFS = ("kickoff_async", "akickoff")
#: module → (class, method, what it becomes).
POINTS: Dict[str, Sequence[Tuple[str, str, Wrap]]] = {
    "crewai.crew": (
        ("Crew", "kickoff", _crew.wrap),
        ("Crew", "akickoff", _crew.wrap),
        ("Crew", "kickoff_async", CrewKickoffAsync().wrap),
        ("Crew", "kickoff_for_each", _for_each.wrap),
        ("Crew", "kickoff_for_each_async", _for_each.wrap),
        ("Crew", "akickoff_for_each", _for_each.wrap),
        ("Crew", "replay", CrewReplay().wrap),
    ),
    "crewai.task": (("Task", "_execute_core", _task.wrap), ("Task", "_aexecute_core", _task.wrap)),
    "crewai.agent": (
        ("Agent", "kickoff", _wrap_agent_kickoff),
        *(("Agent", name, _kickoff.wrap) for name in _ASYNC_KICKOFFS),
    ),
    "crewai.lite_agent": tuple(("LiteAgent", name, _kickoff.wrap) for name in ("kickoff", *_ASYNC_KICKOFFS)),
    "crewai.tools.structured_tool": (
        ("CrewStructuredTool", "invoke", ToolRun(by_input=True).wrap),
        ("CrewStructuredTool", "ainvoke", ToolRun(by_input=True).wrap),
    ),
    "crewai.knowledge.knowledge": tuple(
        ("Knowledge", name, Search("crewai.knowledge.query").wrap) for name in ("query", "aquery")
    ),
    "crewai.memory.unified_memory": (("Memory", "recall", Search("crewai.memory.recall").wrap),),
    "crewai.flow.flow": (
        ("Flow", "kickoff", _flow.wrap),
        ("Flow", "kickoff_async", _flow.wrap),
        ("Flow", "akickoff", _flow.wrap),
        ("Flow", "_execute_method", FlowMethod().wrap),
    ),
    "crewai.utilities.token_counter_callback": (("TokenCalcHandler", "log_success_event", wrap_token_callback),),
}
_tool = ToolRun(by_input=False)
#: module → base class, methods: of every class derived from it, now or later, that has such a method of its own.
FAMILIES: Dict[str, Tuple[str, Dict[str, Wrap]]] = {
    "crewai.agents.agent_builder.base_agent": (
        "BaseAgent",
        {"execute_task": _agent.wrap, "aexecute_task": _agent.wrap},
    ),
    "crewai.tools.base_tool": ("BaseTool", {"run": _tool.wrap, "arun": _tool.wrap}),
    "crewai.llms.base_llm": (
        "BaseLLM",
        {"call": _llm.wrap, "acall": _llm.wrap, "_track_token_usage_internal": wrap_usage},
    ),
    "crewai.llm": ("LLM", {"call": _llm.wrap, "acall": _llm.wrap}),
}


def patch_module(module: str, patches: Patches) -> None:
    """Patch what is to be patched in a module that has been imported."""
    loaded = sys.modules[module]
    for class_name, method, make in POINTS.get(module, ()):
        owner = getattr(loaded, class_name, None)
        if hasattr(owner, method):
            patches.wrap(owner, method, make)
    if module in FAMILIES:
        class_name, methods = FAMILIES[module]
        owner = getattr(loaded, class_name, None)
        if isinstance(owner, type):
            _patch_family(owner, methods, patches)


def _patch_family(owner: Any, methods: Dict[str, Wrap], patches: Patches) -> None:
    """Patch a class and those derived from it, now or later."""
    patches.wrap(owner, "__init_subclass__", lambda original: _wrap_derivation(owner, original, methods, patches))
    todo = [owner]
    for each in todo:
        _patch_class(each, methods, patches)
        todo.extend(type.__subclasses__(each))


def _patch_class(owner: Any, methods: Dict[str, Wrap], patches: Patches) -> None:
    for name, make in methods.items():
        if is_concrete(owner, name):
            patches.wrap(owner, name, make)


def _wrap_derivation(owner: Any, original: Any, methods: Dict[str, Wrap], patches: Patches) -> Any:
    """Wrap ``__init_subclass__``, or make one that only hands on."""
    has_own = "__init_subclass__" in vars(owner)

    def derive(cls: Any, /, **kwargs: Any) -> None:
        if has_own:
            original(cls, **kwargs)
        else:
            super(owner, cls).__init_subclass__(**kwargs)
        try:
            _patch_class(cls, methods, patches)
        except Exception as error:
            note_failure("patching a class derived from one of CrewAI's", error)

    derive.__peekr__ = patches.provider  # type: ignore[attr-defined]
    is_method = isinstance(inspect.getattr_static(owner, "__init_subclass__"), classmethod)
    return derive if is_method else classmethod(derive)  # Patches makes one of what was one
