"""Type checkers agree about code that uses the package, and accept the package at run time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.environments.places import CHECKERS, ROOT, run

SAMPLES = ROOT / "tests" / "package" / "typing"
PYTHON = CHECKERS / "python"

COMMANDS = {
    "mypy": ["mypy", "--strict", "--config-file=", "--python-executable", PYTHON],
    "pyright": ["pyright", "--pythonpath", PYTHON],
    "basedpyright": ["basedpyright", "--level", "error", "--pythonpath", PYTHON],
    "ty": ["ty", "check", "--output-format", "concise", "--python", CHECKERS.parent],
    "pyrefly": [
        "pyrefly",
        "check",
        "--output-format",
        "min-text",
        "--python-interpreter-path",
        PYTHON,
    ],
}

# Imports every module under a run-time type checker, and uses what is public.
USE = """
import asyncio, importlib, logging, pkgutil, sys, warnings

warnings.simplefilter("error")
if sys.argv[1] == "beartype":
    from beartype.claw import beartype_package
    beartype_package("stigmer_apis")
else:
    from typeguard import install_import_hook
    install_import_hook("stigmer_apis")

import stigmer_apis
modules = [module.name for module in pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis.")]
for module in modules:
    importlib.import_module(module)

from google.protobuf.struct_pb2 import Struct
from stigmer_apis import alias, redaction, schema, temporal
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowExecutionStatus

run = WorkflowExecution(status=WorkflowExecutionStatus(callback_token=b"secret"))
assert "REDACTED" in str(run)
for show in (redaction.to_text, redaction.to_dict, redaction.to_json, redaction.redacted_copy):
    assert "secret" not in str(show(run))
redaction.install_logging()
logging.warning("%s", run)
assert schema.file_descriptor_set().file and schema.image_path().is_file()
assert schema.proto_root().is_dir()
alias.install()

converter = temporal.data_converter
given = temporal.TemporalWorkflowInput(callback_token=b"token")
for value, its_type in ((given, temporal.TemporalWorkflowInput), (run, WorkflowExecution)):
    payloads = asyncio.run(converter.encode([value]))
    assert asyncio.run(converter.decode(payloads, [its_type])) == [value]

async def refused():
    class Commands:
        async def updateStatus(self, request, **_):
            raise RuntimeError("not in an activity")
    try:
        await temporal.store_callback_token(Commands(), run)
    except Exception as error:
        return type(error).__module__.partition(".")[0]

assert asyncio.run(refused()) not in ("beartype", "typeguard")
print(len(modules))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    for sample in ("positive.py", "negative.py"):
        shutil.copyfile(SAMPLES / sample, folder / sample)
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    return folder


def reported(checker: str, sample: str, project: Path) -> set[int]:
    """Return the lines in which a checker reports an error."""
    program, *arguments = COMMANDS[checker]
    finished = subprocess.run(
        [CHECKERS / program, *arguments, sample],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{CHECKERS}{os.pathsep}{os.environ['PATH']}"},
    )
    lines = [line for line in finished.stdout.splitlines() if "error" in line.lower()]
    found = [re.search(rf"{re.escape(sample)}:(\d+):", line) for line in lines]
    numbers = {int(match[1]) for match in found if match}
    assert bool(numbers) is (finished.returncode != 0), finished.stdout + finished.stderr
    return numbers


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_type_checker_accepts_what_services_do(checker: str, project: Path) -> None:
    assert reported(checker, "positive.py", project) == set()


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_type_checker_reports_every_mistake_and_nothing_else(checker: str, project: Path) -> None:
    source = (SAMPLES / "negative.py").read_text().splitlines()
    mistakes = {number for number, line in enumerate(source, start=1) if "  # E: " in line}
    assert reported(checker, "negative.py", project) == mistakes


def test_the_page_names_the_checkers_that_agree() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\w+)\b.* \| everything \| every mistake \|$", page, re.MULTILINE)
    assert table == list(COMMANDS)


@pytest.mark.parametrize("checker", ["beartype", "typeguard"])
def test_a_run_time_type_checker_accepts_the_package(checker: str, tmp_path: Path) -> None:
    assert int(run([PYTHON, "-P", "-c", USE, checker], tmp_path).stdout) > 100
