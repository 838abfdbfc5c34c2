"""The contract as rules see it: every element with its options, its comment and its location."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    EnumValueDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    OneofDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.message import Message as ProtoMessage

_FILE = FileDescriptorProto

ROOT = "ai/stigmer/"
APIRESOURCE = "ai.stigmer.commons.apiresource"
KINDS = f"{APIRESOURCE}.apiresourcekind"
AUTHORIZATION = "ai.stigmer.iam.iampolicy.v1.rpcauthorization"
COMPUTED = f"{APIRESOURCE}.computed"
AUDIT = f"{APIRESOURCE}.ApiResourceAudit"
METADATA = f"{APIRESOURCE}.ApiResourceMetadata"
RULES = "buf.validate.field"
MESSAGE_RULES = "buf.validate.message"
IMPORTED = frozenset(
    {"buf/validate/validate.proto"}
    | {
        f"google/protobuf/{stem}.proto"
        for stem in (
            *("any", "api", "cpp_features", "descriptor", "duration", "empty", "field_mask"),
            *("go_features", "java_features", "source_context", "struct", "timestamp", "type"),
            *("wrappers", "compiler/plugin"),
        )
    }
)
"""The files of others that a contract can import. Every other file of an image is ours."""


@dataclass(frozen=True)
class Element:
    """Anything in the contract that has a name, a location in a file, and options."""

    name: str
    """The full name: `ai.stigmer.x.v1.Message.field`, `ai.stigmer.x.v1.Service/rpc`."""
    file: FileDescriptorProto = field(repr=False)
    path: tuple[int, ...] = field(repr=False)
    """The path of the element, as in `SourceCodeInfo.Location.path`."""
    options: Mapping[str, Any] = field(repr=False)
    """The custom options that are set, by their full name."""
    comment: str = field(default="", repr=False, kw_only=True)
    """The comment above the element; empty if the image has no source info."""
    is_deprecated: bool = field(default=False, repr=False, kw_only=True)

    @property
    def package(self) -> str:
        """The proto package of the file."""
        return self.file.package


@dataclass(frozen=True)
class File(Element):
    """A file, by its path. Its comment is the one above its syntax statement."""

    descriptor: FileDescriptorProto = field(repr=False)


@dataclass(frozen=True)
class Field(Element):
    """A field of a message, or an extension."""

    descriptor: FieldDescriptorProto = field(repr=False)

    @property
    def type_name(self) -> str:
        """The full name of the message or enum that is the field's type; empty for scalars."""
        return self.descriptor.type_name.lstrip(".")


@dataclass(frozen=True)
class Oneof(Element):
    """A oneof that somebody wrote, not the one behind an optional field."""

    descriptor: OneofDescriptorProto = field(repr=False)


@dataclass(frozen=True)
class Message(Element):
    """A message, nested ones and map entries included."""

    descriptor: DescriptorProto = field(repr=False)
    fields: tuple[Field, ...] = field(repr=False)
    oneofs: tuple[Oneof, ...] = field(repr=False)

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

    @property
    def response(self) -> str:
        """The full name of the response message."""
        return self.descriptor.output_type.lstrip(".")


@dataclass(frozen=True)
class Service(Element):
    """A service with its RPCs."""

    descriptor: ServiceDescriptorProto = field(repr=False)
    rpcs: tuple[Rpc, ...] = field(repr=False)


E = TypeVar("E", bound=Element)


