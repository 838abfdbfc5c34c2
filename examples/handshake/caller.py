"""The caller: a workflow of any service, whose activities run a Stigmer workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from stigmer_apis.agentic.workflowexecution.v1 import (
        WorkflowExecution,
        WorkflowExecutionSpec,
    )
    from stigmer_apis.commons.apiresource import ApiResourceMetadata, ApiResourceOwnerScope
    from stigmer_apis.temporal import TemporalWorkflowInput, WorkflowMetadata, execute

if TYPE_CHECKING:
    from stigmer_apis.agentic.workflowexecution.v1 import (
        WorkflowExecutionCommandControllerAsyncStub,
    )


@workflow.defn
class OrderWorkflow:
    """A workflow that needs the result of a Stigmer workflow."""

    @workflow.run
    async def run(self, amount: int) -> Any:
        # A separate activity, so that a retry of the external activity creates nothing.
        execution = await workflow.execute_activity(
            "CreateExecution",
            result_type=WorkflowExecution,
            start_to_close_timeout=timedelta(seconds=30),
        )
        return await workflow.execute_activity(
            "RunExecution",
            args=[execution, amount],
            # Longer than the longest run, and no heartbeat timeout: see docs/handshake.md.
            start_to_close_timeout=timedelta(hours=1),
            # A retry would have a different token than the run that is still going.
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


class CallerActivities:
    """The activity that creates an execution, and the external activity, which waits for it."""

    def __init__(
        self, client: Client, commands: WorkflowExecutionCommandControllerAsyncStub
    ) -> None:
        self._client = client
        self._commands = commands

    @activity.defn(name="CreateExecution")
    async def create_execution(self) -> WorkflowExecution:
        """Create the execution that the external activity will run."""
        request = WorkflowExecution(
            api_version="agentic.stigmer.ai/v1",
            kind="WorkflowExecution",
            metadata=ApiResourceMetadata(
                name="Price of an order",
                org="org-01jd0kz4yw",
                owner_scope=ApiResourceOwnerScope.organization,
            ),
            spec=WorkflowExecutionSpec(workflow_id="wfl-01jd0m2v9c"),
        )

        return await self._commands.create(request, timeout=10)

    @activity.defn(name="RunExecution")
    async def run_execution(self, execution: WorkflowExecution, amount: int) -> Any:
        """Perform steps 1 to 4 of the handshake."""

        async def start(execution: WorkflowExecution, token: bytes) -> None:
            print(f"caller    starts the run of {execution.metadata.id} and passes on its token")
            await self._client.start_workflow(
                "ExecuteServerlessWorkflow",
                TemporalWorkflowInput(
                    workflow_execution_id=execution.metadata.id,
                    metadata=WorkflowMetadata(name="price"),
                    initial_data={"amount": amount},
                    callback_token=token,
                ),
                id=f"run-{execution.metadata.id}",
                task_queue="runner",
            )
            print("caller    goes pending and holds no worker")

        return await execute(self._commands, execution, start)
