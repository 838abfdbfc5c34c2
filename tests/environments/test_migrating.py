"""docs/migrating.md, step by step, from a package with the layout of the one on the public index.

The wheel is built here from our contract: the top-level packages `ai`, `buf` and `google`, no
types, and a module of `google.protobuf` that belongs to protobuf.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments.places import INSTALLERS, ROOT, Place, attempt, run, write_wheel

PAGE = (ROOT / "docs" / "migrating.md").read_text()
UNINSTALL, REPAIR, INSTALL, REWRITE, LIST = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
[ALIAS] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TYPE_ERROR, IMPORT_ERROR = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)

TYPE_URL = "type.googleapis.com/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"

SERVICE = f'''\
import sys
import grpc
from ai.stigmer.agentic.environment.v1 import query_pb2_grpc
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
import ai.stigmer.agentic.workflowexecution.v1.enum_pb2 as enums

TYPE_URL = "{TYPE_URL}"


def environments(channel: grpc.Channel) -> object:
    return query_pb2_grpc.EnvironmentQueryServiceStub(channel)


def main() -> None:
    from  ai.stigmer.commons.apiresource.metadata_pb2 import ApiResourceMetadata

    run = WorkflowExecution(metadata=ApiResourceMetadata(name="ai.stigmer"))
    run.status.phase = enums.ExecutionPhase.EXECUTION_COMPLETED
    print(run.SerializeToString().hex(), TYPE_URL)


main()
'''


OTHERS = """\
import ai.stigmer.commons.rpc.pagination_pb2
from ai import stigmer

PAGE = ai.stigmer.commons.rpc.pagination_pb2.PageInfo()
"""
"""What is left to change by hand, in a file whose name has a space."""


@pytest.fixture(scope="module")
def old_wheel(
    pristine_checkout: Path, toolchain: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a wheel with the layout of the package on the public index."""
    folder = tmp_path_factory.mktemp("old")
    tree = folder / "tree"
    subprocess.run(["cp", "-a", str(pristine_checkout), str(tree)], check=True)
    path = {"PATH": f"{toolchain}:/usr/bin:/bin", "BUF_CACHE_DIR": str(ROOT / "build/cache/buf")}
    run([toolchain / "buf", "generate"], tree, **path)
    code = tree / "build" / "python"
    protoc = [toolchain / "python", "-m", "grpc_tools.protoc"]
    run([*protoc, f"--python_out={code}", "google/protobuf/struct.proto"], folder)
    modules = [path for path in code.rglob("*_pb2*.py") if path.is_file()]
    files = {module.relative_to(code).as_posix(): module.read_bytes() for module in modules}
    assert {name.partition("/")[0] for name in files} == {"ai", "buf", "google"}
    return write_wheel(folder, "stigmer-apis", "0.1.0", files, ["protobuf", "grpcio"])


class Migration:
    """A service that uses the old package, in an environment with pip."""

    def __init__(self, folder: Path, old_wheel: Path, wheel: Path) -> None:
        self.place = Place(folder / "place")
        subprocess.run([sys.executable, "-m", "venv", self.place.folder], check=True)
        self.service = folder / "service"
        self.service.mkdir()
        (self.service / "report.py").write_text(SERVICE)
        (self.service / "other pages.py").write_text(OTHERS)
        self._path = f"{self.place.folder / 'bin'}:{os.environ['PATH']}"
        self._wheel = wheel
        self.follow(f"git init -q; git add .; pip install -q types-protobuf {old_wheel}")

    def follow(self, commands: str) -> str:
        """Run shell commands of the page, in the folder of the service."""
        requirement = f"stigmer-apis[grpc] @ {self._wheel.as_uri()}"
        command = ["bash", "-euo", "pipefail", "-c", commands]
        return run(command, self.service, PATH=self._path, STIGMER_APIS=requirement).stdout

    def report(self) -> str:
        return run([self.place.python, "report.py"], self.service).stdout

    def protobuf_works(self) -> bool:
        code = "from google.protobuf import struct_pb2"
        return attempt([self.place.python, "-c", code], self.service).returncode == 0

    def type_errors(self) -> list[str]:
        """Return what mypy says of the service, if it accepts packages without types."""
        mypy = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports"]
        options = ["--python-executable", self.place.python, "--cache-dir=/dev/null"]
        finished = attempt([*mypy, *options, "report.py"], self.service)
        return [line for line in finished.stdout.splitlines() if ": error: " in line]


