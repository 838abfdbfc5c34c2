"""The package as services use it: every line type checks, and `assert_type` says as what.

`test_typing.py` gives it to mypy and pyright, and calls the functions that take no argument.
"""
# ruff: noqa: N802  the names of the RPCs are the contract's

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

import stigmer_apis
from stigmer_apis import schema
from stigmer_apis.agentic.agentexecution.v1 import AgentExecutionStatus
from stigmer_apis.agentic.agentexecution.v1 import ExecutionPhase as AgentExecutionPhase
from stigmer_apis.agentic.executioncontext.v1 import ExecutionValue
from stigmer_apis.agentic.workflow.v1 import Export
from stigmer_apis.agentic.workflow.v1 import WorkflowTask as TaskOfADefinition
from stigmer_apis.agentic.workflow.v1.tasks import CatchBlock, ForTaskConfig, TryTaskConfig
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    ListWorkflowExecutionsByWorkflowRequest,
    ListWorkflowExecutionsRequest,
    SubscribeWorkflowExecutionRequest,
    WorkflowExecution,
    WorkflowExecutionCommandControllerServicer,
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionId,
    WorkflowExecutionList,
    WorkflowExecutionQueryControllerServicer,
    WorkflowExecutionQueryControllerStub,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdateStatusInput,
    WorkflowTask,
    WorkflowTaskStatus,
    WorkflowTaskType,
    add_WorkflowExecutionCommandControllerServicer_to_server,
    add_WorkflowExecutionQueryControllerServicer_to_server,
    api_pb2,
    command_pb2,
    enum_pb2,
)
from stigmer_apis.agentic.workflowexecution.v1.spec_pb2 import (
    WorkflowExecutionSpec as SpecOfTheModule,
)
from stigmer_apis.agentic.workflowrunner.v1 import (
    WorkflowExecuteInput,
    WorkflowRunnerServiceControllerStub,
)
from stigmer_apis.commons.apiresource import (
    ApiResourceAudit,
    ApiResourceAuditActor,
    ApiResourceAuditInfo,
    ApiResourceId,
    ApiResourceMetadata,
    ApiResourceOwnerScope,
    api_resource_kind,
    computed,
)
from stigmer_apis.commons.apiresource.apiresourcekind import ApiResourceKind
from stigmer_apis.iam.iampolicy.v1.rpcauthorization import (
    ApiResourceIamPermission,
    RpcAuthorizationConfig,
    config,
    is_skip_authorization,
)

if TYPE_CHECKING:
    from stigmer_apis.agentic.workflowexecution.v1 import (
        WorkflowExecutionCommandControllerAsyncStub,
        WorkflowExecutionQueryControllerAsyncStub,
    )


def execution() -> WorkflowExecution:
    """A resource is built in one expression, nested messages and all."""
    output = Struct()
    output.update({"total": 3})
    return WorkflowExecution(
        api_version="agentic.stigmer.ai/v1",
        kind="WorkflowExecution",
        metadata=ApiResourceMetadata(
            name="nightly",
            owner_scope=ApiResourceOwnerScope.organization,
            labels={"team": "billing"},
            tags=["night"],
        ),
        spec=WorkflowExecutionSpec(
            workflow_id="wfl-1",
            trigger_metadata={"source": "cron"},
            runtime_env={"TOKEN": ExecutionValue(value="t", is_secret=True)},
        ),
        status=WorkflowExecutionStatus(
            audit=ApiResourceAudit(
                spec_audit=ApiResourceAuditInfo(created_by=ApiResourceAuditActor(id="ida-1"))
            ),
            phase=ExecutionPhase.EXECUTION_COMPLETED,
            tasks=[
                WorkflowTask(
                    task_id="t-1",
                    task_type=WorkflowTaskType.WORKFLOW_TASK_API_CALL,
                    status=WorkflowTaskStatus.WORKFLOW_TASK_COMPLETED,
                )
            ],
            output=output,
            callback_token=b"\x00\xff",
        ),
    )


