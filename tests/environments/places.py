"""Where distributions are installed, and what a package must be able to do there."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / "build" / "bootstrap" / "bin" / "uv"
FREEZING = ROOT / "build" / "environments" / "freezing" / "bin"
CHECKERS = ROOT / "build" / "environments" / "checkers" / "bin"
INSTALLERS = ROOT / "build" / "environments" / "installers" / "bin"
WHEEL_HOUSE = ROOT / "build" / "wheel-house"

ROUND_TRIP = """
import stigmer_apis
from stigmer_apis import schema
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
run = WorkflowExecution(kind="WorkflowExecution")
run.status.callback_token = bytes(range(256))
assert WorkflowExecution.FromString(run.SerializeToString()) == run
assert "REDACTED" in str(run)
assert schema.file_descriptor_set().file and schema.image_path() and schema.proto_root()
print(stigmer_apis.__version__, stigmer_apis.__file__)
"""
"""What every installation must be able to do. It prints the version and the place."""


class Place(NamedTuple):
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        [packages] = self.folder.glob("lib/python*/site-packages")
        return packages

    def run(self, code: str, *options: str) -> str:
        """Run code outside the repository, and return what it printed."""
        return run([self.python, *options, "-c", code], self.folder).stdout.strip()

    def ours(self) -> dict[str, str]:
        """Return the digest of every installed file of our package, by its path in a wheel."""
        return {
            path.relative_to(self.packages).as_posix(): digest(path.read_bytes())
            for path in (self.packages / "stigmer_apis").rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }


def new_place(folder: Path, python: str = sys.executable, **variables: str) -> Place:
    """Make an empty virtual environment."""
    run([UV, "venv", "--quiet", "--python", python, folder], ROOT, **variables)
    return Place(folder)


def run(
    command: Sequence[str | Path], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that must succeed, with no index and none of our settings of Python."""
    finished = attempt(command, folder, **variables)
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
    return finished


def attempt(
    command: Sequence[str | Path], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that may fail, with no index and none of our settings of Python."""
    kept = [name for name in os.environ if not name.startswith(("PYTHON", "VIRTUAL_ENV"))]
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={
            **{name: os.environ[name] for name in kept},
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": str(WHEEL_HOUSE),
            "PIP_NO_INDEX": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "UV_OFFLINE": "1",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def digest(content: bytes) -> str:
    """Return a digest as RECORD files have it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def write_wheel(
    folder: Path, name: str, version: str, files: Mapping[str, bytes], requires: Sequence[str] = ()
) -> Path:
    """Write a wheel of pure Python with these files."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    tag = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents = {
        **files,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": tag.encode(),
    }
    record = io.StringIO()
    rows = [(path, f"sha256={digest(data)}", len(data)) for path, data in contents.items()]
    csv.writer(record, lineterminator="\n").writerows([*rows, (f"{info}/RECORD", "", "")])
    wheel = folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in {**contents, f"{info}/RECORD": record.getvalue().encode()}.items():
            archive.writestr(path, data)
    return wheel
