"""The filler handles every type of field, including those that the contract does not use yet."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, json_format, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.message import Message

from tests.wire.filler import filled, oneof_members
from tests.wire.image_types import ImageTypes
from tests.wire.release_fixtures import to_binary

F = FieldDescriptorProto
PACKAGE = "ai.stigmer.test"
WELL_KNOWN = ["Duration", "ListValue", "Struct", "Timestamp", "Value"]
# Only proto2 has groups; messages and enums need a name and are added one by one.
SCALARS = sorted(set(F.Type.values()) - {F.TYPE_GROUP, F.TYPE_MESSAGE, F.TYPE_ENUM})
KEYS = sorted(set(SCALARS) - {F.TYPE_FLOAT, F.TYPE_DOUBLE, F.TYPE_BYTES})


def _add(message: DescriptorProto, name: str, type_: Any, type_name: str = "", **more: Any) -> None:
    number = len(message.field) + 1
    label = more.pop("label", F.LABEL_OPTIONAL)
    message.field.add(
        name=name, number=number, type=type_, type_name=type_name or None, label=label, **more
    )


def _schema() -> FileDescriptorSet:
    known = [any_pb2, duration_pb2, struct_pb2, timestamp_pb2]
    image = FileDescriptorSet()
    for module in known:
        image.file.append(FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb))
    file = image.file.add(name="test.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend(module.DESCRIPTOR.name for module in known)
    colour = file.enum_type.add(name="Colour")
    for number, name in enumerate(["NONE", "RED", "BLUE"]):
        colour.value.add(name=name, number=number)
    message = file.message_type.add(name="Everything")
    named = [(F.TYPE_ENUM, f".{PACKAGE}.Colour"), (F.TYPE_MESSAGE, f".{PACKAGE}.Everything")]
    named += [(F.TYPE_MESSAGE, f".google.protobuf.{name}") for name in WELL_KNOWN]
    values = [*((type_, "") for type_ in SCALARS), *named]
    for number, (type_, type_name) in enumerate(values):
        _add(message, f"one_{number}", type_, type_name)
        _add(message, f"many_{number}", type_, type_name, label=F.LABEL_REPEATED)
        _add_map(message, f"by_name_{number}", F.TYPE_STRING, type_, type_name)
    for key in KEYS:
        _add_map(message, f"by_{key}", key, F.TYPE_STRING)
    message.oneof_decl.add(name="either")
    _add(message, "left", F.TYPE_STRING, oneof_index=0)
    _add(message, "right", F.TYPE_BYTES, oneof_index=0)
    message.oneof_decl.add(name="_perhaps")
    _add(message, "perhaps", F.TYPE_BOOL, oneof_index=1, proto3_optional=True)
    wrong = file.message_type.add(name="Wrong")
    _add(wrong, "anything", F.TYPE_MESSAGE, ".google.protobuf.Any")
    return image


def _add_map(
    message: DescriptorProto, name: str, key: Any, type_: Any, type_name: str = ""
) -> None:
    entry_name = "".join(part.capitalize() for part in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    _add(entry, "key", key)
    _add(entry, "value", type_, type_name)
    path = f".{PACKAGE}.{message.name}.{entry_name}"
    _add(message, name, F.TYPE_MESSAGE, path, label=F.LABEL_REPEATED)


@pytest.fixture(scope="module")
def everything() -> type[Message]:
    return ImageTypes(_schema())[f"{PACKAGE}.Everything"]


def test_every_type_of_field_gets_a_value_of_its_own(everything: type[Message]) -> None:
    message = filled(everything)
    unset = {field.name for field in everything.DESCRIPTOR.fields} - {
        field.name for field, _ in message.ListFields()
    }
    assert unset == {"right"}


def test_every_value_survives_both_encodings(everything: type[Message]) -> None:
    for message in (filled(everything), filled(everything, "right")):
        assert to_binary(everything.FromString(to_binary(message))) == to_binary(message)
        read = json_format.Parse(json_format.MessageToJson(message), everything())
        assert to_binary(read) == to_binary(message)


def test_a_member_of_a_oneof_is_set_on_demand(everything: type[Message]) -> None:
    assert oneof_members(everything) == ["left", "right"]
    assert filled(everything).WhichOneof("either") == "left"
    assert filled(everything, "right").WhichOneof("either") == "right"


def test_a_message_that_is_added_to_keeps_its_other_values(everything: type[Message]) -> None:
    grown = _schema()
    message = next(it for it in grown.file[-1].message_type if it.name == "Everything")
    fields = list(message.field)
    del message.field[:]
    message.field.add(name="first", number=999, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL)
    message.field.extend(reversed(fields))
    read: Any = everything.FromString(to_binary(filled(ImageTypes(grown)[f"{PACKAGE}.Everything"])))
    read.DiscardUnknownFields()
    assert to_binary(read) == to_binary(filled(everything))


def test_a_type_that_the_filler_does_not_know_is_refused_by_name() -> None:
    wrong = ImageTypes(_schema())[f"{PACKAGE}.Wrong"]
    with pytest.raises(
        NotImplementedError, match=r"anything: .* no value for google\.protobuf\.Any"
    ):
        filled(wrong)
