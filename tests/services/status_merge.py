"""The merging of a status report, as the comments of the contract describe it."""

from __future__ import annotations

from google.protobuf.message import Message


def merge_status(stored: Message, report: Message) -> None:
    """Replace each field that the report sets as a whole, and keep the others."""
    # MergeFrom alone would append to repeated fields and merge maps.
    for field, _ in report.ListFields():
        stored.ClearField(field.name)
    stored.MergeFromString(report.SerializeToString())