class Schema:
    """Our part of a descriptor image, indexed by full name.

    Options are read with the definitions in the image itself, so the rules never depend on code
    that was generated from an earlier contract.
    """

    def __init__(self, image: FileDescriptorSet) -> None:
        self.pool = _pool(image)
        self._reachable: dict[str, frozenset[str]] = {}
        self._digests: dict[str, bytes] = {}
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}
        self.services: dict[str, Service] = {}
        self.options: dict[str, Field] = {}
        """The options that we define, and every other extension."""
        self.files: dict[str, File] = {}
        self.fixtures: dict[str, list[bytes]] = {}
        """Messages of the contract that are kept, by the full names of their types."""
        self._classes: dict[str, type[ProtoMessage]] = {}
        for file in image.file:
            if file.name not in IMPORTED:
                _Reader(self, file).read()
        predefined = [o for o in self.options.values() if "buf.validate.predefined" in o.options]
        self._predefined = b"".join(
            option.descriptor.SerializeToString(deterministic=True) for option in predefined
        )

    def elements(self) -> Iterator[Element]:
        """Yield everything that somebody wrote, which leaves out map entries."""
        yield from self.files.values()
        for message in self.messages.values():
            if not message.descriptor.options.map_entry:
                yield message
                yield from message.fields
                yield from message.oneofs
        for enum in self.enums.values():
            yield enum
            yield from enum.values
        yield from self.options.values()
        for service in self.services.values():
            yield service
            yield from service.rpcs

    def reachable(self, name: str) -> frozenset[str]:
        """The full names of our messages that one can hold, itself included."""
        if name not in self._reachable:
            found: set[str] = set()
            pending = [name]
            while pending:
                message = self.messages.get(pending.pop())
                if message is not None and message.name not in found:
                    found.add(message.name)
                    pending += [field.type_name for field in message.fields]
            self._reachable[name] = frozenset(found)
        return self._reachable[name]

    def digest(self, name: str) -> bytes:
        """Digest everything that decides whether a message is valid: what it can hold, and options.

        Of two contracts in which a message has the same digest, it has the same valid values.
        """
        if name not in self._digests:
            own = (self.own_digest(reached) for reached in sorted(self.reachable(name)))
            self._digests[name] = hashlib.sha256(b"".join(own)).digest()
        return self._digests[name]

    def own_digest(self, name: str) -> bytes:
        """Digest what decides that of a message itself, apart from the messages within it."""
        digest = hashlib.sha256(self._predefined)
        message = self.messages[name]
        types = {field.type_name for field in message.fields} & self.enums.keys()
        held: list[Message | Enum] = [self.enums[enum] for enum in sorted(types)]
        for element in (self._without_idle_ignore(message), *held):
            bare = element.file.syntax, element.file.edition, element.name
            digest.update(repr(bare).encode())
            digest.update(element.file.options.SerializeToString(deterministic=True))
            digest.update(element.descriptor.SerializeToString(deterministic=True))
        return digest.digest()

    def _without_idle_ignore(self, message: Message) -> Message:
        """A copy without `ignore` on fields that have no rules, nor have the messages of others."""
        copy = DescriptorProto()
        copy.CopyFrom(message.descriptor)
        for bare, element in zip(copy.field, message.fields, strict=True):
            rules: Any = element.options.get(RULES)
            names = [rule.name for rule, _ in rules.ListFields()] if rules is not None else []
            if names == ["ignore"] and (element.type_name not in self.messages):
                options: Any = self.prototype("google.protobuf.FieldOptions")
                options.ParseFromString(bare.options.SerializeToString())
                options.ClearExtension(self.pool.FindExtensionByName(RULES))
                bare.options.ParseFromString(options.SerializeToString())
                if not options.ByteSize():
                    bare.ClearField("options")
        return replace(message, descriptor=copy)

    def prototype(self, name: str) -> ProtoMessage:
        """An empty instance of the message with that full name."""
        if name not in self._classes:
            descriptor = self.pool.FindMessageTypeByName(name)
            self._classes[name] = message_factory.GetMessageClass(descriptor)
        return self._classes[name]()

    def custom_options(self, options: ProtoMessage) -> dict[str, Any]:
        """The custom options that are set, by their full name."""
        # The classes that protobuf ships do not know our options; the image's own ones do.
        serialized = options.SerializeToString()
        if not serialized:
            return {}
        parsed = self.prototype(options.DESCRIPTOR.full_name)
        parsed.MergeFromString(serialized)
        return {
            option.full_name: value for option, value in parsed.ListFields() if option.is_extension
        }


