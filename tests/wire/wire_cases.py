"""What the tests of this folder share: the two token fields, the message types, sample messages."""

from __future__ import annotations

from typing import NamedTuple

import google.protobuf
import pytest
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

from stigmer_apis.agentic.agentexecution.v1 import AgentExecutionStatus
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus
from tests.wire.message_types import ALL_BYTES as ALL_BYTES
from tests.wire.message_types import CONTRACT as CONTRACT
from tests.wire.message_types import MESSAGE_TYPES as MESSAGE_TYPES
from tests.wire.message_types import Declared as Declared
from tests.wire.message_types import encode_varint as encode_varint
from tests.wire.message_types import filled as filled

PURE_PYTHON = api_implementation.Type() == "python"
PROTOBUF = tuple(int(part) for part in google.protobuf.__version__.split(".")[:3])

# CVE-2025-4565: these follow nesting as deep as Python does. 4.25 has the limit from our floor on.
HAS_NO_LIMIT = PURE_PYTHON and ((5,) < PROTOBUF < (5, 29, 5) or (6,) < PROTOBUF < (6, 31, 1))
"""Whether the binary reader has no limit of its own for messages and groups in one another."""

# What a parser may raise. The pure Python runtime, which pip installs where there is no wheel for
# the machine (such as Alpine Linux), lets the codec's error through when a string is not UTF-8.
REFUSALS: tuple[type[Exception], ...] = (
    DecodeError,
    *((UnicodeDecodeError,) if PURE_PYTHON else ()),
    *((RecursionError,) if HAS_NO_LIMIT else ()),
)


class TokenField(NamedTuple):
    """A `callback_token` field: the message that holds it, and its number and tag on the wire."""

    message_type: type[WorkflowExecutionStatus] | type[AgentExecutionStatus]
    number: int
    tag: bytes

    def encode(self, token: bytes) -> bytes:
        """The field on the wire, by hand."""
        return self.tag + encode_varint(len(token)) + token


# The tag is number * 8 + 2, where 2 is the wire type of everything that has a length.
WORKFLOW_TOKEN = TokenField(WorkflowExecutionStatus, 11, b"\x5a")
AGENT_TOKEN = TokenField(AgentExecutionStatus, 10, b"\x52")

on_both_statuses = pytest.mark.parametrize(
    "field", [WORKFLOW_TOKEN, AGENT_TOKEN], ids=["workflow", "agent"]
)

on_every_message_type = pytest.mark.parametrize(
    "message_type", MESSAGE_TYPES.values(), ids=MESSAGE_TYPES.keys()
)
