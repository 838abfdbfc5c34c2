"""The results of type checkers, and whether the type stubs are correct.

As in mypy-protobuf's own tests, `typing/positive.py` must give no error, and `typing/negative.py`
exactly those that its comments name.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

import stigmer_apis

pytestmark = pytest.mark.toolchain

SAMPLES = Path(__file__).parent / "typing"
POSITIVE, NEGATIVE = SAMPLES / "positive.py", SAMPLES / "negative.py"
PACKAGE = Path(stigmer_apis.__file__).parent
PROTO_ROOT = "ai.stigmer."

# stubtest compares the stubs with the imported modules. These are the differences between the
# behavior of protobuf and grpc at run time and its closest description in a stub, each as (name,
# complaint). In none of them does the stub declare anything that is missing.
TOLERATED = {
    "an alias for annotations, for the names that HasField and its like take": (
        r".*\._(HasField|ClearField|WhichOneof)(Arg|Return)Type\w*",
        "is not present at runtime",
    ),
    "a message class is built by a metaclass": (
        r".*_pb2\..+",
        "is inconsistent, metaclass differs",
    ),
    "a message's constructor is written in C and takes anything, to refuse it when called": (
        r".*\.__init__",
        r'is inconsistent, stub does not have \*args parameter "args"',
    ),
    "a descriptor written in C is no subclass of the Python one, but passes isinstance()": (
        r".*\.(DESCRIPTOR|[a-z_]+)",
        r"variable differs from runtime type google\._upb\._message\.(File|Field)?Descriptor",
    ),
    "the value of an enum is an int, of which the stub makes a type of its own": (
        r".*\.\w+",
        r"variable differs from runtime type Literal\[\d+\]",
    ),
    "an enum is an object at run time, of which the stub makes a class": (
        r".*_pb2\..+",
        "is not a type",
    ),
    "a stub takes either kind of channel, which the stub tells apart in __new__": (
        r".*_pb2_grpc\.\w+Stub\.__init__",
        'is inconsistent, stub does not have parameter "channel"',
    ),
    "a stub has the class of its channel; a subclass may take other arguments": (
        r".*_pb2_grpc\.\w+Stub\.__new__",
        "is inconsistent, (runtime parameter .* has a default value but stub parameter does not"
        r'|stub does not have \*args parameter "_")',
    ),
    "grpc's experimental calls without a channel, which we neither export nor support": (
        r".*_pb2_grpc\.\w+(Controller|Service)",
        "is not present in stub",
    ),
}
if sys.version_info >= (3, 13):
    # Otherwise methods written in C do not reveal which of their parameters are positional-only.
    TOLERATED["protobuf's methods take by position what the stub also takes by name"] = (
        r".*\.(ClearField|HasField|WhichOneof)",
        r"is inconsistent, stub parameter \"\w+\" should be positional-only .*",
    )


class Diagnostic(NamedTuple):
    """An error that a checker reports, or that a comment expects."""

    line: int
    code: str


Diagnostics = Mapping[str, list[Diagnostic]]
"""Return the errors that a checker reports, by file name."""


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a project that contains only the samples and requires strict checking."""
    project = tmp_path_factory.mktemp("samples")
    for sample in (POSITIVE, NEGATIVE):
        shutil.copyfile(sample, project / sample.name)
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}\n')
    return project


@pytest.fixture(scope="session")
def mypy(samples: Path) -> Diagnostics:
    arguments = ["--strict", "--config-file=", "--no-incremental", "--output=json"]
    finished = run("mypy", *arguments, POSITIVE.name, NEGATIVE.name, cwd=samples)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    found: dict[str, list[Diagnostic]] = {}
    for report in map(json.loads, finished.stdout.splitlines()):
        if report["severity"] == "error":
            error = Diagnostic(report["line"], report["code"])
            found.setdefault(Path(report["file"]).name, []).append(error)
    return found


@pytest.fixture(scope="session")
def pyright(samples: Path) -> Diagnostics:
    finished = run("pyright", "--pythonpath", sys.executable, "--outputjson", cwd=samples)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    report = json.loads(finished.stdout)
    assert report["summary"]["filesAnalyzed"] == 2, report["summary"]
    found: dict[str, list[Diagnostic]] = {}
    for diagnostic in report["generalDiagnostics"]:
        line = diagnostic["range"]["start"]["line"] + 1
        error = Diagnostic(line, diagnostic.get("rule", diagnostic["message"]))
        found.setdefault(Path(diagnostic["file"]).name, []).append(error)
    return found


