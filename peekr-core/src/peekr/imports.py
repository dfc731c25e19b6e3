"""Act when a module is imported, without importing it."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import Any, Callable, Dict, List, Optional, Sequence

Action = Callable[[], None]


class _Finder:
    """Stands first in ``sys.meta_path``, asks the other finders, and lets :class:`_Loader` run what they find.

    Not derived from importlib.abc.MetaPathFinder: importing that costs more than the rest of this module.
    """

    def __init__(self) -> None:
        self.waiting: Dict[str, List[Action]] = {}

    def find_spec(
        self, name: str, path: Optional[Sequence[str]], target: Any = None
    ) -> Optional[ModuleSpec]:
        if name not in self.waiting:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: Optional[ModuleSpec] = find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self.waiting.pop(name, []))  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """The real loader, and what is to be done once the module has been executed."""

    def __init__(self, real: Any, actions: List[Action]) -> None:
        self._real = real
        self._actions = actions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._real.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._real.exec_module(module)
        module.__spec__.loader = module.__loader__ = self._real
        for action in self._actions:
            action()


_finder = _Finder()


def when_imported(module: str, action: Action) -> None:
    """Call ``action`` right after ``module`` was imported; now, if it has been already.

    ``action`` runs in the importing thread and must not raise.
    """
    if module in sys.modules:
        action()
        return
    _finder.waiting.setdefault(module, []).append(action)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def forget(action: Action) -> None:
    """Take back a :func:`when_imported` whose module was not imported yet."""
    for actions in _finder.waiting.values():
        if action in actions:
            actions.remove(action)
    if not any(_finder.waiting.values()) and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        _finder.waiting.clear()
