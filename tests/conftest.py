"""Fixtures that all test folders share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from stigmer_apis import schema
from tests.toolchain import Run, project_files

ROOT = Path(__file__).resolve().parent.parent

# Hypothesis' files are not part of the repository, and workers write them while tests copy it.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / "build" / "cache" / "hypothesis"))


@pytest.fixture(autouse=True, scope="session")
def no_bytecode_stays_of_what_tests_write(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Remove it from the folder that make names for bytecode, which would grow with each run."""
    yield
    if prefix := sys.pycache_prefix:
        written = tmp_path_factory.getbasetemp()
        shutil.rmtree(Path(prefix, *written.parts[1:]), ignore_errors=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root folder of the repository."""
    return ROOT


@pytest.fixture
def contract() -> FileDescriptorSet:
    """Return the shipped descriptor image, a new copy for each test to modify."""
    return schema.file_descriptor_set()


@pytest.fixture(scope="session")
def toolchain(root: Path) -> Path:
    """Return the bin folder of the code generator's environment."""
    folder = root / ".venv-codegen" / "bin"
    assert (folder / "buf").exists(), "the toolchain is not set up; run `make deps`"
    return folder


@pytest.fixture(scope="session")
def buf(toolchain: Path, root: Path) -> Run:
    """Return a function that runs buf with the given arguments, in the repository or in `cwd`."""

    def run(*arguments: str | Path, cwd: Path = root) -> subprocess.CompletedProcess[str]:
        cache = {"BUF_CACHE_DIR": str(root / "build" / "cache" / "buf")}
        command = [str(toolchain / "buf"), *map(str, arguments)]
        return subprocess.run(
            command, cwd=cwd, env={**os.environ, **cache}, capture_output=True, text=True
        )

    return run


@pytest.fixture(scope="session")
def commented_image(buf: Run, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """Return our own files, compiled from `apis/` with their comments."""
    target = tmp_path_factory.mktemp("image") / "image.binpb"
    built = buf("build", "apis", "--exclude-imports", "--output", target)
    assert built.returncode == 0, built.stderr
    return FileDescriptorSet.FromString(target.read_bytes())


@pytest.fixture(scope="session")
def pristine_checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the original of each `checkout`: this repository's files and tools, in one commit.

    The environments are links to ours, so that nothing is set up again. The fixtures of releases,
    half of all files, are omitted, because these tests read only the images.
    """
    copy = tmp_path_factory.mktemp("pristine") / "checkout"
    for name in project_files(root, ".", ":(exclude)releases/*/ai.stigmer.*"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy / name)
    (copy / "build").mkdir()
    # What the package was generated from, if it was: then nothing is generated without a change.
    record = Path("build", "codegen", "record.json")
    if (root / record).exists():
        (copy / record).parent.mkdir()
        shutil.copy2(root / record, copy / record)
    for name in ("build/bootstrap", ".venv", ".venv-codegen"):
        (copy / name).symlink_to((root / name).resolve())
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "base"],
        ["repack", "--quiet", "-a", "-d"],  # one file to copy instead of one per object
    ):
        subprocess.run(["git", "-c", "core.fsync=none", *command], cwd=copy, check=True)
    return copy


@pytest.fixture
def checkout(pristine_checkout: Path, tmp_path: Path) -> Path:
    """Return a copy of this repository for the test to break, with its own git history."""
    copy = tmp_path / "checkout"
    # `cp` takes half as long as shutil. It keeps file times, which make compares.
    subprocess.run(["cp", "-a", str(pristine_checkout), str(copy)], check=True)
    return copy


def make_environment(root: Path) -> dict[str, str]:
    """Return the environment variables for a make that uses the Python and the caches of ours."""
    # Under `make test`, the flags and variables of the outer make would affect this one.
    inherited = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return {
        "UV_CACHE_DIR": str(root / "build" / "cache" / "uv"),
        **inherited,
        "PYTHON": os.path.realpath(sys.executable),
        "UV_OFFLINE": "1",
    }


@pytest.fixture
def make(checkout: Path, root: Path) -> Run:
    """Return a function that runs make with the given arguments in the checkout.

    The environments are set up; they are probed again only by `make("deps")`.
    """

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**make_environment(root), **variables}
        command = (
            ["make", *arguments] if "deps" in arguments else ["make", "-o", "deps", *arguments]
        )
        return subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True
        )

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report that the handshake ran on a loopback frontend, not on a Temporal server."""
    passed: list[pytest.TestReport] = terminalreporter.stats.get("passed", [])
    count = sum("test_loopback.py::" in report.nodeid for report in passed)
    if count:
        terminalreporter.write_line(
            f"temporal: {count} handshake tests ran on a loopback frontend, not on a Temporal "
            "server; `make handshake` uses a real one"
        )