def scalars_and_messages() -> None:
    status = assert_type(execution().status, WorkflowExecutionStatus)
    assert_type(status.callback_token, bytes)
    assert_type(AgentExecutionStatus(callback_token=b"t").callback_token, bytes)
    assert_type(status.started_at, str)
    assert_type(WorkflowExecutionList().total_pages, int)
    status.callback_token = b""
    status.error = "no quota"
    status.output.CopyFrom(Struct())
    assert_type(WorkflowExecutionStatus.CALLBACK_TOKEN_FIELD_NUMBER, int)


def containers() -> None:
    run = execution()
    assert_type(run.status.tasks, RepeatedCompositeFieldContainer[WorkflowTask])
    assert_type(run.status.tasks[0], WorkflowTask)
    assert_type(run.status.tasks.add(task_name="notify"), WorkflowTask)
    for task in run.status.tasks:
        assert_type(task.task_id, str)
    assert_type(run.metadata.tags, RepeatedScalarFieldContainer[str])
    run.metadata.tags.append("retry")
    assert_type(run.metadata.labels, ScalarMap[str, str])
    run.metadata.labels["env"] = "prod"
    assert_type(run.spec.runtime_env, MessageMap[str, ExecutionValue])
    assert_type(run.spec.runtime_env["TOKEN"].is_secret, bool)


def well_known_types() -> None:
    run = execution()
    assert_type(run.status.output, Struct)
    run.status.output["total"] = 4
    created_at = assert_type(run.status.audit.spec_audit.created_at, Timestamp)
    created_at.GetCurrentTime()
    info = ApiResourceAuditInfo(updated_at=Timestamp(seconds=1))
    assert_type(info.updated_at.seconds, int)


def enums() -> None:
    phase = assert_type(ExecutionPhase.EXECUTION_COMPLETED, ExecutionPhase.ValueType)
    assert_type(execution().status.phase, ExecutionPhase.ValueType)
    assert_type(ExecutionPhase.Name(phase), str)
    assert_type(ExecutionPhase.Value("EXECUTION_FAILED"), ExecutionPhase.ValueType)
    assert_type(ExecutionPhase.values(), list[ExecutionPhase.ValueType])
    assert_type(enum_pb2.EXECUTION_FAILED, ExecutionPhase.ValueType)
    assert_type(AgentExecutionPhase.EXECUTION_FAILED, AgentExecutionPhase.ValueType)
    WorkflowExecutionStatus().phase = phase


def presence() -> None:
    status = execution().status
    assert_type(status.HasField("output"), bool)
    assert_type(status.HasField("audit"), bool)
    status.ClearField("callback_token")
    status.ClearField("tasks")
    assert_type(status.output.fields["total"].HasField("number_value"), bool)
    assert status.output.fields["total"].WhichOneof("kind") == "number_value"


def keyword_fields() -> None:
    """A field whose name is a keyword is reached by a string, and its type is Any."""
    export = Export()
    setattr(export, "as", "${ .orders }")
    assert_type(getattr(export, "as"), Any)
    expression: str = getattr(export, "as")
    assert expression == "${ .orders }"
    assert_type(Export.AS_FIELD_NUMBER, int)
    export.ClearField("as")

    each = ForTaskConfig(each="order", do=[TaskOfADefinition(name="check")])
    setattr(each, "in", "${ . }")
    assert_type(each.do, RepeatedCompositeFieldContainer[TaskOfADefinition])
    assert_type(ForTaskConfig.IN_FIELD_NUMBER, int)
    each.ClearField("in")

    attempt = TryTaskConfig(
        catch=CatchBlock(do=[TaskOfADefinition(name="undo")]),
    )
    setattr(attempt.catch, "as", "failure")
    getattr(attempt, "try").extend([TaskOfADefinition(name="fetch")])
    getattr(attempt, "try").append(TaskOfADefinition(name="check"))
    tried: RepeatedCompositeFieldContainer[TaskOfADefinition] = getattr(attempt, "try")
    tried.add(name="notify")
    assert [task.name for task in tried] == ["fetch", "check", "notify"]
    attempt.catch.ClearField("as")
    attempt.ClearField("try")


