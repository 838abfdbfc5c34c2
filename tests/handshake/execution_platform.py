"""The platform as a process of its own: our services on a port, and executions in a SQLite file.

It keeps what it answered, so it can be killed at any moment and started again.

    python execution_platform.py PORT DATABASE
"""
# RPC names are those of the contract.
# ruff: noqa: N802

from __future__ import annotations

import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionCommandControllerServicer,
    AgentExecutionId,
    AgentExecutionQueryControllerServicer,
    AgentExecutionUpdateStatusInput,
    add_AgentExecutionCommandControllerServicer_to_server,
    add_AgentExecutionQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
    WorkflowExecutionCommandControllerServicer,
    WorkflowExecutionId,
    WorkflowExecutionQueryControllerServicer,
    WorkflowExecutionUpdateStatusInput,
    add_WorkflowExecutionCommandControllerServicer_to_server,
    add_WorkflowExecutionQueryControllerServicer_to_server,
)
from tests.services.status_merge import merge_status

UNREPORTABLE = "unreportable"
"""A report on an execution with this name is answered with PERMISSION_DENIED."""

FORGETFUL = "forgetful"
"""A report on an execution with this name is answered with the execution as it was."""

Execution = TypeVar("Execution", WorkflowExecution, AgentExecution)


class Executions(Generic[Execution]):
    """The executions of one kind in the file, by ID."""

    def __init__(self, file: str, kind: type[Execution], prefix: str) -> None:
        self._file, self._kind, self._prefix = file, kind, prefix
        self._lock = threading.Lock()
        with self._open() as database:
            database.execute(
                "create table if not exists executions (id text primary key, name text, data blob)"
            )

    def create(self, request: Execution) -> Execution:
        with self._lock, self._open() as database:
            count: int = database.execute("select count(*) from executions").fetchone()[0]
            created = self._kind()
            created.CopyFrom(request)
            created.metadata.id = f"{self._prefix}-{count + 1}"
            # Both resources number their phases alike.
            status: Any = created.status
            status.phase = ExecutionPhase.EXECUTION_PENDING
            self._put(database, created)
            return created

    def report(
        self, execution_id: str, status: Message, context: grpc.ServicerContext
    ) -> Execution:
        with self._lock, self._open() as database:
            stored = self._get(database, execution_id, context)
            if stored.metadata.name == UNREPORTABLE:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "you may not report")
            if stored.metadata.name == FORGETFUL:
                return stored
            merge_status(stored.status, status)
            self._put(database, stored)
            return stored

    def get(self, execution_id: str, context: grpc.ServicerContext) -> Execution:
        with self._open() as database:
            return self._get(database, execution_id, context)

    def _get(
        self, database: sqlite3.Connection, execution_id: str, context: grpc.ServicerContext
    ) -> Execution:
        found: Any = database.execute(
            "select data from executions where id = ?", (execution_id,)
        ).fetchone()
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no execution {execution_id}")
        execution = self._kind()
        execution.ParseFromString(found[0])
        return execution

    def _put(self, database: sqlite3.Connection, execution: Execution) -> None:
        database.execute(
            "insert or replace into executions values (?, ?, ?)",
            (execution.metadata.id, execution.metadata.name, execution.SerializeToString()),
        )
        database.commit()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=30, factory=_Closing)


class _Closing(sqlite3.Connection):
    def __exit__(self, *error: Any) -> Any:
        self.close()
        return False


class WorkflowExecutions(
    WorkflowExecutionCommandControllerServicer, WorkflowExecutionQueryControllerServicer
):
    def __init__(self, executions: Executions[WorkflowExecution]) -> None:
        self._executions = executions

    def create(
        self, request: WorkflowExecution, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        return self._executions.create(request)

    def updateStatus(
        self, request: WorkflowExecutionUpdateStatusInput, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        return self._executions.report(request.execution_id, request.status, context)

    def get(self, request: WorkflowExecutionId, context: grpc.ServicerContext) -> WorkflowExecution:
        return self._executions.get(request.value, context)


class AgentExecutions(
    AgentExecutionCommandControllerServicer, AgentExecutionQueryControllerServicer
):
    def __init__(self, executions: Executions[AgentExecution]) -> None:
        self._executions = executions

    def create(self, request: AgentExecution, context: grpc.ServicerContext) -> AgentExecution:
        return self._executions.create(request)

    def updateStatus(
        self, request: AgentExecutionUpdateStatusInput, context: grpc.ServicerContext
    ) -> AgentExecution:
        return self._executions.report(request.execution_id, request.status, context)

    def get(self, request: AgentExecutionId, context: grpc.ServicerContext) -> AgentExecution:
        return self._executions.get(request.value, context)


def main(port: str, database: str) -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=[("grpc.so_reuseport", 0)])
    # The other RPCs answer that they are not implemented.
    workflows = WorkflowExecutions(  # pyright: ignore[reportAbstractUsage]
        Executions(database, WorkflowExecution, "wex")
    )
    add_WorkflowExecutionCommandControllerServicer_to_server(workflows, server)
    add_WorkflowExecutionQueryControllerServicer_to_server(workflows, server)
    agents = AgentExecutions(  # pyright: ignore[reportAbstractUsage]
        Executions(f"{database}-agents", AgentExecution, "aex")
    )
    add_AgentExecutionCommandControllerServicer_to_server(agents, server)
    add_AgentExecutionQueryControllerServicer_to_server(agents, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("serving", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
