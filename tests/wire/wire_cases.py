"""Helpers for the tests of this folder: the two token fields, and functions to examine them."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from stigmer_apis.agentic.agentexecution.v1 import AgentExecutionStatus
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus
from tests.each import for_each
from tests.wire.message_types import MESSAGE_TYPES, encode_varint


class TokenField(NamedTuple):
    """A `callback_token` field: its message, and its number and tag on the wire."""

    message_type: type[WorkflowExecutionStatus] | type[AgentExecutionStatus]
    number: int
    tag: bytes

    def encode(self, token: bytes) -> bytes:
        """Return the bytes of the field on the wire, built by hand."""
        return self.tag + encode_varint(len(token)) + token


# The tag is number * 8 + 2, where 2 is the wire type of length-delimited values.
WORKFLOW_TOKEN = TokenField(WorkflowExecutionStatus, 11, b"\x5a")
AGENT_TOKEN = TokenField(AgentExecutionStatus, 10, b"\x52")

on_both_statuses = pytest.mark.parametrize(
    "field", [WORKFLOW_TOKEN, AGENT_TOKEN], ids=["workflow", "agent"]
)

on_every_message_type = for_each(MESSAGE_TYPES)
