"""The rules on files and on names in Python, on small schemas and on files made by hand."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from schema_rules.check import findings
from schema_rules.finding import Finding
from schema_rules.python_rules import python_name
from schema_rules.schema import Schema
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks

SCHEMAS = {
    "names_that_are_keywords": """\
message None { // PYTHON_NAME: `None` is reserved
  message True {} // PYTHON_NAME: Message "True"
  enum False { // PYTHON_NAME: Enum "False"
    lambda = 0; // PYTHON_NAME: EnumValue "lambda"
  }
  string from = 1;
  string class = 2;
}
service LoopQueryController {
  option (commons.apiresource.api_resource_kind) = session;
  rpc is(None) returns (None) { // PYTHON_NAME: Rpc "is"
    option (iam.iampolicy.v1.rpcauthorization.is_skip_authorization) = true;
  }
}
""",
    "options_that_are_keywords": """\
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions {
  bool import = 95401; // PYTHON_NAME: `import` is reserved
}
message Holder {
  extend google.protobuf.FieldOptions {
    bool yield = 95402; // PYTHON_NAME: Field "yield"
  }
}
""",
    "names_that_are_like_keywords": """\
message Match {
  string none = 1;
  string type = 2;
  string self = 3;
}
enum Case {
  CASE_UNSPECIFIED = 0;
  match = 1;
}
""",
    "what_a_service_is_made_into": """\
message PartQueryControllerStub {}
message SizeQueryControllerAsyncStub {}
message TintQueryControllerServicer {}
message TintQueryControllerStubs {}
service PartQueryController { // PYTHON_NAME: Python name `PartQueryControllerStub`
  option (commons.apiresource.api_resource_kind) = session;
}
service SizeQueryController { // PYTHON_NAME: `SizeQueryControllerAsyncStub`
  option (commons.apiresource.api_resource_kind) = session;
}
service TintQueryController { // PYTHON_NAME: `TintQueryControllerServicer`
  option (commons.apiresource.api_resource_kind) = session;
}
""",
    "what_generated_code_calls_its_own": """\
enum Kind {
  DESCRIPTOR = 0; // PYTHON_NAME: the name of the descriptor
}
""",
    "a_name_of_a_module": """\
message small_pb2 {} // PYTHON_NAME: small_pb2
""",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))


def _text(name: str) -> FieldDescriptorProto:
    return FieldDescriptorProto(
        name=name,
        number=1,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_STRING,
    )


def _found_in(package: str, path: str = "", **parts: object) -> list[tuple[str, str]]:
    """The IDs and messages of what is found in a file with one secret and no comment."""
    message = DescriptorProto(name="Login", field=[_text("password")])
    name = path or f"{package.replace('.', '/')}/x.proto"
    settings = {"syntax": "proto3", **parts}
    file = FileDescriptorProto(name=name, package=package, message_type=[message])
    for part, value in settings.items():
        setattr(file, part, value)
    return [(f.rule, f.message) for f in findings(FileDescriptorSet(file=[file]))]


def _rules_in(package: str, path: str = "", **parts: object) -> set[str]:
    return {rule for rule, _ in _found_in(package, path, **parts)}


@pytest.mark.parametrize(
    "segment",
    ["class", "None", "temporal", "redaction", "schema", "alias", "proto", "testing", "_lazy"],
)
def test_a_package_takes_no_name_that_python_or_the_package_has(segment: str) -> None:
    assert "PYTHON_NAME" in _rules_in(f"ai.stigmer.{segment}.v1")


def test_further_down_the_names_of_our_modules_are_free() -> None:
    assert _rules_in("ai.stigmer.agentic.temporal.v1") == {"SECRET_STATED"}


@pytest.mark.parametrize("segment", ["builtins", "typing", "types", "asyncio"])
def test_a_package_shadows_no_module_of_python(segment: str) -> None:
    (message,) = {m for r, m in _found_in(f"ai.stigmer.iam.{segment}.v1") if r == "PYTHON_NAME"}
    assert f'Package segment "{segment}" would shadow a module of the standard library' in message


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ("", "x.proto"),
        ("other.v1", ""),
        ("ai.stigmer.x.v1", "elsewhere/x.proto"),
        ("ai.stigmer.x.v1", "google/protobuf/x.proto"),
        ("ai.stigmerx.v1", ""),
        ("buf.validate", "buf/validate/more.proto"),
    ],
)
def test_a_file_elsewhere_is_refused_and_looked_at_all_the_same(package: str, path: str) -> None:
    assert {"FILE_PLACE", "SECRET_STATED"} <= _rules_in(package, path)


def test_a_field_does_not_hide_the_descriptor_of_its_message() -> None:
    message = DescriptorProto(name="Login", field=[_text("DESCRIPTOR")])
    file = FileDescriptorProto(name="ai/stigmer/x/v1/x.proto", package="ai.stigmer.x.v1")
    file.syntax = "proto3"
    file.message_type.append(message)
    # Other rules make instances of the message, which have no descriptor then.
    (finding,) = python_name(Schema(FileDescriptorSet(file=[file])))
    assert "the name of the descriptor in generated code" in finding.message


def test_a_file_of_another_syntax_is_refused_and_looked_at_all_the_same() -> None:
    found = _found_in("ai.stigmer.x.v1", syntax="proto2")
    assert {rule for rule, _ in found} == {"FILE_PLACE", "SECRET_STATED"}
    assert any("File is proto2, but the contract" in message for _, message in found)


def test_a_file_of_an_edition_is_refused() -> None:
    found = _found_in("ai.stigmer.x.v1", syntax="editions", edition=1000)
    assert any("File is of an edition" in message for _, message in found)
