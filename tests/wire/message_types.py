"""The message types of the contract and sample messages of them, without anything of pytest.

The fuzzer's processes import this and start in half the time. Tests import it from `wire_cases`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.message import Message

from stigmer_apis import schema

# Before the image is parsed: an option that is not known by then stays an unknown field in it.
from stigmer_apis.commons.apiresource import field_options_pb2 as field_options_pb2

ALL_BYTES = bytes(range(256))


def encode_varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(0x80 | number & 0x7F)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


class Declared(NamedTuple):
    """A message type as the image declares it and as the gencode provides it."""

    module: str
    path: tuple[str, ...]
    descriptor: DescriptorProto

    @property
    def message_type(self) -> type[Message]:
        """The generated class."""
        found: object = importlib.import_module(self.module)
        for name in self.path:
            found = getattr(found, name)
        assert isinstance(found, type), f"{self} is no class"
        assert issubclass(found, Message), f"{self} is no message class"
        return found


def _declared_messages() -> Iterator[tuple[str, Declared]]:
    for file in schema.file_descriptor_set().file:
        module = file.name.replace("ai/stigmer/", "stigmer_apis/").removesuffix(".proto") + "_pb2"
        for message in file.message_type:
            outermost = Declared(module.replace("/", "."), (message.name,), message)
            for declared in _with_nested(outermost):
                yield ".".join([file.package, *declared.path]), declared


def _with_nested(declared: Declared) -> Iterator[Declared]:
    yield declared
    for nested in declared.descriptor.nested_type:
        yield from _with_nested(Declared(declared.module, (*declared.path, nested.name), nested))


# By full name, the well-known types that ours refer to included.
_DECLARED = dict(_declared_messages())
_ENUMS = {
    f"{file.package}.{enum.name}": enum
    for file in schema.file_descriptor_set().file
    for enum in file.enum_type
} | {
    f"{name}.{enum.name}": enum
    for name, declared in _DECLARED.items()
    for enum in declared.descriptor.enum_type
}

CONTRACT = {name: found for name, found in _DECLARED.items() if name.startswith("ai.stigmer.")}
"""Every message type of the contract by its full name, the entries of map fields included."""

MESSAGE_TYPES = {
    name: found.message_type
    for name, found in CONTRACT.items()
    if not found.descriptor.options.map_entry
}
"""Every message class that users create, by the full name of its message type."""


def filled(message_type: type[Message]) -> Message:
    """A message with every field set, messages within messages too; of a oneof, the first member.

    Repeated and map fields have one element. A message within its own kind stays empty.
    """
    message = message_type()
    _fill(message, frozenset())
    return message


def _fill(message: Message, outer: frozenset[str]) -> None:
    name = message.DESCRIPTOR.full_name
    if name in outer:
        return
    declared = _DECLARED[name].descriptor
    for field in declared.field:
        if field.HasField("oneof_index") and message.WhichOneof(
            declared.oneof_decl[field.oneof_index].name
        ):
            continue
        _set(message, field, outer | {name})


def _set(message: Message, field: FieldDescriptorProto, outer: frozenset[str]) -> None:
    holder = getattr(message, field.name)
    is_message = field.type == FieldDescriptorProto.TYPE_MESSAGE
    entry = _DECLARED[field.type_name[1:]].descriptor if is_message else DescriptorProto()
    if entry.options.map_entry:
        key, value = entry.field
        if value.type == FieldDescriptorProto.TYPE_MESSAGE:
            _fill(holder[_sample(key)], outer)
        else:
            holder[_sample(key)] = _sample(value)
    elif field.label == FieldDescriptorProto.LABEL_REPEATED:
        if is_message:
            _fill(holder.add(), outer)
        else:
            holder.append(_sample(field))
    elif is_message:
        holder.SetInParent()
        _fill(holder, outer)
    else:
        setattr(message, field.name, _sample(field))


def _sample(field: FieldDescriptorProto) -> object:
    """A value other than the default of its type; text and numbers tell the fields apart."""
    match field.type:
        case FieldDescriptorProto.TYPE_STRING:
            return f"{field.name} é"
        case FieldDescriptorProto.TYPE_BYTES:
            return ALL_BYTES
        case FieldDescriptorProto.TYPE_BOOL:
            return True
        case FieldDescriptorProto.TYPE_ENUM:
            return _ENUMS[field.type_name[1:]].value[-1].number
        case FieldDescriptorProto.TYPE_FLOAT | FieldDescriptorProto.TYPE_DOUBLE:
            return field.number + 0.5
        case _:
            return 1000 + field.number
