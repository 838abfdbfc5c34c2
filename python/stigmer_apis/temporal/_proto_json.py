"""ProtoJSON as it must be read from peers that are newer than this package, and never guessed at.

`json_format` can ignore unknown fields, but that of protobuf 4.25 still refuses unknown enum names,
and every version skips what it cannot read as base64 without a word. Both are dealt with before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from stigmer_apis.temporal._go_json import is_json_object, read_base64

M = TypeVar("M", bound=Message)

_DROPPED = object()

# Their JSON is of their own.
_WELL_KNOWN = "google.protobuf."


def write_message(message: Message) -> bytes:
    """Write a message as the stock payload converter does: compact, with sorted keys."""
    value = json_format.MessageToDict(message)
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def read_message(data: bytes, message_type: type[M]) -> M:
    """Read a message and leave out fields and enum names that `message_type` does not know.

    An unknown enum name leaves its field unset; in a list or a map the entry is left out. An
    unknown enum number is kept.

    Raises:
        ValueError: it is not ProtoJSON of that type. The message shows no value of a bytes field.
    """
    name = message_type.DESCRIPTOR.full_name
    message = message_type()
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        value = _DROPPED
    # Raised here and not above: the error of the JSON reader holds the whole text.
    if value is _DROPPED:
        raise ValueError(f"{name} is not valid JSON")
    # json_format takes an empty array for an empty message.
    if not (is_json_object(value) or name.startswith(_WELL_KNOWN)):
        raise ValueError(f"{name} must be an object in JSON")
    known = _known(cast("Descriptor", message_type.DESCRIPTOR), value, name)
    try:
        json_format.Parse(json.dumps(known), message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        reason = str(error)
    else:
        return message
    raise ValueError(f"{name} does not fit its JSON: {reason}")


def _known(descriptor: Descriptor, value: object, path: str) -> object:
    """Return `value` without unknown enum names; refuse bytes that are not standard base64."""
    if not is_json_object(value) or descriptor.full_name.startswith(_WELL_KNOWN):
        return value
    by_name = {f.name: f for f in descriptor.fields} | {f.json_name: f for f in descriptor.fields}
    kept: dict[str, object] = {}
    for key, part in value.items():
        field = by_name.get(key)
        known = _known_field(field, part, f"{path}.{key}") if field else part
        if known is not _DROPPED:
            kept[key] = known
    return kept


def _known_field(field: FieldDescriptor, value: object, path: str) -> object:
    if isinstance(value, list):
        # Every JSON array here is a repeated field: values that are arrays are well-known types.
        parts = [_known_value(field, part, path) for part in cast("list[object]", value)]
        return [part for part in parts if part is not _DROPPED]
    message = field.message_type
    if message is not None and message.GetOptions().map_entry and is_json_object(value):
        values = message.fields_by_name["value"]
        entries = {key: _known_value(values, part, path) for key, part in value.items()}
        return {key: part for key, part in entries.items() if part is not _DROPPED}
    return _known_value(field, value, path)


def _known_value(field: FieldDescriptor, value: object, path: str) -> object:
    if field.message_type is not None:
        return _known(field.message_type, value, path)
    if field.type == FieldDescriptor.TYPE_BYTES and value is not None:
        if not isinstance(value, str):
            raise ValueError(f"{path} must be a string in standard base64")
        read_base64(value, path)
    if field.enum_type is not None and isinstance(value, str):
        return value if _is_known(field, value) else _DROPPED
    return value


def _is_known(field: FieldDescriptor, name: str) -> bool:
    # json_format takes a number in quotes too.
    known: Mapping[str, Any] = cast("Any", field.enum_type).values_by_name
    return name in known or name.lstrip("-").isdecimal()
