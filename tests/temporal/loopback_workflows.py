"""The workflows that run on the loopback frontend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from stigmer_apis.temporal import (
    TemporalWorkflowInput,
    complete_external_activity,
    fail_external_activity,
)


@workflow.defn(name="Waiting")
class Waiting:
    """Runs the external activity and returns what it returns."""

    @workflow.run
    async def run(self, execution: WorkflowExecution) -> Any:
        return await workflow.execute_activity(
            "External",
            execution,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@workflow.defn(name="Run")
class Run:
    """Ends the wait with its initial data, or with the error in them, as often as they say."""

    @workflow.run
    async def run(self, given: TemporalWorkflowInput) -> list[bool]:
        data: Any = given.initial_data
        told: list[bool] = []
        for _ in range(data["times"]):
            if data["error"]:
                told.append(await fail_external_activity(given.callback_token, data["error"]))
            else:
                told.append(await complete_external_activity(given.callback_token, data))
        return told
