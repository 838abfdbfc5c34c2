"""Properties that hold for every message that a descriptor allows, tested for every message type.

`make test` draws a few messages of each type, the same ones in every run; `make fuzz` draws many.
"""

from __future__ import annotations

import contextlib
import copy
import math
import pickle
from collections.abc import Callable

import protovalidate
import pytest
from google.protobuf import json_format, text_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from hypothesis import given

from tests.fuzz.fuzz_targets import within
from tests.properties.strategies import messages
from tests.wire.message_types import MESSAGE_TYPES


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _same(read: Message, message: Message) -> bool:
    # Compare bytes, because a NaN makes a message unequal to itself.
    return type(read) is type(message) and _bytes(read) == _bytes(message)


def returns_from_binary(message: Message) -> bool:
    """A message written in binary reads as the same message."""
    return _same(type(message).FromString(message.SerializeToString()), message)


def is_the_same_bytes_again(message: Message) -> bool:
    """Equal messages have the same deterministic bytes, whose number is as announced."""
    written = _bytes(message)
    again = type(message)()
    again.MergeFromString(written)
    return _bytes(again) == written and message.ByteSize() == len(written)


def returns_from_json(message: Message) -> bool:
    """A message written as JSON reads as the same message, with both names of each field."""
    if not _is_json(message):
        return _has_no_json(message)
    for by_proto_name in (False, True):
        text = json_format.MessageToJson(message, preserving_proto_field_name=by_proto_name)
        if not _same(json_format.Parse(text, type(message)()), message):
            return False
    return True


def returns_from_text(message: Message) -> bool:
    """A message written as text reads as the same message, on several lines or on one."""
    for as_one_line in (False, True):
        text = text_format.MessageToString(message, as_one_line=as_one_line)
        if not _same(text_format.Parse(text, type(message)()), message):
            return False
    return True


def returns_from_a_pickle(message: Message) -> bool:
    """A pickled message unpickles as the same message."""
    return _same(pickle.loads(pickle.dumps(message)), message)


def is_copied_whole(message: Message) -> bool:
    """A deep copy is the same message, and changing it does not change the original."""
    before = _bytes(message)
    copied = copy.deepcopy(message)
    same = _same(copied, message)
    copied.Clear()
    return same and _bytes(message) == before


def is_equal_to_its_like(message: Message) -> bool:
    """Messages with the same bytes are equal, unless they contain a NaN."""
    other = type(message).FromString(_bytes(message))
    empty = not message.ListFields()
    return (message == other or _has_nan(message)) and (message == type(message)()) == empty


def merges_into_an_empty_message(message: Message) -> bool:
    """Merging a message into an empty one gives the same message."""
    merged = type(message)()
    merged.MergeFrom(message)
    return _same(merged, message)


def merging_is_joining_bytes(first: Message, second: Message) -> bool:
    """The concatenated bytes of two messages read as both merged."""
    merged = copy.deepcopy(first)
    merged.MergeFrom(second)
    return _same(type(first).FromString(_bytes(first) + _bytes(second)), merged)


def is_judged_without_any_other_error(message: Message) -> bool:
    """Validation passes, or raises its documented error."""
    with contextlib.suppress(protovalidate.ValidationError):
        protovalidate.validate(message)
    return True


PROPERTIES: list[Callable[[Message], bool]] = [
    returns_from_binary,
    is_the_same_bytes_again,
    returns_from_json,
    returns_from_text,
    returns_from_a_pickle,
    is_copied_whole,
    is_equal_to_its_like,
    merges_into_an_empty_message,
    is_judged_without_any_other_error,
]


def _numbers(message: Message) -> list[float]:
    found: list[float] = []
    for inner, _ in within(message):
        found += [value for _, value in inner.ListFields() if isinstance(value, float)]
    return found


def _has_nan(message: Message) -> bool:
    return any(math.isnan(number) for number in _numbers(message))


def _is_json(message: Message) -> bool:
    values = [inner for inner, _ in within(message) if isinstance(inner, Value)]
    return all(math.isfinite(value.number_value) for value in values)


def _has_no_json(message: Message) -> bool:
    try:
        json_format.MessageToJson(message)
    except json_format.SerializeToJsonError:
        return True
    return False


# Several tests instead of one: the draws take the time, and workers share the tests.
@pytest.mark.parametrize("message_type", MESSAGE_TYPES.values(), ids=MESSAGE_TYPES.keys())
def test_every_message_keeps_every_property(message_type: type[Message]) -> None:
    @given(messages(message_type), messages(message_type))
    def check(first: Message, second: Message) -> None:
        for keeps in PROPERTIES:
            for message in (first, second):
                assert keeps(message), f"broken: {keeps.__doc__}"
        assert merging_is_joining_bytes(first, second), (
            f"broken: {merging_is_joining_bytes.__doc__}"
        )

    check()
