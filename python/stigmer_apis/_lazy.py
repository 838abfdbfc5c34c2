"""Lazy re-exports: names that load their module when they are requested (PEP 562).

The generated `__init__` of every proto package is one call of `exports`. Importing a message
therefore loads only the module of that message and its dependencies, and asks nothing about grpc.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

_EXTRAS = {
    "grpc": 'gRPC stubs and servicers need grpcio: pip install "stigmer-apis[grpc]"',
    "temporalio": (
        'stigmer_apis.temporal needs the Temporal SDK: pip install "stigmer-apis[temporal]"'
    ),
}
"""What to install, by the module that is missing."""


def exports(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package that re-exports from its modules.

    Args:
        package: The full name of the package.
        modules: The names to re-export, by the module of the package that defines them.

    A name whose extra is not installed is no attribute of the package, so that `hasattr`, `help`
    and `import *` work without it. `from package import name` states what to install.
    """
    home = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def load(name: str) -> object:
        if name == "__all__":
            return [public for public in sorted(home) if hasattr(sys.modules[package], public)]
        # `from package import x_pb2` calls this before it imports the module. Anything except an
        # immediate AttributeError would import other modules during that import, and add their
        # descriptors to the pool in the wrong order.
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # Not importlib.import_module, which Temporal's workflow sandbox does not see. The value is
        # not stored: the package always has what its module has, also while a test replaces it.
        try:
            return getattr(__import__(home[name], fromlist=[name]), name)
        except ModuleNotFoundError as error:
            missing = missing_extra(error)
        # `from package import name` shows the text of any error except an AttributeError.
        caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        if caller.f_code.co_name == "_handle_fromlist":
            raise missing
        raise AttributeError(str(missing))

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), "__all__", *home})

    return load, names


def missing_extra(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Return the error that states which extra to install, or raise `error` if none provides it."""
    if error.name not in _EXTRAS:
        raise error
    return ModuleNotFoundError(_EXTRAS[error.name], name=error.name)
