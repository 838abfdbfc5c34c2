"""The fuzz targets: the readers of the three formats, and the allowed results of each.

A reader must either reject an input with an exception that is listed here, or return a message that
can be written and read again. Everything else is a finding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from google.protobuf import json_format, text_format
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from tests.wire.message_types import MESSAGE_TYPES
from tests.wire.runtime import BINARY_REFUSALS, DEEPEST, JSON_REFUSALS

FORMATS = ("binary", "json", "text")


class Input(NamedTuple):
    """Bytes to read as a message of the type with that full name."""

    message: str
    format: str
    data: bytes


class RoundTripError(AssertionError):
    """A message that a reader returned cannot be written and read again unchanged."""


def attempt(given: Input) -> str:
    """Read the input; return "parsed" or the name of the documented exception that rejected it.

    Raises:
        RoundTripError: The message cannot be written and read again unchanged.
        Exception: The reader raised an undocumented exception.
    """
    message = MESSAGE_TYPES[given.message]()
    try:
        _READERS[given.format](given.data, message)
    except Exception as error:
        if is_documented(given, error):
            return type(error).__name__
        raise
    _RETURNS[given.format](message)
    return "parsed"


def is_documented(given: Input, error: Exception) -> bool:
    """Whether a reader of this runtime may reject the input with that exception.

    This implements the table in `docs/fuzzing.md`.
    """
    if isinstance(error, UnicodeDecodeError) and given.format != "binary":
        return isinstance(_text(given.data), bytes)  # bytes that are not UTF-8
    match given.format:
        case "binary":
            return isinstance(error, BINARY_REFUSALS)
        case "json":
            return isinstance(error, JSON_REFUSALS)
        case _:
            if isinstance(error, (text_format.ParseError, RecursionError)):
                return True
            # An enum number exceeds 32 bits, or an integer has more digits than Python converts.
            known = ("Value out of range", "Exceeds the limit")
            return isinstance(error, ValueError) and str(error).startswith(known)


def _text(data: bytes) -> str | bytes:
    """Return text if the bytes are UTF-8, including lone surrogates, and the bytes otherwise."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data


def _read_binary(data: bytes, message: Message) -> None:
    message.MergeFromString(data)


def _read_json(data: bytes, message: Message) -> None:
    json_format.Parse(_text(data), message)


def _read_text(data: bytes, message: Message) -> None:
    text_format.Parse(_text(data), message)


_READERS: dict[str, Callable[[bytes, Message], None]] = {
    "binary": _read_binary,
    "json": _read_json,
    "text": _read_text,
}


def _returns_in_binary(message: Message) -> bytes | None:
    """Write, read and write again, and return the bytes. Return None if nesting is too deep."""
    try:
        written = message.SerializeToString(deterministic=True)
        read = type(message).FromString(written)
    except (DecodeError, RecursionError):
        if depth(message) <= DEEPEST:
            raise
        return None
    if read.SerializeToString(deterministic=True) != written:
        raise RoundTripError("differs after it is written and read as binary")
    return written


def _returns_in_json(message: Message) -> None:
    written = _returns_in_binary(message)
    if written is None or not has_json(message):
        return
    read = type(message)()
    json_format.Parse(json_format.MessageToJson(message), read)
    if read.SerializeToString(deterministic=True) != written:
        raise RoundTripError("differs after it is written and read as JSON")


def _returns_in_text(message: Message) -> None:
    written = _returns_in_binary(message)
    if written is None:
        return
    read = type(message)()
    text_format.Parse(text_format.MessageToString(message), read)
    if read.SerializeToString(deterministic=True) != written:
        raise RoundTripError("differs after it is written and read as text")


_RETURNS: dict[str, Callable[[Message], object]] = {
    "binary": _returns_in_binary,
    "json": _returns_in_json,
    "text": _returns_in_text,
}


def within(message: Message) -> Iterable[tuple[Message, int]]:
    """Yield a message and every message inside it, with its depth; the outermost has depth 1."""
    open_messages = [(message, 1)]
    while open_messages:
        inner, level = open_messages.pop()
        yield inner, level
        for field, value in inner.ListFields():
            if field.message_type is None:
                continue
            if field.message_type.GetOptions().map_entry:
                # On the wire, a map entry is a separate level.
                if field.message_type.fields_by_name["value"].message_type is None:
                    continue
                children, below = list(value.values()), level + 2
            elif isinstance(value, Message):
                children, below = [value], level + 1
            else:
                children, below = list(value), level + 1
            open_messages.extend((child, below) for child in children)


def depth(message: Message) -> int:
    """Return the maximum nesting of messages, as counted on the wire."""
    return max(level for _, level in within(message))


def has_json(message: Message) -> bool:
    """Whether the message has a JSON form: all its well-known types must have one."""
    return all(_has_json(inner) for inner, _ in within(message))


def _has_json(message: Message) -> bool:
    if isinstance(message, Value):
        kind = message.WhichOneof("kind")
        # JSON has no NaN and no infinity, and a Value without a kind represents nothing.
        return kind is not None and (kind != "number_value" or math.isfinite(message.number_value))
    if isinstance(message, Timestamp):
        return -62135596800 <= message.seconds <= 253402300799 and 0 <= message.nanos < 10**9
    return True
