"""The contract as shipped in the package: the .proto files and the descriptor image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from stigmer_apis import schema
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowExecutionStatus
from stigmer_apis.commons.apiresource import computed

THEIRS = """\
syntax = "proto3";

package theirs.v1;

import "ai/stigmer/agentic/workflowexecution/v1/api.proto";
import "ai/stigmer/agentic/workflowexecution/v1/enum.proto";

message Report {
  ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution execution = 1;
  ai.stigmer.agentic.workflowexecution.v1.ExecutionPhase phase = 2;
}
"""


def is_ours(file: str) -> bool:
    return file.startswith("ai/stigmer/")


def messages_of(image: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    """Yield every message by full name, including nested ones."""

    def within(scope: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        name = f"{scope}.{message.name}"
        yield name, message
        for nested in message.nested_type:
            yield from within(name, nested)

    for file in image.file:
        for message in file.message_type:
            yield from within(file.package, message)


def fields_of(image: FileDescriptorSet) -> dict[str, FieldDescriptorProto]:
    """Yield every field by full name."""
    return {
        f"{name}.{field.name}": field
        for name, message in messages_of(image)
        for field in message.field
    }


def pool_of(image: FileDescriptorSet) -> DescriptorPool:
    """Return a fresh pool with the files of an image, added in order."""
    pool = DescriptorPool()
    for file in image.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def test_the_proto_root_holds_every_file_of_ours_and_no_other(contract: FileDescriptorSet) -> None:
    root = schema.proto_root()
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert found == {file.name for file in contract.file if is_ours(file.name)}
    assert "ai/stigmer/agentic/workflowexecution/v1/api.proto" in found


def test_the_shipped_proto_files_are_those_that_the_image_was_made_from(
    contract: FileDescriptorSet,
) -> None:
    for file in contract.file:
        if is_ours(file.name):
            source = (schema.proto_root() / file.name).read_text(encoding="utf-8")
            assert f"\npackage {file.package};\n" in source, file.name
            for message in file.message_type:
                assert f"\nmessage {message.name} {{" in source, file.name


def test_a_wheel_has_its_proto_files_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib" / "site-packages" / "stigmer_apis"
    (package / "proto" / "ai" / "stigmer").mkdir(parents=True)
    # A folder with that name next to a virtual environment is not ours.
    (tmp_path / "lib" / "apis" / "ai" / "stigmer").mkdir(parents=True)
    monkeypatch.setattr("stigmer_apis.schema._PACKAGE", package)
    assert schema.proto_root() == package / "proto"


def test_a_source_checkout_has_its_proto_files_in_apis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apis" / "ai" / "stigmer").mkdir(parents=True)
    monkeypatch.setattr("stigmer_apis.schema._PACKAGE", tmp_path / "python" / "stigmer_apis")
    assert schema.proto_root() == tmp_path / "apis"


@pytest.mark.parametrize(
    ("path_of", "what"),
    [(schema.proto_root, ".proto files"), (schema.image_path, "schema.binpb")],
)
def test_missing_files_are_reported_in_one_sentence(
    path_of: Callable[[], Path], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stigmer_apis.schema._PACKAGE", tmp_path)
    with pytest.raises(FileNotFoundError) as raised:
        path_of()
    assert str(raised.value) == (
        f"{tmp_path} has no {what}; install stigmer-apis from a wheel or a source checkout, or "
        "have the tool that froze it collect the data files of stigmer_apis"
    )


def test_an_archive_without_the_image_says_so(root: Path, tmp_path: Path) -> None:
    ours = shutil.copytree(root / "python", tmp_path / "python")
    (ours / "stigmer_apis" / "schema.binpb").unlink()
    archive = shutil.make_archive(str(tmp_path / "ours"), "zip", ours, "stigmer_apis")
    code = "from stigmer_apis import schema; schema.file_descriptor_set()"

    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": archive},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert finished.stderr.splitlines()[-1] == (
        f"FileNotFoundError: {archive}/stigmer_apis has no schema.binpb; install stigmer-apis from "
        "a wheel or a source checkout, or have the tool that froze it collect the data files of "
        "stigmer_apis"
    )


IN_AN_ARCHIVE = """
import importlib, pkgutil
import stigmer_apis
from stigmer_apis import schema
assert stigmer_apis.__file__.startswith({archive!r})
modules = [m.name for m in pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis.")]
for name in modules:
    importlib.import_module(name)
assert len(modules) > 100, modules
assert len(schema.file_descriptor_set().file) == {files}
for path_of in (schema.proto_root, schema.image_path):
    try:
        path_of()
    except FileNotFoundError as error:
        print(error)
"""


def test_an_archive_gives_every_module_and_the_image_but_no_path(
    root: Path, tmp_path: Path, contract: FileDescriptorSet
) -> None:
    archive = shutil.make_archive(str(tmp_path / "ours"), "zip", root / "python", "stigmer_apis")

    finished = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            IN_AN_ARCHIVE.format(archive=archive, files=len(contract.file)),
        ],
        env={**os.environ, "PYTHONPATH": archive},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == 2 * [
        f"stigmer_apis is in an archive ({archive}), where files have no path; unpack the archive, "
        "or use file_descriptor_set(), which needs no path"
    ]


def test_the_image_is_a_file_that_parses_to_the_file_descriptor_set() -> None:
    image = FileDescriptorSet.FromString(schema.image_path().read_bytes())
    assert image.file
    assert image == schema.file_descriptor_set()


def test_every_call_parses_the_image_anew() -> None:
    first = schema.file_descriptor_set()
    del first.file[:]
    assert schema.file_descriptor_set().file


def test_the_image_has_our_files_and_well_known_types_only(contract: FileDescriptorSet) -> None:
    theirs = {file.name for file in contract.file if not is_ours(file.name)}
    assert "google/protobuf/struct.proto" in theirs
    assert not {name for name in theirs if not name.startswith("google/protobuf/")}


def test_a_file_of_ours_imports_every_well_known_type_of_the_image(
    contract: FileDescriptorSet,
) -> None:
    theirs = {file.name for file in contract.file if not is_ours(file.name)}
    imported = {name for file in contract.file for name in file.dependency}
    assert theirs == {name for name in imported if not is_ours(name)}


def test_no_file_of_the_image_stands_in_it_twice(contract: FileDescriptorSet) -> None:
    names = [file.name for file in contract.file]
    assert len(names) == len(set(names))


def test_every_file_of_the_image_comes_after_what_it_imports(contract: FileDescriptorSet) -> None:
    before: set[str] = set()
    for file in contract.file:
        assert set(file.dependency) <= before, file.name
        before.add(file.name)


def test_no_file_of_the_image_carries_comments(contract: FileDescriptorSet) -> None:
    assert not [file.name for file in contract.file if file.HasField("source_code_info")]


def test_no_file_of_the_image_imports_the_validation_rules(contract: FileDescriptorSet) -> None:
    imported = {name for file in contract.file for name in file.dependency}
    assert not {name for name in imported if not name.startswith(("ai/stigmer/", "google/"))}


@pytest.mark.parametrize(
    ("field", "options"),
    [
        # ba48 is the tag of extension 1159, buf.validate.field; its length follows, and FieldRules.
        # Number 25, `required`: true.
        ("workflowexecution.v1.WorkflowExecutionId.value", "ba48 03 c80101"),
        # Number 16, `enum`, with number 2, `defined_only`: true.
        ("workflowexecution.v1.WorkflowExecutionStatus.phase", "ba48 05 8201021001"),
        # Number 14, `string`, with number 2, `min_len`: 1.
        ("agentexecution.v1.AgentExecutionSpec.message", "ba48 04 72021001"),
    ],
)
def test_the_rules_of_a_field_are_in_the_image_as_option_bytes(
    field: str, options: str, contract: FileDescriptorSet
) -> None:
    found = fields_of(contract)[f"ai.stigmer.agentic.{field}"].options.SerializeToString()
    assert found == bytes.fromhex(options)


def test_metadata_is_required_and_restricted_by_the_option_bytes(
    contract: FileDescriptorSet,
) -> None:
    metadata = fields_of(contract)[
        "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution.metadata"
    ]
    options = metadata.options.SerializeToString()
    assert options.startswith(bytes.fromhex("ba48"))
    assert bytes.fromhex("c80101") in options
    assert b"workflow_execution.owner_scope.org_or_identity_only" in options


def test_both_callback_tokens_are_redacted_and_computed(contract: FileDescriptorSet) -> None:
    tokens = {
        name: field for name, field in fields_of(contract).items() if field.name == "callback_token"
    }
    assert set(tokens) == {
        "ai.stigmer.agentic.agentexecution.v1.AgentExecutionStatus.callback_token",
        "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus.callback_token",
    }
    for name, field in tokens.items():
        assert field.options.debug_redact, name
        assert field.options.Extensions[computed], name


def test_a_fresh_pool_built_from_the_image_yields_every_message(
    contract: FileDescriptorSet,
) -> None:
    pool = pool_of(contract)
    for name, message in messages_of(contract):
        descriptor = pool.FindMessageTypeByName(name)
        assert len(descriptor.fields) == len(message.field), name
        if not message.options.map_entry:
            # Partial, because descriptor.proto has a message with required fields.
            assert GetMessageClass(descriptor)().SerializePartialToString() == b"", name


def test_a_message_from_a_fresh_pool_speaks_the_bytes_of_the_package(
    contract: FileDescriptorSet,
) -> None:
    pool = pool_of(contract)
    dynamic = GetMessageClass(pool.FindMessageTypeByName(WorkflowExecution.DESCRIPTOR.full_name))
    sent = WorkflowExecution(
        kind="WorkflowExecution", status=WorkflowExecutionStatus(callback_token=bytes(range(256)))
    ).SerializeToString(deterministic=True)
    received: Any = dynamic.FromString(sent)
    assert received.kind == "WorkflowExecution"
    assert received.status.callback_token == bytes(range(256))
    assert received.SerializeToString(deterministic=True) == sent


@pytest.mark.toolchain
def test_a_proto_file_of_others_that_imports_ours_compiles_against_the_image(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs.proto").write_text(THEIRS)
    compiled = tmp_path / "theirs.binpb"
    protoc = [root / ".venv-codegen" / "bin" / "python", "-m", "grpc_tools.protoc"]
    finished = subprocess.run(
        [
            *protoc,
            f"--descriptor_set_in={schema.image_path()}",
            f"-I{tmp_path}",
            f"--python_out={tmp_path}",
            f"--descriptor_set_out={compiled}",
            "theirs.proto",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (tmp_path / "theirs_pb2.py").exists()
    pool = pool_of(schema.file_descriptor_set())
    for file in FileDescriptorSet.FromString(compiled.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    report = pool.FindMessageTypeByName("theirs.v1.Report")
    execution = pool.FindMessageTypeByName(WorkflowExecution.DESCRIPTOR.full_name)
    assert report.fields_by_name["execution"].message_type is execution
