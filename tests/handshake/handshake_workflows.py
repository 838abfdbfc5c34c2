"""The two workflows of the handshake: one that waits, and the one that it waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

# Otherwise the sandbox would import it anew for every run, which 100 at once would feel.
with workflow.unsafe.imports_passed_through():
    from stigmer_apis.temporal import (
        ExternalError,
        TemporalWorkflowInput,
        TemporalWorkflowOutput,
        complete_external_activity,
        fail_external_activity,
    )


@dataclass
class Order:
    """What the calling workflow asks for."""

    name: str
    """The name of the execution."""
    number: int = 0
    """What the run is to square."""
    fail: str = ""
    """The error with which the run is to end."""
    hold: bool = False
    """Whether the run waits for the signal `proceed`."""
    lose_token: bool = False
    """Whether the run gets no token, though the external activity waits."""
    use_twice: bool = False
    """Whether the run ends the wait twice, the second time with another result."""
    agent: bool = False
    """Whether to run an agent execution instead of a workflow execution."""
    gate: str = ""
    """The gate before which the external activity stores its token."""
    timeout: float = 120.0
    """The start-to-close timeout of the external activity, in seconds."""
    attempts: int = 1
    """How often the external activity may be attempted."""
    heartbeat: float = 0.0
    """The heartbeat timeout of the external activity, in seconds; none if zero."""
    size: int = 0
    """How many bytes of text the run returns instead of a square; nothing is reported then."""
    again: bool = False
    """Whether the run continues as new once."""
    run_queue: str = "runner"
    """Where the run is started."""
    system_queue: str = "runner"
    """Where the run schedules the system activities."""


@workflow.defn(name="Caller")
class Caller:
    """Creates an execution, runs it and returns what it returns."""

    @workflow.run
    async def run(self, order: Order) -> Any:
        execution = await workflow.execute_activity(
            "CreateExecution",
            order,
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=15),
        )
        return await workflow.execute_activity(
            "RunExecution",
            args=[order, execution],
            start_to_close_timeout=timedelta(seconds=order.timeout),
            heartbeat_timeout=timedelta(seconds=order.heartbeat) if order.heartbeat else None,
            retry_policy=RetryPolicy(
                maximum_attempts=order.attempts, initial_interval=timedelta(milliseconds=100)
            ),
        )


@workflow.defn(name="ExecuteServerlessWorkflow")
class ExecuteServerlessWorkflow:
    """The run of an execution: it squares a number, reports, and ends the wait."""

    def __init__(self) -> None:
        self._proceed = False

    @workflow.signal
    def proceed(self) -> None:
        self._proceed = True

    @workflow.run
    async def run(self, given: TemporalWorkflowInput) -> TemporalWorkflowOutput:
        data: Any = given.initial_data
        if data["again"]:
            # The input as a whole: built anew field by field, it would lose the token.
            workflow.continue_as_new(replace(given, initial_data={**data, "again": False}))
        await workflow.wait_condition(lambda: self._proceed or not data["hold"])
        queue = data["system_queue"]
        if data["size"]:
            text = "x" * (data["size"] - len('""'))
            told = await complete_external_activity(given.callback_token, text, task_queue=queue)
            return TemporalWorkflowOutput(final_state={"told": told})
        result = {"number": data["number"], "square": data["number"] ** 2}
        await workflow.execute_activity(
            "Report",
            args=[given.workflow_execution_id, result, data["fail"]],
            start_to_close_timeout=timedelta(seconds=15),
        )
        if data["fail"]:
            error = ExternalError(data["fail"], type="SquareRootOfNothing")
            told = await fail_external_activity(given.callback_token, error, task_queue=queue)
        else:
            told = await complete_external_activity(given.callback_token, result, task_queue=queue)
        if data["use_twice"]:
            again = await complete_external_activity(given.callback_token, {"square": -1})
            return TemporalWorkflowOutput(result=[told, again])
        return TemporalWorkflowOutput(
            result=result,
            final_state={"told": told},
            execution_id=given.workflow_execution_id,
        )
