"""Hypothesis strategies for any message that a descriptor allows.

Collections and nesting are small, because the kind of a value breaks a codec, not the number of
values. The well-known types stay within their definitions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st

DEEPEST = 3
"""The maximum depth of nested messages; deeper ones are omitted."""

MOST = 2
"""The maximum number of elements in a repeated field or a map."""

_FIELD = FieldDescriptor

# The limits of each type and ordinary values. Strings contain any character, including NUL and
# those beyond the basic plane; lone surrogates are not characters.
text = st.one_of(
    st.sampled_from(["\x00", "é", "\U0001f600", "\uffff", '"\\', "\u2028", "{}", "\r\n"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
data = st.one_of(st.just(bytes(range(256))), st.binary(max_size=8))
doubles = st.one_of(st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308]), st.floats())
# Python's JSON reader rejects the largest float as rounded by its own JSON writer
# (docs/fuzzing.md).
LARGEST_FLOAT = (2 - 2**-23) * 2.0**127
floats = st.one_of(
    st.sampled_from([-0.0, 2.0**-149]),
    st.floats(width=32).filter(lambda number: abs(number) != LARGEST_FLOAT),
)


def _integers(least: int, most: int) -> st.SearchStrategy[int]:
    edges = [least, least + 1, 0, 127, 128, most - 1, most]
    return st.one_of(st.sampled_from(edges), st.integers(least, most))


_int32 = _integers(-(2**31), 2**31 - 1)
_int64 = _integers(-(2**63), 2**63 - 1)
_uint32 = _integers(0, 2**32 - 1)
_uint64 = _integers(0, 2**64 - 1)

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    _FIELD.TYPE_STRING: text,
    _FIELD.TYPE_BYTES: data,
    _FIELD.TYPE_BOOL: st.booleans(),
    _FIELD.TYPE_DOUBLE: doubles,
    _FIELD.TYPE_FLOAT: floats,
    **dict.fromkeys([_FIELD.TYPE_INT32, _FIELD.TYPE_SINT32, _FIELD.TYPE_SFIXED32], _int32),
    **dict.fromkeys([_FIELD.TYPE_INT64, _FIELD.TYPE_SINT64, _FIELD.TYPE_SFIXED64], _int64),
    **dict.fromkeys([_FIELD.TYPE_UINT32, _FIELD.TYPE_FIXED32], _uint32),
    **dict.fromkeys([_FIELD.TYPE_UINT64, _FIELD.TYPE_FIXED64], _uint64),
}


@functools.cache
def messages(message_type: type[Message], deepest: int = DEEPEST) -> st.SearchStrategy[Message]:
    """Return messages of a type: each field set or not, and at most one member of each oneof."""
    special = _WELL_KNOWN.get(message_type.DESCRIPTOR.full_name)
    if special:
        return special()
    choices = dict(_choices(message_type, deepest))

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message = message_type()
        for choice in choices.values():
            if draw(st.booleans()):
                name, value = draw(choice)
                _set(message, name, value)
        return message

    return build()


def _choices(
    message_type: type[Message], deepest: int
) -> Iterator[tuple[str, st.SearchStrategy[tuple[str, Any]]]]:
    """Yield each field, or each oneof as a whole, with a name and a strategy for its value."""
    oneofs: dict[str, list[st.SearchStrategy[tuple[str, Any]]]] = {}
    # The type stubs have a separate class for it in each implementation.
    for field in cast("list[FieldDescriptor]", message_type.DESCRIPTOR.fields):
        value = _values(field, deepest)
        if value is None:
            continue
        named = st.tuples(st.just(field.name), value)
        oneof = field.containing_oneof
        if oneof is None:
            yield field.name, named
        else:
            oneofs.setdefault(oneof.name, []).append(named)
    for name, members in oneofs.items():
        yield f"oneof {name}", st.one_of(members)


def _values(field: FieldDescriptor, deepest: int) -> st.SearchStrategy[Any] | None:
    """Return values for a field, or None if they would nest too deeply."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key = _one(entry.fields_by_name["key"], deepest)
        value = _one(entry.fields_by_name["value"], deepest)
        if key is None or value is None:
            return None
        return st.dictionaries(key, value, max_size=MOST)
    one = _one(field, deepest)
    return st.lists(one, max_size=MOST) if one is not None and field.is_repeated else one


def _one(field: FieldDescriptor, deepest: int) -> st.SearchStrategy[Any] | None:
    if field.message_type is not None:
        return messages(GetMessageClass(field.message_type), deepest - 1) if deepest > 1 else None
    if field.enum_type is not None:
        # Enums are open: a number without a name is just as valid.
        known = st.sampled_from([value.number for value in field.enum_type.values])
        return st.one_of(known, _int32)
    return _SCALARS[field.type]


def _set(message: Message, name: str, value: Any) -> None:
    if isinstance(value, Message):
        getattr(message, name).CopyFrom(value)
    elif isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value)
        holder = getattr(message, name)
        for key, element in pairs.items():
            if isinstance(element, Message):
                holder[key].CopyFrom(element)
            else:
                holder[key] = element
    elif isinstance(value, list):
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)


def _list(values: list[Value]) -> ListValue:
    return ListValue(values=values)


def _list_value(values: list[Value]) -> Value:
    return Value(list_value=_list(values))


def _struct(fields: dict[str, Value]) -> Struct:
    return Struct(fields=fields)


def _struct_value(fields: dict[str, Value]) -> Value:
    return Value(struct_value=_struct(fields))


# Every Value has a kind: its definition requires one, and JSON cannot express none.
_values_of_json = st.recursive(
    st.one_of(
        st.just(Value(null_value=NULL_VALUE)),
        st.builds(Value, bool_value=st.booleans()),
        st.builds(Value, number_value=doubles),
        st.builds(Value, string_value=text),
    ),
    lambda inner: st.one_of(
        st.builds(
            _list_value,
            st.lists(inner, max_size=MOST),
        ),
        st.builds(
            _struct_value,
            st.dictionaries(text, inner, max_size=MOST),
        ),
    ),
    max_leaves=3,
)


def _structs() -> st.SearchStrategy[Message]:
    found = st.dictionaries(text, _values_of_json, max_size=MOST)
    return st.builds(_struct, found)


def _timestamps() -> st.SearchStrategy[Message]:
    # From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
    seconds = _integers(-62135596800, 253402300799)
    return st.builds(Timestamp, seconds=seconds, nanos=_integers(0, 999_999_999))


_WELL_KNOWN: dict[str, Callable[[], st.SearchStrategy[Message]]] = {
    "google.protobuf.Struct": _structs,
    "google.protobuf.Value": lambda: _values_of_json,
    "google.protobuf.ListValue": lambda: st.builds(_list, st.lists(_values_of_json, max_size=MOST)),
    "google.protobuf.Timestamp": _timestamps,
}
