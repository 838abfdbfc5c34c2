"""The platform of the example: the command service of workflow executions, in memory."""

# The contract defines the RPC names.
# ruff: noqa: N802

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio

from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
    WorkflowExecutionCommandControllerServicer,
    WorkflowExecutionUpdateStatusInput,
    add_WorkflowExecutionCommandControllerServicer_to_server,
)

Context = grpc.aio.ServicerContext[Any, Any]


class Executions(WorkflowExecutionCommandControllerServicer):
    """Stores executions and merges reports, as the comments of the contract describe.

    It omits what the platform does by itself, such as clearing the token at the end.
    """

    def __init__(self) -> None:
        self.stored: dict[str, WorkflowExecution] = {}

    async def create(self, request: WorkflowExecution, context: Context) -> WorkflowExecution:
        created = WorkflowExecution()
        created.CopyFrom(request)
        created.metadata.id = f"wex-{len(self.stored) + 1}"
        created.status.phase = ExecutionPhase.EXECUTION_PENDING
        self.stored[created.metadata.id] = created
        print(f"platform  created {created.metadata.id}")
        return created

    async def updateStatus(
        self, request: WorkflowExecutionUpdateStatusInput, context: Context
    ) -> WorkflowExecution:
        execution = self.stored.get(request.execution_id)
        if execution is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.execution_id}")
        status: Any = execution.status
        for field, _ in request.status.ListFields():
            status.ClearField(field.name)
        status.MergeFrom(request.status)
        # Print only the names of fields, because the token must not be printed.
        fields = ", ".join(field.name for field, _ in request.status.ListFields())
        print(f"platform  stored {fields} of {request.execution_id}")
        return execution


async def serve() -> tuple[grpc.aio.Server, str, Executions]:
    """Serve on a free port; return the server, its address, and its store."""
    executions = Executions()  # pyright: ignore[reportAbstractUsage]
    server = grpc.aio.server()
    add_WorkflowExecutionCommandControllerServicer_to_server(executions, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}", executions
