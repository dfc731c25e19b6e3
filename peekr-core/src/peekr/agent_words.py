"""The words of agents: what can be recorded of a run, the same on every object that takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from peekr.events import BaseEvent

if TYPE_CHECKING:
    from peekr.agent import Run, TraceContext


class AgentMethods:
    """The emitters, the same on a :class:`TraceContext`, a :class:`Trace` and ``peekr.trace``.

    Each returns the event, or None outside of a run, in an unsampled one, and after the final answer. They run
    in the caller's thread and raise nothing but the GuardrailError of a guardrail and the BudgetExceededError of a
    budget. ``duration_ms`` (or ``latency_ms``) may be given to each.
    """

    @property
    def _target(self) -> Any:
        raise NotImplementedError

    def run(self, run_name: str, **options: Any) -> Run:
        """Open a run: ``with trace.run("name", agent_type=, user_id=, session_id=) as ctx:``; a decorator too."""
        return self._target.run(run_name, **options)  # type: ignore[no-any-return]

    def llm(self, model: str, prompt: Any = None, response: Any = None, **fields: Any) -> Optional[BaseEvent]:
        """Record an LLM call; ``prompt_tokens``, ``completion_tokens`` and ``total_tokens`` are counted as usage."""
        return self._emit("llm", model=model, prompt=prompt, response=response, **fields)

    def tool(
        self, tool_name: str, tool_args: Any = None, tool_result: Any = None, tool_type: Any = None, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record a tool call."""
        return self._emit(
            "tool", tool_name=tool_name, tool_args=tool_args, tool_result=tool_result, tool_type=tool_type, **fields
        )

    def memory_read(
        self, memory_key: str, memory_value: Any = None, memory_type: Any = None, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record what was read from memory."""
        return self._emit(
            "memory_read", memory_key=memory_key, memory_value=memory_value, memory_type=memory_type, **fields
        )

    def memory_write(
        self,
        memory_key: str,
        memory_value: Any = None,
        memory_type: Any = None,
        overwrite: bool = False,
        **fields: Any,
    ) -> Optional[BaseEvent]:
        """Record what was written to memory."""
        return self._emit(
            "memory_write",
            memory_key=memory_key,
            memory_value=memory_value,
            memory_type=memory_type,
            overwrite=overwrite,
            **fields,
        )

    def error(
        self, error_type: str, error_message: str, stack_trace: Any = None, critical: bool = False, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record an error; the run ends as failed."""
        return self._emit(
            "error",
            error_type=error_type,
            error_message=error_message,
            stack_trace=stack_trace,
            critical=critical,
            **fields,
        )

    def final(self, answer: Any, answer_type: Any = None, success: bool = True, **fields: Any) -> Optional[BaseEvent]:
        """Record the final answer; the run takes no events after it. ``success=False`` fails the run."""
        return self._emit("final", answer=answer, answer_type=answer_type, success=success, **fields)

    def emit(self, event: BaseEvent) -> Optional[BaseEvent]:
        """Record an event of your own; ``run_id`` and ``parent_event_id`` are filled in where they are empty."""
        return self._emit("custom", event=event)

    def agent_spawn(self, agent_id: str, agent_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record that an agent was started: agent_role, parent_run_id, agent_config."""
        return self._emit("agent_spawn", agent_id=agent_id, agent_name=agent_name, **fields)

    def agent_join(self, agent_id: str, agent_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record that an agent joined a group: group_id."""
        return self._emit("agent_join", agent_id=agent_id, agent_name=agent_name, **fields)

    def agent_leave(self, agent_id: str, agent_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record that an agent left a group: group_id, reason."""
        return self._emit("agent_leave", agent_id=agent_id, agent_name=agent_name, **fields)

    def agent_communication(
        self, from_agent_id: str, from_agent_name: str, message_content: Any, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record a message: to_agent_id, to_agent_name, message_type, group_id."""
        fields.setdefault("message_type", "message")
        return self._emit(
            "agent_communication",
            from_agent_id=from_agent_id,
            from_agent_name=from_agent_name,
            message_content=message_content,
            **fields,
        )

    def agent_handoff(
        self, from_agent_id: str, from_agent_name: str, to_agent_id: str, to_agent_name: str, **fields: Any
    ) -> Optional[BaseEvent]:
        """Record a hand-off: handoff_reason, context_summary."""
        return self._emit(
            "agent_handoff",
            from_agent_id=from_agent_id,
            from_agent_name=from_agent_name,
            to_agent_id=to_agent_id,
            to_agent_name=to_agent_name,
            **fields,
        )

    def task_assign(self, task_id: str, task_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record an assignment: assigned_to_agent_id, assigned_to_agent_name, assigned_by_agent_id, priority, …"""
        return self._emit("task_assignment", task_id=task_id, task_name=task_name, **fields)

    def task_complete(self, task_id: str, task_name: str, **fields: Any) -> Optional[BaseEvent]:
        """Record a completion: completed_by_agent_id, success, result, completion_time_ms, …"""
        return self._emit("task_completion", task_id=task_id, task_name=task_name, **fields)

    def get_active_context(self) -> Optional[TraceContext]:
        """Return the innermost run of this thread or task, or None."""
        from peekr.agent import active_run

        return active_run()

    def flush(self, timeout: float = 5.0) -> bool:
        """As :func:`peekr.flush`."""
        from peekr.lifecycle import flush

        return flush(timeout)

    def shutdown(self, timeout_ms: float = 5000) -> bool:
        """As :func:`peekr.shutdown`, in milliseconds."""
        from peekr.switching import shutdown

        return shutdown(timeout_ms / 1000)

    def _emit(self, step: str, /, **fields: Any) -> Optional[BaseEvent]:
        return self._target._emit(step, **fields)  # type: ignore[no-any-return]
