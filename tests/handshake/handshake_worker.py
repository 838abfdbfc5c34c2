"""A worker as a process of its own, of the caller or of the runner.

    python -m tests.handshake.handshake_worker caller|runner TEMPORAL PLATFORM GATES

A gate is a file in the folder GATES: `NAME.reached` is written when a worker comes to it, and the
worker waits until `NAME.open` is there.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import grpc.aio
from temporalio import activity
from temporalio.client import (
    Client,
    CompleteAsyncActivityInput,
    Interceptor,
    OutboundInterceptor,
)
from temporalio.service import RetryConfig
from temporalio.worker import Worker

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionCommandControllerStub,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdateStatusInput,
)
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from stigmer_apis.temporal import (
    SystemActivities,
    TemporalWorkflowInput,
    WorkflowMetadata,
    data_converter,
    execute,
)
from tests.handshake.handshake_workflows import Caller, ExecuteServerlessWorkflow, Order

# A proxy that the environment names would be asked for 127.0.0.1 too.
CHANNEL_OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 1000)]


async def reach(gates: Path, name: str) -> None:
    """Wait before the gate of that name; there is none if the name is empty."""
    if not name:
        return
    (gates / f"{name}.reached").touch()
    while not (gates / f"{name}.open").exists():
        await asyncio.sleep(0.05)


class GatedCommands:
    """The commands of a service, with a gate before a token is stored."""

    def __init__(self, commands: Any, gates: Path, gate: str) -> None:
        self._update_status, self._gates, self._gate = commands.updateStatus, gates, gate

    async def updateStatus(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802
        await reach(self._gates, self._gate)
        return await self._update_status(*args, **kwargs)


class CallerActivities:
    def __init__(self, client: Client, channel: grpc.aio.Channel, gates: Path) -> None:
        self._client, self._gates = client, gates
        self._agents = AgentExecutionCommandControllerStub(channel)
        self._workflows = WorkflowExecutionCommandControllerStub(channel)

    @activity.defn(name="CreateExecution")
    async def create_execution(self, order: Order) -> Any:
        metadata = ApiResourceMetadata(name=order.name)
        if order.agent:
            return await self._agents.create(AgentExecution(metadata=metadata), timeout=5)
        spec = WorkflowExecutionSpec(workflow_id="wfl-1")
        return await self._workflows.create(
            WorkflowExecution(metadata=metadata, spec=spec), timeout=5
        )

    @activity.defn(name="RunExecution")
    async def run_execution(self, order: Order, execution: Any) -> Any:
        async def start(created: WorkflowExecution | AgentExecution, token: bytes) -> None:
            await self._client.start_workflow(
                "ExecuteServerlessWorkflow",
                TemporalWorkflowInput(
                    workflow_execution_id=created.metadata.id,
                    metadata=WorkflowMetadata(name=order.name),
                    initial_data=vars(order),
                    callback_token=b"" if order.lose_token else token,
                ),
                id=f"run-{created.metadata.id}",
                task_queue=order.run_queue,
            )

        commands = self._agents if order.agent else self._workflows
        return await execute(GatedCommands(commands, self._gates, order.gate), execution, start)


class Reports:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._commands = WorkflowExecutionCommandControllerStub(channel)

    @activity.defn(name="Report")
    async def report(self, execution_id: str, result: dict[str, Any], error: str) -> None:
        if execution_id.startswith("aex-"):
            return
        status = WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_COMPLETED)
        if error:
            status = WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_FAILED, error=error)
        else:
            status.output.update(result)
        report = WorkflowExecutionUpdateStatusInput(execution_id=execution_id, status=status)
        await self._commands.updateStatus(report, timeout=5)


class DeliveryGates(Interceptor):
    """Gates before and after Temporal is asked to complete an external activity."""

    def __init__(self, gates: Path) -> None:
        self._gates = gates

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return GatedDelivery(next, self._gates)


class GatedDelivery(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, gates: Path) -> None:
        super().__init__(next)
        self._gates = gates

    async def complete_async_activity(self, input: CompleteAsyncActivityInput) -> None:
        before, after = self._gates / "before-delivery.armed", self._gates / "after-delivery.armed"
        if before.exists():
            await reach(self._gates, "before-delivery")
        try:
            await super().complete_async_activity(input)
        except Exception:
            (self._gates / "before-delivery.failed").touch()
            raise
        if after.exists():
            await reach(self._gates, "after-delivery")


async def main(role: str, temporal: str, platform: str, gates: str) -> None:
    folder = Path(gates)
    client = await Client.connect(
        temporal,
        data_converter=data_converter,
        interceptors=[DeliveryGates(folder)],
        # So that an attempt of a system activity fails soon when Temporal is away.
        retry_config=RetryConfig(max_elapsed_time_millis=1000),
    )
    async with grpc.aio.insecure_channel(platform, options=CHANNEL_OPTIONS) as channel:
        caller = CallerActivities(client, channel, folder)
        if role == "caller":
            worker = Worker(
                client,
                task_queue="caller",
                workflows=[Caller],
                activities=[caller.create_execution, caller.run_execution],
            )
        else:
            worker = Worker(
                client,
                task_queue="runner",
                workflows=[ExecuteServerlessWorkflow],
                activities=[*SystemActivities(client).all(), Reports(channel).report],
            )
        print("polling", flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with worker:
            await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
