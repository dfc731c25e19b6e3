"""``@experiment``: a function in variants, and every span inside says which one ran."""

from __future__ import annotations

import functools
import inspect
import random
from hashlib import sha256
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar, Union

from peekr.context import current, get_current_span
from peekr.decorator import decorate as trace_function
from peekr.errors import ConfigurationError
from peekr.scope import root_scope

F = TypeVar("F", bound=Callable[..., Any])

#: What a variant's name is stored as, on the wrapper's span and on every span inside (EXPT-3).
TAG = "experiment_variant"
#: What a scope knows, so that calls can be assigned by it.
_SUBJECTS = ("user_id", "session_id", "tenant_id")


def experiment(
    variants: Union[Sequence[str], Mapping[str, Any]],
    *,
    split: Optional[Sequence[float]] = None,
    assign_by: Optional[str] = None,
    name: Optional[str] = None,
) -> Callable[[F], F]:
    """Run a function in one of several variants, chosen for each call.

    ::

        @peekr.experiment(variants={"control": {"model": "gpt-4o"}, "test": {"model": "gpt-4o-mini"}})
        def answer(question, variant, variant_config):
            return client.chat.completions.create(model=variant_config["model"], ...)

    The function is called with ``variant=`` and, where variants have configurations, ``variant_config=``, as far as
    it takes them; a caller who gives ``variant=`` chooses himself. A span ``experiment.<function>`` stands around the
    call, and every span inside carries ``attributes.experiment_variant``. Works on functions, coroutines, generators
    and async generators.

    :param variants: names, or a mapping of names to configurations.
    :param split: a weight for each variant, in order; equal ones by default.
    :param assign_by: ``"user_id"``, ``"session_id"`` or ``"tenant_id"``: whoever has the same one gets the same
        variant, in every process; where it is not known, or another word: the argument of that name; else by chance.
    :param name: of the span instead of ``experiment.<function>``.
    :raises ValueError: at decoration, if there are no variants, a name is no text, the split does not fit, or there is
        nothing to assign by.
    """
    chooser = _Chooser(variants, split, assign_by)

    def decorate(function: F) -> F:
        if not callable(function):
            raise TypeError(f"@experiment takes a function, not {function!r}.\nWrite @experiment(variants=[...])")
        _check_assignment(assign_by, function)
        return _wrapped(function, chooser, name or f"experiment.{_name(function)}")  # type: ignore[no-any-return]

    return decorate


