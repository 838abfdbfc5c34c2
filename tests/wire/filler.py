"""Fills messages of any schema with values that depend only on the names of their fields.

A value depends on the path to its field (`status.tasks[1].name`), so adding a field changes no
other value, and a value in the wrong field is recognizable. `releases/` stores the output of the
filler for the schema of every release; changing a value here breaks those fixtures.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import Message

from tests.wire.image_types import walk_messages

ALL_BYTES = bytes(range(256))


class Size(NamedTuple):
    """How much a message is filled with."""

    elements: int
    """The number of elements in a repeated field, and of entries in a map."""
    own_kind: int
    """The maximum nesting of messages of the same type."""


FULL = Size(2, 2)
SMALL = Size(1, 1)

# One character each of two, three and four bytes.
_NON_ASCII = "é日🚀"
# The same order by code point, by UTF-8 byte and by UTF-16 unit.
_KEYS = ("key", f"ключ {_NON_ASCII}")
_FIELD = FieldDescriptorProto


def filled(message_type: type[Message], member: str = "", size: Size = FULL) -> Message:
    """Return a message with every field set, including nested messages.

    Of a oneof, set `member` if it belongs to it, and otherwise the lowest-numbered member; the
    second element of a repeated field gets the next member. A message inside a message of its own
    type is filled too, up to the maximum nesting.
    """
    message = message_type()
    _Filler(size).fill(message, "", (), member)
    return message


def oneof_members(message: Message | type[Message]) -> list[str]:
    """Return the members of a message's oneofs, ordered by number."""
    found = [field for field in declared_fields(message).values() if is_oneof_member(field)]
    return [field.name for field in sorted(found, key=lambda field: field.number)]


def is_oneof_member(field: FieldDescriptorProto) -> bool:
    """Whether a field belongs to a real oneof; the synthetic oneof of an `optional` field does not
    count.
    """
    return field.HasField("oneof_index") and not field.proto3_optional


def declared_fields(message: Message | type[Message]) -> Mapping[str, FieldDescriptorProto]:
    """Return the fields of a message by name, as its file declares them."""
    return {field.name: field for field in _declared(message.DESCRIPTOR).field}


# The stubs have two unrelated kinds of descriptors, hence Any.
def _declared(descriptor: Any) -> DescriptorProto:
    # Descriptors of different runtimes report repeated fields differently, and pure Python cannot
    # copy a descriptor back from a pool; the file itself is the same everywhere.
    return _declared_in(descriptor.file.serialized_pb)[descriptor.full_name]


@functools.cache
def _declared_in(serialized_file: bytes) -> dict[str, DescriptorProto]:
    file = FileDescriptorProto.FromString(serialized_file)
    return dict(walk_messages(file.package, file.message_type))


def _members_left_out(declared: DescriptorProto, member: str, index: int) -> set[str]:
    left_out: set[str] = set()
    for position in range(len(declared.oneof_decl)):
        members = [
            field.name
            for field in sorted(declared.field, key=lambda field: field.number)
            if field.HasField("oneof_index") and field.oneof_index == position
        ]
        chosen = member if member in members else members[min(index, len(members) - 1)]
        left_out |= {name for name in members if name != chosen}
    return left_out


class _Filler(NamedTuple):
    size: Size

    def fill(
        self, message: Message, path: str, outer: tuple[str, ...], member: str, index: int = 0
    ) -> None:
        name = message.DESCRIPTOR.full_name
        if name.startswith("google.protobuf."):
            if name not in _WELL_KNOWN:
                raise NotImplementedError(
                    f"{path}: the filler has no value for {name}; give it one"
                )
            _WELL_KNOWN[name](message, path)
            return
        declared = _declared(message.DESCRIPTOR)
        left_out = _members_left_out(declared, member, index)
        for field in declared.field:
            if field.name not in left_out:
                at = f"{path}.{field.name}" if path else field.name
                self._set(message, field, at, (*outer, name))

    def _set(
        self, message: Message, field: FieldDescriptorProto, path: str, outer: tuple[str, ...]
    ) -> None:
        descriptor: Any = message.DESCRIPTOR.fields_by_name[field.name]
        holder: Any = getattr(message, field.name)
        is_repeated = field.label == _FIELD.LABEL_REPEATED
        inner = descriptor.message_type
        if inner is not None and inner.GetOptions().map_entry:
            self._set_map(holder, inner, path, outer)
        elif inner is not None and outer.count(inner.full_name) == self.size.own_kind:
            return
        elif inner is not None and is_repeated:
            for index in range(self.size.elements):
                self.fill(holder.add(), f"{path}[{index}]", outer, "", index)
        elif inner is not None:
            holder.SetInParent()
            self.fill(holder, path, outer, "")
        elif is_repeated:
            for index in range(self.size.elements):
                holder.append(_value(field, descriptor.enum_type, f"{path}[{index}]", index))
        else:
            setattr(message, field.name, _value(field, descriptor.enum_type, path, 0))

    def _set_map(self, holder: Any, entry: Any, path: str, outer: tuple[str, ...]) -> None:
        key_field, value_field = sorted(_declared(entry).field, key=lambda field: field.number)
        value = entry.fields_by_name["value"]
        if (
            value.message_type is not None
            and outer.count(value.message_type.full_name) == self.size.own_kind
        ):
            return
        for index in range(self.size.elements):
            key = _map_key(key_field, index)
            at = f"{path}[{_KEYS[index]}]"
            if value.message_type is not None:
                self.fill(holder[key], at, outer, "", index)
            else:
                holder[key] = _value(value_field, value.enum_type, at, index)


