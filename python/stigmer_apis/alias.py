"""An opt-in alias under which other generated code finds our modules as `ai.stigmer`.

protoc derives module names from proto paths, so a .proto file that imports ours compiles to Python
code that contains `from ai.stigmer... import x_pb2`. After

    from stigmer_apis import alias

    alias.install()

that statement imports the module `stigmer_apis....x_pb2` itself, not a second copy of it. See
docs/importing-our-protos.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_OURS = "stigmer_apis"
_TOP = "ai"
_ALIAS = "ai.stigmer"
_BYTECODE = "__pycache__"


def install() -> None:
    """Make `ai.stigmer` an alias of `stigmer_apis` in this process.

    Call this once, before you import code generated from .proto files that import ours. Calling it
    again is a no-op. It imports none of our modules, and other packages below `ai` stay importable.
    Type checkers do not know about the alias.

    Raises:
        ImportError: Another `ai.stigmer` exists, or an `ai` that cannot have submodules. Nothing
            has changed.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    _refuse_another(sys.modules.get(_ALIAS) or getattr(sys.modules.get(_TOP), "stigmer", None))
    other = _other_spec(_ALIAS, _path_of_top())
    if other is not None and not _has_no_files(other):
        raise _another(other.origin, other.submodule_search_locations)
    sys.meta_path.insert(0, _Finder())


def _refuse_another(imported: ModuleType | None) -> None:
    if imported is not None and imported is not sys.modules[_OURS]:
        raise _another(getattr(imported, "__file__", None), getattr(imported, "__path__", None))


def _has_no_files(namespace: ModuleSpec) -> bool:
    """Whether a package consists of empty folders, as pip leaves them when it uninstalls one."""
    return namespace.origin is None and all(
        Path(place).is_dir()
        and not any(files for folder, _, files in os.walk(place) if Path(folder).name != _BYTECODE)
        for place in namespace.submodule_search_locations or ()
    )


def _path_of_top() -> list[str]:
    """Return the search path for submodules of `ai`, which is empty if no `ai` exists."""
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
            f"{_ALIAS} cannot be an alias of {_OURS}: the module {_TOP!r} "
            f"({place or 'without a file'}) cannot have submodules; rename it or remove it from "
            "sys.path",
            name=_TOP,
        )
    return list(path)


def _another(file: str | None, path: Iterable[str] | None) -> ImportError:
    place = file or ", ".join(path or []) or "without a file"
    return ImportError(
        f"{_ALIAS} cannot be an alias of {_OURS}: another {_ALIAS} exists ({place}); remove it "
        f"from sys.path, because {_OURS} contains everything generated from our .proto files",
        name=_ALIAS,
    )


class _Finder(MetaPathFinder):
    """Finds `ai.stigmer` and everything below it, and `ai` if no other finder has it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == _ALIAS or fullname.startswith(_ALIAS + "."):
            real = _OURS + fullname.removeprefix(_ALIAS)
            return _spec_of_alias(fullname, importlib.util.find_spec(real))
        other = _other_spec(_TOP, None) if fullname.partition(".")[0] == _TOP else None
        if fullname == _TOP and other is None:
            return ModuleSpec(_TOP, None, is_package=True)
        if fullname.startswith(_TOP + ".") and not path and other is not None:
            # Our empty `ai` was imported before there was another one.
            return _other_spec(fullname, list(other.submodule_search_locations or []))
        return None


def _other_spec(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Return what the other finders find, such as those of editable installs."""
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is None or isinstance(finder, _Finder):
            continue
        try:
            found: ModuleSpec | None = find_spec(name, path)
        except KeyError:
            # A folder without an `__init__` belongs to its parent, which is not imported here.
            found = PathFinder.find_spec(name.rpartition(".")[2], path)
        if found is not None:
            return found
    return None


def _spec_of_alias(name: str, real: ModuleSpec | None) -> ModuleSpec | None:
    if real is None:
        return None
    spec = ModuleSpec(name, _SameModule(real.name), origin=real.origin)
    spec.submodule_search_locations = real.submodule_search_locations
    return spec


class _SameModule(Loader):
    """Loads a module by replacing it with another one."""

    def __init__(self, real: str) -> None:
        self._real = real

    def exec_module(self, module: ModuleType) -> None:
        # The import system returns the module that it finds there, and discards this one.
        sys.modules[module.__name__] = importlib.import_module(self._real)
