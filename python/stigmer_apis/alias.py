"""Lets the generated code of others find our modules under `ai.stigmer`, on request.

A .proto file that imports ours compiles to Python that says `from ai.stigmer... import x_pb2`, for
protoc derives module names from proto paths and knows no other way. After

    from stigmer_apis import alias

    alias.install()

that statement gives the module `stigmer_apis....x_pb2` itself, not a second copy of it. See
docs/importing-our-protos.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_OURS = "stigmer_apis"
_TOP = "ai"
_ALIAS = "ai.stigmer"


def install() -> None:
    """Make `ai.stigmer` another name of `stigmer_apis`, for this process.

    Call it once, before the first import of code that was generated from .proto files that import
    ours. To call it again changes nothing. It imports no module of ours, and hides nothing else
    that lies below `ai`. Type checkers know nothing of the alias.

    Raises:
        ImportError: there is another `ai.stigmer`, or an `ai` that cannot have submodules. Nothing
            is changed then.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    _refuse_another(sys.modules.get(_ALIAS) or getattr(sys.modules.get(_TOP), "stigmer", None))
    # By its last name, for the full one is looked up through an `ai` that is not imported.
    other = PathFinder.find_spec("stigmer", _path_of_top())
    if other is not None:
        raise _another(other.origin, other.submodule_search_locations)
    sys.meta_path.insert(0, _Finder())


def _refuse_another(imported: ModuleType | None) -> None:
    if imported is not None and imported is not sys.modules[_OURS]:
        raise _another(getattr(imported, "__file__", None), getattr(imported, "__path__", None))


def _path_of_top() -> list[str]:
    """Where submodules of `ai` are searched for; nowhere, if there is no `ai` yet."""
    imported = sys.modules.get(_TOP)
    if imported is not None:
        path, place = getattr(imported, "__path__", None), getattr(imported, "__file__", None)
    else:
        found = importlib.util.find_spec(_TOP)
        if found is None:
            return []
        path, place = found.submodule_search_locations, found.origin
    if path is None:
        raise ImportError(
            f"{_ALIAS} cannot be an alias of {_OURS}: {_TOP!r} is a module that can have no "
            f"submodules ({place or 'of no file'}); rename it or take it off sys.path",
            name=_TOP,
        )
    return list(path)


def _another(file: str | None, path: Iterable[str] | None) -> ImportError:
    place = file or ", ".join(path or []) or "of no file"
    return ImportError(
        f"{_ALIAS} cannot be an alias of {_OURS}: there is another {_ALIAS} ({place}); take it off "
        f"sys.path, for {_OURS} has all that is generated from our .proto files",
        name=_ALIAS,
    )


class _Finder(MetaPathFinder):
    """Finds `ai.stigmer` and what is below it, and `ai` where nobody else has one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == _ALIAS or fullname.startswith(_ALIAS + "."):
            real = _OURS + fullname.removeprefix(_ALIAS)
            return _spec_of_alias(fullname, importlib.util.find_spec(real))
        others = PathFinder.find_spec(_TOP) if fullname.partition(".")[0] == _TOP else None
        if fullname == _TOP and others is None:
            return ModuleSpec(_TOP, None, is_package=True)
        if fullname.startswith(_TOP + ".") and not path and others is not None:
            # Our empty `ai` was there before sys.path led to another one.
            return PathFinder.find_spec(fullname, others.submodule_search_locations)
        return None


def _spec_of_alias(name: str, real: ModuleSpec | None) -> ModuleSpec | None:
    if real is None:
        return None
    spec = ModuleSpec(name, _SameModule(real.name), origin=real.origin)
    spec.submodule_search_locations = real.submodule_search_locations
    return spec


class _SameModule(Loader):
    """Loads a module by putting another one in its place."""

    def __init__(self, real: str) -> None:
        self._real = real

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes the module from there, so this one is thrown away.
        sys.modules[module.__name__] = importlib.import_module(self._real)
