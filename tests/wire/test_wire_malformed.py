"""Malformed input fails with DecodeError, and with nothing else.

These tests hold on every protobuf runtime of the declared range. They do not cover where the
runtimes differ: a small length padded to more than five bytes (native protobuf 7 rejects it, all
others accept up to ten), a tag padded in the same way (pure Python accepts it), and a group closed
with a different field number (pure Python up to protobuf 5 accepts it).
"""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import Struct

from stigmer_apis.commons.apiresource import ApiResourceAudit, ApiResourceAuditInfo
from tests.fuzz.fuzz_targets import within
from tests.wire.filler import SMALL, filled
from tests.wire.message_types import MESSAGE_TYPES, encode_varint
from tests.wire.runtime import BINARY_REFUSALS
from tests.wire.wire_cases import TokenField, on_both_statuses, on_every_message_type

TOKEN = b"0123456789"


def _parses(message_type: type[Message], data: bytes) -> bool:
    try:
        message_type.FromString(data)
    except DecodeError:
        return False
    return True


@on_both_statuses
def test_a_token_cut_off_at_any_byte_is_refused(field: TokenField) -> None:
    whole = field.encode(TOKEN * 20)  # 200 bytes, a length of two
    assert field.message_type.FromString(whole).callback_token == TOKEN * 20
    parsed = [n for n in range(1, len(whole)) if _parses(field.message_type, whole[:n])]
    assert not parsed, f"of {len(whole)} bytes, these first ones parsed as a token: {parsed}"


@on_both_statuses
def test_a_status_cut_off_parses_between_two_fields_and_nowhere_else(field: TokenField) -> None:
    audit = ApiResourceAudit(status_audit=ApiResourceAuditInfo(event="updated"))
    # Ordered by number, as they are serialized.
    parts = [
        field.message_type(error="late"),
        field.message_type(started_at="09:30"),
        field.message_type(callback_token=TOKEN),
        field.message_type(audit=audit),
    ]
    whole = b"".join(part.SerializeToString() for part in parts)
    ends = {0, *accumulate(part.ByteSize() for part in parts)}

    assert field.message_type.FromString(whole).SerializeToString() == whole
    parsed = {n for n in range(len(whole) + 1) if _parses(field.message_type, whole[:n])}
    assert parsed == ends


@on_every_message_type
def test_a_message_cut_off_at_any_byte_parses_to_less_or_is_refused(
    message_type: type[Message],
) -> None:
    whole = filled(message_type, size=SMALL).SerializeToString()
    for length in range(len(whole)):
        try:
            part = message_type.FromString(whole[:length])
        except BINARY_REFUSALS:
            continue
        assert part.ByteSize() <= length, f"the first {length} bytes parsed to more than was there"


@on_both_statuses
@pytest.mark.parametrize(
    "length",
    [
        b"\x0b",
        b"\x7f",
        encode_varint(2**31 - 1),
        encode_varint(2**32 - 1),
        encode_varint(2**63),
        encode_varint(2**64 - 1),
        b"\x80" * 10 + b"\x01",
        b"\x8a" + b"\x80" * 9 + b"\x00",
        b"\xff" * 11,
    ],
    ids=[
        "one byte beyond the end",
        "far beyond the end",
        "2 GiB",
        "4 GiB",
        "2**63",
        "-1",
        "varint of 11 bytes",
        "varint of 11 bytes for the right length",
        "varint without an end",
    ],
)
def test_a_token_with_a_wrong_length_is_refused(field: TokenField, length: bytes) -> None:
    assert len(TOKEN) == 10
    with pytest.raises(DecodeError):
        field.message_type.FromString(field.tag + length + TOKEN)


@on_both_statuses
@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        b"\x02\x01a",
        b"\x80" * 10 + b"\x01",
        b"\x0c",
        b"\x0b",
        b"\x0b\x08\x01",
        b"\x0e",
        b"\x0f",
        b"\x08" + b"\x80" * 10 + b"\x01",
        b"\x9a\x06\x02\x0a\x01",
    ],
    ids=[
        "field number 0 as a varint",
        "field number 0 with a length",
        "tag of 11 bytes",
        "end of a group that was never opened",
        "group that never ends",
        "group with a field that never ends",
        "wire type 6",
        "wire type 7",
        "value of 11 bytes",
        "message within that goes on beyond its end",
    ],
)
def test_what_is_no_wire_format_is_refused(field: TokenField, data: bytes) -> None:
    for message in (data, field.encode(TOKEN) + data):
        with pytest.raises(DecodeError):
            field.message_type.FromString(message)


