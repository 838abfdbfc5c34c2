"""The paths of this repository, and a function that runs its tools."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Container, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APIS = ROOT / "apis"
PACKAGE = ROOT / "python" / "stigmer_apis"
BUILD = ROOT / "build"
LOCK = BUILD / "lock"
VALIDATION = ROOT / "validation"
"""The workspace module with our declaration of the validation options."""

PROTO_ROOT = "ai.stigmer"
"""The parent of all our proto packages, which becomes the Python package."""

SHIPPED_PROTOS = "proto"
"""The folder in which the wheel ships `apis/`, as declared in pyproject.toml."""

RULES_FILE = "buf/validate/validate.proto"
"""The file that declares the validation options. Never part of what we ship."""


class StepError(Exception):
    """A step failed. The message states the cause and what to do about it."""


def run_tool(
    name: str,
    arguments: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    expected: Container[int] = (0,),
    stdout: int | None = None,
    stderr: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program of the code generator's environment, with its output on the terminal.

    Raises:
        StepError: The program is missing, or its exit code is not expected.
    """
    bin_folder = Path(sys.executable).parent
    if not (bin_folder / name).exists():
        raise StepError(f"{name} is missing from {bin_folder.parent}; run `make deps`")
    path = os.pathsep.join([str(bin_folder), os.environ.get("PATH", os.defpath)])
    added = {"PYTHONPATH": str(ROOT)}  # codegen.plugin is in this folder
    added["GOGC"] = "off"  # buf ends before it needs memory back, and saves a fifth of its time
    finished = subprocess.run(
        [str(bin_folder / name), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **added, "PATH": path},
        stdout=stdout,
        stderr=stderr,
        text=True,
    )
    if finished.returncode not in expected:
        print(finished.stdout or "", end="")
        words = " ".join([name, *map(str, arguments[:1])])
        raise StepError(f"{words} failed (exit code {finished.returncode}); see its output above")
    return finished
