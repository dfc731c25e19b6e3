"""The handler that a program passes by hand. Needs LangChain."""

from __future__ import annotations

from _thread import start_new_thread
from typing import Any, Mapping, Optional

from peekr.agent import active_run, get_trace
from peekr.delivery import delivery
from peekr_langchain import steps
from peekr_langchain.callbacks import PeekrCallbackHandler
from peekr_langchain.runs import LangChainRun, registry


class RunOpeningHandler(PeekrCallbackHandler):
    """Opens an agent run around each root that it is told of outside of any; what ``get_callback_handler`` gives.

    :param trace: opens the runs; the default one if it is None.
    """

    def __init__(self, trace: Any = None) -> None:
        self._trace = trace

    # it is there because somebody asked for it
    ignore_llm = ignore_chat_model = ignore_chain = ignore_agent = ignore_retriever = False
    ignore_retry = ignore_custom_event = False

    def _begin(self, name: str, kind: str, run_id: Any, about: Mapping[str, Any]) -> Optional[LangChainRun]:
        if about.get("parent_run_id") is not None or active_run() is not None or run_id in registry.open:
            return super()._begin(name, kind, run_id, about)
        agent_run = (self._trace or get_trace()).run(name.split(".", 2)[-1], agent_type="langchain")
        if delivery.pipeline is None:  # tracing was switched off for good
            return None
        context, span = agent_run.begin()
        run = registry.begin(run_id, None, name, kind, self, under=span)
        steps.describe_run(run.span, about.get("tags"), about.get("metadata"))

        def finish(error: Optional[BaseException], finalizing: bool) -> None:
            if finalizing:  # a thread can wait for a lock that this one may hold
                start_new_thread(agent_run.finish, (context, span))
            else:
                agent_run.finish(context, span, error)

        run.on_end = finish
        return run
