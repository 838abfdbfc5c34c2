"""What a handshake costs, beside the same wait that holds a worker: ratios within one run.

    make bench-handshake

On a Temporal server of its own. `--waits` is how many waits are counted at a time, `--pending` how
many are pending on one worker at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import perf_counter, process_time
from typing import Any, NamedTuple

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionUpdateStatusInput,
)
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from stigmer_apis.temporal import (
    SystemActivities,
    TemporalWorkflowInput,
    complete_external_activity,
    data_converter,
    execute,
)

QUEUE = "bench"
SLOTS = 100
"""How many activities the worker runs at once."""


@workflow.defn
class Wait:
    """Waits by as many activities of a kind as it is told."""

    @workflow.run
    async def run(self, kind: str, first: int, count: int) -> int:
        waits = [
            workflow.execute_activity(
                kind, f"{kind}-{n}", start_to_close_timeout=timedelta(hours=1)
            )
            for n in range(first, first + count)
        ]
        return len(await asyncio.gather(*waits))


@workflow.defn
class Run:
    """Does nothing, when it is told to, and ends the wait if anybody waits for its token."""

    @workflow.run
    async def run(self, given: TemporalWorkflowInput) -> str:
        await complete_external_activity(given.callback_token, "done")
        return "done"


class Commands:
    """The platform in memory; it answers as the service does."""

    async def updateStatus(  # noqa: N802
        self, request: WorkflowExecutionUpdateStatusInput, timeout: float
    ) -> WorkflowExecution:
        metadata = ApiResourceMetadata(id=request.execution_id)
        return WorkflowExecution(metadata=metadata, status=request.status)


class Activities:
    """Two ways to wait for a run: as an external activity, and by holding a worker."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.tokens: list[bytes] = []

    def all(self) -> list[Callable[..., Any]]:
        return [self.pending, self.holding, self.parked]

    @activity.defn(name="pending")
    async def pending(self, name: str) -> Any:
        async def start(execution: WorkflowExecution, token: bytes) -> None:
            await self._start(name, token)

        execution = WorkflowExecution(metadata=ApiResourceMetadata(id=name))
        return await execute(Commands(), execution, start)

    @activity.defn(name="holding")
    async def holding(self, name: str) -> Any:
        return await (await self._start(name, b"")).result()

    @activity.defn(name="parked")
    async def parked(self, name: str) -> Any:
        async def keep(execution: WorkflowExecution, token: bytes) -> None:
            self.tokens.append(token)

        execution = WorkflowExecution(metadata=ApiResourceMetadata(id=name))
        return await execute(Commands(), execution, keep)

    async def _start(self, name: str, token: bytes) -> WorkflowHandle[Any, Any]:
        given = TemporalWorkflowInput(name, callback_token=token)
        return await self._client.start_workflow("Run", given, id=f"run-{name}", task_queue=QUEUE)


class Cost(NamedTuple):
    wall: float
    cpu: float


async def cost(work: Awaitable[object]) -> Cost:
    """Seconds of wall time, and of the processor in this process: client and worker."""
    wall, cpu = perf_counter(), process_time()
    await work
    return Cost(perf_counter() - wall, process_time() - cpu)


async def waits(client: Client, kind: str, first: int, count: int) -> None:
    await asyncio.gather(
        *(
            client.execute_workflow("Wait", args=[kind, n, 1], id=f"{kind}-{n}", task_queue=QUEUE)
            for n in range(first, first + count)
        )
    )


async def compare(client: Client, count: int, rounds: int = 3) -> None:
    """Measure both kinds in turn, so that what else runs here meets both."""
    await waits(client, "pending", 0, 5)
    await waits(client, "holding", 0, 5)
    costs: dict[str, list[Cost]] = {"pending": [], "holding": []}
    for n in range(rounds):
        for kind, measured in costs.items():
            measured.append(await cost(waits(client, kind, 5 + n * count, count)))
    pending, holding = (
        Cost(min(c.wall for c in measured), min(c.cpu for c in measured))
        for measured in costs.values()
    )
    print(f"{count} handshakes beside {count} waits that hold a worker, best of {rounds}:")
    print(f"  handshakes per second  {holding.wall / pending.wall:.2f} of theirs")
    print(f"  processor per wait     {pending.cpu / holding.cpu:.2f} of theirs")
    print(f"  ({count / pending.wall:.0f} handshakes per second in this run)")


async def park(client: Client, activities: Activities, count: int) -> None:
    """Have many pending on one worker, and end all of them."""
    width = 100
    callers = [
        await client.start_workflow(
            "Wait", args=["parked", n, width], id=f"parked-{n}", task_queue=QUEUE
        )
        for n in range(0, count, width)
    ]
    while len(activities.tokens) < count:
        await asyncio.sleep(0.1)
    ended = asyncio.Semaphore(50)

    async def end(token: bytes) -> None:
        async with ended:
            await client.get_async_activity_handle(task_token=token).complete("done")

    await asyncio.gather(*map(end, activities.tokens))
    resumed = sum([await caller.result() for caller in callers])
    assert resumed == count, f"{resumed} of {count} resumed"
    print(f"{count} pending at once on a worker of {SLOTS} slots, and {resumed} resumed;")
    print(f"  {count / SLOTS:.0f} times as many as can wait by holding it")


async def main(arguments: argparse.Namespace) -> None:
    cli = os.environ.get("TEMPORAL_CLI", "")
    if not os.path.isfile(cli):  # noqa: PTH113
        sys.exit("handshake.py: no Temporal server; start this with `make bench-handshake`")
    async with await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
        data_converter=data_converter,
        dev_server_existing_path=cli,
        dev_server_log_level="error",
    ) as temporal:
        activities = Activities(temporal.client)
        async with Worker(
            temporal.client,
            task_queue=QUEUE,
            workflows=[Wait, Run],
            activities=[*SystemActivities(temporal.client).all(), *activities.all()],
            max_concurrent_activities=SLOTS,
            # Else the sandbox is what is measured.
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            await compare(temporal.client, arguments.waits)
            await park(temporal.client, activities, arguments.pending)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waits", type=int, default=100)
    parser.add_argument("--pending", type=int, default=10_000)
    asyncio.run(main(parser.parse_args()))
