"""The handshake with the real SDK client and worker, on a loopback frontend instead of a server.

The frontend is `loopback_frontend.py`. The handshake on a real Temporal server, with kills, is in
tests/handshake and needs a Go toolchain: `make handshake`.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionUpdateStatusInput,
)
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from stigmer_apis.temporal import SystemActivities, TemporalWorkflowInput, data_converter, execute
from tests.services.status_merge import merge_status
from tests.temporal.loopback_frontend import Frontend, loopback
from tests.temporal.loopback_workflows import Run, Waiting

TIMEOUT = 30


@dataclass
class Commands:
    """The platform's commands in memory, called as an asyncio stub is."""

    executions: dict[str, WorkflowExecution] = field(default_factory=dict[str, WorkflowExecution])

    def create(self, name: str) -> WorkflowExecution:
        execution_id = f"wex-{len(self.executions) + 1}"
        metadata = ApiResourceMetadata(id=execution_id, name=name)
        self.executions[execution_id] = WorkflowExecution(metadata=metadata)
        return self.executions[execution_id]

    async def updateStatus(  # noqa: N802
        self, request: WorkflowExecutionUpdateStatusInput, timeout: float
    ) -> WorkflowExecution:
        stored = self.executions[request.execution_id]
        merge_status(stored.status, request.status)
        return stored


@dataclass
class Stage:
    client: Client
    frontend: Frontend
    commands: Commands

    async def told(self) -> list[bool]:
        """What the run of the one execution returned."""
        return await self.client.get_workflow_handle("run-wex-1").result()

    def token(self) -> bytes:
        return self.commands.executions["wex-1"].status.callback_token


class ToyCodec(PayloadCodec):
    """A fake encryption, which only hides payloads from a text search."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": b"toy"}, data=scramble(payload.SerializeToString()))
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(scramble(payload.data)) for payload in payloads]


def scramble(data: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in data)


@asynccontextmanager
async def stage(
    *, error: str = "", times: int = 1, converter: DataConverter = data_converter
) -> AsyncGenerator[Stage]:
    """A client, and workers of both sides; the run does what the arguments say."""
    commands = Commands()
    with loopback() as (address, frontend):
        client = await Client.connect(address, data_converter=converter)

        @activity.defn(name="External")
        async def external(execution: WorkflowExecution) -> Any:
            async def start(created: WorkflowExecution, token: bytes) -> None:
                data = {"answer": 42, "error": error, "times": times}
                given = TemporalWorkflowInput(
                    created.metadata.id, initial_data=data, callback_token=token
                )
                execution_id = f"run-{created.metadata.id}"
                await client.start_workflow("Run", given, id=execution_id, task_queue="runner")

            return await execute(commands, execution, start)

        system = SystemActivities(client, rpc_timeout=timedelta(seconds=5))
        async with (
            Worker(client, task_queue="caller", workflows=[Waiting], activities=[external]),
            Worker(client, task_queue="runner", workflows=[Run], activities=system.all()),
        ):
            yield Stage(client, frontend, commands)


async def wait(scene: Stage) -> Any:
    return await asyncio.wait_for(
        scene.client.execute_workflow(
            "Waiting", scene.commands.create("n"), id="waiting", task_queue="caller"
        ),
        TIMEOUT,
    )


def test_on_loopback_the_external_activity_resumes_with_the_result() -> None:
    async def scenario() -> None:
        async with stage() as scene:
            result = await wait(scene)
            assert result == {"answer": 42, "error": "", "times": 1}
            assert await scene.told() == [True]
            assert scene.token().startswith(b"loopback-"), "the token was not stored"

    asyncio.run(scenario())


def test_on_loopback_the_external_activity_raises_the_error() -> None:
    async def scenario() -> None:
        async with stage(error="no luck") as scene:
            with pytest.raises(WorkflowFailureError) as caught:
                await wait(scene)
            error = caught.value.cause
            assert isinstance(error, ActivityError)
            assert isinstance(error.cause, ApplicationError)
            assert (error.cause.message, error.cause.type) == ("no luck", "ExecutionFailed")

    asyncio.run(scenario())


def test_on_loopback_a_second_use_of_the_token_is_refused_and_not_retried() -> None:
    async def scenario() -> None:
        async with stage(times=2) as scene:
            assert (await wait(scene))["answer"] == 42
            assert await asyncio.wait_for(scene.told(), TIMEOUT) == [True, False]

            failures = [
                event.activity_task_failed_event_attributes.failure
                for event in scene.frontend.history("run-wex-1")
                if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
            ]
            assert [f.application_failure_info.type for f in failures] == [
                "ExternalActivityNotFound"
            ]
            for form in (scene.token(), b64encode(scene.token()), scene.token().hex().encode()):
                assert form not in failures[0].SerializeToString()

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE])
def test_on_loopback_a_delivery_that_gets_no_answer_is_repeated(status: grpc.StatusCode) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.frontend.refusals.append(status)
            assert (await wait(scene))["answer"] == 42
            assert await asyncio.wait_for(scene.told(), TIMEOUT) == [True]
            assert scene.frontend.refusals == []

    asyncio.run(scenario())


@pytest.mark.parametrize("is_encoded", [False, True])
def test_on_loopback_a_codec_keeps_the_token_out_of_every_history(is_encoded: bool) -> None:
    codec = ToyCodec() if is_encoded else None

    async def scenario() -> None:
        async with stage(converter=replace(data_converter, payload_codec=codec)) as scene:
            assert (await wait(scene))["answer"] == 42
            assert await asyncio.wait_for(scene.told(), TIMEOUT) == [True]

            forms = (scene.token(), b64encode(scene.token()))
            holding = [
                EventType.Name(event.event_type)
                for workflow in ("waiting", "run-wex-1")
                for event in scene.frontend.history(workflow)
                if any(form in event.SerializeToString() for form in forms)
            ]
        inputs = ["EVENT_TYPE_WORKFLOW_EXECUTION_STARTED", "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
        assert holding == ([] if is_encoded else inputs)

    asyncio.run(scenario())
