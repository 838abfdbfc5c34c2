"""The execution services in memory, written like real services, and served.

They store executions and merge reports as the comments of the contract describe. They omit
authorization, paging and whatever the platform does by itself, such as clearing the token at the
end.
"""
# The contract defines the RPC names.
# ruff: noqa: N802

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

import grpc
import grpc.aio
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionCommandControllerServicer,
    AgentExecutionCommandControllerStub,
    AgentExecutionId,
    AgentExecutionQueryControllerServicer,
    AgentExecutionQueryControllerStub,
    AgentExecutionSpec,
    AgentExecutionStatus,
    AgentExecutionUpdateStatusInput,
    add_AgentExecutionCommandControllerServicer_to_server,
    add_AgentExecutionQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.agentexecution.v1 import ExecutionPhase as AgentExecutionPhase
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    SubscribeWorkflowExecutionRequest,
    WorkflowExecution,
    WorkflowExecutionCommandControllerServicer,
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionId,
    WorkflowExecutionQueryControllerServicer,
    WorkflowExecutionQueryControllerStub,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdateStatusInput,
    add_WorkflowExecutionCommandControllerServicer_to_server,
    add_WorkflowExecutionQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.workflowrunner.v1 import (
    CancelExecutionRequest,
    PauseExecutionRequest,
    ResumeExecutionRequest,
    WorkflowExecuteInput,
    WorkflowExecuteResponse,
    WorkflowRunnerServiceControllerServicer,
    add_WorkflowRunnerServiceControllerServicer_to_server,
)
from tests.services.status_merge import merge_status

TIMEOUT = 10.0
"""The time limit, in seconds, for a call or for stopping a server. Nothing here takes that long."""

# Otherwise gRPC would use a proxy from the environment even for 127.0.0.1.
CHANNEL_OPTIONS = [("grpc.enable_http_proxy", 0)]

# Both resources use the same numbers for their phases.
TERMINAL_PHASES = (
    ExecutionPhase.EXECUTION_COMPLETED,
    ExecutionPhase.EXECUTION_FAILED,
    ExecutionPhase.EXECUTION_CANCELLED,
)

Execution = TypeVar("Execution", WorkflowExecution, AgentExecution)
Channel = TypeVar("Channel", grpc.Channel, grpc.aio.Channel)


class NotFoundError(Exception):
    """No execution has that ID."""


