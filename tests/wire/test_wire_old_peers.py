"""Peers from before `callback_token`: what their readers keep, and what their writers omit.

The old schema is ours without the field, in its own descriptor pool. test_rolling_upgrades.py
covers what holds for every field and every pair of versions.
"""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format

from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionUpdateStatusInput,
)
from tests.wire.filler import ALL_BYTES, filled
from tests.wire.schema_versions import BEFORE_TOKENS
from tests.wire.wire_cases import TokenField, on_both_statuses


class OldSchema:
    """Return the classes of peers from before either status had a token, by today's classes."""

    def __getitem__(self, current: type[Any]) -> Any:
        """Return the old class of a current one, which has no static type because it is created at
        run time.
        """
        return BEFORE_TOKENS.types[current.DESCRIPTOR.full_name]


@pytest.fixture
def old() -> OldSchema:
    return OldSchema()


@on_both_statuses
def test_an_old_reader_has_no_token(old: OldSchema, field: TokenField) -> None:
    received = old[field.message_type].FromString(field.encode(b"token"))
    assert not hasattr(received, "callback_token")
    assert received.ListFields() == []


@on_both_statuses
def test_an_old_reader_keeps_the_token_through_a_round_trip_with_a_change(
    old: OldSchema, field: TokenField
) -> None:
    sent = field.message_type(callback_token=ALL_BYTES, error="early", started_at="09:30")
    received = old[field.message_type].FromString(sent.SerializeToString())
    received.error = "late"
    back = field.message_type.FromString(received.SerializeToString())
    assert back.callback_token == ALL_BYTES
    assert (back.error, back.started_at) == ("late", "09:30")


@on_both_statuses
def test_an_old_reader_keeps_every_field_of_a_full_status(
    old: OldSchema, field: TokenField
) -> None:
    sent = filled(field.message_type)
    received = old[field.message_type].FromString(sent.SerializeToString())
    assert field.message_type.FromString(received.SerializeToString()) == sent


@on_both_statuses
@pytest.mark.parametrize("copy", ["CopyFrom", "MergeFrom"])
def test_an_old_reader_keeps_the_token_when_it_copies_the_status(
    old: OldSchema, field: TokenField, copy: str
) -> None:
    old_type = old[field.message_type]
    received = old_type.FromString(field.encode(b"token"))
    copied = old_type()
    getattr(copied, copy)(received)
    copied.error = "late"
    del received  # the copy does not depend on the original
    back = field.message_type.FromString(copied.SerializeToString())
    assert (back.callback_token, back.error) == (b"token", "late")


@on_both_statuses
def test_of_two_statuses_merged_by_an_old_reader_the_later_token_counts(
    old: OldSchema, field: TokenField
) -> None:
    old_type = old[field.message_type]
    merged = old_type.FromString(field.encode(b"first"))
    merged.MergeFrom(old_type.FromString(field.encode(b"second")))
    assert field.message_type.FromString(merged.SerializeToString()).callback_token == b"second"


def test_an_old_reader_keeps_the_token_deep_inside_an_execution(old: OldSchema) -> None:
    sent = WorkflowExecution(kind="WorkflowExecution")
    sent.status.callback_token = b"token"
    received = old[WorkflowExecution].FromString(sent.SerializeToString())
    received.status.error = "late"
    back = WorkflowExecution.FromString(received.SerializeToString())
    assert (back.status.callback_token, back.status.error) == (b"token", "late")


def test_an_old_service_that_stores_the_status_of_an_update_keeps_the_token(
    old: OldSchema,
) -> None:
    sent = WorkflowExecutionUpdateStatusInput(execution_id="wex-1")
    sent.status.callback_token = b"token"
    update = old[WorkflowExecutionUpdateStatusInput].FromString(sent.SerializeToString())
    stored = old[WorkflowExecution]()
    stored.status.MergeFrom(update.status)
    back = WorkflowExecution.FromString(stored.SerializeToString())
    assert back.status.callback_token == b"token"


@on_both_statuses
def test_the_bytes_of_an_old_writer_read_as_an_empty_token(
    old: OldSchema, field: TokenField
) -> None:
    full = filled(field.message_type)
    full.ClearField("callback_token")
    written = json_format.ParseDict(json_format.MessageToDict(full), old[field.message_type]())
    read = field.message_type.FromString(written.SerializeToString())
    assert read.callback_token == b""
    assert read == full


@on_both_statuses
def test_an_old_json_reader_refuses_a_token_by_default(old: OldSchema, field: TokenField) -> None:
    text = json_format.MessageToJson(field.message_type(callback_token=b"token", error="early"))
    with pytest.raises(json_format.ParseError, match="callbackToken"):
        json_format.Parse(text, old[field.message_type]())


@on_both_statuses
def test_an_old_json_reader_that_ignores_unknown_fields_loses_the_token(
    old: OldSchema, field: TokenField
) -> None:
    text = json_format.MessageToJson(field.message_type(callback_token=b"token", error="early"))
    received = old[field.message_type]()
    json_format.Parse(text, received, ignore_unknown_fields=True)
    back = field.message_type.FromString(received.SerializeToString())
    assert (back.callback_token, back.error) == (b"", "early")


@on_both_statuses
def test_an_old_reader_that_writes_json_loses_the_token(old: OldSchema, field: TokenField) -> None:
    sent = field.message_type(callback_token=b"token", error="early")
    received = old[field.message_type].FromString(sent.SerializeToString())
    assert json_format.MessageToDict(received) == {"error": "early"}
