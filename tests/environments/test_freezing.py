"""An application that uses every part of the package works when it is frozen or archived.

Each test has a tool pack the same application, and runs the result where neither this folder nor an
environment is on the path. What a tool does not find, such as a module or a data file, is missing
there.
"""

from __future__ import annotations

import json
import sys
import zipapp
import zipfile
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.environments.conftest import Tried
from tests.environments.places import (
    FREEZING,
    ROOT,
    ROUND_TRIP,
    UV,
    WHEEL_HOUSE,
    Place,
    run,
    write_wheel,
)

APPLICATION = Path(__file__).with_name("application.py")
PYTHON: str = getattr(sys, "_base_executable", sys.executable)
"""A Python with nothing installed."""


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """Return a copy of the application, far from the tests."""
    folder = tmp_path / "an applicåtion"
    folder.mkdir()
    script = folder / APPLICATION.name
    script.write_bytes(APPLICATION.read_bytes())
    return script


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Return a wheel of the application, which depends on the package."""
    files = {APPLICATION.name: APPLICATION.read_bytes()}
    return write_wheel(tmp_path, "report-service", "1.0", files, ["stigmer-apis[grpc,temporal]"])


def found_by(*command: str | Path, folder: Path) -> dict[str, Any]:
    """Run what was packed, in a folder with nothing of ours, and return what it found."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    found: dict[str, Any] = json.loads(run([*command], elsewhere, HOME=str(elsewhere)).stdout)
    return found


def check(found: dict[str, Any], version: str, paths: str = "schema.binpb, proto") -> None:
    image = FileDescriptorSet.FromString(
        (ROOT / "python" / "stigmer_apis" / "schema.binpb").read_bytes()
    )
    expected = {
        "message": True,
        "stub": True,
        "handshake": True,
        "schema": len(image.file),
        "paths": paths,
        "version": version,
    }
    assert {name: found[name] for name in expected} == expected
    assert "[REDACTED sha256:" in found["printed"]
    outside = [place for place in [found["package"], *found["path"]] if str(ROOT) in place]
    assert outside == [], "the application was run with what is in this folder"


def pyinstaller(script: Path, *options: str, folder: Path) -> Path:
    """Freeze a script, and return the program."""
    cache = {"PYINSTALLER_CONFIG_DIR": str(folder / "cache")}
    run([FREEZING / "pyinstaller", *options, "--name", "service", script], folder, **cache)
    made = folder / "dist" / "service"
    return made / "service" if made.is_dir() else made


def test_pyinstaller_needs_no_options(
    application: Path, version: str, tmp_path: Path, tried: Tried
) -> None:
    tried("PyInstaller", "one folder")

    check(found_by(pyinstaller(application, folder=tmp_path), folder=tmp_path), version)


def test_pyinstaller_leaves_out_what_is_excluded_and_packs_one_optimized_file(
    tmp_path: Path, tried: Tried
) -> None:
    tried("PyInstaller", "one file, without the extras")
    script = tmp_path / "message.py"
    script.write_text(f"{ROUND_TRIP}\nimport sys\nprint([*sys.modules].count('grpc'))")
    without = ["--exclude-module=grpc", "--exclude-module=temporalio"]

    program = pyinstaller(script, "--onefile", "--optimize=2", *without, folder=tmp_path)

    assert run([program], tmp_path).stdout.splitlines()[-1] == "0"
    assert program.stat().st_size < 30e6, "the extras are in it"


def test_cx_freeze_needs_no_options(
    application: Path, version: str, tmp_path: Path, tried: Tried
) -> None:
    tried("cx_Freeze", "one folder")
    run(
        [FREEZING / "cxfreeze", "build", f"--script={application}", "--build-exe=service"], tmp_path
    )

    check(found_by(tmp_path / "service" / "application", folder=tmp_path), version)


def test_pex_archives_the_service(
    service: Path, wheel: Path, place: Place, version: str, tmp_path: Path, tried: Tried
) -> None:
    tried("pex", "one file, run by a bare Python")
    sources = [f"--find-links={folder}" for folder in (WHEEL_HOUSE, wheel.parent, service.parent)]
    run(
        [UV, "pip", "install", "--python", place.folder, "--no-index", *sources, "report-service"],
        tmp_path,
    )
    run(
        [
            *[FREEZING / "pex", "report-service", "--venv-repository", place.folder],
            *["--entry-point", "application:main", "--output-file", "service.pex"],
        ],
        tmp_path,
        PEX_ROOT=str(tmp_path / "pex"),
    )

    check(found_by(PYTHON, tmp_path / "service.pex", folder=tmp_path), version)


def test_shiv_archives_the_service(
    service: Path, wheel: Path, version: str, tmp_path: Path, tried: Tried
) -> None:
    tried("shiv", "one file, run by a bare Python")
    sources = [f"--find-links={folder}" for folder in (wheel.parent, service.parent)]
    run(
        [
            *[FREEZING / "shiv", "--entry-point", "application:main", "--output-file"],
            *["service.pyz", *sources, "report-service"],
        ],
        tmp_path,
    )

    check(found_by(PYTHON, tmp_path / "service.pyz", folder=tmp_path), version)


def test_a_zipapp_contains_the_package_and_runs_beside_native_dependencies(
    application: Path, wheel: Path, others: Place, version: str, tmp_path: Path, tried: Tried
) -> None:
    tried("zipapp", "the package in the archive, its native dependencies beside it")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(application.parent)
    target = tmp_path / "service.pyz"
    zipapp.create_archive(application.parent, target, main="application:main")

    found = found_by(others.python, target, folder=tmp_path)

    archived = f"stigmer_apis is in an archive ({target}), where files have no path; unpack the "
    archived += "archive, or use file_descriptor_set(), which needs no path"
    check(found, version, archived)
    assert found["package"].startswith(str(target))


def test_a_zipapp_with_everything_in_it_runs_in_pure_python(
    wheel: Path, tmp_path: Path, tried: Tried
) -> None:
    tried("zipapp", "the package and protobuf in the archive, without a native runtime")
    folder = tmp_path / "application"
    [protobuf] = WHEEL_HOUSE.glob("protobuf-*.whl")
    for archived in (wheel, protobuf):
        with zipfile.ZipFile(archived) as archive:
            archive.extractall(folder)
    (folder / "__main__.py").write_text(
        "from google.protobuf.internal import api_implementation\n"
        "from stigmer_apis import schema\n"
        "from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution\n"
        "run = WorkflowExecution(kind='WorkflowExecution')\n"
        "assert WorkflowExecution.FromString(run.SerializeToString()) == run\n"
        "assert schema.file_descriptor_set().file\n"
        "print(api_implementation.Type())\n"
    )
    zipapp.create_archive(folder, tmp_path / "message.pyz")

    assert run([PYTHON, "-I", tmp_path / "message.pyz"], tmp_path).stdout == "python\n"