def run(tool: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool from the environment of the tests."""
    bin_folder = Path(sys.executable).parent
    # `pyright --verifytypes` looks for packages in the first Python on PATH.
    path = os.pathsep.join([str(bin_folder), os.environ.get("PATH", os.defpath)])
    return subprocess.run(
        [str(bin_folder / tool), *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_code_that_uses_the_package_as_services_do_gives_no_error(
    checker: str, request: pytest.FixtureRequest
) -> None:
    diagnostics: Diagnostics = request.getfixturevalue(checker)

    assert diagnostics.get(POSITIVE.name, []) == []


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_every_mistake_gives_the_errors_that_its_comment_names_and_no_others(
    checker: str, request: pytest.FixtureRequest
) -> None:
    diagnostics: Diagnostics = request.getfixturevalue(checker)
    found, expected = set(diagnostics.get(NEGATIVE.name, [])), set(expectations(checker))

    assert sorted(expected - found) == [], f"{checker} misses these errors"
    assert sorted(found - expected) == [], f"{checker} reports these errors on top"


def expectations(checker: str) -> Iterator[Diagnostic]:
    """Return the errors that the comments of the negative sample expect of a checker."""
    for number, line in enumerate(NEGATIVE.read_text().splitlines(), start=1):
        _, marker, comment = line.partition("  # E: ")
        if marker:
            codes = re.search(rf"\b{checker}\[([\w\-, ]+)\]", comment)
            assert codes, f"line {number} of {NEGATIVE.name} expects nothing of {checker}"
            yield from (Diagnostic(number, code) for code in codes[1].split(", "))


def functions_without_arguments(sample: Path) -> list[str]:
    return [
        node.name
        for node in ast.parse(sample.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.args.args
    ]


@pytest.mark.parametrize("function", functions_without_arguments(POSITIVE))
def test_what_the_checkers_accept_also_runs(function: str) -> None:
    result = runpy.run_path(str(POSITIVE))[function]()

    if inspect.iscoroutine(result):
        asyncio.run(result)


def test_the_type_of_everything_public_is_known(tmp_path: Path) -> None:
    arguments = ["--verifytypes", "stigmer_apis", "--ignoreexternal", "--outputjson"]

    report = json.loads(run("pyright", *arguments, cwd=tmp_path).stdout)

    completeness = report["typeCompleteness"]
    # Missing docstrings are also reported, but do not count.
    incomplete = {
        symbol["name"]: [diagnostic["message"] for diagnostic in symbol["diagnostics"]]
        for symbol in completeness["symbols"]
        if symbol["isExported"] and not symbol["isTypeKnown"]
    }
    assert incomplete == {}
    assert report["generalDiagnostics"] == []
    assert completeness["completenessScore"] == 1
    verified = {module["name"] for module in completeness["modules"]}
    assert {module_name(stub) for stub in PACKAGE.rglob("*.pyi")} <= verified


def test_the_stubs_promise_nothing_that_is_missing_at_run_time(tmp_path: Path) -> None:
    folders = {stub.relative_to(PACKAGE).parts[0] for stub in PACKAGE.rglob("*.pyi")}
    packages = [f"{PACKAGE.name}.{folder}" for folder in sorted(folders)]

    finished = run("stubtest", "--concise", *packages, cwd=tmp_path)

    used: Counter[str] = Counter()
    lies: list[str] = []
    for line in sorted({*finished.stdout.splitlines(), *finished.stderr.splitlines()}):
        name, _, complaint = line.partition(" ")
        reason = why_tolerated(name, complaint)
        if reason:
            used[reason] += 1
        else:
            lies.append(line)
    assert lies == []
    assert sorted(TOLERATED.keys() - used.keys()) == [], "no longer needed; remove it"


def why_tolerated(name: str, complaint: str) -> str | None:
    for reason, (name_pattern, complaint_pattern) in TOLERATED.items():
        if re.fullmatch(name_pattern, name) and re.fullmatch(complaint_pattern, complaint):
            return reason
    if complaint == "is not present at runtime" and is_field(name):
        return "fields are attributes of a message, and not of its class"
    return None


def is_field(name: str) -> bool:
    """Whether the full name of an attribute is that of a field of a message class."""
    owner, _, attribute = name.rpartition(".")
    descriptor: Any = getattr(pkgutil.resolve_name(owner), "DESCRIPTOR", None)
    return attribute in getattr(descriptor, "fields_by_name", {})


# stubtest skips attributes that a stub only annotates: all scalar fields, and all RPCs of a stub.
# The image gives their expected types.


class MessageStub(NamedTuple):
    """The declaration of a message in a type stub."""

    attributes: set[str]
    keywords: set[str]
    with_presence: set[str]
    clearable: set[str]


def test_the_stubs_have_the_fields_of_every_message(contract: FileDescriptorSet) -> None:
    promised = dict(message_stubs())

    assert promised == {
        (module, message_path): MessageStub(
            # No stub can declare an attribute or a parameter whose name is a keyword.
            attributes={field.name for field in message.field if not iskeyword(field.name)},
            keywords={field.name for field in message.field if not iskeyword(field.name)},
            with_presence={field.name for field in message.field if has_presence(field)}
            | oneofs(message),
            clearable={field.name for field in message.field} | oneofs(message),
        )
        for module, message_path, message in messages(contract)
    }


def test_the_stubs_have_the_rpcs_of_every_service(contract: FileDescriptorSet) -> None:
    promised = dict(service_stubs())

    assert promised == {
        (module, f"{service.name}{kind}"): rpcs(service, library)
        for module, service in services(contract)
        for kind, library in (("Stub", "_grpc"), ("AsyncStub", "_aio"))
    }


def messages(image: FileDescriptorSet) -> Iterator[tuple[str, str, DescriptorProto]]:
    """Return the messages of the contract by module and path, including nested ones and map
    entries.
    """

    def walk(path: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        yield path, message
        for nested in message.nested_type:
            yield from walk(f"{path}.{nested.name}", nested)

    for file in image.file:
        if file.package.startswith(PROTO_ROOT):
            for message in file.message_type:
                for path, found in walk(message.name, message):
                    yield module_of(file.name, "_pb2"), path, found


def services(image: FileDescriptorSet) -> Iterator[tuple[str, ServiceDescriptorProto]]:
    for file in image.file:
        for service in file.service:
            yield module_of(file.name, "_pb2_grpc"), service


def rpcs(service: ServiceDescriptorProto, library: str) -> dict[str, str]:
    """Return the RPCs of a service as a type stub annotates them, without the message modules."""
    return {
        method.name: "{}.Unary{}MultiCallable[{}, {}]".format(
            library,
            "Stream" if method.server_streaming else "Unary",
            method.input_type.rpartition(".")[2],
            method.output_type.rpartition(".")[2],
        )
        for method in service.method
    }


def module_of(proto_file: str, suffix: str) -> str:
    path = proto_file.removeprefix("ai/stigmer/").removesuffix(".proto")
    return f"stigmer_apis.{path.replace('/', '.')}{suffix}"


def module_name(stub: Path) -> str:
    path = stub.relative_to(PACKAGE.parent).with_suffix("")
    return ".".join(path.parts).removesuffix(".__init__")


def has_presence(field: FieldDescriptorProto) -> bool:
    singular = field.label != FieldDescriptorProto.LABEL_REPEATED
    is_message = field.type == FieldDescriptorProto.TYPE_MESSAGE
    return singular and (is_message or field.HasField("oneof_index"))


def oneofs(message: DescriptorProto) -> set[str]:
    """Return the names of oneofs, which HasField and ClearField also accept."""
    return {oneof.name for oneof in message.oneof_decl}


def message_stubs() -> Iterator[tuple[tuple[str, str], MessageStub]]:
    base = "_message.Message"

    def walk(prefix: str, body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.ClassDef]]:
        for node in body:
            if isinstance(node, ast.ClassDef) and base in map(ast.unparse, node.bases):
                yield f"{prefix}{node.name}", node
                yield from walk(f"{prefix}{node.name}.", node.body)

    for stub in PACKAGE.rglob("*_pb2.pyi"):
        for path, node in walk("", ast.parse(stub.read_text()).body):
            yield (module_name(stub), path), read_message_stub(node)


def read_message_stub(node: ast.ClassDef) -> MessageStub:
    annotated = {
        ast.unparse(item.target): item for item in node.body if isinstance(item, ast.AnnAssign)
    }
    defined = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    fields = {name for name in annotated if not re.fullmatch(r"DESCRIPTOR|[A-Z].*|_.*", name)}
    properties = {name for name, item in defined.items() if item.decorator_list}
    return MessageStub(
        attributes=fields | properties,
        keywords={argument.arg for argument in defined["__init__"].args.kwonlyargs},
        with_presence=names_in(annotated["_HasFieldArgType"]),
        clearable=names_in(annotated["_ClearFieldArgType"]),
    )


def names_in(alias: ast.stmt) -> set[str]:
    return {
        node.value
        for node in ast.walk(alias)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def service_stubs() -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    for stub in PACKAGE.rglob("*_pb2_grpc.pyi"):
        for node in ast.parse(stub.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Stub"):
                yield (
                    (module_name(stub), node.name),
                    {
                        ast.unparse(item.target): re.sub(
                            r"_\w+_pb2(_\d+)?\.", "", ast.unparse(item.annotation)
                        )
                        for item in node.body
                        if isinstance(item, ast.AnnAssign)
                    },
                )