def _map_key(field: FieldDescriptorProto, index: int) -> object:
    if field.type == _FIELD.TYPE_STRING:
        return _KEYS[index]
    if field.type == _FIELD.TYPE_BOOL:
        return bool(index)
    return _EXTREMES[field.type][index]


def _value(field: FieldDescriptorProto, enum: Any, path: str, index: int) -> object:
    """Return a value that is not the type's default; `index` is that of an element."""
    seed = _seed(path)
    if enum is not None:
        numbers = sorted({value.number for value in enum.values})
        return numbers[max(-1 - index, -len(numbers))]
    match field.type:
        case _FIELD.TYPE_STRING:
            return f"{path} {_NON_ASCII}"
        case _FIELD.TYPE_BYTES:
            return ALL_BYTES[seed % 256 :] + ALL_BYTES[: seed % 256]
        case _FIELD.TYPE_BOOL:
            return index == 0
        case _:
            return _EXTREMES[field.type][seed % 4]


def _seed(path: str) -> int:
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big")


def _signed(bits: int) -> tuple[int, ...]:
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, -1, 2 ** (bits - 2) + 1


def _unsigned(bits: int) -> tuple[int, ...]:
    return 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1


# The values that a seed selects from; none is zero. The first two are the keys of a map.
_EXTREMES: Mapping[int, tuple[float, ...]] = {
    _FIELD.TYPE_INT32: _signed(32),
    _FIELD.TYPE_SINT32: _signed(32),
    _FIELD.TYPE_SFIXED32: _signed(32),
    _FIELD.TYPE_UINT32: _unsigned(32),
    _FIELD.TYPE_FIXED32: _unsigned(32),
    _FIELD.TYPE_INT64: _signed(64),
    _FIELD.TYPE_SINT64: _signed(64),
    _FIELD.TYPE_SFIXED64: _signed(64),
    _FIELD.TYPE_UINT64: _unsigned(64),
    _FIELD.TYPE_FIXED64: _unsigned(64),
    # 0.1 has no exact binary form, and its nearest float differs from its nearest double.
    _FIELD.TYPE_FLOAT: (0.1, -1.5, 2.0**127, -(2.0**-126)),
    _FIELD.TYPE_DOUBLE: (0.1, -1.5, 2.0**1023, -(2.0**-1022)),
}


def _fill_timestamp(message: Any, path: str) -> None:
    # From the first second of year 1 to the last second of 9999, the valid range.
    message.seconds = -62_135_596_800 + _seed(path) % 315_537_897_600
    message.nanos = 1 + _seed(f"{path}.nanos") % 999_999_999


def _fill_duration(message: Any, path: str) -> None:
    # 10,000 years in both directions; seconds and nanoseconds have the same sign.
    sign = 1 if _seed(path) % 2 else -1
    message.seconds = sign * (1 + _seed(path) % 315_576_000_000)
    message.nanos = sign * (1 + _seed(f"{path}.nanos") % 999_999_999)


def _every_kind(path: str) -> dict[str, object]:
    """Return every kind of value that a Struct can contain, without deep nesting.

    The pure Python runtime of protobuf 4.25 takes twice as long for each level.
    """
    return {
        "null": None,
        "number": -0.1,
        "integer": 2**53 - 1,
        "string": f'{path} {_NON_ASCII} "\\\n\t\u2028<&>',
        "bool": True,
        "false": False,
        "list": [None, -1.5, path, False, [], {}],
        _KEYS[1]: {_KEYS[0]: path, _KEYS[1]: []},
    }


def _fill_struct(message: Message, path: str) -> None:
    json_format.ParseDict(_every_kind(path), message)


def _fill_list(message: Message, path: str) -> None:
    values: Any = list(_every_kind(path).values())  # the stubs know only objects
    json_format.ParseDict(values, message)


_WELL_KNOWN: Mapping[str, Callable[[Any, str], None]] = {
    "google.protobuf.Duration": _fill_duration,
    "google.protobuf.Empty": lambda message, path: None,
    "google.protobuf.ListValue": _fill_list,
    "google.protobuf.Struct": _fill_struct,
    "google.protobuf.Timestamp": _fill_timestamp,
    "google.protobuf.Value": _fill_struct,
}
