"""The data converter: what the stock one reads and writes, and what newer peers send."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import default as stock_data_converter

from stigmer_apis.agentic.agentexecution.v1 import AgentExecutionStatus, TodoItem, TodoStatus
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from stigmer_apis.temporal import TemporalWorkflowInput, WorkflowMetadata, data_converter

TOKEN = bytes(range(256))
STATUS = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus"


def payload(value: object, message_type: str = STATUS) -> Payload:
    return Payload(
        metadata={"encoding": b"json/protobuf", "messageType": message_type.encode()},
        data=json.dumps(value).encode(),
    )


def decode(given: Payload, hint: Any = WorkflowExecutionStatus) -> Any:
    [value] = asyncio.run(data_converter.decode([given], [hint]))
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"\x00\xff",
        {"a": [1, "x"]},
        WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_FAILED, callback_token=TOKEN),
    ],
)
def test_it_writes_what_the_stock_converter_writes(value: object) -> None:
    assert asyncio.run(data_converter.encode([value])) == asyncio.run(
        stock_data_converter().encode([value])
    )


def test_fields_of_a_newer_peer_are_left_out_where_the_stock_converter_refuses_them() -> None:
    newer = payload({"error": "e", "tokensUsed": 5, "tasks": [{"taskId": "1", "cost": {"eur": 2}}]})

    with pytest.raises(RuntimeError):
        asyncio.run(stock_data_converter().decode([newer]))
    read = decode(newer)
    assert read.error == "e"
    assert [task.task_id for task in read.tasks] == ["1"]


def test_an_enum_name_of_a_newer_peer_reads_as_unset_and_a_number_is_kept() -> None:
    assert decode(payload({"phase": "EXECUTION_PAUSED", "error": "e"})) == WorkflowExecutionStatus(
        error="e"
    )
    assert decode(payload({"phase": 77})).phase == 77
    assert decode(payload({"phase": "EXECUTION_FAILED"})).phase == ExecutionPhase.EXECUTION_FAILED


def test_an_enum_name_of_a_newer_peer_is_left_out_in_a_map_of_messages() -> None:
    todos = {
        "1": {"id": "1", "status": "TODO_DEFERRED"},
        "2": {"id": "2", "status": int(TodoStatus.TODO_COMPLETED)},
    }
    read = decode(
        payload({"todos": todos}, AgentExecutionStatus.DESCRIPTOR.full_name), AgentExecutionStatus
    )
    assert read.todos["1"] == TodoItem(id="1")
    assert read.todos["2"] == TodoItem(id="2", status=TodoStatus.TODO_COMPLETED)


@pytest.mark.parametrize("text", ["_-8==", "//8//", "s3cr3t!", "AQ I=", "s3cr3"])
def test_a_token_that_is_not_base64_is_refused_without_showing_it(text: str) -> None:
    execution = payload({"status": {"callbackToken": text}}, WorkflowExecution.DESCRIPTOR.full_name)
    with pytest.raises(RuntimeError) as caught:
        decode(execution, WorkflowExecution)

    errors = [caught.value, caught.value.__cause__, caught.value.__context__]
    told = " ".join(str(error) for error in errors)
    assert "status.callbackToken must be a string in base64" in told
    assert text not in told


def test_every_byte_of_a_token_comes_through() -> None:
    status = WorkflowExecutionStatus(callback_token=TOKEN)
    [written] = asyncio.run(data_converter.encode([status]))
    assert decode(written) == status


@pytest.mark.parametrize("message_type", ["", "ai.stigmer.of.the.Future"])
def test_a_payload_without_a_type_known_here_is_read_as_the_type_that_is_asked_for(
    message_type: str,
) -> None:
    assert decode(payload({"error": "e"}, message_type)) == WorkflowExecutionStatus(error="e")
    with pytest.raises(RuntimeError) as caught:
        decode(payload({"error": "e"}, message_type), dict)
    assert "import the package that has it" in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"tasks": 1}', b'{"error": {}}'])
def test_a_payload_that_is_no_such_message_is_refused(data: bytes) -> None:
    broken = payload({})
    broken.data = data
    with pytest.raises(RuntimeError):
        decode(broken)


def test_a_go_struct_travels_as_plain_json_and_is_read_where_it_is_asked_for() -> None:
    given = TemporalWorkflowInput("wex-1", metadata=WorkflowMetadata("n"), callback_token=TOKEN)
    [written] = asyncio.run(data_converter.encode([given]))

    assert dict(written.metadata) == {"encoding": b"json/plain"}
    assert written.data == given.to_json()
    assert decode(written, TemporalWorkflowInput) == given
    # A workflow that asks for nothing gets the JSON.
    assert decode(written, dict)["WorkflowExecutionID"] == "wex-1"


def test_a_go_struct_that_does_not_fit_is_refused_without_showing_it() -> None:
    written = Payload(metadata={"encoding": b"json/plain"}, data=b'{"CallbackToken": "s3cr3t!"}')
    with pytest.raises(RuntimeError) as caught:
        decode(written, TemporalWorkflowInput)
    errors = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert "s3cr3t" not in " ".join(str(error) for error in errors)


@dataclass
class Other:
    """A dataclass of a service."""

    size: int


def test_other_dataclasses_travel_as_they_do_with_the_stock_converter() -> None:
    [written] = asyncio.run(data_converter.encode([Other(5)]))
    assert decode(written, Other) == Other(5)
