"""Lazy re-exports: names that load their module on first access (PEP 562).

The generated `__init__` of every proto package is one call of `exports`. Importing a message
therefore loads only the module of that message and its dependencies, and never grpc.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence

_Exports = tuple[list[str], Callable[[str], object], Callable[[], list[str]]]


def exports(package: str, modules: Mapping[str, Sequence[str]]) -> _Exports:
    """Return `__all__`, `__getattr__` and `__dir__` for a package that re-exports from its modules.

    Args:
        package: The full name of the package.
        modules: The names to re-export, by the module of the package that defines them.

    A name from a gRPC module can always be requested; without grpc, its import fails and states
    what to install. `__all__` and `dir()` list such names only if grpc is installed, so that
    `import *` works without it.
    """
    home = {name: module for module, names in modules.items() for name in names}
    with_grpc = importlib.util.find_spec("grpc") is not None
    public = sorted(n for n, module in home.items() if with_grpc or not module.endswith("_grpc"))

    def load(name: str) -> object:
        # `from package import x_pb2` calls this before it imports the module. Anything except an
        # immediate AttributeError would import other modules during that import, and add their
        # descriptors to the pool in the wrong order.
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return public, load, names
