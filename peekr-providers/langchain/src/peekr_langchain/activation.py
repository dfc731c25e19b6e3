"""Patches that make a LangChain run's span current where its own code runs: exactly there, and in no other context."""

from __future__ import annotations

import functools
from typing import Any, Optional

from peekr.context import current, restore
from peekr.frameworks import FrameworkCall, Place
from peekr.patching import note_failure
from peekr_langchain.errors import describe_error
from peekr_langchain.runs import LangChainRun, end, inner_of, registry


def wrap_set_context(original: Any) -> Any:
    """Wrap ``_set_config_context``, which runs inside the copied context of a chain, node or tool, dropped after it."""

    @functools.wraps(original)
    def set_config_context(config: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(config, *args, **kwargs)
        try:
            _enter_body(getattr(config.get("callbacks"), "parent_run_id", None))
        except Exception as error:
            note_failure("entering a LangChain run", error)
        return result

    return set_config_context


def _enter_body(run_id: Any) -> None:
    run = registry.open.get(run_id)
    if run is None:
        return
    here = current.get()
    if isinstance(here, Place) and here is run.place and not isinstance(here, FrameworkCall):
        current.set(run.span)  # tasks that outlive the run stay in its trace
        return
    inner = inner_of(here, run.span)
    if inner is not here:
        current.set(inner)


class _Calling:
    """Makes the span of an LLM run current around the call of the model.

    Also ends a run whose caller was cancelled: LangChain tells nobody.
    """

    __slots__ = ("_run", "_run_id", "_token")

    def __init__(self, managers: Any) -> None:
        first = managers[0] if isinstance(managers, (list, tuple)) and managers else managers
        self._run_id = getattr(first, "run_id", None)
        self._run: Optional[LangChainRun] = registry.open.get(self._run_id)
        self._token: Any = None
        if self._run is not None and isinstance(managers, (list, tuple)):
            self._share(managers[1:])

    def _share(self, others: Any) -> None:
        """Several prompts in one call: what is recorded of it counts for all."""
        for other in others:
            run = registry.open.get(other.run_id)
            if run is not None and self._run is not None:
                run.call = self._run.call

    def __enter__(self) -> None:
        place = None if self._run is None else self._run.place
        if place is not None and current.get() is not place:
            self._token = current.set(place)

    def __exit__(self, exc_type: Any, error: Optional[BaseException], traceback: Any) -> None:
        if self._token is not None:
            restore(self._token)
        if error is None or isinstance(error, Exception):
            return
        run = registry.take(self._run_id)
        if run is not None:
            describe_error(run.span, error)
            end(run, error, finalizing=isinstance(error, GeneratorExit))


def _calling(args: Any, kwargs: Any) -> _Calling:
    """Find the run manager, or the managers, in the arguments behind ``self``: the third, or by name."""
    managers = kwargs.get("run_manager", kwargs.get("run_managers"))
    if managers is None and len(args) > 2:
        managers = args[2]
    return _Calling(managers)


def wrap_generate(original: Any) -> Any:
    """Wrap ``_generate_with_cache`` of a chat model, ``_generate_helper`` of a completion model."""

    @functools.wraps(original)
    def generate(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _calling(args, kwargs):
            return original(self, *args, **kwargs)

    return generate


def wrap_agenerate(original: Any) -> Any:
    """Wrap ``_agenerate_with_cache`` of a chat model, ``_agenerate_helper`` of a completion model."""

    @functools.wraps(original)
    async def agenerate(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _calling(args, kwargs):
            return await original(self, *args, **kwargs)

    return agenerate
