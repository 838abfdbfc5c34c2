"""The handshake between processes over a real Temporal server, each of them killed in between.

Every test counts: how often the external activity resumed, with what, and how many runs there were.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import grpc.aio
import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.common.v1 import WorkflowExecution as RunReference
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RawValue
from temporalio.converter import PayloadCodec
from temporalio.converter import default as stock_converter
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, TimeoutError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer, Worker

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecutionId,
    AgentExecutionQueryControllerStub,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
)
from stigmer_apis.temporal import SystemActivities, TemporalWorkflowInput, data_converter
from tests.handshake.execution_platform import FORGETFUL, UNREPORTABLE
from tests.handshake.handshake_worker import Reports
from tests.handshake.handshake_workflows import Caller, ExecuteServerlessWorkflow, Order
from tests.handshake.processes import OTHER_NAMESPACE, PATIENCE, Process, World, events, forms_of

SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
STARTED = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
COMPLETED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
FAILED = EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
TIMED_OUT = EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT

Handle = WorkflowHandle[Any, Any]
T = TypeVar("T")
Scenario = Callable[[Client], Awaitable[None]]


def play(world: World, scenario: Scenario, limit: float = 2 * PATIENCE) -> None:
    async def scene() -> None:
        await scenario(await world.client())

    asyncio.run(asyncio.wait_for(scene(), limit))


async def begin(client: Client, order: Order, queue: str = "caller") -> Handle:
    return await client.start_workflow("Caller", order, id=order.name, task_queue=queue)


async def proceed(client: Client, execution: WorkflowExecution) -> None:
    await until_run_exists(client, execution)
    await client.get_workflow_handle(f"run-{execution.metadata.id}").signal("proceed")


async def until_run_exists(client: Client, execution: WorkflowExecution) -> None:
    """The token is stored just before the run is started; then the activity goes pending."""
    run = client.get_workflow_handle(f"run-{execution.metadata.id}")
    for _ in range(200):
        try:
            await run.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"{run.id} was not started")


async def end_of_run(client: Client, execution: WorkflowExecution) -> Any:
    """What the run of an execution returned; `told` is whether it could end the wait."""
    return await client.get_workflow_handle(f"run-{execution.metadata.id}").result()


async def assert_resumed_once(caller: Handle, result: object) -> None:
    assert await caller.result() == result
    # The first created the execution.
    completed = (await events(caller, COMPLETED))[1:]
    assert len(completed) == 1, "the external activity completed more than once"
    payloads = completed[0].activity_task_completed_event_attributes.result.payloads
    assert (await stock_converter().decode(list(payloads))) == [result]


async def failure_of(caller: Handle) -> BaseException:
    """Why the external activity failed, as the calling workflow sees it."""
    with pytest.raises(WorkflowFailureError) as caught:
        await caller.result()
    error = caught.value.cause
    assert isinstance(error, ActivityError)
    assert error.cause is not None
    return error.cause


async def soon(call: Callable[..., T], *arguments: object) -> T:
    return await asyncio.to_thread(call, *arguments)


# -- the handshake


def test_the_external_activity_resumes_with_the_result_of_the_run(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("plain", number=7))
        await assert_resumed_once(caller, {"number": 7, "square": 49})

        [execution] = world.executions("plain")
        assert execution.status.phase == ExecutionPhase.EXECUTION_COMPLETED
        scheduled = (await events(caller, SCHEDULED))[-1]
        assert execution.status.callback_token, "no token was stored"
        run = client.get_workflow_handle(f"run-{execution.metadata.id}")
        started = (await events(run, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED))[0]
        [payload] = started.workflow_execution_started_event_attributes.input.payloads
        given = TemporalWorkflowInput.from_json(payload.data)
        assert given.callback_token == execution.status.callback_token
        assert scheduled.activity_task_scheduled_event_attributes.activity_type.name == (
            "RunExecution"
        )

    play(world, scenario)


def test_the_external_activity_raises_the_error_of_a_failed_run(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("failing", fail="there is nothing to square"))
        error = await failure_of(caller)

        assert isinstance(error, ApplicationError)
        assert (error.message, error.type) == ("there is nothing to square", "SquareRootOfNothing")
        [execution] = world.executions("failing")
        assert execution.status.phase == ExecutionPhase.EXECUTION_FAILED
        assert len(await events(caller, FAILED)) == 1

    play(world, scenario)


def test_an_agent_execution_ends_the_wait_in_the_same_way(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("agent", number=3, agent=True))
        await assert_resumed_once(caller, {"number": 3, "square": 9})

        options = [("grpc.enable_http_proxy", 0)]
        async with grpc.aio.insecure_channel(world.platform_address, options=options) as channel:
            queries = AgentExecutionQueryControllerStub(channel)
            stored = await queries.get(AgentExecutionId(value="aex-1"), timeout=10)
        assert stored.metadata.name == "agent"
        assert stored.status.callback_token

    play(world, scenario)


def test_on_the_direct_path_there_is_no_token_and_nothing_is_told(world: World) -> None:
    async def scenario(client: Client) -> None:
        data = vars(Order("direct", number=5))
        run = await client.start_workflow(
            "ExecuteServerlessWorkflow",
            TemporalWorkflowInput("aex-direct", initial_data=data),
            id="run-direct",
            task_queue="runner",
        )
        output: Any = await run.result()
        assert output["Result"] == {"number": 5, "square": 25}
        assert output["FinalState"] == {"told": False}
        scheduled = [
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in await events(run, SCHEDULED)
        ]
        assert scheduled == ["Report"], "an activity was scheduled for a token that is not there"

    play(world, scenario)


def test_a_service_that_refuses_fails_the_external_activity_at_once(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order(UNREPORTABLE, attempts=5))
        error = await failure_of(caller)

        assert isinstance(error, ApplicationError)
        assert error.type == "ExecutionNotStarted"
        assert error.non_retryable
        started = (await events(caller, STARTED))[-1]
        assert started.activity_task_started_event_attributes.attempt == 1
        [execution] = world.executions(UNREPORTABLE)
        with pytest.raises(RPCError, match="not found"):
            await client.get_workflow_handle(f"run-{execution.metadata.id}").describe()

    play(world, scenario)


def test_a_platform_that_does_not_answer_with_the_token_does_not_end_the_handshake(
    world: World,
) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order(FORGETFUL, number=5))
        await assert_resumed_once(caller, {"number": 5, "square": 25})
        [execution] = world.executions(FORGETFUL)
        assert execution.status.callback_token == b""
        text = world.caller.log.read_text()
        assert f"updateStatus of {execution.metadata.id} without task token sha256:" in text

    play(world, scenario)


# -- when it goes wrong


def test_a_lost_token_leaves_the_external_activity_to_its_timeout(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("lost", number=2, lose_token=True, timeout=4))
        error = await failure_of(caller)

        assert isinstance(error, TimeoutError)
        [execution] = world.executions("lost")
        assert execution.status.phase == ExecutionPhase.EXECUTION_COMPLETED
        assert execution.status.output["square"] == 4

    play(world, scenario)


def test_of_a_token_that_is_used_twice_the_first_use_counts(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("twice", number=6, use_twice=True))
        await assert_resumed_once(caller, {"number": 6, "square": 36})

        [execution] = world.executions("twice")
        assert (await end_of_run(client, execution))["Result"] == [True, False]
        run = client.get_workflow_handle(f"run-{execution.metadata.id}")
        await assert_refused_once(run, "ExternalActivityNotFound")

    play(world, scenario)


async def assert_refused_once(run: Handle, kind: str) -> None:
    [failed] = await events(run, FAILED)
    failure = failed.activity_task_failed_event_attributes.failure
    assert failure.application_failure_info.type == kind
    assert failure.application_failure_info.non_retryable
    assert not failure.HasField("cause"), "the error of the client came along"
    started = {event.event_id: event for event in await events(run, STARTED)}
    last = started[failed.activity_task_failed_event_attributes.started_event_id]
    assert last.activity_task_started_event_attributes.attempt == 1, "it was retried"


def test_the_run_of_an_activity_that_timed_out_keeps_its_result(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("late", number=8, hold=True, timeout=4))
        execution = await asyncio.to_thread(world.execution_with_token, "late")
        assert isinstance(await failure_of(caller), TimeoutError)

        await proceed(client, execution)
        assert (await end_of_run(client, execution))["FinalState"] == {"told": False}
        run = client.get_workflow_handle(f"run-{execution.metadata.id}")
        await assert_refused_once(run, "ExternalActivityNotFound")
        [execution] = world.executions("late")
        assert execution.status.output["square"] == 64

    play(world, scenario)


def test_the_run_of_a_calling_workflow_that_was_cancelled_keeps_its_result(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("cancelled", number=8, hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, "cancelled")
        await caller.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await caller.result()
        assert isinstance(caught.value.cause, CancelledError)

        await proceed(client, execution)
        assert (await end_of_run(client, execution))["FinalState"] == {"told": False}
        [execution] = world.executions("cancelled")
        assert execution.status.output["square"] == 64
        assert len(await events(caller, COMPLETED)) == 1, "the external activity completed"

    play(world, scenario)


def test_a_token_that_is_not_of_this_namespace_is_refused(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("foreign", number=4, hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, "foreign")
        token = execution.status.callback_token
        elsewhere = await Client.connect(world.temporal_address, namespace=OTHER_NAMESPACE)

        for system, wrong in (
            (SystemActivities(client), b"\x00" + token),
            (SystemActivities(client), token[:-20]),
            (SystemActivities(client), b"not a token"),
            (SystemActivities(elsewhere), token),
        ):
            error = await refusal(system, wrong)
            assert error.type in ("InvalidCallbackToken", "ExternalActivityNotFound")
            assert error.non_retryable

        await proceed(client, execution)
        await assert_resumed_once(caller, {"number": 4, "square": 16})

    play(world, scenario)


async def refusal(system: SystemActivities, token: bytes) -> ApplicationError:
    [payload] = await stock_converter().encode([{"square": -1}])
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(system.complete_external_activity, token, RawValue(payload))
    return caught.value


# -- between Python and Go


@pytest.mark.parametrize("system", ["runner", "go"])
@pytest.mark.parametrize("run", ["runner", "go"])
@pytest.mark.parametrize("caller", ["caller", "go"])
def test_the_handshake_works_between_python_and_go_in_every_direction(
    world: World, caller: str, run: str, system: str
) -> None:
    async def scenario(client: Client) -> None:
        name = f"{caller}-{run}-{system}"
        queues = Order(name, number=7, again=True, run_queue=run, system_queue=system)
        failing = replace(queues, name=f"{name}-fails", fail="nothing to square")
        waiting = await begin(client, queues, queue=caller)
        raising = await begin(client, failing, queue=caller)
        assert await waiting.result() == {"number": 7, "square": 49}
        error = await failure_of(raising)
        assert isinstance(error, ApplicationError)
        assert (error.message, error.type) == ("nothing to square", "SquareRootOfNothing")

    play(world, scenario)


@pytest.mark.parametrize("system", ["runner", "go"])
def test_a_spent_token_ends_the_retries_of_either_system_activity(
    world: World, system: str
) -> None:
    async def scenario(client: Client) -> None:
        order = Order(f"late-{system}", number=2, hold=True, timeout=2, system_queue=system)
        caller = await begin(client, order)
        execution = await asyncio.to_thread(world.execution_with_token, order.name)
        assert isinstance(await failure_of(caller), TimeoutError)
        await proceed(client, execution)
        assert (await end_of_run(client, execution))["FinalState"] == {"told": False}

    play(world, scenario)


# -- beyond the ordinary


def test_a_heartbeat_timeout_set_by_mistake_is_refused_at_once(world: World) -> None:
    async def scenario(client: Client) -> None:
        error = await failure_of(await begin(client, Order("beating", heartbeat=2, attempts=5)))
        assert isinstance(error, ApplicationError)
        assert "schedule it without heartbeat_timeout" in error.message
        [execution] = world.executions("beating")
        assert execution.status.callback_token == b""

    play(world, scenario)


def test_a_retry_of_the_external_activity_while_its_run_goes_on_fails_with_the_reason(
    world: World,
) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("again", number=3, hold=True, timeout=2, attempts=2))
        first = await asyncio.to_thread(world.execution_with_token, "again")
        error = await failure_of(caller)
        assert isinstance(error, ApplicationError)
        assert error.type == "ExecutionNotStarted"
        assert "ALREADY_EXISTS" in error.message
        [second] = world.executions("again")
        assert second.status.callback_token != first.status.callback_token

        await proceed(client, first)
        assert (await end_of_run(client, first))["FinalState"] == {"told": False}
        [execution] = world.executions("again")
        assert execution.status.output["square"] == 9

    play(world, scenario)


def test_a_run_that_is_reset_ends_the_wait_once(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("reset", number=5, hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, "reset")
        await until_run_exists(client, execution)
        run = client.get_workflow_handle(f"run-{execution.metadata.id}")
        while not (done := await events(run, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)):
            await asyncio.sleep(0.1)
        await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=RunReference(workflow_id=run.id),
                reason="by the test",
                workflow_task_finish_event_id=done[0].event_id,
                request_id=run.id,
            )
        )
        await proceed(client, execution)
        await assert_resumed_once(caller, {"number": 5, "square": 25})
        assert (await end_of_run(client, execution))["FinalState"] == {"told": True}

    play(world, scenario)


def test_a_run_that_continues_as_new_keeps_the_token_and_replays(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("anew", number=4, again=True))
        await assert_resumed_once(caller, {"number": 4, "square": 16})
        [execution] = world.executions("anew")
        run = client.get_workflow_handle(f"run-{execution.metadata.id}")
        assert (await run.result())["FinalState"] == {"told": True}
        workflows = [Caller, ExecuteServerlessWorkflow]
        replayer = Replayer(workflows=workflows, data_converter=data_converter)
        for handle in (caller, run):
            await replayer.replay_workflow(await handle.fetch_history())

    play(world, scenario)


MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("size", [3, int(1.9 * MEBIBYTE)])
def test_a_result_within_the_limit_of_temporal_arrives(world: World, size: int) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order(f"fits-{size}", size=size))
        assert await caller.result() == "x" * (size - 2)

    play(world, scenario)


@pytest.mark.parametrize("size", [int(2.1 * MEBIBYTE), int(4.1 * MEBIBYTE)])
def test_a_result_beyond_the_limit_of_temporal_ends_the_wait(world: World, size: int) -> None:
    async def scenario(client: Client) -> None:
        name = f"too-large-{size}"
        error = await failure_of(await begin(client, Order(name, size=size)))
        assert isinstance(error, ApplicationError)
        assert error.type == "ResultNotDeliverable"
        assert "store it elsewhere" in error.message
        [execution] = world.executions(name)
        assert (await end_of_run(client, execution))["FinalState"] == {"told": False}

    play(world, scenario)


def test_a_token_beyond_the_limit_of_temporal_is_refused(world: World) -> None:
    async def scenario(client: Client) -> None:
        error = await refusal(SystemActivities(client), b"\n$" + bytes(4 * MEBIBYTE))
        assert error.type == "InvalidCallbackToken"
        assert error.non_retryable

    play(world, scenario)


def test_misconfiguration_is_retried_and_keeps_the_result(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("misconfigured", number=4, hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, "misconfigured")
        elsewhere = await Client.connect(world.temporal_address, namespace="no-such-namespace")
        verbose = await Client.connect(world.temporal_address, identity="x" * 2000)
        for wrong in (elsewhere, verbose):
            error = await refusal(SystemActivities(wrong), execution.status.callback_token)
            assert error.type == "CompletionNotDelivered"
            assert not error.non_retryable
        await proceed(client, execution)
        await assert_resumed_once(caller, {"number": 4, "square": 16})

    play(world, scenario)


class Codec(PayloadCodec):
    """Stands for encryption; it may be out of order."""

    def __init__(self, *, works: bool = True) -> None:
        self._works = works

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if not self._works:
            raise ValueError("the key is gone")
        return [
            Payload(metadata={"encoding": b"toy"}, data=one.SerializeToString()) for one in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(one.data) for one in payloads]


async def client_with(client: Client, codec: PayloadCodec | None) -> Client:
    converter = replace(data_converter, payload_codec=codec)
    return await Client.connect(client.service_client.config.target_host, data_converter=converter)


async def run_with_codec(client: Client, name: str, token: bytes) -> Handle:
    """Run what ends a wait, in a workflow whose payloads are encoded."""
    data = vars(Order(name, number=6, system_queue=f"system-{name}"))
    return await (await client_with(client, Codec())).start_workflow(
        "ExecuteServerlessWorkflow",
        TemporalWorkflowInput(f"aex-{name}", initial_data=data, callback_token=token),
        id=f"coded-{name}",
        task_queue=f"coded-{name}",
    )


def test_a_codec_on_one_side_only_is_retried_until_the_other_has_it(world: World) -> None:
    async def scenario(client: Client) -> None:
        await begin(client, Order("coded", hold=True))
        token = (await asyncio.to_thread(world.execution_with_token, "coded")).status.callback_token
        coded = await client_with(client, Codec())
        run = await run_with_codec(client, "coded", token)

        def system(of: Client) -> Worker:
            activities = SystemActivities(of).all()
            return Worker(of, task_queue="system-coded", activities=activities)

        runs = [ExecuteServerlessWorkflow]
        reports = [Reports(grpc.aio.insecure_channel(world.platform_address)).report]
        async with Worker(coded, task_queue="coded-coded", workflows=runs, activities=reports):
            async with system(client):
                while not (failure := await last_failure(run)):
                    await asyncio.sleep(0.1)
                assert "give this worker the codec of the workflow" in failure
            async with system(coded):
                output: Any = await run.result()
        assert output["FinalState"] == {"told": True}

    play(world, scenario)


async def last_failure(run: Handle) -> str:
    """Why the pending activity of a workflow failed last."""
    pending = (await run.describe()).raw_description.pending_activities
    return pending[0].last_failure.message if pending else ""


def test_a_codec_that_fails_ends_the_wait(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("uncoded", hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, "uncoded")
        broken = await client_with(client, Codec(works=False))
        error = await refusal(SystemActivities(broken), execution.status.callback_token)
        assert error.type == "ResultNotDeliverable"
        raised = await failure_of(caller)
        assert isinstance(raised, ApplicationError)
        assert "cannot be encoded: ValueError" in raised.message
        assert "the key is gone" not in raised.message

    play(world, scenario)


def test_a_worker_shuts_down_at_once_while_an_external_activity_is_pending(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("shutdown", number=9, hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, "shutdown")
        await until_run_exists(client, execution)
        began = monotonic()
        await soon(world.caller.terminate)
        assert monotonic() - began < 15, "the worker waited for the external activity"
        world.caller.start()
        await proceed(client, execution)
        await assert_resumed_once(caller, {"number": 9, "square": 81})

    play(world, scenario)


def test_wrong_clocks_of_the_workers_change_nothing(world: World, tmp_path: Path) -> None:
    library = tmp_path / "skewed_clock.so"
    source = Path(__file__).parent / "skewed_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

    async def scenario(client: Client) -> None:
        for process, skew in ((world.caller, "3600"), (world.runner, "-3600")):
            process.kill()
            process.start(LD_PRELOAD=str(library), SKEW_SECONDS=skew)
        caller = await begin(client, Order("skewed", number=9))
        await assert_resumed_once(caller, {"number": 9, "square": 81})
        [execution] = world.executions("skewed")
        assert (await end_of_run(client, execution))["FinalState"] == {"told": True}
        started = [await events(caller, STARTED), await events(caller, COMPLETED)]
        assert all(started), "nothing ran on the worker with the wrong clock"

    try:
        play(world, scenario)
    finally:
        for process in (world.caller, world.runner):
            process.restart()


def test_a_caller_that_is_cancelled_while_the_token_is_stored_leaves_a_run_that_ends(
    world: World,
) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("cancelled-early", number=8, gate="cancelled-early"))
        await soon(world.wait_at, "cancelled-early")
        await caller.cancel()
        with pytest.raises(WorkflowFailureError):
            await caller.result()
        world.open("cancelled-early")
        execution = await asyncio.to_thread(world.execution_with_token, "cancelled-early")
        await until_run_exists(client, execution)
        assert (await end_of_run(client, execution))["FinalState"] == {"told": False}

    play(world, scenario)


# -- killed and started again


@pytest.mark.parametrize("part", ["caller", "runner", "platform", "temporal"])
def test_the_handshake_outlives_a_kill_while_the_external_activity_is_pending(
    world: World, part: str
) -> None:
    async def scenario(client: Client) -> None:
        name = f"kill-{part}"
        caller = await begin(client, Order(name, number=9, hold=True))
        execution = await asyncio.to_thread(world.execution_with_token, name)
        await until_run_exists(client, execution)

        await soon(kill_and_restart, world, getattr(world, part))
        await proceed(client, execution)

        await assert_resumed_once(caller, {"number": 9, "square": 81})
        assert (await end_of_run(client, execution))["FinalState"] == {"told": True}
        assert len(world.executions(name)) == 1

    play(world, scenario)


def kill_and_restart(world: World, process: Process) -> None:
    process.restart()
    if process is world.temporal:
        world.wait_for_temporal()
    if process is world.platform:
        world.wait_for_platform()


def test_the_token_is_stored_though_the_platform_was_killed_before(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, Order("store-late", number=3, gate="store-late"))
        await soon(world.wait_at, "store-late")
        world.platform.kill()
        world.open("store-late")
        await asyncio.sleep(1.5)
        world.platform.start()

        await assert_resumed_once(caller, {"number": 3, "square": 9})
        [execution] = world.executions("store-late")
        assert execution.status.callback_token

    play(world, scenario)


def test_a_worker_that_is_killed_before_the_token_is_stored_is_made_good_by_a_retry(
    world: World,
) -> None:
    async def scenario(client: Client) -> None:
        order = Order("died-early", number=3, gate="died-early", timeout=8, attempts=2)
        caller = await begin(client, order)
        await soon(world.wait_at, "died-early")
        world.caller.kill()
        world.open("died-early")
        world.caller.start()

        await assert_resumed_once(caller, {"number": 3, "square": 9})
        [execution] = world.executions("died-early")
        assert execution.status.callback_token

    play(world, scenario)


def test_a_result_is_delivered_though_temporal_was_killed_just_before(world: World) -> None:
    async def scenario(client: Client) -> None:
        world.arm("before-delivery")
        caller = await begin(client, Order("deliver-late", number=11))
        await soon(world.wait_at, "before-delivery")
        world.temporal.kill()
        world.open("before-delivery")
        # The attempt fails, so the result is delivered by a later one.
        await soon(world.wait_for_failure_at, "before-delivery")
        await soon(kill_and_restart, world, world.temporal)

        await assert_resumed_once(caller, {"number": 11, "square": 121})
        [execution] = world.executions("deliver-late")
        assert (await end_of_run(client, execution))["FinalState"] == {"told": True}

    try:
        play(world, scenario)
    finally:
        world.disarm("before-delivery")


def test_a_result_that_was_taken_is_not_delivered_twice_when_the_worker_dies_after_it(
    world: World,
) -> None:
    async def scenario(client: Client) -> None:
        world.arm("after-delivery")
        caller = await begin(client, Order("died-late", number=12))
        await soon(world.wait_at, "after-delivery")
        world.runner.kill()
        world.disarm("after-delivery")
        world.runner.start()

        await assert_resumed_once(caller, {"number": 12, "square": 144})
        [execution] = world.executions("died-late")
        # The worker could not say that it was taken, so the second attempt finds nothing waiting.
        assert (await end_of_run(client, execution))["FinalState"] == {"told": False}

    try:
        play(world, scenario)
    finally:
        world.disarm("after-delivery")


def test_of_many_at_once_none_is_lost_and_none_resumes_twice_while_everything_is_killed(
    world: World,
) -> None:
    # More by `make handshake SOAK=<executions>:<seconds of kills>`.
    count, seconds = map(int, (os.environ.get("SOAK") or "100:4").split(":"))
    orders = [Order(f"crowd-{n}", number=n, hold=True, timeout=3600) for n in range(count)]

    async def scenario(client: Client) -> None:
        handles = await asyncio.gather(*(begin(client, order) for order in orders))
        held = [await soon(world.execution_with_token, order.name) for order in orders]
        for execution in held:
            await until_run_exists(client, execution)
        # From now on: a caller that dies before it is pending waits for its timeout.
        killing = asyncio.create_task(soon(kill_at_random, world, seconds))
        # Each run goes on as soon as it can, while processes die.
        patience = PATIENCE + 2 * seconds
        for execution in held:
            await asyncio.sleep(0.8 * seconds / count)
            await until_it_works(
                lambda execution=execution: proceed(client, execution), monotonic() + patience
            )
        kills = await killing
        for order, handle in zip(orders, handles, strict=True):
            n = order.number
            await assert_resumed_once(handle, {"number": n, "square": n * n})

        stored = [world.executions(order.name) for order in orders]
        assert [len(executions) for executions in stored] == [1] * count
        tokens = {execution.status.callback_token for [execution] in stored}
        assert len(tokens - {b""}) == count, "two executions have one token, or one has none"
        outputs = [await end_of_run(client, execution) for [execution] in stored]
        squares = [output["Result"]["square"] for output in outputs]
        assert squares == [n * n for n in range(count)]
        told = [output["FinalState"]["told"] for output in outputs]
        print(
            f"{count} started, {count} resumed once and right, 0 lost, 0 twice; "
            f"{told.count(True)} runs were told so; {kills} kills"
        )

    play(world, scenario, limit=5 * PATIENCE + 3 * seconds + count)


def kill_at_random(world: World, seconds: float) -> int:
    """Kill processes of the world, one after the other, and start each of them again."""
    chosen, deadline, kills = random.Random(0), monotonic() + seconds, 0
    while monotonic() < deadline:
        # Long enough for a worker to start and do something, before it is its turn again.
        sleep(chosen.uniform(0.1, max(0.6, min(8.0, seconds / 15))))
        kill_and_restart(world, chosen.choice(world.processes))
        kills += 1
    return kills


async def until_it_works(call: Callable[[], Awaitable[None]], deadline: float) -> None:
    while True:
        try:
            return await call()
        except (RPCError, AssertionError):
            if monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


# -- secrecy; that no log shows a token is checked when the world stops, after all tests


def test_only_inputs_in_a_history_hold_the_token(world: World) -> None:
    async def scenario(client: Client) -> None:
        caller = await begin(client, replace(Order("secret", number=1), use_twice=True))
        await caller.result()
        [execution] = world.executions("secret")
        await end_of_run(client, execution)
        run = client.get_workflow_handle(f"run-{execution.metadata.id}")
        forms = forms_of(execution.status.callback_token)

        holders: list[str] = []
        for handle in (caller, run):
            async for event in handle.fetch_history_events():
                if any(form in event.SerializeToString() for form in forms):
                    holders.append(event.WhichOneof("attributes") or "")
        assert sorted(holders) == [
            "activity_task_scheduled_event_attributes",
            "activity_task_scheduled_event_attributes",
            "workflow_execution_started_event_attributes",
        ]

    play(world, scenario)
