"""`updateStatus` over a real connection carries a task token to an execution, unchanged."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from stigmer_apis.agentic.agentexecution.v1 import TodoItem
from stigmer_apis.agentic.workflowexecution.v1 import ExecutionPhase, WorkflowTask
from tests.services.execution_services import (
    AGENT_EXECUTION,
    EACH_RESOURCE,
    TIMEOUT,
    WORKFLOW_EXECUTION,
    Resource,
    served,
    served_async,
)

EACH_TOKEN = pytest.mark.parametrize(
    "token",
    [
        pytest.param(bytes(range(256)), id="every byte value"),
        pytest.param(bytes(range(200)), id="200 bytes"),
        pytest.param(b"\0", id="one zero byte"),
        pytest.param(b"\xff\xfe\r\n ", id="no text"),
    ],
)


@EACH_RESOURCE
@EACH_TOKEN
def test_update_status_carries_a_token_byte_for_byte(resource: Resource, token: bytes) -> None:
    with served() as services:
        commands = resource.commands(services.channel)
        queries = resource.queries(services.channel)
        created = commands.create(resource.request(), timeout=TIMEOUT)
        execution_id = created.metadata.id

        answer = commands.updateStatus(
            resource.report(execution_id, callback_token=token), timeout=TIMEOUT
        )
        stored = queries.get(resource.key(execution_id), timeout=TIMEOUT)

    assert created.status.callback_token == b""
    assert answer.status.callback_token == token
    assert stored == answer


@EACH_RESOURCE
@EACH_TOKEN
def test_update_status_carries_a_token_byte_for_byte_over_asyncio(
    resource: Resource, token: bytes
) -> None:
    async def scenario() -> None:
        async with served_async() as services:
            commands = resource.commands(services.channel)
            queries = resource.queries(services.channel)
            created = await commands.create(resource.request(), timeout=TIMEOUT)
            execution_id = created.metadata.id

            answer = await commands.updateStatus(
                resource.report(execution_id, callback_token=token), timeout=TIMEOUT
            )
            stored = await queries.get(resource.key(execution_id), timeout=TIMEOUT)

        assert created.status.callback_token == b""
        assert answer.status.callback_token == token
        assert stored == answer

    asyncio.run(scenario())


@EACH_RESOURCE
def test_an_update_without_a_token_keeps_the_stored_one(resource: Resource) -> None:
    token = bytes(range(256))
    with served() as services:
        commands = resource.commands(services.channel)
        execution_id = commands.create(resource.request(), timeout=TIMEOUT).metadata.id
        report = resource.report(execution_id, callback_token=token)
        commands.updateStatus(report, timeout=TIMEOUT)

        # Empty means absent: the two are indistinguishable, both on the wire and afterwards.
        for later in (
            resource.report(execution_id, phase=ExecutionPhase.EXECUTION_IN_PROGRESS),
            resource.report(execution_id, callback_token=b""),
        ):
            answer = commands.updateStatus(later, timeout=TIMEOUT)
            assert answer.status.callback_token == token
            assert answer.status.phase == ExecutionPhase.EXECUTION_IN_PROGRESS


@EACH_RESOURCE
def test_an_update_without_a_token_keeps_the_stored_one_over_asyncio(resource: Resource) -> None:
    token = bytes(range(256))

    async def scenario() -> None:
        async with served_async() as services:
            commands = resource.commands(services.channel)
            created = await commands.create(resource.request(), timeout=TIMEOUT)
            execution_id = created.metadata.id
            report = resource.report(execution_id, callback_token=token)
            await commands.updateStatus(report, timeout=TIMEOUT)

            for later in (
                resource.report(execution_id, phase=ExecutionPhase.EXECUTION_IN_PROGRESS),
                resource.report(execution_id, callback_token=b""),
            ):
                answer = await commands.updateStatus(later, timeout=TIMEOUT)
                assert answer.status.callback_token == token
                assert answer.status.phase == ExecutionPhase.EXECUTION_IN_PROGRESS

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("resource", "field", "first", "second"),
    [
        pytest.param(
            WORKFLOW_EXECUTION,
            "tasks",
            [WorkflowTask(task_id="1"), WorkflowTask(task_id="2")],
            [WorkflowTask(task_id="3")],
            id="repeated",
        ),
        pytest.param(
            AGENT_EXECUTION,
            "todos",
            {"1": TodoItem(id="1"), "2": TodoItem(id="2")},
            {"3": TodoItem(id="3")},
            id="map",
        ),
    ],
)
def test_an_update_replaces_repeated_and_map_fields_whole(
    resource: Resource, field: str, first: Any, second: Any
) -> None:
    with served() as services:
        commands = resource.commands(services.channel)
        created = commands.create(resource.request(), timeout=TIMEOUT)
        for value in (first, second):
            report = resource.report(created.metadata.id, **{field: value})
            answer = commands.updateStatus(report, timeout=TIMEOUT)
            assert answer.status == resource.status(phase=created.status.phase, **{field: value})


@EACH_RESOURCE
def test_a_report_on_an_unknown_execution_is_answered_with_not_found(resource: Resource) -> None:
    with served() as services:
        commands = resource.commands(services.channel)
        report = resource.report("none-1", callback_token=b"\x01")
        with pytest.raises(grpc.RpcError) as caught:
            commands.updateStatus(report, timeout=TIMEOUT)

    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == f"no {resource.execution.DESCRIPTOR.name} none-1"


@EACH_RESOURCE
def test_a_report_on_an_unknown_execution_is_answered_with_not_found_over_asyncio(
    resource: Resource,
) -> None:
    async def scenario() -> grpc.aio.AioRpcError:
        async with served_async() as services:
            commands = resource.commands(services.channel)
            report = resource.report("none-1", callback_token=b"\x01")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await commands.updateStatus(report, timeout=TIMEOUT)
            return caught.value

    error = asyncio.run(scenario())
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == f"no {resource.execution.DESCRIPTOR.name} none-1"
