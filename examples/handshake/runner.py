"""The runner: the workflow that does the work, and the report of its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from stigmer_apis.agentic.workflowexecution.v1 import (
        ExecutionPhase,
        WorkflowExecutionStatus,
        WorkflowExecutionUpdateStatusInput,
    )
    from stigmer_apis.temporal import (
        ExecutionCommands,
        ExternalError,
        TemporalWorkflowInput,
        TemporalWorkflowOutput,
        complete_external_activity,
        fail_external_activity,
    )


@workflow.defn(name="ExecuteServerlessWorkflow")
class ExecuteServerlessWorkflow:
    """The run of an execution, which in this example has one task, pricing an order."""

    @workflow.run
    async def run(self, given: TemporalWorkflowInput) -> TemporalWorkflowOutput:
        """Perform step 5 of the handshake when the work is done."""
        amount: Any = (given.initial_data or {}).get("amount")
        error = "an order has at least one piece" if amount < 1 else ""
        result = {"price": amount * 3}
        status = {"error": error} if error else {"output": result}
        await workflow.execute_activity(
            "ReportEnd",
            args=[given.workflow_execution_id, status],
            start_to_close_timeout=timedelta(seconds=30),
        )
        if error:
            await fail_external_activity(given.callback_token, ExternalError(error))
        else:
            await complete_external_activity(given.callback_token, result)
        return TemporalWorkflowOutput(
            result=None if error else result, execution_id=given.workflow_execution_id
        )


class RunnerActivities:
    """The reports of the runner to the platform."""

    def __init__(self, commands: ExecutionCommands) -> None:
        self._commands = commands

    @activity.defn(name="ReportEnd")
    async def report_end(self, execution_id: str, end: dict[str, Any]) -> None:
        status = WorkflowExecutionStatus(
            phase=ExecutionPhase.EXECUTION_FAILED
            if "error" in end
            else ExecutionPhase.EXECUTION_COMPLETED,
            error=end.get("error", ""),
        )
        if "output" in end:
            status.output.update(end["output"])
        await self._commands.updateStatus(
            WorkflowExecutionUpdateStatusInput(execution_id=execution_id, status=status)
        )
