"""The callback handler. Needs LangChain: imported when it has been, or when a function of the user asks for it."""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Mapping, Optional, TypeVar

from langchain_core.callbacks.base import BaseCallbackHandler

from peekr.patching import note_failure
from peekr_langchain import llm, steps
from peekr_langchain.errors import describe_error
from peekr_langchain.runs import LangChainRun, end, registry
from peekr_langchain.switch import switch

Callback = TypeVar("Callback", bound=Callable[..., Any])

#: LangGraph marks its own inner workings with it.
_HIDDEN = "langsmith:hidden"
_NAME_LENGTH = 100


def _guarded(callback: Callback) -> Callback:
    """Keep what goes wrong here from the traced program and from LangChain's log."""

    @functools.wraps(callback)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:
            note_failure(f"LangChain's callback {callback.__name__}", error)

    return guarded  # type: ignore[return-value]


def _name_of(serialized: Any, given: Any) -> str:
    if isinstance(given, str) and given:
        return given[:_NAME_LENGTH]
    about = serialized if isinstance(serialized, dict) else {}
    path = about.get("id")
    name = about.get("name") or (path[-1] if isinstance(path, (list, tuple)) and path else None)
    return str(name or "unknown")[:_NAME_LENGTH]


class PeekrCallbackHandler(BaseCallbackHandler):  # type: ignore[misc,unused-ignore]
    """Makes a span of every run that LangChain reports. Any number of them make one span of one run.

    Called in the program's own threads, inline, so that LangChain's order of events holds in async code too. The
    arguments are LangChain's: each start comes with ``run_id``, ``parent_run_id``, ``tags`` and ``metadata``. Never
    raises.
    """

    raise_error = False
    run_inline = True

    ignore_llm = ignore_chat_model = ignore_chain = ignore_agent = ignore_retriever = ignore_retry = (
        ignore_custom_event
    ) = property(lambda self: not switch.on, doc="Whether LangChain need not tell this handler.")

    def _begin(self, name: str, kind: str, run_id: Any, about: Mapping[str, Any]) -> Optional[LangChainRun]:
        """Open a run's span; None if another handler has done so, or nothing is to be seen of it."""
        if run_id in registry.open:
            return None
        parent, tags = about.get("parent_run_id"), about.get("tags")
        if kind == "chain" and tags and _HIDDEN in tags:
            registry.hide(run_id, parent)
            return None
        run = registry.begin(run_id, parent, name, kind, self)
        steps.describe_run(run.span, tags, about.get("metadata"))
        return run

    # -- models ---------------------------------------------------------------------------------------------------

    def on_chat_model_start(
        self, serialized: Dict[str, Any], messages: List[List[Any]], *, run_id: Any, **kwargs: Any
    ) -> None:
        self._begin_call("chat", serialized, messages, run_id, kwargs)

    def on_llm_start(self, serialized: Dict[str, Any], prompts: List[str], *, run_id: Any, **kwargs: Any) -> None:
        self._begin_call("llm", serialized, prompts, run_id, kwargs)

    def _begin_call(self, api: str, serialized: Any, asked: List[Any], run_id: Any, about: Dict[str, Any]) -> None:
        """Guarded in line, as the end is: a call of a model is what happens most."""
        try:
            run = self._begin(f"langchain.{api}.{_name_of(serialized, about.get('name'))}", "llm", run_id, about)
            if run is not None:
                first = asked[0] if asked else None
                if api == "chat":
                    llm.take_request(run, first or [], None, about)
                else:
                    llm.take_request(run, None, first or "", about)
                run.enter_call(alone=about.get("batch_size", 1) == 1)
        except Exception as error:
            note_failure(f"LangChain's callback on_{'chat_model' if api == 'chat' else api}_start", error)

    def on_llm_new_token(self, token: Any, *, run_id: Any, **kwargs: Any) -> None:
        run = registry.open.get(run_id)
        if run is not None:
            run.first_token()

    def on_stream_event(self, event: Any, *, run_id: Any, **kwargs: Any) -> None:
        run = registry.open.get(run_id)
        if run is not None:
            run.first_token()

    def on_llm_end(self, response: Any, *, run_id: Any, **kwargs: Any) -> None:
        try:
            self._end(run_id, llm.take_answer, response)
        except Exception as error:
            note_failure("LangChain's callback on_llm_end", error)

    @_guarded
    def on_llm_error(self, error: BaseException, *, run_id: Any, response: Any = None, **kwargs: Any) -> None:
        run = registry.take(run_id)
        if run is not None:
            try:
                if response is not None:
                    llm.take_answer(run, response)
            finally:
                self._fail(run, error)

    # -- chains, tools, retrievers --------------------------------------------------------------------------------

    @_guarded
    def on_chain_start(self, serialized: Optional[Dict[str, Any]], inputs: Any, *, run_id: Any, **kwargs: Any) -> None:
        name = _name_of(serialized, kwargs.get("name"))
        kind = "agent" if name.endswith("AgentExecutor") else "chain"
        run = self._begin(f"langchain.chain.{name}", kind, run_id, kwargs)
        if run is not None:
            steps.take_input(run.span, inputs)

    @_guarded
    def on_chain_end(self, outputs: Any, *, run_id: Any, inputs: Any = None, **kwargs: Any) -> None:
        run = registry.open.get(run_id)
        if run is not None and inputs is not None:  # of a streamed chain, which knows its input only now
            steps.take_input(run.span, inputs)
        self._end(run_id, steps.take_result, outputs)

    @_guarded
    def on_chain_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        run = registry.take(run_id)
        if run is not None:
            if not isinstance(error, Exception):
                self._fail_children(run_id, error)
            self._fail(run, error)

    @_guarded
    def on_tool_start(
        self, serialized: Optional[Dict[str, Any]], input_str: str, *, run_id: Any, inputs: Any = None, **kwargs: Any
    ) -> None:
        name = _name_of(None, (serialized or {}).get("name") or kwargs.get("name"))
        run = self._begin(f"langchain.tool.{name}", "tool", run_id, kwargs)
        if run is not None:
            steps.take_tool_call(run, name, input_str if inputs is None else inputs, kwargs.get("tool_call_id"))
            run.enter()

    @_guarded
    def on_tool_end(self, output: Any, *, run_id: Any, **kwargs: Any) -> None:
        self._end(run_id, steps.take_tool_result, output)

    @_guarded
    def on_tool_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        run = registry.take(run_id)
        if run is not None:
            self._fail(run, error, tool=True)

    @_guarded
    def on_retriever_start(
        self, serialized: Optional[Dict[str, Any]], query: str, *, run_id: Any, **kwargs: Any
    ) -> None:
        name = f"langchain.retriever.{_name_of(serialized, kwargs.get('name'))}"
        run = self._begin(name, "retrieval", run_id, kwargs)
        if run is not None:
            steps.take_query(run.span, query)
            run.enter()

    @_guarded
    def on_retriever_end(self, documents: Any, *, run_id: Any, **kwargs: Any) -> None:
        self._end(run_id, steps.take_documents, documents)

    @_guarded
    def on_retriever_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        run = registry.take(run_id)
        if run is not None:
            self._fail(run, error)

    # -- agents and what happens on the way -----------------------------------------------------------------------

    @_guarded
    def on_agent_action(self, action: Any, *, run_id: Any, **kwargs: Any) -> None:
        run = self._own(run_id)
        if run is not None:
            steps.write_action(run.span, action)

    @_guarded
    def on_agent_finish(self, finish: Any, *, run_id: Any, **kwargs: Any) -> None:
        run = self._own(run_id)
        if run is not None:
            steps.write_finish(run.span, finish)

    @_guarded
    def on_retry(self, retry_state: Any, *, run_id: Any, **kwargs: Any) -> None:
        run = registry.open.get(run_id)
        number = getattr(retry_state, "attempt_number", None)
        if run is not None and isinstance(number, int):
            run.span.attributes["retry_count"] = number

    @_guarded
    def on_custom_event(self, name: str, data: Any, *, run_id: Any, **kwargs: Any) -> None:
        run = self._own(run_id)
        if run is not None:
            steps.write_event(run.span, name, data)

    def _own(self, run_id: Any) -> Optional[LangChainRun]:
        """Return a run that this handler opened: what has no end to tell repeats by is noted by one handler only."""
        run = registry.open.get(run_id)
        return run if run is not None and run.owner is self else None

    # -- the ends -------------------------------------------------------------------------------------------------

    @staticmethod
    def _end(run_id: Any, take: Callable[[LangChainRun, Any], None], result: Any) -> None:
        run = registry.take(run_id)
        if run is not None:
            try:
                take(run, result)
            finally:
                end(run)

    def _fail(self, run: LangChainRun, error: BaseException, *, tool: bool = False) -> None:
        failed = describe_error(run.span, error, tool=tool)
        if failed and isinstance(error, Exception):
            if run.reported != id(error):
                steps.report_error(run.span, error)
            parent = registry.open.get(run.parent)
            if parent is not None:
                parent.reported = id(error)
        end(run, error if failed else None, finalizing=isinstance(error, GeneratorExit))

    def _fail_children(self, run_id: Any, error: BaseException) -> None:
        """A cancelled run takes its children with it; not all of them tell."""
        for child in registry.children_of(run_id):
            run = registry.take(child)
            if run is not None:
                self._fail_children(child, error)
                self._fail(run, error)
