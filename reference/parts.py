"""The parts of every element of the contract, so that two contracts can be compared part by part.

A part is anything that a descriptor states: each of its fields, each option at any depth, unknown
fields included, and comments. Descriptors are read by reflection, so a part that nobody listed here
is one all the same, under the name that protobuf gives it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.unknown_fields import UnknownFieldSet

from schema_rules.schema import Element, Enum, EnumValue, Field, File, Message, Rpc, Schema

COMMENT = "comment"
_DESCRIPTOR = "google.protobuf.{}DescriptorProto"
_OF_THEIR_OWN = frozenset(
    _DESCRIPTOR.format(kind)
    for kind in ("", "Field", "Oneof", "Enum", "EnumValue", "Service", "Method")
) | {"google.protobuf.SourceCodeInfo"}
"""What a descriptor holds that is an element of its own, or the place of one."""
_SHORT = 100
"""The length up to which a reserved range is stated number by number."""
_NOTES_OF_BUF = 8042
"""The extension of a file in which buf notes how it compiled the file."""
_REWORDED = {
    _DESCRIPTOR.format("File"): {"dependency", "public_dependency", "weak_dependency"},
    _DESCRIPTOR.format("Field"): {"label", "type", "type_name", "oneof_index"},
    _DESCRIPTOR.format(""): {"reserved_range", "reserved_name"},
    _DESCRIPTOR.format("Enum"): {"reserved_range", "reserved_name"},
}
"""The fields of descriptors that count by index or say one thing together; see `_reworded`."""
_KINDS: dict[type[Element], str] = {Rpc: "RPC", EnumValue: "enum value"}
EMPTY = "given, and empty"
"""The value of a part that holds others, but none is set."""


@dataclass(frozen=True)
class Parts:
    """An element, and what the contract states of it."""

    element: Element
    kind: str
    """What a person calls it: message, field, oneof, enum, enum value, service, RPC, option, file.
    """
    parent: str
    """The full name of the element around it; the path of the file for those at the top."""
    stated: dict[str, str] = field(default_factory=dict[str, str])
    """The value of each part, by its name; empty for what can only be there or not."""
    orders: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    """The names of what it lists, in order."""

    @property
    def has_comments(self) -> bool:
        """Whether the image states comments: that of a release does not."""
        return bool(self.element.file.source_code_info.location)


def parts_of(schema: Schema) -> dict[tuple[str, str], Parts]:
    """Return the parts of every element of a contract, by its kind and full name."""
    elements = list(schema.elements())
    names = {(e.file.name, () if isinstance(e, File) else e.path): e.name for e in elements}
    comments = _comments(schema, names)
    found: dict[tuple[str, str], Parts] = {}
    for element in elements:
        kind = _KINDS.get(type(element), type(element).__name__.lower())
        if isinstance(element, Field) and element.descriptor.extendee:
            kind = "option"
        parts = Parts(element, kind, _parent(element, names))
        found[kind, element.name] = parts
        _read(schema, element, parts)
        if element.name in comments:
            parts.stated[COMMENT] = comments[element.name]
    by_name = {name: parts for (_, name), parts in found.items()}
    for (_, name), parts in found.items():
        if parts.parent:
            orders = by_name[parts.parent].orders
            orders.setdefault(f"order of {parts.kind}s", []).append(name)
    return found


def short(name: str, package: str) -> str:
    """Return a full name without its package, as code in Python has it."""
    return name if name.endswith(".proto") else name.removeprefix(f"{package}.").replace("/", ".")


def paths_of_parts(element: Element) -> Iterator[tuple[int, ...]]:
    """Yield the paths of what an element states, by which buf says where it found something."""
    descriptor: Any = getattr(element, "descriptor")  # noqa: B009 (every kind has one)
    above = () if isinstance(element, File) else element.path
    for described, _ in descriptor.ListFields():
        if not described.is_repeated:
            yield (*above, described.number)
    for described, _ in descriptor.options.ListFields():
        number = descriptor.DESCRIPTOR.fields_by_name["options"].number
        yield (*above, number, described.number)


def _parent(element: Element, names: Mapping[tuple[str, tuple[int, ...]], str]) -> str:
    return "" if isinstance(element, File) else names[element.file.name, element.path[:-2]]


def _read(schema: Schema, element: Element, parts: Parts) -> None:
    descriptor: Any = getattr(element, "descriptor")  # noqa: B009 (every kind has one)
    # Options are typed by the definitions in the image itself.
    typed = schema.prototype(descriptor.DESCRIPTOR.full_name)
    typed.MergeFromString(descriptor.SerializeToString())
    _flatten(typed, "", parts)
    if not isinstance(element, File) and element.path[:-2] == ():
        parts.stated["file"] = element.file.name
    for name, value in _reworded(schema, element):
        parts.stated[name] = value
    if isinstance(element, Message | Enum):
        listed = [name for name in parts.stated if name.startswith("reserved ")]
        parts.orders["order of reservations"] = listed
    if isinstance(element, File):
        parts.orders["order of imports"] = list(element.descriptor.dependency)
    entry = schema.messages.get(element.type_name) if isinstance(element, Field) else None
    if entry is not None and entry.descriptor.options.map_entry:
        for part in (entry, *entry.fields):
            inner = Parts(part, "", "")
            _read(schema, part, inner)
            at = f"map {part.descriptor.name} " if isinstance(part, Field) else "map entry "
            parts.stated.update(
                (at + name, value)
                for name, value in inner.stated.items()
                if name not in ("name", "type")
            )


def _flatten(message: ProtoMessage, at: str, parts: Parts) -> None:
    """Add every field of a descriptor or an option that is set, at any depth."""
    reworded = _REWORDED.get(message.DESCRIPTOR.full_name, ())
    for described, value in message.ListFields():
        if described.message_type and described.message_type.full_name in _OF_THEIR_OWN:
            continue
        if described.name in reworded:
            continue
        name = f"({described.full_name})" if described.is_extension else described.name
        _flatten_field(described, value, f"{at}.{name}" if at else name, parts)
    unknown_fields: Any = UnknownFieldSet(message)
    for unknown in unknown_fields:
        if (at, unknown.field_number) == ("", _NOTES_OF_BUF):
            continue
        name = f"{at} number {unknown.field_number}".strip()
        parts.stated[name] = parts.stated.get(name, "") + f"{unknown.wire_type}:{unknown.data!r}"


def _flatten_field(described: FieldDescriptor, value: Any, at: str, parts: Parts) -> None:
    if not described.is_repeated:
        _flatten_value(described, value, at, parts)
    elif described.message_type is None:
        parts.stated[at] = ", ".join(_shown(described, each) for each in value)
    else:
        labels: list[str] = []
        for each in value:
            label = getattr(each, "id", "") or str(len(labels))
            labels.append(f"{label} again" if label in labels else label)
            _flatten_value(described, each, f"{at}[{labels[-1]}]", parts)
            if labels[-1] == label:  # as in `cel[id]`, which says the ID
                parts.stated.pop(f"{at}[{label}].id", None)
        parts.orders[f"order of {at}"] = labels


def _flatten_value(described: FieldDescriptor, value: Any, at: str, parts: Parts) -> None:
    if described.message_type is None:
        parts.stated[at] = _shown(described, value)
    elif value.ByteSize():
        _flatten(value, at, parts)
    else:
        parts.stated[at] = EMPTY


def _shown(described: FieldDescriptor, value: Any) -> str:
    if described.enum_type is not None:
        known = described.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if isinstance(value, str):
        if described.name in ("extendee", "input_type", "output_type"):
            return value.lstrip(".")
        holder = described.containing_type
        is_name = holder is not None and holder.full_name in (*_OF_THEIR_OWN, *_REWORDED)
        return value if is_name else json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _reworded(schema: Schema, element: Element) -> Iterator[tuple[str, str]]:
    """Yield what a descriptor states by index or in several fields, as a person states it."""
    if isinstance(element, Field):
        field = element.descriptor
        yield "type", _type(schema, field)
        if field.HasField("oneof_index") and not field.proto3_optional:
            message = schema.messages[element.name.rpartition(".")[0]].descriptor
            yield "oneof", message.oneof_decl[field.oneof_index].name
    elif isinstance(element, File):
        file = element.descriptor
        for i, name in enumerate(file.dependency):
            ways = [("public", file.public_dependency), ("weak", file.weak_dependency)]
            yield f"import {name}", ", ".join(way for way, indices in ways if i in indices)
    elif isinstance(element, Message | Enum):
        # The end of a range is part of it in an enum, and not in a message.
        last = 0 if isinstance(element, Enum) else 1
        for span in element.descriptor.reserved_range:
            start, end = span.start, span.end - last
            if end - start < _SHORT:
                yield from ((f"reserved number {number}", "") for number in range(start, end + 1))
            else:
                yield f"reserved numbers {start} to {end}", ""
        for name in element.descriptor.reserved_name:
            yield f"reserved name {name}", ""


def _type(schema: Schema, field: FieldDescriptorProto) -> str:
    name = field.type_name.lstrip(".")
    entry = schema.messages.get(name)
    if entry is not None and entry.descriptor.options.map_entry:
        key, value = (_type(schema, part.descriptor) for part in entry.fields)
        return f"map<{key}, {value}>"
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    label = FieldDescriptorProto.Label.Name(field.label).removeprefix("LABEL_").lower()
    said = ("" if label == "optional" else label, "" if kind == "message" else kind, name)
    return " ".join(filter(None, said))


def _comments(schema: Schema, names: Mapping[tuple[str, tuple[int, ...]], str]) -> dict[str, str]:
    """Return the comments of elements; a comment on a part of one is its, too."""
    found: dict[str, str] = {}
    for file in schema.files.values():
        for at in file.descriptor.source_code_info.location:
            said = [*at.leading_detached_comments, at.leading_comments, at.trailing_comments]
            comment = "\n\n".join(text.strip() for text in said if text.strip())
            if comment:
                path = tuple(at.path)
                while (file.name, path) not in names:
                    path = path[:-1]
                name = names[file.name, path]
                found[name] = f"{found[name]}\n\n{comment}" if name in found else comment
    return found
