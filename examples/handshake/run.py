"""The callback-token handshake from end to end, on its own Temporal server.

    make example-handshake

or, with a Temporal CLI, `TEMPORAL_CLI=/path/to/temporal python examples/handshake/run.py`. A
calling workflow waits for a run that succeeds, then for one that fails. Everything except the
Temporal server runs in this process; in production, each worker is a separate process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import grpc.aio
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from caller import CallerActivities, OrderWorkflow
from platform_service import serve
from runner import ExecuteServerlessWorkflow, RunnerActivities
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionCommandControllerStub
from stigmer_apis.temporal import SystemActivities, data_converter


async def show(client: Client, amount: int) -> None:
    """Run one calling workflow and print how it ended."""
    try:
        result = await client.execute_workflow(
            OrderWorkflow.run, amount, id=f"order-{amount}", task_queue="caller"
        )
        print(f"caller    resumed with {result}")
    except WorkflowFailureError as error:
        cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
        print(f"caller    raised {cause}")


async def main(temporal_cli: str) -> None:
    """Start a Temporal server and the platform, run both workers, and show both outcomes."""
    server, address, executions = await serve()
    # Otherwise gRPC would use a proxy from the environment even for 127.0.0.1.
    options = [("grpc.enable_http_proxy", 0)]
    async with (
        await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
            data_converter=data_converter,
            dev_server_existing_path=temporal_cli,
            dev_server_log_level="error",
        ) as temporal,
        grpc.aio.insecure_channel(address, options=options) as channel,
    ):
        client = temporal.client
        commands = WorkflowExecutionCommandControllerStub(channel)
        caller = CallerActivities(client, commands)
        async with (
            Worker(
                client,
                task_queue="caller",
                workflows=[OrderWorkflow],
                activities=[caller.create_execution, caller.run_execution],
            ),
            Worker(
                client,
                task_queue="runner",
                workflows=[ExecuteServerlessWorkflow],
                activities=[
                    *SystemActivities(client).all(),
                    RunnerActivities(commands).report_end,
                ],
            ),
        ):
            await show(client, 14)
            await show(client, 0)
    await server.stop(grace=None)
    waiting = sum(bool(execution.status.callback_token) for execution in executions.stored.values())
    print(f"platform  stored {waiting} tokens, and shows none")


if __name__ == "__main__":
    cli = os.environ.get("TEMPORAL_CLI", "")
    if not Path(cli).is_file():
        sys.exit("run.py: no Temporal server; start this with `make example-handshake`")
    asyncio.run(main(cli))