@pytest.fixture
def migration(tmp_path: Path, old_wheel: Path, wheel: Path) -> Migration:
    return Migration(tmp_path, old_wheel, wheel)


def test_every_step_of_the_page_moves_a_service(migration: Migration) -> None:
    before = migration.report()
    assert migration.type_errors() == []

    migration.follow(UNINSTALL)
    assert not migration.protobuf_works(), "the stand-in did not damage protobuf, as the real one"
    assert "Successfully installed protobuf-" in migration.follow(REPAIR)
    assert migration.protobuf_works()
    assert "Successfully installed" not in migration.follow(REPAIR), "it repairs what is whole"
    migration.follow(INSTALL)
    migration.follow(REWRITE)

    assert migration.follow(LIST).splitlines() == [
        "other pages.py:2:from ai import stigmer",
        "other pages.py:4:PAGE = ai.stigmer.commons.rpc.pagination_pb2.PageInfo()",
        f'report.py:7:TYPE_URL = "{TYPE_URL}"',
        'report.py:17:    run = WorkflowExecution(metadata=ApiResourceMetadata(name="ai.stigmer"))',
    ]
    assert migration.report() == before
    assert migration.type_errors() == [f"report.py:11: {TYPE_ERROR}"]


def test_the_alias_moves_a_service_whose_imports_stay(migration: Migration) -> None:
    before = migration.report()
    for step in (UNINSTALL, REPAIR, INSTALL):
        migration.follow(step)

    (migration.service / "report.py").write_text(ALIAS + SERVICE)

    assert migration.report() == before


def test_installing_over_the_old_package_damages_protobuf_as_the_page_says(
    migration: Migration,
) -> None:
    migration.follow(INSTALL)
    assert not migration.protobuf_works()

    migration.follow(REPAIR)
    assert migration.protobuf_works()
    migration.follow(REWRITE)
    migration.report()


@pytest.mark.parametrize("python", ["3.14"], indirect=True)
def test_a_newer_python_finds_the_damage_too(migration: Migration, python: Place) -> None:
    migration.follow(UNINSTALL)
    [finding] = re.findall("python -c '(.*?)'", REPAIR, re.DOTALL)

    damaged = run(
        [python.python, "-c", finding], python.folder, PYTHONPATH=str(migration.place.packages)
    )

    assert re.fullmatch(r"protobuf==\S+\n", damaged.stdout)


MODULE = "agentic.workflowexecution.v1.api_pb2"
THEIRS = f"import ai.stigmer.{MODULE}"
OURS = f"import stigmer_apis.{MODULE}"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (f"{THEIRS}; {OURS}", IMPORT_ERROR),
        (f"{OURS}; {THEIRS}", "TypeError: .* duplicate file name .*"),
        (ALIAS, "ImportError: ai.stigmer cannot be an alias .*<folder>/ai/stigmer.*"),
    ],
    ids=["the old one first", "the old one second", "the alias first"],
)
def test_both_at_once_end_as_the_page_says(
    code: str, error: str, place: Place, wheel: Path, old_wheel: Path, tmp_path: Path
) -> None:
    vendored = tmp_path / "vendored"
    shutil.unpack_archive(old_wheel, vendored, "zip")
    shutil.rmtree(vendored / "google")
    run([INSTALLERS / "python", "-m", "pip", "--python", place.python, "install", wheel], tmp_path)

    ended = attempt([place.python, "-c", code], tmp_path, PYTHONPATH=str(vendored))

    file = "ai/stigmer/agentic/executioncontext/v1/spec"
    filled = {"folder": vendored, "file": f"{file}.proto", "module": f"{vendored}/{file}_pb2.py"}
    expected = re.sub(r"<(\w+)>", lambda name: str(filled[name[1]]), error)
    assert ended.returncode == 1
    assert re.fullmatch(expected, ended.stderr.splitlines()[-1]), ended.stderr
