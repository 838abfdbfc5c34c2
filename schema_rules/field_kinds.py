"""What a field holds, judged by its type, by the words of its names, and by its comment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.schema import Field, Message, Schema
from schema_rules.words import singular, words

_Type = FieldDescriptorProto
_TEXT = {_Type.TYPE_STRING, _Type.TYPE_BYTES}
_OPAQUE = frozenset(
    f"google.protobuf.{name}"
    for name in ("Any", "Struct", "Value", "ListValue", "StringValue", "BytesValue")
)
"""Messages of others that hold whatever text a caller puts into them."""
_COLLECTIONS = frozenset(f"google.protobuf.{name}" for name in ("Any", "Struct", "ListValue"))
_JSON = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue"))
_NO_NUMBERS = {
    *_TEXT,
    _Type.TYPE_MESSAGE,
    _Type.TYPE_GROUP,
    _Type.TYPE_BOOL,
    _Type.TYPE_ENUM,
}
_GENERIC = frozenset(
    words(
        "value data text content raw plain plaintext body payload string bytes entry item list "
        "hash digest key code blob material encoded b64 base64 base 64 hex pem element it contents"
    )
)
"""Words that leave it to the message what a field is."""


class Slot(NamedTuple):
    """A field in its message, or an extension, which has none."""

    field: Field
    message: Message | None

    @property
    def names(self) -> list[tuple[str, ...]]:
        """The words of every name under which the value is known.

        A field whose own name says nothing, such as `value`, goes by its message as well.
        """
        descriptor = self.field.descriptor
        names = [words(descriptor.name), words(descriptor.json_name)]
        if self.message is not None:
            scopes = [words(self.message.descriptor.name)]
            if descriptor.HasField("oneof_index") and not descriptor.proto3_optional:
                oneof = self.message.descriptor.oneof_decl[descriptor.oneof_index]
                names.append((*words(oneof.name), *words(descriptor.name)))
                scopes.append(words(oneof.name))
            if self.is_generic:
                names += [(*scope, *words(descriptor.name)) for scope in scopes]
        return list(dict.fromkeys(names))

    @property
    def is_generic(self) -> bool:
        """Whether the name of the field says nothing by itself."""
        return {singular(word) for word in words(self.field.descriptor.name)} <= _GENERIC

    @property
    def short_name(self) -> str:
        """The name with that of the message before it."""
        return ".".join(self.field.name.split(".")[-2:])


def slots(schema: Schema) -> Iterator[Slot]:
    """Yield every field that somebody wrote, and every extension."""
    for message in schema.messages.values():
        if not message.descriptor.options.map_entry:
            yield from (Slot(field, message) for field in message.fields)
    yield from (Slot(option, None) for option in schema.options.values())


def value_of(schema: Schema, field: Field) -> Field:
    """The field itself, or that of the values if it is a map."""
    entry = schema.messages.get(field.type_name)
    if entry is not None and entry.descriptor.options.map_entry:
        return entry.fields[1]
    return field


def holds_text(schema: Schema, field: Field) -> bool:
    """Whether a field can hold any text or bytes, be it in a map, a list, a Struct or an Any."""
    value = value_of(schema, field)
    return value.descriptor.type in _TEXT or value.type_name in _OPAQUE


def holds_any_entries(schema: Schema, field: Field) -> bool:
    """Whether a field holds text by names that the caller chooses: a map, a Struct, an Any."""
    is_map = value_of(schema, field) is not field
    return holds_text(schema, field) and (is_map or field.type_name in _COLLECTIONS)


def holds_json(schema: Schema, field: Field) -> bool:
    """Whether a field holds JSON of any shape, be it in a map or a list."""
    return value_of(schema, field).type_name in _JSON


def is_number(field: Field) -> bool:
    """Whether a field is a number."""
    return field.descriptor.type not in _NO_NUMBERS


def without_generic_end(name: tuple[str, ...]) -> tuple[str, ...]:
    """A name without words at its end that say nothing, such as those of `ApiKeyHashValue`."""
    while name and singular(name[-1]) in _GENERIC - {"key", "code"}:
        name = name[:-1]
    return name
