"""The contract as protoc and other libraries generate it, and packages of other contracts."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from typing import NamedTuple

from benchmarks.sampler import CODEGEN, PEERS, Contender, child, output, told
from codegen.project import APIS, BUILD, ROOT, VALIDATION

_OUT = BUILD / "benchmarks" / "generated"
_PYTHON = Path(sys.executable)
OPERATIONS = ("construct", "serialize", "parse", "access fields")
CHECKERS = ("mypy", "pyright")


class Library(NamedTuple):
    """What generates Python from the contract."""

    name: str
    python: Path
    outputs: Sequence[str]
    """The outputs of protoc; the first one also names the folder."""

    modules: str
    """The name of the module with the messages of a package and a file."""


OURS = Library("this package", _PYTHON, (), "stigmer_apis.{}")
PLAIN = Library(
    "plain protoc", _PYTHON, ("python", "grpc_python", "mypy", "mypy_grpc"), "ai.stigmer.{}.{}_pb2"
)
OTHERS = (
    Library("protobuf-py", PEERS, ("py",), "py.ai.stigmer.{}.{}_pb"),
    Library("betterproto2", PEERS, ("python_betterproto2",), "python_betterproto2.ai.stigmer.{}"),
)
PUBLISHED = {
    "googleapis-common-protos": "from google.rpc.error_details_pb2 import ErrorInfo",
    "opentelemetry-proto": "from opentelemetry.proto.trace.v1.trace_pb2 import Span",
    "temporalio": "from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest",
}
"""Packages of protobuf code, with the import of one message."""

_IMPORT = """
import time{}
started = time.process_time()
{}
print(time.process_time() - started)
"""
_COUNT = """
import importlib, sys
def count(messages):
    return sum(1 + count(each.nested_types) for each in messages if not each.GetOptions().map_entry)
total = 0
for name in sys.argv[1:]:
    try:
        total += count(importlib.import_module(name).DESCRIPTOR.message_types_by_name.values())
    except ImportError:  # Temporal ships modules without what they import.
        pass
print(total)
"""
_PROGRAM = """\
# pyright: standard
from {} import WorkflowExecution, WorkflowExecutionStatus, WorkflowTask  # type: ignore
from {} import WorkflowExecutionQueryControllerStub as Stub  # type: ignore
from {} import WorkflowExecutionId  # type: ignore


def failed(execution: WorkflowExecution) -> list[str]:
    return [task.error for task in execution.status.tasks if task.error]


def read(stub: Stub, id: str) -> list[str]:
    return failed(stub.get(WorkflowExecutionId(value=id)))


task = WorkflowTask(task_id="task-1", error="no such file")
print(failed(WorkflowExecution(status=WorkflowExecutionStatus(tasks=[task]))))
"""


def protoc(out: Path, outputs: Sequence[str], *sources: Path) -> list[str | Path]:
    """Return the command that generates outputs from the .proto files in folders."""
    files = (file for source in sources for file in sorted(source.rglob("*.proto")))
    command: list[str | Path] = [CODEGEN, "-m", "grpc_tools.protoc", f"-I{APIS}", f"-I{VALIDATION}"]
    return [*command, *(f"--{kind}_out={out}" for kind in outputs), *files]


@cache
def _generated(library: Library) -> Path:
    """Generate the modules of a library, once, and return their folder."""
    out = _OUT / "-".join(library.outputs[:1])
    out.mkdir(parents=True, exist_ok=True)
    if library.outputs:
        output(*protoc(out, library.outputs, APIS, VALIDATION))
    return out


def _path(library: Library) -> str:
    # The code of other libraries is a package in its folder, for it has relative imports.
    return f"{_generated(library)}:{_OUT}"


def _module(library: Library, file: str = "api") -> str:
    return library.modules.format("agentic.workflowexecution.v1", file)


def _stub_module(library: Library) -> str:
    return _module(library, "query") + ("_grpc" if library is PLAIN else "")


def imports(library: Library, after: str = "") -> Contender:
    """Return a contender that imports a message, perhaps after another module."""
    statement = f"from {_module(library)} import WorkflowExecution"
    return _import(library.python, statement, after, _path(library))


def stub_import(library: Library) -> Contender:
    """Return a contender that imports a gRPC stub after grpc."""
    statement = f"from {_stub_module(library)} import WorkflowExecutionQueryControllerStub"
    return _import(library.python, statement, "grpc", _path(library))


def published_import(name: str) -> Sequence[Contender]:
    """Compare the import of a message of a published package with plain protoc's."""
    return [_import(PEERS, PUBLISHED[name]), imports(PLAIN)]


def _import(python: Path, statement: str, after: str = "", path: str = "") -> Contender:
    code = _IMPORT.format(f", {after}" if after else "", statement)
    return told(python, "-c", code, path=path)


def operation(library: Library, name: str) -> Contender:
    """Return a contender that does something with a message, in a new process each time.

    Processes differ by a few percent in how their memory is laid out.

    Raises:
        RuntimeError: The library writes other bytes than plain protoc.
    """
    if _digest(library) != _digest(PLAIN):
        raise RuntimeError(f"{library.name} writes other bytes than {PLAIN.name}")
    return told(*_messages(library), name, path=f"{_path(library)}:{ROOT}")


@cache
def _digest(library: Library) -> str:
    return output(*_messages(library), "digest", path=f"{_path(library)}:{ROOT}")


def _messages(library: Library) -> list[str | Path]:
    return [library.python, "-m", "benchmarks.messages", library.modules]


def published_size(name: str) -> Sequence[Contender]:
    """Compare a package's Python and .proto files, compressed, with the number of its messages."""
    (site,) = PEERS.parent.parent.glob("lib/python*/site-packages")
    (package,) = Distribution.discover(name=name, path=[str(site)])
    files = [each for each in package.files or () if each.suffix in (".py", ".pyi", ".proto")]
    modules = [each for each in files if each.name.endswith("_pb2.py")]
    names = [".".join(each.with_suffix("").parts) for each in modules]

    def compressed() -> float:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in files:
                packed.write(site / file, file)
        return len(archive.getvalue())

    return [compressed, told(PEERS, "-c", _COUNT, *names)]


def check(checker: str, library: Library, typed: bool = True) -> Contender:
    """Return a contender that checks a program with the types of a library, or without types."""
    folder = _generated(library) if typed else BUILD / "benchmarks" / "untyped"
    folder.mkdir(parents=True, exist_ok=True)
    modules = [_module(library), _stub_module(library), _module(library, "io")]
    program = folder / "program.py"
    program.write_text(_PROGRAM.format(*modules), encoding="utf-8")
    options = ["--config-file=", "--cache-dir=/dev/null"] if checker == "mypy" else []
    return child(_PYTHON.with_name(checker), *options, program)
