"""The callback token is a field of the two statuses, and can never be one elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)

from stigmer_apis.commons.apiresource import computed
from tests.toolchain import Run

_AGENTIC = "ai.stigmer.agentic"
TOKENS = {
    f"{_AGENTIC}.workflowexecution.v1.WorkflowExecutionStatus": 11,
    f"{_AGENTIC}.agentexecution.v1.AgentExecutionStatus": 10,
}
GAPS = {
    f"{_AGENTIC}.workflowexecution.v1.WorkflowExecutionStatus": [8, 9, 10],
    f"{_AGENTIC}.agentexecution.v1.AgentExecutionStatus": [5],
    f"{_AGENTIC}.workflowexecution.v1.WorkflowExecutionSpec": [2],
    f"{_AGENTIC}.workflowrunner.v1.WorkflowExecuteInput": [3],
    "ai.stigmer.commons.apiresource.FindApiResourcesRequest": [2],
}


def _messages(image: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    def below(scope: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        name = f"{scope}.{message.name}"
        yield name, message
        for nested in message.nested_type:
            yield from below(name, nested)

    for file in image.file:
        if file.name.startswith("ai/stigmer/"):
            for message in file.message_type:
                yield from below(file.package, message)


def test_it_stands_in_the_two_statuses_and_nowhere_else(contract: FileDescriptorSet) -> None:
    found = {
        name: field.number
        for name, message in _messages(contract)
        for field in message.field
        if "token" in field.name and field.type == FieldDescriptorProto.TYPE_BYTES
    }
    assert found == TOKENS
    named = {
        name
        for name, message in _messages(contract)
        for field in message.field
        if field.name == "callback_token"
    }
    assert named == set(TOKENS)


@pytest.mark.parametrize("name", TOKENS)
def test_it_is_singular_bytes_and_marked_as_system_written_and_secret(
    contract: FileDescriptorSet, name: str
) -> None:
    message = dict(_messages(contract))[name]
    (token,) = [field for field in message.field if field.name == "callback_token"]
    assert token.type == FieldDescriptorProto.TYPE_BYTES
    assert token.label == FieldDescriptorProto.LABEL_OPTIONAL
    assert not token.proto3_optional
    assert not token.HasField("oneof_index")
    assert token.json_name == "callbackToken"
    assert token.options.debug_redact
    assert token.options.Extensions[computed]


@pytest.mark.parametrize("name", GAPS)
def test_the_number_gaps_are_reserved(contract: FileDescriptorSet, name: str) -> None:
    message = dict(_messages(contract))[name]
    reserved = [n for taken in message.reserved_range for n in range(taken.start, taken.end)]
    assert reserved == GAPS[name]


def test_no_gap_is_left_open(contract: FileDescriptorSet) -> None:
    # 99 is the audit block, far from the other fields to leave room for new ones.
    for name, message in _messages(contract):
        taken = {field.number for field in message.field} - {99}
        taken |= {n for gap in message.reserved_range for n in range(gap.start, gap.end)}
        assert taken == set(range(1, max(taken, default=0) + 1)), name


def test_the_input_cannot_take_it_back(contract: FileDescriptorSet) -> None:
    message = dict(_messages(contract))[f"{_AGENTIC}.workflowrunner.v1.WorkflowExecuteInput"]
    assert list(message.reserved_name) == ["callback_token"]


@pytest.mark.parametrize("line", ["bytes callback_token = 7;", "bytes other = 3;"])
def test_the_compiler_refuses_its_number_and_its_name_in_the_input(
    buf: Run, checkout: Path, line: str
) -> None:
    source = checkout / "apis" / "ai/stigmer/agentic/workflowrunner/v1/io.proto"
    text = source.read_text()
    assert "string workflow_yaml = 2;" in text
    source.write_text(
        text.replace("string workflow_yaml = 2;", f"string workflow_yaml = 2;\n  // No.\n  {line}")
    )
    refused = buf("build", cwd=checkout)
    assert refused.returncode != 0
    assert "reserved" in refused.stderr
