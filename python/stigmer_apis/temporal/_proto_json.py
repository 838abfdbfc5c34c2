"""Reads and writes ProtoJSON; reading takes messages of peers that are newer than this package.

The reader is our own, because `json_format` quotes the input in its errors, refuses what a newer
peer may send, and reads some input that ProtoJSON does not allow: duplicate names, text in place of
a message, numbers with spaces or underscores. It works from a plan for each descriptor, made once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from stigmer_apis._descriptors import is_map, is_repeated
from stigmer_apis.temporal._json_values import (
    UNKNOWN,
    UnfitError,
    converter,
    key_converter,
    to_double,
    to_text,
)

M = TypeVar("M", bound=Message)

Read = Callable[[Any, object, int], None]
"""Reads a JSON value into a message (or into one of its fields), so many messages deep at most."""

_DEEPEST = 100
"""So many messages within messages are read, as by `json_format` and the binary readers."""

_NULL = frozenset({"google.protobuf.Value", "google.protobuf.NullValue"})
_WRAPPERS = "google/protobuf/wrappers.proto"


def write_message(message: Message) -> bytes:
    """Write a message as the stock payload converter does: compact, with sorted keys."""
    value = json_format.MessageToDict(message)
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def read_message(data: bytes, message_type: type[M]) -> M:
    """Read a message and leave out fields and enum names that `message_type` does not know.

    An unknown enum name leaves its field unset; in a list or a map the entry is left out. An
    unknown enum number is kept.

    Raises:
        ValueError: it is not ProtoJSON of that type. The message names the field and the expected
            shape, and shows no value.
    """
    descriptor = cast("Descriptor", message_type.DESCRIPTOR)
    message = message_type()
    try:
        _reader(descriptor)(message, _DECODER.decode(data.decode()), _DEEPEST)
    except UnfitError as error:
        problem = f"{''.join(reversed(error.path))} must be {error.expected}"
    except (ValueError, RecursionError):
        problem = " is not valid JSON"
    else:
        return message
    # Raised here and not above: the errors of the JSON reader hold the whole text.
    raise ValueError(f"{descriptor.full_name}{problem}")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise UnfitError("JSON in which no object has the same name twice")
    return value


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


@functools.cache
def _reader(descriptor: Descriptor) -> Read:
    """Return what reads messages of a type."""
    if special := _SPECIAL.get(descriptor.full_name):
        return special
    if descriptor.file.name == _WRAPPERS:
        return _put(descriptor.fields_by_name["value"])
    # A field has two names. The one that is meant for JSON wins over that of another field.
    fields = {field: _plan(field) for field in descriptor.fields}
    plan = {field.name: planned for field, planned in fields.items()}
    plan.update({field.json_name: planned for field, planned in fields.items()})

    def read(message: Any, value: object, depth: int) -> None:
        seen: set[object] = set()
        for name, part in _members(value, depth):
            if name not in plan:
                if name[:1] == "[" and descriptor.is_extendable:
                    _read_extension(message, name, part)
                continue
            number, oneof, takes_null, put = plan[name]
            try:
                if number in seen:
                    raise UnfitError("given under one of its two names")
                seen.add(number)
                if part is None and not takes_null:
                    continue
                if oneof is not None:
                    if oneof in seen:
                        raise UnfitError("the only member of its oneof")
                    seen.add(oneof)
                put(message, part, depth)
            except UnfitError as error:
                raise error.below(f".{name}")  # noqa: B904

    return read


def _members(value: object, depth: int) -> Iterable[tuple[str, object]]:
    if type(value) is not dict:
        raise UnfitError("an object")
    if depth <= 0:
        raise UnfitError(f"at most {_DEEPEST} messages deep")
    return cast("dict[str, object]", value).items()


def _elements(value: object) -> list[object]:
    if type(value) is not list:
        raise UnfitError("an array")
    return cast("list[object]", value)


def _plan(field: FieldDescriptor) -> tuple[int, str | None, bool, Read]:
    """Return the number of a field, its oneof, whether null is a value of it, and its reader."""
    kind, oneof = field.message_type or field.enum_type, field.containing_oneof
    takes_null = kind is not None and kind.full_name in _NULL and not is_repeated(field)
    return field.number, oneof.name if oneof else None, takes_null, _put(field)


def _put(field: FieldDescriptor) -> Read:
    """Return what reads a JSON value into a field of a message."""
    name, inner, repeated = field.name, field.message_type, is_repeated(field)
    if inner is not None and is_map(field):
        return _put_map(name, *inner.fields)
    convert = None if inner else converter(field)

    def put(message: Any, value: object, depth: int) -> None:
        if repeated:
            held, i = getattr(message, name), 0
            elements = _elements(value)
            try:
                for i, part in enumerate(elements):  # noqa: B007
                    if convert is None:
                        _reader(inner)(held.add(), part, depth - 1)
                    elif (converted := convert(part)) is not UNKNOWN:
                        held.append(converted)
            except UnfitError as error:
                raise error.below(f"[{i}]")  # noqa: B904
        elif convert is None:
            held = getattr(message, name)
            held.SetInParent()
            _reader(inner)(held, value, depth - 1)
        elif (converted := convert(value)) is not UNKNOWN:
            setattr(message, name, converted)

    return put


def _put_map(name: str, key: FieldDescriptor, value: FieldDescriptor) -> Read:
    convert_key, inner = key_converter(key), value.message_type
    convert = None if inner else converter(value)

    def put(message: Any, given: object, depth: int) -> None:
        held = getattr(message, name)
        entries = _members(given, depth)
        try:
            for text, part in entries:
                if (at := convert_key(text)) in held:
                    raise UnfitError("an object in which no two names are the same key")
                if convert is None:
                    _reader(inner)(held[at], part, depth - 1)
                elif (converted := convert(part)) is not UNKNOWN:
                    held[at] = converted
        except UnfitError as error:
            raise error.below("[*]")  # noqa: B904 # a key may say too much

    return put


def _read_extension(message: Any, name: str, value: object) -> None:
    _read_by_json_format(json_format.ParseDict, {name: value}, message, ignore_unknown_fields=True)


def _read_by_json_format(read: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Call a reader whose errors quote what it reads, and may be of any type."""
    try:
        read(*arguments, **options)
    except Exception:
        is_read = False
    else:
        is_read = True
    if not is_read:
        raise UnfitError("what ProtoJSON says of its type")


