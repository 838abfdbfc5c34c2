"""The environments of the check, which runs in each of them, native and in pure Python."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.runtimes.outcomes import IMPLEMENTATIONS, Outcome, Runtime, read_outcome

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "runtimes"
BUILD = ROOT / "build" / "runtimes"
RELEASES = ROOT / "releases"


class EnvironmentMissingError(Exception):
    """An environment could not be created. The message states the cause and what to do about it."""


def protobufs() -> dict[str, Path]:
    """Return the pinned protobuf releases, oldest first, with the file that pins each."""
    found = {pinned(file)["protobuf"]: file for file in PINS.glob("protobuf-*.txt")}
    return {version: found[version] for version in sorted(found, key=_numbers)}


def companions(name: str) -> dict[str, str]:
    """Return the releases that are installed next to every protobuf."""
    return pinned(PINS / f"{name}.txt")


def pinned(file: Path) -> dict[str, str]:
    """Return the version of every distribution that a requirements file pins."""
    return dict(re.findall(r"^([\w-]+)==([\w.]+)", file.read_text(), re.MULTILINE))


def run(protobuf: str, beside: str, wheel: Path) -> Iterator[tuple[Runtime, Outcome]]:
    """Create one environment and run the check with both implementations.

    Raises:
        EnvironmentMissingError: The environment cannot be created.
    """
    python = _make(BUILD / f"{protobuf}-{beside}", [protobufs()[protobuf], PINS / f"{beside}.txt"])
    _uv("pip", "install", "--python", python, "--no-deps", "--reinstall", wheel)
    for implementation in IMPLEMENTATIONS:
        runtime = Runtime(protobuf, beside, implementation)
        yield runtime, check(python, implementation)


def _make(folder: Path, pins: list[Path]) -> Path:
    python = folder / "bin" / "python"
    made_from = hashlib.sha256(b"\0".join(file.read_bytes() for file in pins))
    made_from.update(sys.version.encode())
    stamp = folder / ".made-from"
    if not stamp.exists() or stamp.read_text() != made_from.hexdigest():
        _uv("venv", "--clear", "--python", sys.executable, folder)
        files = [option for file in pins for option in ("--requirement", file)]
        _uv("pip", "install", "--python", python, "--no-deps", "--require-hashes", *files)
        stamp.write_text(made_from.hexdigest())
    return python


def _uv(*arguments: str | Path) -> None:
    command = [ROOT / "build" / "bootstrap" / "bin" / "uv", "--quiet", *arguments]
    finished = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if finished.returncode != 0:
        raise EnvironmentMissingError(
            f"`{' '.join(map(str, command[:4]))} ...` failed:\n{finished.stderr}"
        )


def check(python: Path, implementation: str) -> Outcome:
    """Run the check in an environment with one of the implementations of its protobuf."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # gRPC logs when a server stops. That is not a warning, and depends on timing.
    clean["GRPC_VERBOSITY"] = "ERROR"
    # Native is the default; a protobuf that silently falls back to pure Python must be noticed.
    if implementation == "python":
        clean["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = implementation
    check = Path(__file__).with_name("check.py")
    finished = subprocess.run(
        [str(python), "-P", "-W", "error", "-B", str(check), str(RELEASES)],
        cwd=python.parent,
        env=clean,
        capture_output=True,
        text=True,
    )
    return read_outcome(finished, implementation)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
