"""The input of every peer program: fixtures, hard cases, and unknown fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import Message

from stigmer_apis.agentic.agentexecution.v1 import AgentExecutionStatus, AgentMessage
from stigmer_apis.agentic.workflow.v1 import WorkflowTask as TaskOfTemplate
from stigmer_apis.agentic.workflow.v1.tasks import AgentExecutionConfig
from stigmer_apis.agentic.workflowexecution.v1 import (
    ListWorkflowExecutionsRequest,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from tests.wire.message_types import MESSAGE_TYPES
from tests.wire.release_fixtures import BINARY, IMAGE, JSON, RELEASES


@dataclass(frozen=True)
class Case:
    """A message in binary, and in JSON if all libraries agree on its JSON form."""

    stem: str
    """The name of its files, without the extension."""
    message_type: type[Message]
    binary: bytes
    json: bytes | None

    def canonical(self, encoded: bytes) -> bytes:
        """Return the bytes that Python writes for a message, for comparing two messages."""
        return self.message_type.FromString(encoded).SerializeToString(deterministic=True)

    def from_json(self, text: bytes) -> bytes:
        """Return the canonical bytes of a message in JSON."""
        message = json_format.Parse(text, self.message_type())
        return message.SerializeToString(deterministic=True)

    def without_unknown(self) -> bytes:
        """Return the canonical bytes after a reader has dropped the unknown fields."""
        message = self.message_type.FromString(self.binary)
        message.DiscardUnknownFields()
        return message.SerializeToString(deterministic=True)

    def has_unknown(self) -> bool:
        """Whether the message has unknown fields."""
        return self.without_unknown() != self.canonical(self.binary)


def all_cases() -> list[Case]:
    """Return every case that a peer must pass."""
    return [*release_cases(), *hard_cases(), *unknown_cases()]


def release_cases() -> Iterator[Case]:
    """Yield the fixtures of every release and of HEAD."""
    for file in sorted(RELEASES.glob(f"*/*{BINARY}")):
        if file.name != IMAGE:
            stem = f"{file.parent.name}.{file.stem}"
            text = file.with_suffix(JSON).read_bytes()
            yield Case(stem, _message_type(file), file.read_bytes(), text)


def hard_cases() -> Iterator[Case]:
    """Yield messages that libraries tend to write differently, and every empty message."""
    for name, message_type in MESSAGE_TYPES.items():
        yield _case(f"empty.{name}", message_type())

    # The order of UTF-16 code units differs from that of code points, and from that of UTF-8 bytes.
    pairs = {"case": "aB", "accent": "éz", "digits": ("10", "9"), "utf-16": "\uff5e\U0001f600"}
    for name, (one, other) in pairs.items():
        yield _case(f"map-order.{name}", ApiResourceMetadata(labels={one: "1", other: "2"}))

    numbers = TaskOfTemplate()
    numbers.task_config.update(
        {
            "large": 1e300,
            "small": 5e-324,
            "tenth": 0.1,
            "2^53": 2.0**53,
            "whole": 3.0,
            "flag": True,
        }
    )
    yield _case("struct.numbers", numbers)
    # Binary only: protobuf-go writes -0 to JSON, which Python reads as 0.
    negative_zero = TaskOfTemplate()
    negative_zero.task_config.update({"number": -0.0})
    yield Case("struct.negative-zero", TaskOfTemplate, negative_zero.SerializeToString(), None)
    nested = TaskOfTemplate()
    nested.task_config.update(
        {"": {"null": None, "list": [[], {}, [None, [1]]], "empty": {}, 'quote"\\\n\u2028': "</"}}
    )
    yield _case("struct.nested", nested)

    # An enum value of a later release; proto3 readers keep it.
    status: dict[str, int] = {"phase": 4711}
    yield _case("enum.unknown", WorkflowExecutionStatus(**status))  # pyright: ignore[reportArgumentType]
    yield _case("float.shortest", AgentExecutionConfig(temperature=0.7))
    yield _case("int.negative", ListWorkflowExecutionsRequest(page_size=-1))

    set_but_empty = WorkflowExecution()
    set_but_empty.status.SetInParent()
    set_but_empty.metadata.labels[""] = ""
    yield _case("present.empty", set_but_empty)
    yield _case("present.elements", AgentExecutionStatus(messages=[AgentMessage(), AgentMessage()]))


def unknown_cases() -> Iterator[Case]:
    """Yield the fixtures of HEAD with unknown fields of every wire type, also one level deeper."""
    for case in release_cases():
        if case.stem.startswith("HEAD."):
            stem = f"unknown.{case.stem}"
            yield Case(stem, case.message_type, case.binary + UNKNOWN_FIELDS, None)
    status = WorkflowExecutionStatus.FromString(UNKNOWN_FIELDS)
    deeper = WorkflowExecution(kind="WorkflowExecution", status=status)
    yield Case("unknown.nested", WorkflowExecution, deeper.SerializeToString(), None)


# Numbers 100001 to 100005, far from all of ours, in order.
UNKNOWN_FIELDS = b"".join(
    [
        b"\x88\xea\x30\x96\x01",  # varint: 150
        b"\x91\xea\x30\x01\x02\x03\x04\x05\x06\x07\x08",  # 64 bits
        b"\x9a\xea\x30\x04\x00\xff\x00\x80",  # length: four bytes that are not UTF-8
        b"\xa5\xea\x30\x01\x02\x03\x04",  # 32 bits
        b"\xab\xea\x30\x08\x07\xac\xea\x30",  # group: a varint field 1 of 7
    ]
)


def _case(stem: str, message: Message) -> Case:
    text = json_format.MessageToJson(message, ensure_ascii=False).encode()
    return Case(stem, type(message), message.SerializeToString(deterministic=True), text)


def _message_type(fixture: Path) -> type[Message]:
    """Return the type of a fixture: its name before the extension or the member of a oneof."""
    name = fixture.stem
    return MESSAGE_TYPES[name if name in MESSAGE_TYPES else name.rpartition(".")[0]]
