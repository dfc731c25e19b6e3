"""Evaluators by name, as they are given on the command line."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Dict, List, Mapping, Sequence

from peekr.entries import entries
from peekr.errors import ConfigurationError
from peekr.judging import Named, name_evaluators
from peekr.plugins import driver
from peekr_eval.hallucination import Hallucination
from peekr_eval.judged import JudgedEvaluator
from peekr_eval.rubric import Rubric

_GROUP = "peekr.evaluators"


def evaluators(names: Sequence[str], criteria: Sequence[str], options: Mapping[str, Any], detailed: bool) -> Named:
    """Return the evaluators of these names, with the keys of their scores.

    :param names: class names or entry-point names in any case of letters, or ``module:Class``.
    :param criteria: one for each Rubric, in order.
    :param options: for those that ask a judge.
    :raises ConfigurationError: if a name is not known, or the criteria do not fit.
    """
    classes = [_class_of(name) for name in names]
    rubrics = sum(issubclass(cls, Rubric) for cls in classes)
    if rubrics != len(criteria):
        raise ConfigurationError(
            f"Rubric and --criteria go together, but there are {rubrics} of the one and {len(criteria)} of the other.\n"
            'Give one for each: --evaluator Rubric --criteria "Be concise"'
        )
    left = list(criteria)
    return name_evaluators([_built(cls, left, options, detailed) for cls in classes])


def _built(cls: Any, criteria: List[str], options: Mapping[str, Any], detailed: bool) -> Any:
    given: Dict[str, Any] = dict(options) if issubclass(cls, JudgedEvaluator) else {}
    if issubclass(cls, Hallucination):
        given["detailed"] = detailed
    if issubclass(cls, Rubric):
        return cls(criteria.pop(0), **given)
    try:
        return cls(**given)
    except TypeError as error:
        raise ConfigurationError(
            f"{cls.__name__} cannot be made without arguments: {error}.\nGive a subclass that can, as module:Class"
        ) from error


def _class_of(name: str) -> Any:
    if ":" in name:
        return _imported(name)
    known = {info.value.partition(":")[2]: info for info in entries() if info.group == _GROUP}
    for cls, info in known.items():
        if name.lower() in (info.name.lower(), cls.lower()):
            return driver(_GROUP, info.name)
    raise ConfigurationError(
        f"no evaluator is called {name!r}; installed: {', '.join(sorted(known))}.\n"
        "Give one of them, or a class of your own as module:Class"
    )


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        cls = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"evaluator {name!r} cannot be loaded: {error}.\nGive it as module:Class") from error
    if not isinstance(cls, type) or not callable(getattr(cls, "evaluate", None)):
        raise ConfigurationError(f"evaluator {name!r} is no class with evaluate(span).")
    return cls
