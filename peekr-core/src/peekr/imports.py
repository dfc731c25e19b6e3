"""Act when a module is imported, without importing it."""

from __future__ import annotations

import importlib
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

    def find_spec(self, name: str, path: Optional[Sequence[str]], target: Any = None) -> Optional[ModuleSpec]:
        if name not in self.waiting:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: Optional[ModuleSpec] = find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, name, self.waiting)  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """The real loader; does what is to be done once the module has been executed.

    Not before: a spec may be looked up and thrown away (``importlib.util.find_spec``), an import may fail and be
    tried again.
    """

    def __init__(self, real: Any, name: str, waiting: Dict[str, List[Action]]) -> None:
        self._real = real
        self._name = name
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._real.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._real.exec_module(module)
        module.__spec__.loader = module.__loader__ = self._real
        for action in self._waiting.pop(self._name, []):
            try:
                action()
            except Exception as error:  # the program's own import must not fail by it
                from peekr.patching import note_failure

                note_failure(f"tracing {self._name}", error)


_finder = _Finder()


def when_imported(module: str, action: Action) -> None:
    """Call ``action`` right after ``module`` was imported; now, if it has been already.

    ``action`` runs in the importing thread. What it raises is logged where somebody else imports the module, and
    raised where it has been imported already.
    """
    loaded = sys.modules.get(module)
    if loaded is not None:
        if getattr(getattr(loaded, "__spec__", None), "_initializing", False):
            importlib.import_module(module)  # only waits for the thread that is importing it
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