def bytes_and_copies() -> None:
    run = execution()
    assert_type(run.SerializeToString(), bytes)
    assert_type(WorkflowExecution.FromString(run.SerializeToString()), WorkflowExecution)
    copy = WorkflowExecution()
    copy.CopyFrom(run)
    copy.MergeFrom(run)
    assert_type(copy == run, bool)


def modules_and_packages_name_the_same() -> None:
    assert_type(api_pb2.WorkflowExecution(), WorkflowExecution)
    assert_type(command_pb2.WorkflowExecutionUpdateStatusInput().status, WorkflowExecutionStatus)
    assert_type(SpecOfTheModule(), WorkflowExecutionSpec)


def options() -> None:
    token = WorkflowExecutionStatus.DESCRIPTOR.fields_by_name["callback_token"]
    assert_type(token.GetOptions().Extensions[computed], bool)
    service = command_pb2.DESCRIPTOR.services_by_name["WorkflowExecutionCommandController"]
    assert_type(service.GetOptions().Extensions[api_resource_kind], ApiResourceKind.ValueType)
    of_method = service.methods_by_name["updateStatus"].GetOptions()
    check = assert_type(of_method.Extensions[config], RpcAuthorizationConfig)
    assert_type(check.permission, ApiResourceIamPermission.ValueType)
    assert_type(check.field_path, str)
    assert_type(of_method.Extensions[is_skip_authorization], bool)
    assert_type(of_method.HasExtension(config), bool)


def about_the_package() -> None:
    version: str = stigmer_apis.__version__
    print(version)
    assert_type(schema.proto_root(), Path)
    assert_type(schema.image_path(), Path)
    assert_type(schema.file_descriptor_set(), FileDescriptorSet)


def calls(channel: grpc.Channel) -> None:
    command = WorkflowExecutionCommandControllerStub(channel)
    assert_type(command, WorkflowExecutionCommandControllerStub)
    request = WorkflowExecutionUpdateStatusInput(execution_id="wex-1", status=execution().status)
    assert_type(command.updateStatus(request), WorkflowExecution)
    assert_type(
        command.updateStatus(request, timeout=5.0, metadata=(("k", "v"),)), WorkflowExecution
    )
    assert_type(command.updateStatus.future(request).result(), WorkflowExecution)
    assert_type(command.delete(ApiResourceId(value="wex-1")), WorkflowExecution)
    query = WorkflowExecutionQueryControllerStub(channel)
    assert_type(query.list(ListWorkflowExecutionsRequest(page_size=1)), WorkflowExecutionList)
    stream = query.subscribe(SubscribeWorkflowExecutionRequest(execution_id="wex-1"))
    for update in stream:
        assert_type(update, WorkflowExecution)
    stream.cancel()
    runner = WorkflowRunnerServiceControllerStub(channel)
    answer = runner.executeAsync(WorkflowExecuteInput(workflow_execution_id="wex-1"))
    assert_type(answer.subscribe_url, str)


async def asyncio_calls(channel: aio.Channel) -> None:
    command = WorkflowExecutionCommandControllerStub(channel)
    # The name is for annotations alone: at run time there is one stub class.
    typed: WorkflowExecutionCommandControllerAsyncStub = command
    request = WorkflowExecutionUpdateStatusInput(execution_id="wex-1", status=execution().status)
    assert_type(await command.updateStatus(request), WorkflowExecution)
    assert_type(await typed.updateStatus(request, timeout=5.0), WorkflowExecution)
    query: WorkflowExecutionQueryControllerAsyncStub
    query = WorkflowExecutionQueryControllerStub(channel)
    async for update in query.subscribe(SubscribeWorkflowExecutionRequest(execution_id="wex-1")):
        assert_type(update, WorkflowExecution)
    runner = WorkflowRunnerServiceControllerStub(channel)
    answer = await runner.executeAsync(WorkflowExecuteInput(workflow_execution_id="wex-1"))
    assert_type(answer.status_url, str)