@on_both_statuses
def test_the_end_of_a_group_in_the_place_of_the_token_is_refused(field: TokenField) -> None:
    with pytest.raises(DecodeError):
        field.message_type.FromString(encode_varint(field.number << 3 | 4))


@on_both_statuses
@pytest.mark.parametrize(
    ("wire_type", "value"),
    [(0, b"\x05"), (1, b"\x01" * 8), (5, b"\x01" * 4)],
    ids=["varint", "eight bytes", "four bytes"],
)
def test_a_token_of_another_wire_type_is_kept_as_an_unknown_field(
    field: TokenField, wire_type: int, value: bytes
) -> None:
    data = encode_varint(field.number << 3 | wire_type) + value
    status = field.message_type.FromString(data)
    assert status.callback_token == b""
    assert status.SerializeToString() == data

    beside = field.message_type.FromString(field.encode(TOKEN) + data)
    assert beside.callback_token == TOKEN, "the field of another type took the token's place"


@on_both_statuses
def test_a_group_in_the_place_of_the_token_is_kept_as_an_unknown_field(field: TokenField) -> None:
    group = (
        encode_varint(field.number << 3 | 3) + b"\x08\x01" + encode_varint(field.number << 3 | 4)
    )
    status = field.message_type.FromString(group)
    assert status.callback_token == b""
    assert status.SerializeToString() == group


@on_both_statuses
def test_a_string_that_is_not_utf_8_is_refused(field: TokenField) -> None:
    data = field.message_type(error="xx").SerializeToString().replace(b"xx", b"\xff\xfe")
    with pytest.raises(BINARY_REFUSALS):
        field.message_type.FromString(data)


@on_both_statuses
def test_nesting_without_end_is_refused(field: TokenField) -> None:
    group, end = encode_varint(field.number << 3 | 3), encode_varint(field.number << 3 | 4)
    with pytest.raises(BINARY_REFUSALS):
        field.message_type.FromString(group * 1000 + end * 1000)


@on_both_statuses
def test_a_failed_merge_raises_and_does_not_invent_a_token(field: TokenField) -> None:
    status = field.message_type()
    with pytest.raises(DecodeError):
        status.MergeFromString(field.encode(TOKEN)[:-1])
    # Whether a field before the damage is merged is undefined, but half a token never is.
    assert status.callback_token == b""


def _damaged(sample: bytes, source: random.Random) -> bytes:
    """Return noise, or a sample with one byte changed, or several replaced, inserted or lost."""
    if source.random() < 0.3:
        return source.randbytes(source.randrange(48))
    data = bytearray(sample)
    at = source.randrange(len(data) + 1)
    if source.random() < 0.5:
        data[at : at + 1] = source.randbytes(1)
    else:
        data[at : at + source.randrange(4)] = source.randbytes(source.randrange(4))
    return bytes(data)


def _with_small_structs(message: Message) -> Message:
    """Leave one entry in each Struct, which has one order.

    The native runtime keeps a map entry that has an unknown field as bytes of its own making, and
    writes maps within it in the order of its hash table, in deterministic mode too.
    """
    for inner, _ in list(within(message)):
        if isinstance(inner, Struct):
            inner.Clear()
            inner["key"] = None
    return message


def test_thousands_of_damaged_messages_either_parse_or_raise_decode_error() -> None:
    parsed = refused = 0
    for name, message_type in MESSAGE_TYPES.items():
        source = random.Random(name)  # the same inputs in every run
        sample = _with_small_structs(filled(message_type, size=SMALL)).SerializeToString()
        for _ in range(200):
            data = _damaged(sample, source)
            try:
                message = message_type.FromString(data)
            except BINARY_REFUSALS:
                refused += 1
                continue
            parsed += 1
            # A message that parses can be forwarded, and arrives unchanged.
            again = message.SerializeToString(deterministic=True)
            arrived = message_type.FromString(again).SerializeToString(deterministic=True)
            assert arrived == again, f"{name}: {data.hex()}"
    assert parsed > 1000, "too few inputs parse to say anything about them"
    assert refused > 1000, "too few inputs are malformed to say anything about them"