class Store:
    """Executions by ID, and their followers. Safe to use from several threads."""

    def __init__(self) -> None:
        self._executions: dict[str, WorkflowExecution | AgentExecution] = {}
        self._followers: dict[str, list[Callable[[Any], None]]] = {}
        self._changed = threading.Condition()

    def create(self, prefix: str, request: Execution, status: Message) -> Execution:
        """Store the metadata and spec of `request` as a new execution with `status`."""
        with self._changed:
            created = deepcopy(request)
            created.metadata.id = f"{prefix}-{len(self._executions) + 1}"
            created.ClearField("status")
            merge_status(created.status, status)
            self._executions[created.metadata.id] = created
            return deepcopy(created)

    def get(self, resource: type[Execution], execution_id: str) -> Execution:
        """Return a copy of the stored execution.

        Raises:
            NotFoundError: No execution has that ID.
        """
        with self._changed:
            return deepcopy(self._find(resource, execution_id))

    def merge_status(
        self, resource: type[Execution], execution_id: str, report: Message
    ) -> Execution:
        """Merge `report` into the stored status and notify the followers.

        Raises:
            NotFoundError: No execution has that ID.
        """
        with self._changed:
            stored = self._find(resource, execution_id)
            merge_status(stored.status, report)
            for deliver in self._followers.get(execution_id, []):
                deliver(deepcopy(stored))
            return deepcopy(stored)

    @contextmanager
    def following(
        self, resource: type[Execution], execution_id: str, deliver: Callable[[Execution], None]
    ) -> Generator[None]:
        """Call `deliver` with the current execution, then after every change, until the context
        exits.

        Raises:
            NotFoundError: No execution has that ID.
        """
        with self._changed:
            deliver(deepcopy(self._find(resource, execution_id)))
            self._followers.setdefault(execution_id, []).append(deliver)
        try:
            yield
        finally:
            with self._changed:
                self._followers[execution_id].remove(deliver)
                self._changed.notify_all()

    def follower_count(self, execution_id: str) -> int:
        """Return the number of open streams of the execution."""
        with self._changed:
            return len(self._followers.get(execution_id, []))

    def wait_until_unfollowed(self, execution_id: str) -> bool:
        """Return True once the execution has no open stream, or False if one stays open."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._followers.get(execution_id), timeout=TIMEOUT
            )

    def _find(self, resource: type[Execution], execution_id: str) -> Execution:
        stored = self._executions.get(execution_id)
        if not isinstance(stored, resource):
            raise NotFoundError(f"no {resource.DESCRIPTOR.name} {execution_id}")
        return stored


# -- synchronous services


class WorkflowExecutions(
    WorkflowExecutionCommandControllerServicer, WorkflowExecutionQueryControllerServicer
):
    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, request: WorkflowExecution, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        status = WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_PENDING)
        return self._store.create("wex", request, status)

    def updateStatus(
        self, request: WorkflowExecutionUpdateStatusInput, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        with _not_found(context):
            return self._store.merge_status(WorkflowExecution, request.execution_id, request.status)

    def get(self, request: WorkflowExecutionId, context: grpc.ServicerContext) -> WorkflowExecution:
        with _not_found(context):
            return self._store.get(WorkflowExecution, request.value)

    def subscribe(
        self, request: SubscribeWorkflowExecutionRequest, context: grpc.ServicerContext
    ) -> Iterator[WorkflowExecution]:
        return _follow(self._store, WorkflowExecution, request.execution_id, context)


class AgentExecutions(
    AgentExecutionCommandControllerServicer, AgentExecutionQueryControllerServicer
):
    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, request: AgentExecution, context: grpc.ServicerContext) -> AgentExecution:
        status = AgentExecutionStatus(phase=AgentExecutionPhase.EXECUTION_PENDING)
        return self._store.create("aex", request, status)

    def updateStatus(
        self, request: AgentExecutionUpdateStatusInput, context: grpc.ServicerContext
    ) -> AgentExecution:
        with _not_found(context):
            return self._store.merge_status(AgentExecution, request.execution_id, request.status)

    def get(self, request: AgentExecutionId, context: grpc.ServicerContext) -> AgentExecution:
        with _not_found(context):
            return self._store.get(AgentExecution, request.value)

    def subscribe(
        self, request: AgentExecutionId, context: grpc.ServicerContext
    ) -> Iterator[AgentExecution]:
        return _follow(self._store, AgentExecution, request.value, context)


class WorkflowRunner(WorkflowRunnerServiceControllerServicer):
    def __init__(self, store: Store, requests: list[Message]) -> None:
        self._store = store
        self._requests = requests

    def executeAsync(
        self, request: WorkflowExecuteInput, context: grpc.ServicerContext
    ) -> WorkflowExecuteResponse:
        self._requests.append(request)
        with _not_found(context):
            return _start(self._store, request)

    def cancelExecution(
        self, request: CancelExecutionRequest, context: grpc.ServicerContext
    ) -> Empty:
        self._requests.append(request)
        with _not_found(context):
            return _cancel(self._store, request)

    def pauseExecution(
        self, request: PauseExecutionRequest, context: grpc.ServicerContext
    ) -> Empty:
        self._requests.append(request)
        return Empty()

    def resumeExecution(
        self, request: ResumeExecutionRequest, context: grpc.ServicerContext
    ) -> Empty:
        self._requests.append(request)
        return Empty()


@contextmanager
def _not_found(context: grpc.ServicerContext) -> Generator[None]:
    try:
        yield
    except NotFoundError as error:
        context.abort(grpc.StatusCode.NOT_FOUND, str(error))


def _follow(
    store: Store, resource: type[Execution], execution_id: str, context: grpc.ServicerContext
) -> Iterator[Execution]:
    changes: SimpleQueue[Execution | None] = SimpleQueue()
    # The end of the call wakes the loop below, which would otherwise keep waiting for a change.
    if not context.add_callback(lambda: changes.put(None)):
        return
    with _not_found(context), store.following(resource, execution_id, changes.put):
        while (execution := changes.get(timeout=2 * TIMEOUT)) is not None:
            yield execution
            if execution.status.phase in TERMINAL_PHASES:
                return


# -- asyncio services

_AsyncContext = grpc.aio.ServicerContext[Any, Any]


class AsyncWorkflowExecutions(
    WorkflowExecutionCommandControllerServicer, WorkflowExecutionQueryControllerServicer
):
    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, request: WorkflowExecution, context: _AsyncContext) -> WorkflowExecution:
        status = WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_PENDING)
        return self._store.create("wex", request, status)

    async def updateStatus(
        self, request: WorkflowExecutionUpdateStatusInput, context: _AsyncContext
    ) -> WorkflowExecution:
        async with _not_found_async(context):
            return self._store.merge_status(WorkflowExecution, request.execution_id, request.status)

    async def get(self, request: WorkflowExecutionId, context: _AsyncContext) -> WorkflowExecution:
        async with _not_found_async(context):
            return self._store.get(WorkflowExecution, request.value)

    async def subscribe(
        self, request: SubscribeWorkflowExecutionRequest, context: _AsyncContext
    ) -> AsyncIterator[WorkflowExecution]:
        async for execution in _follow_async(
            self._store, WorkflowExecution, request.execution_id, context
        ):
            yield execution


class AsyncAgentExecutions(
    AgentExecutionCommandControllerServicer, AgentExecutionQueryControllerServicer
):
    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, request: AgentExecution, context: _AsyncContext) -> AgentExecution:
        status = AgentExecutionStatus(phase=AgentExecutionPhase.EXECUTION_PENDING)
        return self._store.create("aex", request, status)

    async def updateStatus(
        self, request: AgentExecutionUpdateStatusInput, context: _AsyncContext
    ) -> AgentExecution:
        async with _not_found_async(context):
            return self._store.merge_status(AgentExecution, request.execution_id, request.status)

    async def get(self, request: AgentExecutionId, context: _AsyncContext) -> AgentExecution:
        async with _not_found_async(context):
            return self._store.get(AgentExecution, request.value)

    async def subscribe(
        self, request: AgentExecutionId, context: _AsyncContext
    ) -> AsyncIterator[AgentExecution]:
        async for execution in _follow_async(self._store, AgentExecution, request.value, context):
            yield execution


class AsyncWorkflowRunner(WorkflowRunnerServiceControllerServicer):
    def __init__(self, store: Store, requests: list[Message]) -> None:
        self._store = store
        self._requests = requests

    async def executeAsync(
        self, request: WorkflowExecuteInput, context: _AsyncContext
    ) -> WorkflowExecuteResponse:
        self._requests.append(request)
        async with _not_found_async(context):
            return _start(self._store, request)

    async def cancelExecution(
        self, request: CancelExecutionRequest, context: _AsyncContext
    ) -> Empty:
        self._requests.append(request)
        async with _not_found_async(context):
            return _cancel(self._store, request)

    async def pauseExecution(self, request: PauseExecutionRequest, context: _AsyncContext) -> Empty:
        self._requests.append(request)
        return Empty()

    async def resumeExecution(
        self, request: ResumeExecutionRequest, context: _AsyncContext
    ) -> Empty:
        self._requests.append(request)
        return Empty()


@asynccontextmanager
async def _not_found_async(context: _AsyncContext) -> AsyncGenerator[None]:
    try:
        yield
    except NotFoundError as error:
        await context.abort(grpc.StatusCode.NOT_FOUND, str(error))


async def _follow_async(
    store: Store, resource: type[Execution], execution_id: str, context: _AsyncContext
) -> AsyncIterator[Execution]:
    changes: asyncio.Queue[Execution] = asyncio.Queue()
    async with _not_found_async(context):
        with store.following(resource, execution_id, changes.put_nowait):
            while True:
                execution = await changes.get()
                yield execution
                if execution.status.phase in TERMINAL_PHASES:
                    return


# -- shared by both kinds of runners


def _start(store: Store, request: WorkflowExecuteInput) -> WorkflowExecuteResponse:
    execution_id = request.workflow_execution_id
    report = WorkflowExecutionStatus(temporal_workflow_id=f"temporal-{execution_id}")
    execution = store.merge_status(WorkflowExecution, execution_id, report)
    return WorkflowExecuteResponse(
        workflow_execution_id=execution_id,
        status="accepted",
        temporal_workflow_id=execution.status.temporal_workflow_id,
    )


def _cancel(store: Store, request: CancelExecutionRequest) -> Empty:
    report = WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_CANCELLED)
    store.merge_status(WorkflowExecution, request.execution_id, report)
    return Empty()


# -- serving them


class Served(NamedTuple, Generic[Channel]):
    """Running services, as seen from both sides."""

    channel: Channel
    store: Store
    runner_requests: list[Message]


@contextmanager
def loopback(
    register: Callable[[grpc.Server], None], *interceptors: grpc.ServerInterceptor
) -> Generator[grpc.Channel]:
    """Serve what `register` adds to a server, on its own port, and connect to it."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        server = grpc.server(pool, interceptors=list(interceptors))
        register(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
                yield channel
        finally:
            assert server.stop(grace=None).wait(TIMEOUT), "the server did not stop"


@asynccontextmanager
async def loopback_async(
    register: Callable[[grpc.aio.Server], None],
) -> AsyncGenerator[grpc.aio.Channel]:
    """Serve what `register` adds to an asyncio server, on its own port, and connect to it."""
    server = grpc.aio.server()
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        target = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
            yield channel
    finally:
        await asyncio.wait_for(server.stop(grace=None), TIMEOUT)


@contextmanager
def served() -> Generator[Served[grpc.Channel]]:
    """Serve the synchronous services, initially empty."""
    store = Store()
    runner_requests: list[Message] = []

    def register(server: grpc.Server) -> None:
        # The type stubs require every RPC of a servicer; the omitted ones show the default
        # response.
        workflow_executions = WorkflowExecutions(store)  # pyright: ignore[reportAbstractUsage]
        agent_executions = AgentExecutions(store)  # pyright: ignore[reportAbstractUsage]
        runner = WorkflowRunner(store, runner_requests)
        add_WorkflowExecutionCommandControllerServicer_to_server(workflow_executions, server)
        add_WorkflowExecutionQueryControllerServicer_to_server(workflow_executions, server)
        add_AgentExecutionCommandControllerServicer_to_server(agent_executions, server)
        add_AgentExecutionQueryControllerServicer_to_server(agent_executions, server)
        add_WorkflowRunnerServiceControllerServicer_to_server(runner, server)

    with loopback(register) as channel:
        yield Served(channel, store, runner_requests)


@asynccontextmanager
async def served_async() -> AsyncGenerator[Served[grpc.aio.Channel]]:
    """Serve the asyncio services, initially empty."""
    store = Store()
    runner_requests: list[Message] = []

    def register(server: grpc.aio.Server) -> None:
        workflow_executions = AsyncWorkflowExecutions(store)  # pyright: ignore[reportAbstractUsage]
        agent_executions = AsyncAgentExecutions(store)  # pyright: ignore[reportAbstractUsage]
        runner = AsyncWorkflowRunner(store, runner_requests)
        add_WorkflowExecutionCommandControllerServicer_to_server(workflow_executions, server)
        add_WorkflowExecutionQueryControllerServicer_to_server(workflow_executions, server)
        add_AgentExecutionCommandControllerServicer_to_server(agent_executions, server)
        add_AgentExecutionQueryControllerServicer_to_server(agent_executions, server)
        add_WorkflowRunnerServiceControllerServicer_to_server(runner, server)

    async with loopback_async(register) as channel:
        yield Served(channel, store, runner_requests)


# -- calling them


@dataclass(frozen=True)
class Resource:
    """An execution resource, by the names that the contract gives to its parts.

    The two resources have RPCs with the same names but share no types, hence `Any`.
    """

    execution: Any
    spec: Any
    commands: Any
    queries: Any
    status: Any
    update: Any
    key: Callable[[str], Message]
    subscription: Callable[[str], Message]

    def request(self) -> Any:
        """Return the message that a caller sends to create an execution."""
        return self.execution(
            api_version="agentic.stigmer.ai/v1",
            kind=self.execution.DESCRIPTOR.name,
            metadata={"name": "first-run", "org": "acme"},
            spec=self.spec,
        )

    def report(self, execution_id: str, **status: Any) -> Message:
        """Return an update that sets the given fields of the status."""
        return self.update(execution_id=execution_id, status=self.status(**status))


WORKFLOW_EXECUTION = Resource(
    execution=WorkflowExecution,
    spec=WorkflowExecutionSpec(workflow_id="wfl-1", trigger_message="Zwölf Boxkämpfer"),
    commands=WorkflowExecutionCommandControllerStub,
    queries=WorkflowExecutionQueryControllerStub,
    status=WorkflowExecutionStatus,
    update=WorkflowExecutionUpdateStatusInput,
    key=lambda execution_id: WorkflowExecutionId(value=execution_id),
    subscription=lambda execution_id: SubscribeWorkflowExecutionRequest(execution_id=execution_id),
)
AGENT_EXECUTION = Resource(
    execution=AgentExecution,
    spec=AgentExecutionSpec(session_id="ses-1", message="Zwölf Boxkämpfer"),
    commands=AgentExecutionCommandControllerStub,
    queries=AgentExecutionQueryControllerStub,
    status=AgentExecutionStatus,
    update=AgentExecutionUpdateStatusInput,
    key=lambda execution_id: AgentExecutionId(value=execution_id),
    subscription=lambda execution_id: AgentExecutionId(value=execution_id),
)
EACH_RESOURCE = pytest.mark.parametrize(
    "resource",
    [
        pytest.param(WORKFLOW_EXECUTION, id="workflow execution"),
        pytest.param(AGENT_EXECUTION, id="agent execution"),
    ],
)
