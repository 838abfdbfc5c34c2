"""The caller: a workflow of any service, and its activity, which runs a Stigmer workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from stigmer_apis.agentic.workflowexecution.v1 import (
        WorkflowExecution,
        WorkflowExecutionSpec,
    )
    from stigmer_apis.commons.apiresource import ApiResourceMetadata, ApiResourceOwnerScope
    from stigmer_apis.temporal import (
        ExecutionCommands,
        TemporalWorkflowInput,
        WorkflowMetadata,
        execute,
    )


@workflow.defn
class OrderWorkflow:
    """A workflow that needs the result of a Stigmer workflow."""

    @workflow.run
    async def run(self, amount: int) -> Any:
        return await workflow.execute_activity(
            "RunStigmerWorkflow",
            amount,
            # Above the longest run, and no heartbeat timeout: see docs/handshake.md.
            start_to_close_timeout=timedelta(hours=1),
            # A retry would be a new execution.
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


class CallerActivities:
    """The activity that starts an execution and goes pending."""

    def __init__(self, client: Client, commands: ExecutionCommands) -> None:
        self._client = client
        self._commands = commands

    @activity.defn(name="RunStigmerWorkflow")
    async def run_stigmer_workflow(self, amount: int) -> Any:
        """Steps 1 to 4 of the handshake."""
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

        async def start(created: WorkflowExecution, token: bytes) -> None:
            print(f"caller    starts the run of {created.metadata.id} and passes on its token")
            await self._client.start_workflow(
                "ExecuteServerlessWorkflow",
                TemporalWorkflowInput(
                    workflow_execution_id=created.metadata.id,
                    metadata=WorkflowMetadata(name="price"),
                    initial_data={"amount": amount},
                    callback_token=token,
                ),
                id=f"run-{created.metadata.id}",
                task_queue="runner",
            )
            print("caller    goes pending and holds no worker")

        return await execute(self._commands, request, start)
