"""Re-exports that load their module when they are first asked for (PEP 562).

The generated `__init__` of every proto package is one call of `exports`. Importing a message thus
loads the module of that message and what it needs, and never grpc.
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
        package: the full name of the package.
        modules: the names to re-export, by the module of the package that defines them.

    The names of gRPC modules can always be imported, and say what to install where grpc is missing;
    `__all__` and `dir()` list them only where it is there, so that `import *` works without it.
    """
    home = {name: module for module, names in modules.items() for name in names}
    with_grpc = importlib.util.find_spec("grpc") is not None
    public = sorted(n for n, module in home.items() if with_grpc or not module.endswith("_grpc"))

    def load(name: str) -> object:
        # `from package import x_pb2` asks here before it imports the module. Anything but an
        # immediate AttributeError would import modules in the midst of importing that one, and
        # their descriptors would enter the pool in the wrong order.
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return public, load, names