def _check_assignment(assign_by: Optional[str], function: Any) -> None:
    """:raises ConfigurationError: if nothing of this name can ever be known, so that chance would decide."""
    if assign_by is None or assign_by in _SUBJECTS:
        return
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    names = [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    if assign_by not in names and not any(each.kind is each.VAR_KEYWORD for each in parameters):
        own = ", ".join(name for name in names if name not in ("variant", "variant_config")) or "none"
        raise ConfigurationError(
            f"assign_by={assign_by!r} is nothing that a call of {_name(function)} has.\n"
            f"Use {', '.join(_SUBJECTS)}, or one of its arguments: {own}"
        )


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


class _Chooser:
    """Which variant a call gets."""

    def __init__(self, variants: Any, split: Optional[Sequence[float]], assign_by: Optional[str]) -> None:
        if isinstance(variants, (str, bytes)) or not isinstance(variants, (Mapping, Sequence)) or not variants:
            raise ValueError(
                f"variants must be a list of names or a mapping of them, got {variants!r}.\n"
                "Write @experiment(variants=['control', 'test'])"
            )
        self.names: List[str] = list(variants)
        self.configs: Optional[Mapping[str, Any]] = variants if isinstance(variants, Mapping) else None
        if not all(isinstance(each, str) and each for each in self.names) or len(set(self.names)) < len(self.names):
            raise ValueError(f"the names of variants must be texts, each once, got {self.names!r}.")
        self.weights = _checked_split(split, len(self.names))
        if assign_by is not None and (not isinstance(assign_by, str) or not assign_by):
            raise ValueError(f"assign_by must be a word such as 'user_id', got {assign_by!r}.")
        self._assign_by = assign_by

    def choose(self, arguments: Mapping[str, Any]) -> str:
        subject = self._subject(arguments)
        if subject is None:
            return random.choices(self.names, self.weights)[0]
        digest = sha256(f"{'|'.join(self.names)}|{subject}".encode(errors="replace")).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64 * sum(self.weights)
        for variant, weight in zip(self.names, self.weights):
            share -= weight
            if share < 0:
                return variant
        return self.names[-1]

    def _subject(self, arguments: Mapping[str, Any]) -> Optional[str]:
        if self._assign_by is None:
            return None
        value = arguments.get(self._assign_by)
        if value is None:
            place = current.get()
            value = getattr(root_scope.value if place is None else place.scope, self._assign_by, None)
        return None if value is None else str(value)


def _checked_split(split: Optional[Sequence[float]], count: int) -> List[float]:
    if split is None:
        return [1.0] * count
    weights = list(split) if isinstance(split, Sequence) else []
    if len(weights) != count or not all(_is_weight(weight) for weight in weights) or sum(weights) <= 0:
        raise ValueError(
            f"split must have a weight of 0 or more for each of the {count} variants, got {split!r}.\n"
            "For instance: split=[0.9, 0.1]"
        )
    return weights


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _wrapped(function: Any, chooser: _Chooser, label: str) -> Any:
    taken = _Taken(function)
    traced = trace_function(_body(function), label, capture_io=False)

    @functools.wraps(function)
    def in_variant(*args: Any, **kwargs: Any) -> Any:
        variant = taken.variant(args, kwargs)
        if variant is None:
            variant = chooser.choose(taken.arguments(args, kwargs))
        elif variant not in chooser.names:
            raise ValueError(f"variant={variant!r} is none of this experiment's: {', '.join(chooser.names)}.")
        return traced(variant, args, {**kwargs, **taken.extra(variant, chooser.configs, args, kwargs)})

    @functools.wraps(function)
    async def in_variant_async(*args: Any, **kwargs: Any) -> Any:
        return await in_variant(*args, **kwargs)

    return in_variant_async if inspect.iscoroutinefunction(function) else in_variant


def _body(function: Any) -> Any:
    """What runs inside the span: first it marks the span, which all spans inside take their scope from."""
    if inspect.iscoroutinefunction(function):

        async def run_async(variant: str, args: Any, kwargs: Any) -> Any:
            _mark(variant)
            return await function(*args, **kwargs)

        return run_async
    if inspect.isasyncgenfunction(function):

        async def iterate_async(variant: str, args: Any, kwargs: Any) -> Any:
            _mark(variant)
            async for item in function(*args, **kwargs):
                yield item

        return iterate_async
    if inspect.isgeneratorfunction(function):

        def iterate(variant: str, args: Any, kwargs: Any) -> Any:
            _mark(variant)
            return (yield from function(*args, **kwargs))

        return iterate

    def run(variant: str, args: Any, kwargs: Any) -> Any:
        _mark(variant)
        return function(*args, **kwargs)

    return run


def _mark(variant: str) -> None:
    opened = get_current_span()
    if opened is not None:
        opened._kind = "experiment"
        opened.scope = opened.scope.with_values(tags={**(opened.scope.tags or {}), TAG: variant})


class _Taken:
    """What the function takes: it is given ``variant`` and ``variant_config`` only if it has them."""

    def __init__(self, function: Any) -> None:
        try:
            self._signature: Optional[inspect.Signature] = inspect.signature(function)
        except (TypeError, ValueError):
            self._signature = None
        parameters = self._signature.parameters.values() if self._signature is not None else ()
        self._names = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
        self._any = self._signature is None or any(each.kind is each.VAR_KEYWORD for each in parameters)

    def arguments(self, args: Any, kwargs: Dict[str, Any]) -> Mapping[str, Any]:
        """Return the arguments by name, as far as they can be told apart."""
        if self._signature is None:
            return kwargs
        try:
            return self._signature.bind_partial(*args, **kwargs).arguments
        except TypeError:  # the call itself will say so
            return kwargs

    def variant(self, args: Any, kwargs: Dict[str, Any]) -> Optional[str]:
        """Return the variant that the caller chose."""
        value = self.arguments(args, kwargs).get("variant")
        return None if value is None else str(value)

    def extra(self, variant: str, configs: Any, args: Any, kwargs: Dict[str, Any]) -> Dict[str, Any]:
        """Return the keyword arguments to add."""
        given = self.arguments(args, kwargs)
        wanted = {"variant": variant, **({"variant_config": configs[variant]} if configs is not None else {})}
        return {
            name: value
            for name, value in wanted.items()
            if (self._any or name in self._names) and (given.get(name) is None or name in kwargs)
        }
