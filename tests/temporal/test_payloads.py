"""Our messages as Temporal payloads, by the stock data converter of every SDK and by our own."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode

import pytest
from google.protobuf.message import Message
from temporalio.converter import DataConverter

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecutionStatus,
    AgentExecutionUpdateStatusInput,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
)
from stigmer_apis.temporal import data_converter

# Every byte value, so that standard base64 differs from the URL-safe kind, and is padded.
TOKEN = bytes(range(256))

EXECUTION = WorkflowExecution(
    api_version="agentic.stigmer.ai/v1",
    kind="WorkflowExecution",
    spec=WorkflowExecutionSpec(workflow_id="wfl-1", trigger_metadata={"source": "webhook"}),
    status=WorkflowExecutionStatus(
        phase=ExecutionPhase.EXECUTION_IN_PROGRESS, callback_token=TOKEN
    ),
)
REPORT = AgentExecutionUpdateStatusInput(
    execution_id="aex-1", status=AgentExecutionStatus(callback_token=TOKEN)
)

EACH_CONVERTER = pytest.mark.parametrize(
    "converter",
    [
        pytest.param(DataConverter.default, id="stock"),
        pytest.param(data_converter, id="ours"),
    ],
)
EACH_MESSAGE = pytest.mark.parametrize(
    "message",
    [
        pytest.param(EXECUTION, id="workflow execution"),
        pytest.param(REPORT, id="report on an agent execution"),
    ],
)


@EACH_CONVERTER
@EACH_MESSAGE
def test_a_message_is_proto_json_with_its_type_and_the_token_in_standard_base64(
    message: Message,
    converter: DataConverter,
) -> None:
    [payload] = asyncio.run(converter.encode([message]))

    assert dict(payload.metadata) == {
        "encoding": b"json/protobuf",
        "messageType": message.DESCRIPTOR.full_name.encode(),
    }
    assert payload.metadata["messageType"].startswith(b"ai.stigmer.agentic.")
    assert json.loads(payload.data)["status"]["callbackToken"] == b64encode(TOKEN).decode()


@EACH_CONVERTER
@EACH_MESSAGE
def test_a_payload_decodes_to_an_equal_message_of_the_type_that_is_asked_for(
    message: Message,
    converter: DataConverter,
) -> None:
    async def round_trip() -> object:
        payloads = await converter.encode([message])
        [decoded] = await converter.decode(payloads, [type(message)])
        return decoded

    decoded = asyncio.run(round_trip())

    assert type(decoded) is type(message)
    assert decoded == message
