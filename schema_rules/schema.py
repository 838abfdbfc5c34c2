"""The contract as rules see it: messages, fields and RPCs with their options and their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    EnumValueDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.message import Message as ProtoMessage

_FILE = FileDescriptorProto

ROOT = "ai/stigmer/"
APIRESOURCE = "ai.stigmer.commons.apiresource"
KINDS = f"{APIRESOURCE}.apiresourcekind"
AUTHORIZATION = "ai.stigmer.iam.iampolicy.v1.rpcauthorization"
RULES = "buf.validate.field"
MESSAGE_RULES = "buf.validate.message"


@dataclass(frozen=True)
class Element:
    """Anything in the contract that has a name, a place in a file, and options."""

    name: str
    """The full name: `ai.stigmer.x.v1.Message.field`, `ai.stigmer.x.v1.Service/rpc`."""
    file: FileDescriptorProto = field(repr=False)
    path: tuple[int, ...] = field(repr=False)
    """Where it stands, as in `SourceCodeInfo.Location.path`."""
    options: Mapping[str, Any] = field(repr=False)
    """The custom options that are set, by their full name."""

    @property
    def package(self) -> str:
        """The proto package of the file."""
        return self.file.package


@dataclass(frozen=True)
class Field(Element):
    """A field of a message."""

    descriptor: FieldDescriptorProto = field(repr=False)

    @property
    def type_name(self) -> str:
        """The full name of the message or enum that is the field's type; empty for scalars."""
        return self.descriptor.type_name.lstrip(".")


@dataclass(frozen=True)
class Message(Element):
    """A message, nested ones and map entries included."""

    descriptor: DescriptorProto = field(repr=False)
    fields: tuple[Field, ...] = field(repr=False)

    def field(self, name: str) -> Field | None:
        """The field with that name, or None."""
        return next((f for f in self.fields if f.descriptor.name == name), None)


@dataclass(frozen=True)
class EnumValue(Element):
    """A value of an enum."""

    descriptor: EnumValueDescriptorProto = field(repr=False)


@dataclass(frozen=True)
class Enum(Element):
    """An enum with its values."""

    descriptor: EnumDescriptorProto = field(repr=False)
    values: tuple[EnumValue, ...] = field(repr=False)


@dataclass(frozen=True)
class Rpc(Element):
    """An RPC of a service."""

    descriptor: MethodDescriptorProto = field(repr=False)

    @property
    def request(self) -> str:
        """The full name of the request message."""
        return self.descriptor.input_type.lstrip(".")


@dataclass(frozen=True)
class Service(Element):
    """A service with its RPCs."""

    descriptor: ServiceDescriptorProto = field(repr=False)
    rpcs: tuple[Rpc, ...] = field(repr=False)


class Schema:
    """Our part of a descriptor image, indexed by full name.

    Options are read with the definitions in the image itself, so the rules never depend on code
    that was generated from an earlier contract.
    """

    def __init__(self, image: FileDescriptorSet) -> None:
        self.pool = _pool(image)
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}
        self.services: dict[str, Service] = {}
        self.options: dict[str, Field] = {}
        """The options that we define, which are extensions."""
        self.files = [file for file in image.file if file.name.startswith(ROOT)]
        for file in self.files:
            self._add(file)

    def prototype(self, name: str) -> ProtoMessage:
        """An empty instance of the message with that full name."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))()

    def _add(self, file: FileDescriptorProto) -> None:
        for i, message in enumerate(file.message_type):
            self._add_message(file, file.package, message, (_FILE.MESSAGE_TYPE_FIELD_NUMBER, i))
        for i, enum in enumerate(file.enum_type):
            self._add_enum(file, file.package, enum, (_FILE.ENUM_TYPE_FIELD_NUMBER, i))
        for i, option in enumerate(file.extension):
            path = (_FILE.EXTENSION_FIELD_NUMBER, i)
            name = f"{file.package}.{option.name}"
            self.options[name] = Field(name, file, path, self._options(option.options), option)
        for i, service in enumerate(file.service):
            path = (_FILE.SERVICE_FIELD_NUMBER, i)
            name = f"{file.package}.{service.name}"
            rpcs = tuple(
                Rpc(
                    f"{name}/{rpc.name}",
                    file,
                    (*path, ServiceDescriptorProto.METHOD_FIELD_NUMBER, j),
                    self._options(rpc.options),
                    rpc,
                )
                for j, rpc in enumerate(service.method)
            )
            options = self._options(service.options)
            self.services[name] = Service(name, file, path, options, service, rpcs)

    def _add_message(
        self, file: FileDescriptorProto, scope: str, message: DescriptorProto, path: tuple[int, ...]
    ) -> None:
        name = f"{scope}.{message.name}"
        fields = tuple(
            Field(
                f"{name}.{found.name}",
                file,
                (*path, DescriptorProto.FIELD_FIELD_NUMBER, i),
                self._options(found.options),
                found,
            )
            for i, found in enumerate(message.field)
        )
        options = self._options(message.options)
        self.messages[name] = Message(name, file, path, options, message, fields)
        for i, nested in enumerate(message.nested_type):
            at = (*path, DescriptorProto.NESTED_TYPE_FIELD_NUMBER, i)
            self._add_message(file, name, nested, at)
        for i, enum in enumerate(message.enum_type):
            self._add_enum(file, name, enum, (*path, DescriptorProto.ENUM_TYPE_FIELD_NUMBER, i))

    def _add_enum(
        self,
        file: FileDescriptorProto,
        scope: str,
        enum: EnumDescriptorProto,
        path: tuple[int, ...],
    ) -> None:
        name = f"{scope}.{enum.name}"
        values = tuple(
            EnumValue(
                f"{name}/{value.name}",
                file,
                (*path, EnumDescriptorProto.VALUE_FIELD_NUMBER, i),
                self._options(value.options),
                value,
            )
            for i, value in enumerate(enum.value)
        )
        self.enums[name] = Enum(name, file, path, self._options(enum.options), enum, values)

    def _options(self, options: ProtoMessage) -> dict[str, Any]:
        # The classes that protobuf ships do not know our options; the image's own ones do.
        if not options.ByteSize():
            return {}
        parsed = self.prototype(options.DESCRIPTOR.full_name)
        parsed.MergeFromString(options.SerializeToString())
        return {
            option.full_name: value for option, value in parsed.ListFields() if option.is_extension
        }


def _pool(image: FileDescriptorSet) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    if not any(file.name == descriptor_pb2.DESCRIPTOR.name for file in image.file):
        pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    for file in image.file:  # buf writes a file after those that it imports
        bare = FileDescriptorProto()
        bare.CopyFrom(file)
        bare.ClearField("source_code_info")
        pool.Add(bare)
    message_factory.GetMessageClassesForFiles([file.name for file in image.file], pool)
    return pool
