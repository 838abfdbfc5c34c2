"""Every message type of the contract on the wire, driven by the image."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from stigmer_apis.agentic.workflowrunner.v1 import WorkflowExecuteInput
from tests.each import for_each
from tests.wire.filler import filled
from tests.wire.message_types import CONTRACT, MESSAGE_TYPES, encode_varint
from tests.wire.wire_cases import on_every_message_type

# The tag of length-delimited field 3: 3 * 8 + 2.
OLD_CLIENT_BYTES = b"\x0a\x05wex-1" + b"\x1a\x05token"

ENUM_FIELDS = {
    f"{name}.{field.name}": (MESSAGE_TYPES[name], field)
    for name, declared in CONTRACT.items()
    for field in declared.descriptor.field
    if field.type == FieldDescriptorProto.TYPE_ENUM and name in MESSAGE_TYPES
}


@on_every_message_type
def test_an_empty_message_takes_no_bytes_and_is_an_empty_json_object(
    message_type: type[Message],
) -> None:
    assert message_type().SerializeToString() == b""
    assert json_format.MessageToJson(message_type()) == "{}"
    assert message_type.FromString(b"") == message_type()
    assert json_format.Parse("{}", message_type()) == message_type()


@on_every_message_type
def test_a_full_message_survives_both_encodings(message_type: type[Message]) -> None:
    message = filled(message_type)
    unset = {field.name for field in message.DESCRIPTOR.fields} - {
        field.name for field, _ in message.ListFields()
    }
    in_oneofs = {field.name for oneof in message.DESCRIPTOR.oneofs for field in oneof.fields}
    assert unset <= in_oneofs, "the sample leaves fields out"
    assert message_type.FromString(message.SerializeToString()) == message
    assert json_format.Parse(json_format.MessageToJson(message), message_type()) == message


@for_each({name: name for name in CONTRACT})
def test_a_generated_class_has_the_descriptor_of_the_image(name: str) -> None:
    declared = CONTRACT[name]
    actual = DescriptorProto()
    declared.message_type.DESCRIPTOR.CopyToProto(actual)
    assert declared.message_type.DESCRIPTOR.full_name == name
    # First field by field, for a readable failure; then options, reservations and the rest.
    assert [_summary(field) for field in actual.field] == [
        _summary(field) for field in declared.descriptor.field
    ]
    assert actual == declared.descriptor


def _summary(field: FieldDescriptorProto) -> tuple[str, int, str, str, str, str]:
    kind = FieldDescriptorProto.Type.Name(field.type)
    label = FieldDescriptorProto.Label.Name(field.label)
    return field.name, field.number, field.json_name, kind, label, field.type_name


@on_every_message_type
def test_json_has_the_names_of_the_image_and_no_others(message_type: type[Message]) -> None:
    declared = CONTRACT[message_type.DESCRIPTOR.full_name].descriptor
    json_names = {field.name: field.json_name for field in declared.field}
    message = filled(message_type)
    set_fields = [field.name for field, _ in message.ListFields()]
    assert set(json_format.MessageToDict(message)) == {json_names[name] for name in set_fields}
    by_proto_name = json_format.MessageToDict(message, preserving_proto_field_name=True)
    assert set(by_proto_name) == set(set_fields)


def test_the_generated_modules_hold_the_messages_and_enums_of_the_image_and_no_others(
    contract: FileDescriptorSet,
) -> None:
    files = [file for file in contract.file if file.package.startswith("ai.stigmer.")]
    assert files
    for file in files:
        path = file.name.removeprefix("ai/stigmer/").removesuffix(".proto").replace("/", ".")
        descriptor = importlib.import_module(f"stigmer_apis.{path}_pb2").DESCRIPTOR
        assert descriptor.name == file.name
        assert set(descriptor.message_types_by_name) == {it.name for it in file.message_type}
        assert set(descriptor.enum_types_by_name) == {it.name for it in file.enum_type}
        for enum in file.enum_type:
            actual = EnumDescriptorProto()
            descriptor.enum_types_by_name[enum.name].CopyToProto(actual)
            assert actual == enum, f"{file.name}: {enum.name}"


# Enums are open: a value known to a newer peer but not to us must reach the next peer.
@for_each(ENUM_FIELDS)
@pytest.mark.parametrize("number", [9999, 2**31 - 1, -1, -(2**31)])
def test_an_enum_number_that_is_not_known_survives_a_round_trip(
    enum_field: tuple[type[Message], FieldDescriptorProto], number: int
) -> None:
    message_type, field = enum_field
    # A negative number is encoded as the 64-bit number with the same bits.
    value = encode_varint(number % 2**64)
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    if repeated:
        data = encode_varint(field.number << 3 | 2) + encode_varint(len(value)) + value
    else:
        data = encode_varint(field.number << 3) + value
    expected = [number] if repeated else number

    message = message_type.FromString(data)
    assert getattr(message, field.name) == expected
    assert message.SerializeToString() == data
    assert json_format.MessageToDict(message) == {field.json_name: expected}
    assert json_format.ParseDict({field.json_name: expected}, message_type()) == message


def test_the_enum_fields_under_test_include_the_phases() -> None:
    assert "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus.phase" in ENUM_FIELDS
    assert "ai.stigmer.agentic.agentexecution.v1.AgentExecutionStatus.phase" in ENUM_FIELDS


def test_the_token_of_an_old_client_is_an_unknown_field_of_the_execute_input() -> None:
    received = WorkflowExecuteInput.FromString(OLD_CLIENT_BYTES)
    assert received.workflow_execution_id == "wex-1"
    assert [name.name for name, _ in received.ListFields()] == ["workflow_execution_id"]
    unknown = [(it.field_number, it.wire_type, it.data) for it in UnknownFieldSet(received)]
    assert unknown == [(3, 2, b"token")]


def test_the_token_of_an_old_client_survives_reserialization_of_the_execute_input() -> None:
    received = WorkflowExecuteInput.FromString(OLD_CLIENT_BYTES)
    assert received.SerializeToString() == OLD_CLIENT_BYTES
    received.workflow_yaml = "do: []"
    assert OLD_CLIENT_BYTES[-7:] in received.SerializeToString()


def _execute_input_with(**fields: Any) -> WorkflowExecuteInput:
    return WorkflowExecuteInput(**fields)


def test_the_execute_input_has_no_token_to_read_or_write() -> None:
    received = WorkflowExecuteInput.FromString(OLD_CLIENT_BYTES)
    assert not hasattr(received, "callback_token")
    with pytest.raises(AttributeError):
        setattr(received, "callback_token", b"token")  # noqa: B010 - the type checker knows it is wrong
    with pytest.raises(ValueError, match="callback_token"):
        _execute_input_with(callback_token=b"token")
    with pytest.raises(json_format.ParseError, match="callbackToken"):
        json_format.Parse('{"callbackToken": "dG9rZW4="}', WorkflowExecuteInput())


def test_the_token_of_an_old_client_is_not_printed_with_the_execute_input() -> None:
    received = WorkflowExecuteInput.FromString(OLD_CLIENT_BYTES)
    for text in (str(received), repr(received), json_format.MessageToJson(received)):
        assert "wex-1" in text
        assert "token" not in text
        assert "dG9rZW4=" not in text
