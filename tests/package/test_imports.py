"""What importing the package loads, in fresh interpreters, with and without grpc.

Each test runs in its own interpreter, with warnings as errors, because loaded modules are visible
only if nothing else has loaded them before.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from stigmer_apis import schema
from tests.each import for_each

V1 = "stigmer_apis.agentic.workflowexecution.v1"
STUB = "WorkflowExecutionCommandControllerStub"
ASYNC_STUB = "WorkflowExecutionCommandControllerAsyncStub"
SERVICER = "WorkflowExecutionCommandControllerServicer"

SENTENCE = 'gRPC stubs and servicers need grpcio: pip install "stigmer-apis[grpc]"'

# Hides grpc from the import system as if it were not installed: `import grpc` fails with the same
# error, and `find_spec("grpc")` returns None.
WITHOUT_GRPC = """
import sys
from importlib.machinery import PathFinder

class WithoutGrpc(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] == "grpc":
            return None
        return super().find_spec(fullname, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutGrpc
"""

# Forks instead of starting an interpreter for each module, which takes several times as long. The
# parent has loaded only modules that all of ours need, and none of ours.
FIRST_IMPORTS = """
import json, os, sys
import google.protobuf.internal.builder

for module in sys.argv[1:]:
    statement = "from {} import {}".format(*module.rsplit(".", 1))
    if os.fork() == 0:
        exec(statement)
        print(json.dumps({"module": module, "loaded": list(sys.modules)}), flush=True)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit(f"failed as the first import of an interpreter: {statement}")
"""


def run(
    code: str, arguments: Sequence[str] = (), *, python_path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, with warnings as errors."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    return subprocess.run(
        # -P: do not import from the current folder.
        [sys.executable, "-P", "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )


def output_of(code: str, arguments: Sequence[str] = ()) -> Any:
    """Return the JSON that the code prints."""
    finished = run(code, arguments)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def loaded_by(statement: str) -> set[str]:
    """Return the names of all modules that are loaded after the statement."""
    return set(output_of(f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"))


def error_of(statement: str, *, prelude: str = "", python_path: Path | None = None) -> list[str]:
    """Return the type, text and `name` of the error that the statement raises."""
    code = f"{prelude}\nimport json\ntry:\n{textwrap.indent(statement, '    ')}\n"
    code += "except Exception as error:\n"
    code += "    print(json.dumps([type(error).__name__, str(error), error.name]))\n"
    finished = run(code, python_path=python_path)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout, f"raises nothing: {statement}"
    return json.loads(finished.stdout)


def names_after_a_star(prelude: str = "") -> set[str]:
    """Return the names that `from package import *` imports."""
    code = f"""
    namespace = {{}}
    exec("from {V1} import *", namespace)
    del namespace["__builtins__"]
    import json
    print(json.dumps(list(namespace)))
    """
    return set(output_of(prelude + textwrap.dedent(code)))


def generated() -> dict[str, str]:
    """Return every generated module by name, with its .proto file."""
    modules: dict[str, str] = {}
    for file in schema.file_descriptor_set().file:
        if file.name.startswith("ai/stigmer/"):
            modules[module_of(file.name)] = file.name
            if file.service:
                modules[module_of(file.name) + "_grpc"] = file.name
    return modules


def module_of(file: str) -> str:
    below = file.removeprefix("ai/stigmer/").removesuffix(".proto")
    return f"stigmer_apis.{below.replace('/', '.')}_pb2"


def allowed_in(module: str) -> set[str]:
    """Return our modules that loading this one may load: those that its .proto file imports."""
    dependencies = {f.name: list(f.dependency) for f in schema.file_descriptor_set().file}
    files = {GENERATED[module]}
    while fresh := {name for file in files for name in dependencies[file]} - files:
        files |= fresh
    modules = {module_of(file) for file in files if file.startswith("ai/stigmer/")} | {module}
    packages = {
        parent.as_posix().replace("/", ".")
        for name in modules
        for parent in list(PurePosixPath(name.replace(".", "/")).parents)[:-1]
    }
    helpers = {"stigmer_apis._lazy", "stigmer_apis._pool", "stigmer_apis._printing"}
    if module.endswith("_grpc"):
        helpers.add("stigmer_apis._grpc")
    return modules | packages | helpers


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "stigmer_apis"}


def strangers(modules: set[str]) -> set[str]:
    """Return the modules that no message may load: grpc, the validator, and its rules."""
    return {name for name in modules if name.partition(".")[0] in ("grpc", "protovalidate", "buf")}


def shuffled(seed: int) -> list[str]:
    modules = list(GENERATED)
    random.Random(seed).shuffle(modules)
    return modules


GENERATED = generated()


@pytest.fixture(scope="module")
def first_imports() -> dict[str, set[str]]:
    """Return all modules that are loaded after each generated module is imported first."""
    finished = run(FIRST_IMPORTS, list(GENERATED))
    assert finished.returncode == 0, finished.stderr
    lines = [json.loads(line) for line in finished.stdout.splitlines()]
    return {line["module"]: set(line["loaded"]) for line in lines}


def test_importing_every_module_gives_no_warning() -> None:
    code = """
    import importlib, json, pkgutil, stigmer_apis
    found = [m.name for m in pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis.")]
    for name in found:
        importlib.import_module(name)
    print(json.dumps(found))
    """
    imported = set(output_of(textwrap.dedent(code)))
    assert set(GENERATED) <= imported
    assert {"stigmer_apis.schema", "stigmer_apis._grpc"} <= imported


def test_the_top_of_the_package_loads_nothing_else() -> None:
    loaded = loaded_by("import stigmer_apis")
    assert ours(loaded) == {"stigmer_apis"}
    assert not {name for name in loaded if name.startswith("google.protobuf")}


def test_a_package_loads_no_module_before_a_name_is_asked_for() -> None:
    loaded = loaded_by(f"import {V1}")
    assert not {name for name in loaded if name.endswith(("_pb2", "_pb2_grpc"))}


def test_a_message_loads_neither_grpc_nor_the_validator_nor_a_buf_module() -> None:
    loaded = loaded_by(f"from {V1} import WorkflowExecution")
    assert f"{V1}.api_pb2" in loaded
    assert not strangers(loaded)


def test_a_message_loads_no_module_of_an_unrelated_proto_package() -> None:
    loaded = ours(loaded_by(f"from {V1} import WorkflowExecution"))
    assert not {name for name in loaded if "agentexecution" in name or "workflowrunner" in name}
    assert loaded == allowed_in(f"{V1}.api_pb2")


@for_each({module: module for module in GENERATED})
def test_a_module_imported_first_loads_what_its_file_imports_and_no_more(
    module: str, first_imports: dict[str, set[str]]
) -> None:
    loaded = first_imports[module]
    assert module in loaded
    assert ours(loaded) <= allowed_in(module)
    if not module.endswith("_grpc"):
        assert not strangers(loaded)


@pytest.mark.parametrize(
    "order",
    [list(GENERATED), list(reversed(GENERATED)), shuffled(1), shuffled(2), shuffled(3)],
    ids=["in order", "reversed", "shuffled 1", "shuffled 2", "shuffled 3"],
)
def test_modules_can_be_imported_in_any_order(order: list[str]) -> None:
    statements = ["from {} import {}".format(*module.rsplit(".", 1)) for module in order]
    loaded = loaded_by("\n".join(statements))
    assert set(order) <= loaded


def test_a_star_yields_all_names_of_the_package() -> None:
    code = f"import json, {V1} as package\nprint(json.dumps(package.__all__))"
    public = set(output_of(code))
    assert names_after_a_star() == public
    assert {"WorkflowExecution", "ExecutionPhase", STUB, SERVICER} <= public


def test_grpc_can_be_hidden_as_if_it_were_not_installed() -> None:
    assert error_of("import grpc", prelude=WITHOUT_GRPC) == [
        "ModuleNotFoundError",
        "No module named 'grpc'",
        "grpc",
    ]


def test_every_message_module_imports_without_grpc() -> None:
    messages = [module for module in GENERATED if not module.endswith("_grpc")]
    imports = "\n".join(f"import {module}" for module in messages)
    finished = run(WITHOUT_GRPC + imports)
    assert finished.returncode == 0, finished.stderr


def test_a_star_without_grpc_yields_the_messages_and_leaves_out_the_stubs() -> None:
    names = names_after_a_star(prelude=WITHOUT_GRPC)
    assert {"WorkflowExecution", "WorkflowExecutionUpdateStatusInput", "ExecutionPhase"} <= names
    with_grpc = {STUB, ASYNC_STUB, SERVICER, f"add_{SERVICER}_to_server"}
    with_grpc |= {name.replace("Command", "Query") for name in with_grpc}
    assert names == names_after_a_star() - with_grpc


def test_whatever_lists_a_package_can_read_all_of_it_without_grpc() -> None:
    code = f"""
    import inspect, json, {V1} as package
    print(json.dumps([name for name, _ in inspect.getmembers(package)]))
    """
    members = output_of(WITHOUT_GRPC + textwrap.dedent(code))
    assert "WorkflowExecution" in members
    assert STUB not in members


@pytest.mark.parametrize(
    "statement",
    [
        f"from {V1} import {STUB}",
        f"from {V1} import {SERVICER}",
        f"from {V1} import add_{SERVICER}_to_server",
        f"from {V1} import command_pb2_grpc",
        f"import {V1}.command_pb2_grpc",
        f"from {V1}.command_pb2_grpc import {STUB}",
        f"from {V1} import {ASYNC_STUB}",
        f"from {V1} import WorkflowExecution, {STUB}",
    ],
)
def test_a_stub_without_grpc_fails_with_the_sentence_that_names_the_extra(statement: str) -> None:
    assert error_of(statement, prelude=WITHOUT_GRPC) == ["ModuleNotFoundError", SENTENCE, "grpc"]


def test_every_grpc_module_fails_with_that_sentence_without_grpc() -> None:
    code = """
    import importlib, json, sys
    errors = {}
    for module in sys.argv[1:]:
        try:
            importlib.import_module(module)
        except Exception as error:
            errors[module] = [type(error).__name__, str(error), error.name]
    print(json.dumps(errors))
    """
    modules = [module for module in GENERATED if module.endswith("_grpc")]
    errors = output_of(WITHOUT_GRPC + textwrap.dedent(code), modules)
    assert errors == {module: ["ModuleNotFoundError", SENTENCE, "grpc"] for module in modules}
    assert errors


def test_the_sentence_stands_alone_at_the_end_of_the_traceback() -> None:
    finished = run(f"{WITHOUT_GRPC}\nfrom {V1} import {STUB}")
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == f"ModuleNotFoundError: {SENTENCE}"
    # A second traceback would distract from the cause that the error already states.
    assert finished.stderr.count("Traceback") == 1


def test_a_stub_that_failed_fails_again_and_leaves_the_messages_alone() -> None:
    code = f"""
    import json, {V1} as package
    errors = []
    for _ in range(2):
        try:
            package.{STUB}
        except AttributeError as error:
            errors.append(str(error))
    print(json.dumps([*errors, package.WorkflowExecution.DESCRIPTOR.name]))
    """
    printed = output_of(WITHOUT_GRPC + textwrap.dedent(code))
    assert printed == [SENTENCE, SENTENCE, "WorkflowExecution"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "import part_of_grpc",
            ["ModuleNotFoundError", "No module named 'part_of_grpc'", "part_of_grpc"],
        ),
        (
            "import a_part_of_it",
            ["ModuleNotFoundError", "No module named 'a_part_of_it'", "a_part_of_it"],
        ),
        (
            "import grpc.part",
            ["ModuleNotFoundError", "No module named 'grpc.part'", "grpc.part"],
        ),
        ("raise ImportError('wrong ABI', name='cygrpc')", ["ImportError", "wrong ABI", "cygrpc"]),
    ],
)
@pytest.mark.parametrize("statement", [f"from {V1} import {STUB}", f"import {V1}.query_pb2_grpc"])
def test_an_error_from_within_a_broken_grpc_is_passed_on_unchanged(
    source: str, error: list[str], statement: str, tmp_path: Path
) -> None:
    (tmp_path / "grpc").mkdir()
    (tmp_path / "grpc" / "__init__.py").write_text(source)
    assert error_of(statement, python_path=tmp_path) == error


def test_an_unknown_name_is_an_attribute_error_and_loads_nothing() -> None:
    code = f"""
    import json, sys, {V1} as package
    try:
        package.WorkflowExecutoin
    except AttributeError as error:
        modules = [name for name in sys.modules if name.endswith("_pb2")]
        print(json.dumps([str(error), modules]))
    """
    assert output_of(textwrap.dedent(code)) == [
        f"module '{V1}' has no attribute 'WorkflowExecutoin'",
        [],
    ]


def test_an_unknown_name_cannot_be_imported() -> None:
    kind, text, _ = error_of(f"from {V1} import WorkflowExecutoin")
    assert kind == "ImportError"
    assert f"cannot import name 'WorkflowExecutoin' from '{V1}'" in text


def test_an_unknown_module_cannot_be_imported() -> None:
    assert error_of(f"import {V1}.nothing_pb2") == [
        "ModuleNotFoundError",
        f"No module named '{V1}.nothing_pb2'",
        f"{V1}.nothing_pb2",
    ]
