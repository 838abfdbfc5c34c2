"""The location of every element of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)

from tests.mutation.draft import Contract, Path


class Target(NamedTuple):
    """An element that a mutation can change, and its location."""

    name: str
    file: str
    path: Path
    element: Any


def messages_in(contract: Contract) -> Iterator[Target]:
    """Every message that somebody wrote, which leaves out map entries."""
    for name in contract.ours:
        file = contract.files[name]
        for i, message in enumerate(file.message_type):
            path = (FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, i)
            yield from _message(Target(f"{file.package}.{message.name}", name, path, message))


def _message(target: Target) -> Iterator[Target]:
    yield target
    for i, nested in enumerate(target.element.nested_type):
        if not nested.options.map_entry:
            path = (*target.path, DescriptorProto.NESTED_TYPE_FIELD_NUMBER, i)
            yield from _message(Target(f"{target.name}.{nested.name}", target.file, path, nested))


def entries_of(target: Target) -> Iterator[Target]:
    for i, nested in enumerate(target.element.nested_type):
        if nested.options.map_entry:
            path = (*target.path, DescriptorProto.NESTED_TYPE_FIELD_NUMBER, i)
            yield Target(f"{target.name}.{nested.name}", target.file, path, nested)


def enums_in(contract: Contract) -> Iterator[Target]:
    for name in contract.ours:
        file = contract.files[name]
        for i, enum in enumerate(file.enum_type):
            yield Target(
                f"{file.package}.{enum.name}",
                name,
                (FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, i),
                enum,
            )
    for message in messages_in(contract):
        for i, enum in enumerate(message.element.enum_type):
            path = (*message.path, DescriptorProto.ENUM_TYPE_FIELD_NUMBER, i)
            yield Target(f"{message.name}.{enum.name}", message.file, path, enum)


def services_in(contract: Contract) -> Iterator[Target]:
    for name in contract.ours:
        file = contract.files[name]
        for i, service in enumerate(file.service):
            path = (FileDescriptorProto.SERVICE_FIELD_NUMBER, i)
            yield Target(f"{file.package}.{service.name}", name, path, service)


def fields_of(message: Target) -> Iterator[Target]:
    yield from _inside(message, "field", DescriptorProto.FIELD_FIELD_NUMBER, ".")


def values_of(enum: Target) -> Iterator[Target]:
    yield from _inside(enum, "value", EnumDescriptorProto.VALUE_FIELD_NUMBER, "/")


def rpcs_of(service: Target) -> Iterator[Target]:
    yield from _inside(service, "method", ServiceDescriptorProto.METHOD_FIELD_NUMBER, "/")


def _inside(target: Target, part: str, number: int, mark: str) -> Iterator[Target]:
    for i, element in enumerate(getattr(target.element, part)):
        path = (*target.path, number, i)
        yield Target(f"{target.name}{mark}{element.name}", target.file, path, element)


def has_option(target: Target, option: Any) -> bool:
    options = target.element.options
    return options.DESCRIPTOR is option.containing_type and options.HasExtension(option)


def is_map(contract: Contract, field: Any) -> bool:
    name = field.type_name[1:]
    if (
        field.label != FieldDescriptorProto.LABEL_REPEATED
        or field.type != FieldDescriptorProto.TYPE_MESSAGE
    ):
        return False
    return bool(contract.pool.FindMessageTypeByName(name).GetOptions().map_entry)


def with_options(contract: Contract) -> Iterator[Target]:
    for message in messages_in(contract):
        yield message
        yield from fields_of(message)
    for enum in enums_in(contract):
        yield enum
        yield from values_of(enum)
    for service in services_in(contract):
        yield service
        yield from rpcs_of(service)