class Commands(WorkflowExecutionCommandControllerServicer):
    """A servicer for a server of threads."""

    def create(
        self, request: WorkflowExecution, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        if not request.HasField("metadata"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "metadata is missing")
        return request

    def update(
        self, request: WorkflowExecution, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        return request

    def updateStatus(
        self, request: WorkflowExecutionUpdateStatusInput, context: grpc.ServicerContext
    ) -> WorkflowExecution:
        assert_type(request.status.callback_token, bytes)
        return WorkflowExecution(status=request.status)

    def delete(self, request: ApiResourceId, context: grpc.ServicerContext) -> WorkflowExecution:
        assert_type(request.value, str)
        return WorkflowExecution()


class Queries(WorkflowExecutionQueryControllerServicer):
    """A servicer for a server of threads that streams."""

    def get(self, request: WorkflowExecutionId, context: grpc.ServicerContext) -> WorkflowExecution:
        return WorkflowExecution(metadata=ApiResourceMetadata(id=request.value))

    def list(
        self, request: ListWorkflowExecutionsRequest, context: grpc.ServicerContext
    ) -> WorkflowExecutionList:
        return WorkflowExecutionList(entries=[execution()])

    def listByWorkflow(
        self, request: ListWorkflowExecutionsByWorkflowRequest, context: grpc.ServicerContext
    ) -> WorkflowExecutionList:
        return WorkflowExecutionList()

    def subscribe(
        self, request: SubscribeWorkflowExecutionRequest, context: grpc.ServicerContext
    ) -> Iterator[WorkflowExecution]:
        while context.is_active():
            yield execution()


class AsyncCommands(WorkflowExecutionCommandControllerServicer):
    """A servicer for a server on asyncio."""

    async def create(
        self,
        request: WorkflowExecution,
        context: aio.ServicerContext[WorkflowExecution, WorkflowExecution],
    ) -> WorkflowExecution:
        return request

    async def update(
        self, request: WorkflowExecution, context: aio.ServicerContext[Any, Any]
    ) -> WorkflowExecution:
        return request

    async def updateStatus(
        self,
        request: WorkflowExecutionUpdateStatusInput,
        context: aio.ServicerContext[WorkflowExecutionUpdateStatusInput, WorkflowExecution],
    ) -> WorkflowExecution:
        if not request.status.callback_token:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no token")
        return WorkflowExecution(status=request.status)

    async def delete(
        self, request: ApiResourceId, context: aio.ServicerContext[ApiResourceId, WorkflowExecution]
    ) -> WorkflowExecution:
        return WorkflowExecution()


class AsyncQueries(WorkflowExecutionQueryControllerServicer):
    """A servicer for a server on asyncio that streams."""

    async def get(
        self, request: WorkflowExecutionId, context: aio.ServicerContext[Any, Any]
    ) -> WorkflowExecution:
        return execution()

    async def list(
        self, request: ListWorkflowExecutionsRequest, context: aio.ServicerContext[Any, Any]
    ) -> WorkflowExecutionList:
        return WorkflowExecutionList()

    async def listByWorkflow(
        self,
        request: ListWorkflowExecutionsByWorkflowRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> WorkflowExecutionList:
        return WorkflowExecutionList()

    async def subscribe(
        self, request: SubscribeWorkflowExecutionRequest, context: aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[WorkflowExecution]:
        yield execution()


def a_server() -> None:
    with futures.ThreadPoolExecutor() as threads:
        server = grpc.server(threads)
        add_WorkflowExecutionCommandControllerServicer_to_server(Commands(), server)
        add_WorkflowExecutionQueryControllerServicer_to_server(Queries(), server)
        server.stop(grace=None)


async def an_asyncio_server() -> None:
    server = aio.server()
    add_WorkflowExecutionCommandControllerServicer_to_server(AsyncCommands(), server)
    add_WorkflowExecutionQueryControllerServicer_to_server(AsyncQueries(), server)
    await server.stop(grace=None)
