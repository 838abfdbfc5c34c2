"""Helpers for the tests of this folder: the installed packages that ship protobuf code."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

OURS = "stigmer-apis"

_PROTOBUF = ("protobuf", "protobuf-py", "protobuf-py-pure", "grpcio-tools", OURS)
"""Distributions that are not neighbours: ours, its dependencies, and the tools."""


def _modules(distribution: importlib.metadata.Distribution) -> list[str]:
    """Return the modules of a distribution that protoc generated."""
    return sorted(
        str(file).removesuffix(".py").replace("/", ".")
        for file in distribution.files or []
        if str(file).endswith(("_pb2.py", "_pb2_grpc.py"))
    )


def _neighbours() -> dict[str, list[str]]:
    found = {
        distribution.name: _modules(distribution)
        for distribution in importlib.metadata.distributions()
        if distribution.name not in _PROTOBUF
    }
    return {name: modules for name, modules in sorted(found.items()) if modules}


NEIGHBOURS = _neighbours()
"""Return the generated modules of every installed distribution that ships any, by its name."""

OUR_MODULES = _modules(importlib.metadata.distribution(OURS))
"""Return the generated modules of the installed wheel."""


def environment_without_python() -> dict[str, str]:
    """Return the environment variables without those that change the behavior of Python."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # A note of gRPC on a server that stops is not a warning, and depends on timing.
    return {**clean, "GRPC_VERBOSITY": "ERROR"}


def python(
    arguments: Sequence[str], *, folder: Path, implementation: str = "upb"
) -> subprocess.CompletedProcess[str]:
    """Run this environment's Python in a folder, from which it does not import."""
    chosen = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation}
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env={**environment_without_python(), **(chosen if implementation != "upb" else {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
