"""The workflow runner over a real connection: the direct path, which carries no token."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionId,
    WorkflowExecutionQueryControllerStub,
)
from stigmer_apis.agentic.workflowrunner.v1 import (
    CancelExecutionRequest,
    PauseExecutionRequest,
    ResumeExecutionRequest,
    WorkflowExecuteInput,
    WorkflowExecuteResponse,
    WorkflowRunnerServiceControllerStub,
)
from tests.services.execution_services import TIMEOUT, WORKFLOW_EXECUTION, served, served_async

TOKEN = bytes(range(256))

# Field 3 with TOKEN, as written by a client from before the field was reserved.
OLD_TOKEN_FIELD = b"\x1a\x80\x02" + TOKEN

EACH_CONTROL = pytest.mark.parametrize(
    ("rpc", "request_type"),
    [
        ("cancelExecution", CancelExecutionRequest),
        ("pauseExecution", PauseExecutionRequest),
        ("resumeExecution", ResumeExecutionRequest),
    ],
)


def fields_set(message: Message) -> Mapping[str, object]:
    return {field.name: value for field, value in message.ListFields()}


def test_a_request_to_execute_has_no_field_for_a_token() -> None:
    no_such_field: dict[str, Any] = {"callback_token": TOKEN}
    with pytest.raises(ValueError, match="callback_token"):
        WorkflowExecuteInput(workflow_execution_id="wex-1", **no_such_field)


def test_number_and_name_of_the_old_token_field_are_reserved() -> None:
    descriptor = DescriptorProto()
    WorkflowExecuteInput.DESCRIPTOR.CopyToProto(descriptor)
    assert [(reserved.start, reserved.end) for reserved in descriptor.reserved_range] == [(3, 4)]
    assert list(descriptor.reserved_name) == ["callback_token"]
    assert not [field.name for field in descriptor.field if "token" in field.name]


def test_execute_async_answers_with_the_temporal_workflow_and_stores_no_token() -> None:
    with served() as services:
        commands = WorkflowExecutionCommandControllerStub(services.channel)
        queries = WorkflowExecutionQueryControllerStub(services.channel)
        runner = WorkflowRunnerServiceControllerStub(services.channel)
        created = commands.create(WORKFLOW_EXECUTION.request(), timeout=TIMEOUT)
        execution_id = created.metadata.id

        request = WorkflowExecuteInput(workflow_execution_id=execution_id, workflow_yaml="do: []")
        answer = runner.executeAsync(request, timeout=TIMEOUT)
        stored = queries.get(WorkflowExecutionId(value=execution_id), timeout=TIMEOUT)

    assert services.runner_requests == [request]
    assert answer.workflow_execution_id == execution_id
    assert answer.temporal_workflow_id == f"temporal-{execution_id}"
    assert stored.status.temporal_workflow_id == answer.temporal_workflow_id
    assert stored.status.callback_token == b""


def test_execute_async_answers_with_the_temporal_workflow_over_asyncio() -> None:
    async def scenario() -> None:
        async with served_async() as services:
            commands = WorkflowExecutionCommandControllerStub(services.channel)
            queries = WorkflowExecutionQueryControllerStub(services.channel)
            runner = WorkflowRunnerServiceControllerStub(services.channel)
            created = await commands.create(WORKFLOW_EXECUTION.request(), timeout=TIMEOUT)
            execution_id = created.metadata.id

            request = WorkflowExecuteInput(workflow_execution_id=execution_id)
            answer = await runner.executeAsync(request, timeout=TIMEOUT)
            stored = await queries.get(WorkflowExecutionId(value=execution_id), timeout=TIMEOUT)

        assert services.runner_requests == [request]
        assert answer.temporal_workflow_id == f"temporal-{execution_id}"
        assert stored.status.temporal_workflow_id == answer.temporal_workflow_id
        assert stored.status.callback_token == b""

    asyncio.run(scenario())


def test_the_token_of_an_old_client_reaches_no_field_of_the_request() -> None:
    with served() as services:
        commands = WorkflowExecutionCommandControllerStub(services.channel)
        created = commands.create(WORKFLOW_EXECUTION.request(), timeout=TIMEOUT)
        execution_id = created.metadata.id
        execute_async = services.channel.unary_unary(
            "/ai.stigmer.agentic.workflowrunner.v1.WorkflowRunnerServiceController/executeAsync",
            request_serializer=bytes,
            response_deserializer=WorkflowExecuteResponse.FromString,
        )
        request = WorkflowExecuteInput(workflow_execution_id=execution_id).SerializeToString()

        answer = execute_async(request + OLD_TOKEN_FIELD, timeout=TIMEOUT)

    assert answer.temporal_workflow_id == f"temporal-{execution_id}"
    [received] = services.runner_requests
    assert TOKEN in received.SerializeToString(), "the old field did not arrive at all"
    assert fields_set(received) == {"workflow_execution_id": execution_id}
    assert fields_set(services.store.get(WORKFLOW_EXECUTION.execution, execution_id).status) == {
        "phase": created.status.phase,
        "temporal_workflow_id": answer.temporal_workflow_id,
    }


@EACH_CONTROL
def test_a_run_is_controlled_by_rpcs_that_answer_with_empty(rpc: str, request_type: Any) -> None:
    with served() as services:
        commands = WorkflowExecutionCommandControllerStub(services.channel)
        runner = WorkflowRunnerServiceControllerStub(services.channel)
        created = commands.create(WORKFLOW_EXECUTION.request(), timeout=TIMEOUT)
        request = request_type(execution_id=created.metadata.id, reason="maintenance")

        answer = getattr(runner, rpc)(request, timeout=TIMEOUT)

    assert type(answer) is Empty
    assert services.runner_requests == [request]


@EACH_CONTROL
def test_a_run_is_controlled_by_rpcs_that_answer_with_empty_over_asyncio(
    rpc: str, request_type: Any
) -> None:
    async def scenario() -> None:
        async with served_async() as services:
            commands = WorkflowExecutionCommandControllerStub(services.channel)
            runner = WorkflowRunnerServiceControllerStub(services.channel)
            created = await commands.create(WORKFLOW_EXECUTION.request(), timeout=TIMEOUT)
            request = request_type(execution_id=created.metadata.id, reason="maintenance")

            answer = await getattr(runner, rpc)(request, timeout=TIMEOUT)

        assert type(answer) is Empty
        assert services.runner_requests == [request]

    asyncio.run(scenario())


def test_who_follows_a_run_sees_that_it_was_cancelled() -> None:
    with served() as services:
        commands = WorkflowExecutionCommandControllerStub(services.channel)
        runner = WorkflowRunnerServiceControllerStub(services.channel)
        queries = WORKFLOW_EXECUTION.queries(services.channel)
        created = commands.create(WORKFLOW_EXECUTION.request(), timeout=TIMEOUT)
        execution_id = created.metadata.id
        stream = queries.subscribe(WORKFLOW_EXECUTION.subscription(execution_id), timeout=TIMEOUT)
        assert next(stream) == created

        runner.cancelExecution(CancelExecutionRequest(execution_id=execution_id), timeout=TIMEOUT)

        [cancelled] = list(stream)
        assert cancelled.status.phase == ExecutionPhase.EXECUTION_CANCELLED


def test_a_run_of_an_unknown_execution_is_answered_with_not_found() -> None:
    with served() as services:
        runner = WorkflowRunnerServiceControllerStub(services.channel)
        request = WorkflowExecuteInput(workflow_execution_id="wex-none")
        with pytest.raises(grpc.RpcError) as caught:
            runner.executeAsync(request, timeout=TIMEOUT)

    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "no WorkflowExecution wex-none"