def _read_text(message: Any, value: object, _: int) -> None:
    """Read a Timestamp, Duration or FieldMask."""
    _read_by_json_format(message.FromJsonString, to_text(value))


def _read_struct(message: Any, value: object, depth: int) -> None:
    fields = message.fields
    for name, part in _members(value, depth):
        _read_value(fields[to_text(name)], part, depth - 1)


def _read_list(message: Any, value: object, depth: int) -> None:
    add = message.values.add
    for part in _elements(value):
        _read_value(add(), part, depth - 1)


def _read_value(message: Any, value: Any, depth: int) -> None:
    if depth <= 0:
        raise UnfitError(f"at most {_DEEPEST} messages deep")
    kind = cast("type[object]", type(value))
    if kind is str:
        message.string_value = value if value.isascii() else to_text(value)
    elif kind is bool:
        message.bool_value = value
    elif kind is dict:
        message.struct_value.SetInParent()
        _read_struct(message.struct_value, value, depth - 1)
    elif kind is list:
        message.list_value.SetInParent()
        _read_list(message.list_value, value, depth - 1)
    elif value is None:
        message.null_value = 0
    else:
        message.number_value = to_double(value)


def _read_any(message: Any, value: object, depth: int) -> None:
    members = dict(_members(value, depth))
    if not members:
        return
    type_url = to_text(members.pop("@type", None))
    try:
        found = message.DESCRIPTOR.file.pool.FindMessageTypeByName(type_url.rpartition("/")[2])
    except KeyError:
        found = None
    if found is None or "/" not in type_url:
        raise UnfitError('an object whose "@type" names a message type that is loaded')
    packed = GetMessageClass(found)()
    has_own_json = found.full_name in _SPECIAL or found.file.name == _WRAPPERS
    _reader(found)(packed, members.get("value") if has_own_json else members, depth - 1)
    message.type_url, message.value = type_url, packed.SerializeToString()


_SPECIAL: dict[str, Read] = {
    "google.protobuf.Any": _read_any,
    "google.protobuf.Duration": _read_text,
    "google.protobuf.FieldMask": _read_text,
    "google.protobuf.ListValue": _read_list,
    "google.protobuf.Struct": _read_struct,
    "google.protobuf.Timestamp": _read_text,
    "google.protobuf.Value": _read_value,
}
