"""The mistakes that the types must catch, one a line, each with every error that it must give.

`test_typing.py` gives it to mypy and pyright and compares what they say with the comments, line by
line: `# E: mypy[code, ...] pyright[rule, ...]`. Nothing here is ever run.
"""
# A mistake and its comment stand on one line, whatever its length.
# fmt: off
# ruff: noqa: B018, E501, F401, I001, N802

from __future__ import annotations

import grpc
from grpc import aio

from stigmer_apis.agentic.agentexecution.v1 import ExecutionPhase as AgentExecutionPhase
from stigmer_apis.agentic.workflow.v1 import Export
from stigmer_apis.agentic.workflow.v1 import WorkflowTask as TaskOfADefinition
from stigmer_apis.agentic.workflow.v1.tasks import CatchBlock, ForTaskConfig, TryTaskConfig
from stigmer_apis.agentic.workflowexecution.v1 import (
    ListWorkflowExecutionsRequest,
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
    WorkflowTaskType,
    add_WorkflowExecutionCommandControllerServicer_to_server,
)
from stigmer_apis.agentic.workflowrunner.v1 import WorkflowExecuteInput

# A package exports its own names and no others.
from stigmer_apis.agentic.workflowexecution.v1 import NoSuchMessage  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownVariableType, reportUnusedImport]
from stigmer_apis.agentic.workflowexecution.v1 import AgentExecution  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownVariableType, reportUnusedImport]
from stigmer_apis.agentic.workflowexecution.v1.io_pb2 import WorkflowTask  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownVariableType, reportUnusedImport]

status = WorkflowExecutionStatus()

# The callback token is bytes, and only the status has it.
WorkflowExecutionStatus(callback_token="token")  # E: mypy[arg-type] pyright[reportArgumentType]
status.callback_token = "token"  # E: mypy[assignment] pyright[reportAttributeAccessIssue]
status.callback_token = None  # E: mypy[assignment] pyright[reportAttributeAccessIssue]
WorkflowExecuteInput(workflow_execution_id="wex-1", callback_token=b"token")  # E: mypy[call-arg] pyright[reportCallIssue]
WorkflowExecutionSpec(callback_token=b"token")  # E: mypy[call-arg] pyright[reportCallIssue]

# A field has a name and a type.
WorkflowExecution(phase=1)  # E: mypy[call-arg] pyright[reportCallIssue]
WorkflowExecution("wex-1")  # E: mypy[call-arg] pyright[reportCallIssue]
status.no_such_field  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
status.tasks.append("task")  # E: mypy[arg-type] pyright[reportArgumentType]
WorkflowExecutionSpec(trigger_metadata={"source": 1})  # E: mypy[dict-item] pyright[reportArgumentType]

# An enum of the same name in another package, another enum of this one, and a number are other types.
status.phase = AgentExecutionPhase.EXECUTION_FAILED  # E: mypy[assignment] pyright[reportAttributeAccessIssue]
WorkflowExecutionStatus(phase=AgentExecutionPhase.EXECUTION_FAILED)  # E: mypy[arg-type] pyright[reportArgumentType]
status.phase = WorkflowTaskType.WORKFLOW_TASK_APPROVAL  # E: mypy[assignment] pyright[reportAttributeAccessIssue]
status.phase = 3  # E: mypy[assignment] pyright[reportAttributeAccessIssue]

# So is a message of the same name in another package.
status.tasks.append(TaskOfADefinition())  # E: mypy[arg-type] pyright[reportArgumentType]
TryTaskConfig(catch=CatchBlock(do=status.tasks))  # E: mypy[arg-type] pyright[reportArgumentType]

# Messages and containers are filled, not assigned: the runtime refuses it too.
WorkflowExecution().status = status  # E: mypy[misc] pyright[reportAttributeAccessIssue]
status.tasks = []  # E: mypy[assignment, misc] pyright[reportAttributeAccessIssue]

# Only a message has presence, and there are no oneofs.
status.HasField("callback_token")  # E: mypy[arg-type] pyright[reportArgumentType]
status.HasField("no_such_field")  # E: mypy[arg-type] pyright[reportArgumentType]
status.ClearField("no_such_field")  # E: mypy[arg-type] pyright[reportArgumentType]
WorkflowExecutionId().HasField("value")  # E: mypy[arg-type] pyright[reportArgumentType]
status.WhichOneof("phase")  # E: mypy[arg-type] pyright[reportArgumentType]

# A field whose name is a keyword: a checker takes `**` for a value of every field that is not given.
ForTaskConfig(**{"in": "${ . }"})  # E: mypy[arg-type] pyright[reportArgumentType]
ForTaskConfig(each="order", **{"in": "${ . }"})  # E: mypy[arg-type] pyright[reportArgumentType]
CatchBlock(**{"as": "failure"})  # E: mypy[arg-type] pyright[reportArgumentType]
TryTaskConfig(**{"try": []})  # E: mypy[arg-type] pyright[reportArgumentType]
Export().HasField("as")  # E: mypy[arg-type] pyright[reportArgumentType]
Export().ClearField("As")  # E: mypy[arg-type] pyright[reportArgumentType]
Export(as_="${ . }")  # E: mypy[call-arg] pyright[reportCallIssue]
Export().as_  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]


def call(channel: grpc.Channel) -> None:
    command = WorkflowExecutionCommandControllerStub(channel)
    query = WorkflowExecutionQueryControllerStub(channel)
    command.updateStatus(WorkflowExecution())  # E: mypy[arg-type] pyright[reportArgumentType]
    command.updateStatus(WorkflowExecutionUpdateStatusInput()).execution_id  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
    command.subscribe(SubscribeWorkflowExecutionRequest())  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
    query.get(ListWorkflowExecutionsRequest())  # E: mypy[arg-type] pyright[reportArgumentType]
    query.subscribe(SubscribeWorkflowExecutionRequest()).metadata  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
    WorkflowExecutionCommandControllerStub("localhost:443")  # E: mypy[call-overload] pyright[reportArgumentType, reportCallIssue]


async def call_on_asyncio(channel: aio.Channel) -> None:
    command = WorkflowExecutionCommandControllerStub(channel)
    query = WorkflowExecutionQueryControllerStub(channel)
    command.updateStatus(WorkflowExecutionUpdateStatusInput()).status  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
    await command.updateStatus(WorkflowExecution())  # E: mypy[arg-type] pyright[reportArgumentType]
    for _ in query.subscribe(SubscribeWorkflowExecutionRequest()):  # E: mypy[attr-defined] pyright[reportGeneralTypeIssues, reportUnknownVariableType]
        pass


class Wrong(WorkflowExecutionCommandControllerServicer):
    def create(self, request: WorkflowExecution, context: grpc.ServicerContext) -> str:  # E: mypy[override] pyright[reportIncompatibleMethodOverride]
        return request.kind

    def update(self, request: WorkflowExecutionId, context: grpc.ServicerContext) -> WorkflowExecution:  # E: mypy[override] pyright[reportIncompatibleMethodOverride]
        return WorkflowExecution()

    async def updateStatus(self, request: WorkflowExecutionUpdateStatusInput, context: grpc.ServicerContext) -> bytes:  # E: mypy[override] pyright[reportIncompatibleMethodOverride]
        return request.status.callback_token


def serve(server: grpc.Server, queries: WorkflowExecutionQueryControllerServicer) -> None:
    Wrong()  # E: mypy[abstract] pyright[reportAbstractUsage]
    add_WorkflowExecutionCommandControllerServicer_to_server(queries, server)  # E: mypy[arg-type] pyright[reportArgumentType]