class _Reader:
    """Reads the elements of one file into a schema."""

    def __init__(self, schema: Schema, file: FileDescriptorProto) -> None:
        self._schema = schema
        self._file = file
        self._comments = {
            tuple(at.path): at.leading_comments.strip()
            for at in file.source_code_info.location
            if at.leading_comments
        }

    def read(self) -> None:
        schema, file = self._schema, self._file
        scope = file.package
        schema.files[file.name] = self._element(File, file.name, (_FILE.SYNTAX_FIELD_NUMBER,), file)
        for i, message in enumerate(file.message_type):
            self._read_message(scope, message, (_FILE.MESSAGE_TYPE_FIELD_NUMBER, i))
        for i, enum in enumerate(file.enum_type):
            self._read_enum(scope, enum, (_FILE.ENUM_TYPE_FIELD_NUMBER, i))
        for i, option in enumerate(file.extension):
            self._read_option(scope, option, (_FILE.EXTENSION_FIELD_NUMBER, i))
        for i, service in enumerate(file.service):
            path = (_FILE.SERVICE_FIELD_NUMBER, i)
            name = _within(scope, service.name)
            number = ServiceDescriptorProto.METHOD_FIELD_NUMBER
            rpcs = tuple(
                self._element(Rpc, f"{name}/{rpc.name}", (*path, number, j), rpc)
                for j, rpc in enumerate(service.method)
            )
            schema.services[name] = self._element(Service, name, path, service, rpcs)

    def _read_message(self, scope: str, message: DescriptorProto, path: tuple[int, ...]) -> None:
        name = _within(scope, message.name)
        fields = tuple(
            self._element(
                Field, f"{name}.{each.name}", (*path, DescriptorProto.FIELD_FIELD_NUMBER, i), each
            )
            for i, each in enumerate(message.field)
        )
        synthetic = {each.oneof_index for each in message.field if each.proto3_optional}
        oneofs = tuple(
            self._element(
                Oneof,
                f"{name}.{each.name}",
                (*path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, i),
                each,
            )
            for i, each in enumerate(message.oneof_decl)
            if i not in synthetic
        )
        found = self._element(Message, name, path, message, fields, oneofs)
        self._schema.messages[name] = found
        for i, option in enumerate(message.extension):
            self._read_option(name, option, (*path, DescriptorProto.EXTENSION_FIELD_NUMBER, i))
        for i, nested in enumerate(message.nested_type):
            self._read_message(name, nested, (*path, DescriptorProto.NESTED_TYPE_FIELD_NUMBER, i))
        for i, enum in enumerate(message.enum_type):
            self._read_enum(name, enum, (*path, DescriptorProto.ENUM_TYPE_FIELD_NUMBER, i))

    def _read_enum(self, scope: str, enum: EnumDescriptorProto, path: tuple[int, ...]) -> None:
        name = _within(scope, enum.name)
        number = EnumDescriptorProto.VALUE_FIELD_NUMBER
        values = tuple(
            self._element(EnumValue, f"{name}/{value.name}", (*path, number, i), value)
            for i, value in enumerate(enum.value)
        )
        self._schema.enums[name] = self._element(Enum, name, path, enum, values)

    def _read_option(self, scope: str, option: FieldDescriptorProto, path: tuple[int, ...]) -> None:
        name = _within(scope, option.name)
        self._schema.options[name] = self._element(Field, name, path, option)

    def _element(
        self,
        kind: Callable[..., E],
        name: str,
        path: tuple[int, ...],
        descriptor: Any,
        *children: object,
    ) -> E:
        options = self._schema.custom_options(descriptor.options)
        comment = self._comments.get(path, "")
        is_deprecated = getattr(descriptor.options, "deprecated", False)  # not every kind can be
        return kind(
            *(name, self._file, path, options, descriptor, *children),
            comment=comment,
            is_deprecated=is_deprecated,
        )


def _within(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


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
