"""The token fields in the binary format, byte for byte.

All other implementations of the contract read and write these bytes, and stored executions contain
them. The expected bytes are built by hand here, from the wire format alone.
"""

from __future__ import annotations

import pytest

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecutionStatus,
    AgentExecutionUpdateStatusInput,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecutionStatus,
    WorkflowExecutionUpdateStatusInput,
)
from tests.wire.filler import ALL_BYTES
from tests.wire.message_types import encode_varint
from tests.wire.wire_cases import AGENT_TOKEN, WORKFLOW_TOKEN, TokenField, on_both_statuses

MIB = 1024 * 1024

# Tokens with their length prefix on the wire, which gets longer from 127 to 128.
TOKENS = {
    "1 byte": (b"\x00", "01"),
    "127 bytes": (b"\xff" * 127, "7f"),
    "128 bytes": (b"\xff" * 128, "80 01"),
    "200 bytes": (ALL_BYTES[56:], "c8 01"),
    "all byte values": (ALL_BYTES, "80 02"),
    "1 MiB": (ALL_BYTES * (MIB // 256), "80 80 40"),
}

each_token = pytest.mark.parametrize(("token", "length"), TOKENS.values(), ids=TOKENS.keys())


@on_both_statuses
def test_the_tag_is_the_one_of_the_field_number(field: TokenField) -> None:
    declared = field.message_type.DESCRIPTOR.fields_by_name["callback_token"]
    assert declared.number == field.number
    assert encode_varint(declared.number << 3 | 2) == field.tag


@on_both_statuses
@each_token
def test_a_token_is_tag_length_and_the_token_itself(
    field: TokenField, token: bytes, length: str
) -> None:
    status = field.message_type(callback_token=token)
    expected = field.tag + bytes.fromhex(length) + token
    assert status.SerializeToString() == expected
    assert status.SerializeToString(deterministic=True) == expected
    assert status.ByteSize() == len(expected)


@on_both_statuses
@each_token
def test_bytes_built_by_hand_parse_to_the_token(
    field: TokenField, token: bytes, length: str
) -> None:
    status = field.message_type.FromString(field.tag + bytes.fromhex(length) + token)
    assert status.callback_token == token
    assert type(status.callback_token) is bytes
    assert [set_field.name for set_field, _ in status.ListFields()] == ["callback_token"]


@on_both_statuses
def test_each_byte_value_alone_is_a_token_of_its_own(field: TokenField) -> None:
    for value in range(256):
        token = bytes([value])
        serialized = field.message_type(callback_token=token).SerializeToString()
        assert serialized == field.tag + b"\x01" + token, f"byte value {value}"
        assert field.message_type.FromString(serialized).callback_token == token, (
            f"byte value {value}"
        )


@on_both_statuses
def test_an_empty_token_takes_no_bytes_and_is_no_set_field(field: TokenField) -> None:
    status = field.message_type(callback_token=b"")
    assert status.SerializeToString() == b""
    assert status.ListFields() == []
    assert status == field.message_type()


@on_both_statuses
def test_a_token_of_length_zero_on_the_wire_reads_as_absent(field: TokenField) -> None:
    status = field.message_type.FromString(field.tag + b"\x00")
    assert status.callback_token == b""
    assert status.ListFields() == []
    assert status.SerializeToString() == b""


@on_both_statuses
@pytest.mark.parametrize("last", [b"second", b""], ids=["a token", "empty"])
def test_the_last_of_two_tokens_on_the_wire_wins(field: TokenField, last: bytes) -> None:
    status = field.message_type.FromString(field.encode(b"first") + field.encode(last))
    assert status.callback_token == last


@on_both_statuses
def test_merging_bytes_without_a_token_keeps_the_one_that_is_there(field: TokenField) -> None:
    status = field.message_type(callback_token=b"token")
    status.MergeFromString(field.message_type(error="late").SerializeToString())
    assert (status.callback_token, status.error) == (b"token", "late")


@on_both_statuses
def test_a_token_is_bytes_and_never_text(field: TokenField) -> None:
    status = field.message_type()
    with pytest.raises(TypeError):
        setattr(status, "callback_token", "text")  # noqa: B010 - the type checker knows it is wrong
    assert status.callback_token == b""


def test_a_workflow_status_has_its_fields_in_the_order_of_their_numbers() -> None:
    status = WorkflowExecutionStatus(callback_token=b"\x5a", error="e")
    status.audit.SetInParent()
    # 4: error; 11: callback_token; 99: audit, whose tag 99 * 8 + 2 takes two bytes, without fields.
    expected = bytes.fromhex("22 01 65  5a 01 5a  9a 06 00")
    assert status.SerializeToString(deterministic=True) == expected
    assert WorkflowExecutionStatus.FromString(expected) == status


def test_an_agent_status_is_the_same_bytes_in_whatever_order_its_todos_were_added() -> None:
    names = [f"todo {number}" for number in range(20)]
    serialized: set[bytes] = set()
    for order in (names, names[::-1]):
        status = AgentExecutionStatus(callback_token=b"token")
        for name in order:
            status.todos[name].id = name
        serialized.add(status.SerializeToString(deterministic=True))
    assert len(serialized) == 1, "deterministic serialization depends on the order of insertion"
    assert AGENT_TOKEN.encode(b"token") in serialized.pop()


def test_a_workflow_status_update_with_a_token_is_these_bytes() -> None:
    update = WorkflowExecutionUpdateStatusInput(
        execution_id="wex-1", status=WorkflowExecutionStatus(callback_token=b"\x00\xff\x5a")
    )
    expected = bytes.fromhex(
        "0a"  # field 1, execution_id: 1 * 8 + 2
        "  05"  # its length
        "  77 65 78 2d 31"  # wex-1
        "12"  # field 2, status: 2 * 8 + 2
        "  05"  # its length: tag, length and token of what follows
        "    5a"  # field 11 of the status, callback_token: 11 * 8 + 2
        "    03"  # its length
        "    00 ff 5a"  # the token, whose zeros and tags have no meaning
    )
    assert update.SerializeToString() == expected
    assert WorkflowExecutionUpdateStatusInput.FromString(expected) == update


def test_an_agent_status_update_with_a_token_is_these_bytes() -> None:
    update = AgentExecutionUpdateStatusInput(
        execution_id="aex-1", status=AgentExecutionStatus(callback_token=b"\x00\xff\x52")
    )
    # As above, except for the token's tag: field 10 of the status, 10 * 8 + 2.
    expected = bytes.fromhex("0a 05 61 65 78 2d 31  12 05  52 03 00 ff 52")
    assert update.SerializeToString() == expected
    assert AgentExecutionUpdateStatusInput.FromString(expected) == update


def test_the_token_of_one_status_is_unknown_to_the_other() -> None:
    # The numbers differ, so neither status can be read as the other.
    as_agent = AgentExecutionStatus.FromString(WORKFLOW_TOKEN.encode(b"token"))
    assert as_agent.callback_token == b""
    assert as_agent.SerializeToString() == WORKFLOW_TOKEN.encode(b"token")
