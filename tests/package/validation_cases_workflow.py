"""Cases for the rules of workflows, their tasks, instances, executions and runner."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from google.protobuf.struct_pb2 import Struct

from stigmer_apis.agentic.executioncontext.v1 import ExecutionValue
from stigmer_apis.agentic.workflow.v1 import (
    Export,
    Workflow,
    WorkflowDocument,
    WorkflowId,
    WorkflowSpec,
    WorkflowTask,
)
from stigmer_apis.agentic.workflow.v1.tasks import (
    AgentCallTaskConfig,
    AgentExecutionConfig,
    CallActivityTaskConfig,
    CatchBlock,
    ForkBranch,
    ForkTaskConfig,
    ForTaskConfig,
    GrpcCallTaskConfig,
    HttpCallTaskConfig,
    HttpEndpoint,
    ListenTaskConfig,
    ListenTo,
    RaiseTaskConfig,
    RunTaskConfig,
    SetTaskConfig,
    SignalSpec,
    SwitchCase,
    SwitchTaskConfig,
    TryTaskConfig,
    WaitTaskConfig,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ListWorkflowExecutionsByWorkflowRequest,
    SubscribeWorkflowExecutionRequest,
    WorkflowExecution,
    WorkflowExecutionId,
    WorkflowExecutionList,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdate,
    WorkflowExecutionUpdateStatusInput,
)
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowId as ExecutedWorkflowId
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowTask as ExecutedWorkflowTask
from stigmer_apis.agentic.workflowinstance.v1 import (
    GetWorkflowInstancesByWorkflowRequest,
    WorkflowInstance,
    WorkflowInstanceId,
    WorkflowInstanceSpec,
)
from stigmer_apis.agentic.workflowrunner.v1 import (
    CancelExecutionRequest,
    PauseExecutionRequest,
    ResumeExecutionRequest,
    WorkflowExecuteInput,
)
from stigmer_apis.commons.apiresource import ApiResourceOwnerScope, WorkflowTaskKind
from tests.package.validation_cases_base import (
    INT32_MAX,
    LETTER,
    UNDEFINED,
    Case,
    defined_only,
    field_case,
    header_cases,
    int_range,
    max_len,
    metadata_required,
    min_items,
    min_len,
    owner_scopes,
    required,
    resource,
)

workflow = resource(Workflow)
workflow_instance = resource(WorkflowInstance)
workflow_execution = resource(WorkflowExecution)

document = partial(
    WorkflowDocument, dsl="1.0.0", namespace="tools", name="nightly", version="0.1.0"
)
task = partial(
    WorkflowTask,
    name="wait",
    kind=WorkflowTaskKind.WORKFLOW_TASK_KIND_WAIT,
    task_config=Struct(),
)
workflow_spec = partial(WorkflowSpec, document=document(), tasks=[task()])

# `in` and `try` are Python keywords, but ordinary dict keys.
for_in: dict[str, Any] = {"in": "${ .files }"}
for_task = partial(ForTaskConfig, each="file", do=[task()], **for_in)
agent_call = partial(AgentCallTaskConfig, agent="reviewer", message="Review it.")
agent_config = partial(AgentExecutionConfig, timeout=60)
grpc_call = partial(GrpcCallTaskConfig, service="example.v1.GreeterService", method="Greet")
http_call = partial(
    HttpCallTaskConfig,
    method="GET",
    endpoint=HttpEndpoint(uri="https://example.com"),
    timeout_seconds=30,
)
signal = partial(SignalSpec, id="approved", type="signal")
listen_to = partial(ListenTo, mode="one", signals=[signal()])
raise_error = partial(RaiseTaskConfig, error="timeout", message="It took too long.")
switch_case = partial(SwitchCase, name="otherwise", then="end")
fork_branch = partial(ForkBranch, name="left", do=[task()])


def with_tasks(*tasks: ExecutedWorkflowTask) -> WorkflowExecution:
    return workflow_execution(status=WorkflowExecutionStatus(tasks=tasks))


RESOURCE_CASES = [
    *(
        case
        for valid in (workflow, workflow_instance, workflow_execution)
        for case in (*header_cases(valid), metadata_required(valid))
    ),
    owner_scopes(
        workflow,
        "workflow.owner_scope.platform_or_org_only",
        ApiResourceOwnerScope.platform,
        ApiResourceOwnerScope.organization,
    ),
    owner_scopes(
        workflow_execution,
        "workflow_execution.owner_scope.org_or_identity_only",
        ApiResourceOwnerScope.organization,
        ApiResourceOwnerScope.identity_account,
    ),
]

ID_CASES = [
    required(message, "value")
    for message in (ExecutedWorkflowId, WorkflowExecutionId, WorkflowId, WorkflowInstanceId)
]

DEFINITION_CASES = [
    required(workflow_spec, "document", document()),
    min_items(workflow_spec, "tasks", 1, task()),
    field_case(
        document,
        "dsl",
        "string.pattern",
        passes=["1.0.0"],
        fails=[None, "1.0.1", "1.0.00", "11.0.0", "1.0", "1x0.0", "v1.0.0", " 1.0.0", "1.0.0\n"],
    ),
    *(required(document, name) for name in ("namespace", "name", "version")),
    required(task, "name"),
    field_case(
        task,
        "kind",
        "required",
        # Not `defined_only`: a task kind that only a newer peer knows is valid.
        passes=[*set(WorkflowTaskKind.values()) - {0}, UNDEFINED],
        fails=[None, WorkflowTaskKind.WORKFLOW_TASK_KIND_UNSPECIFIED],
    ),
    # An empty config counts as present.
    required(task, "task_config", Struct()),
    min_len(Export, "as", 1),
    # What holds for a message also holds for it inside other messages.
    Case(
        "spec.tasks[1].export.as",
        "string.min_len",
        passes=[workflow(spec=workflow_spec(tasks=[task(), task()]))],
        fails=[workflow(spec=workflow_spec(tasks=[task(), task(export=Export())]))],
    ),
]

TASK_CASES = [
    required(agent_call, "agent"),
    max_len(agent_call, "agent", 63),
    required(agent_call, "message"),
    int_range(AgentExecutionConfig, "timeout", 1, 3600),
    field_case(
        agent_config,
        "temperature",
        "float.gte_lte",
        passes=[None, 0.0, 0.5, 1.0],
        # The neighbors of both ends, as close as a float can be.
        fails=[-1e-45, 1.0000001, -1.0, math.inf, -math.inf, math.nan],
    ),
    required(CallActivityTaskConfig, "activity"),
    required(for_task, "each"),
    required(for_task, "in"),
    min_items(for_task, "do", 1, task()),
    min_items(ForkTaskConfig, "branches", 2, fork_branch()),
    required(fork_branch, "name"),
    min_items(fork_branch, "do", 1, task()),
    required(grpc_call, "service"),
    required(grpc_call, "method"),
    required(http_call, "method", "POST"),
    field_case(
        http_call,
        "method",
        "string.in",
        passes=["GET", "POST", "PUT", "DELETE", "PATCH"],
        fails=["HEAD", "OPTIONS", "get", "GET ", "GET,POST"],
    ),
    required(http_call, "endpoint", HttpEndpoint(uri=LETTER)),
    int_range(http_call, "timeout_seconds", 1, 300),
    required(HttpEndpoint, "uri"),
    required(ListenTaskConfig, "to", listen_to()),
    required(listen_to, "mode", "all"),
    field_case(
        listen_to,
        "mode",
        "string.in",
        passes=["one", "all"],
        fails=["any", "ONE", "All", "one,all"],
    ),
    min_items(listen_to, "signals", 1, signal()),
    required(signal, "id"),
    required(signal, "type", "query"),
    field_case(
        signal,
        "type",
        "string.in",
        passes=["signal", "query", "update"],
        fails=["event", "Signal", "UPDATE", "signals"],
    ),
    required(raise_error, "error"),
    required(raise_error, "message"),
    required(RunTaskConfig, "workflow"),
    field_case(
        SetTaskConfig,
        "variables",
        "required",
        # The map must contain an entry, whose value may be empty.
        passes=[{"greeting": "Hello."}, {"greeting": ""}, {"": ""}],
        fails=[None, {}],
    ),
    min_items(SwitchTaskConfig, "cases", 1, switch_case()),
    required(switch_case, "name"),
    required(switch_case, "then"),
    min_items(TryTaskConfig, "try", 1, task()),
    min_items(CatchBlock, "do", 1, task()),
    required(WaitTaskConfig, "seconds", 1),
    field_case(
        WaitTaskConfig, "seconds", "int32.gte", passes=[1, INT32_MAX], fails=[-1, -INT32_MAX - 1]
    ),
    Case(
        "do[1].name",
        "required",
        passes=[for_task(do=[task(), task()])],
        fails=[for_task(do=[task(), task(name="")])],
    ),
    Case(
        "config.timeout",
        "int32.gte_lte",
        # The settings are optional, but if present, they need a timeout.
        passes=[agent_call(), agent_call(config=agent_config(model="large"))],
        fails=[agent_call(config=AgentExecutionConfig(model="large"))],
    ),
]

WORKFLOW_INSTANCE_CASES = [
    min_len(WorkflowInstanceSpec, "workflow_id", 1),
    required(GetWorkflowInstancesByWorkflowRequest, "workflow_id"),
]

WORKFLOW_EXECUTION_CASES = [
    defined_only(WorkflowExecutionStatus, "phase"),
    defined_only(ExecutedWorkflowTask, "task_type"),
    defined_only(ExecutedWorkflowTask, "status"),
    defined_only(WorkflowExecutionUpdate, "update_type"),
    min_len(
        partial(
            WorkflowExecutionUpdateStatusInput,
            status=WorkflowExecutionStatus(callback_token=b"token"),
        ),
        "execution_id",
        1,
    ),
    # An empty status counts as present.
    required(
        partial(WorkflowExecutionUpdateStatusInput, execution_id="wex-1"),
        "status",
        WorkflowExecutionStatus(),
    ),
    required(partial(ListWorkflowExecutionsByWorkflowRequest, page_size=10), "workflow_id"),
    required(SubscribeWorkflowExecutionRequest, "execution_id"),
    Case(
        "status.tasks[1].status",
        "enum.defined_only",
        passes=[with_tasks(ExecutedWorkflowTask(), ExecutedWorkflowTask())],
        fails=[with_tasks(ExecutedWorkflowTask(), ExecutedWorkflowTask(status=UNDEFINED))],
    ),
    Case(
        "entries[0].kind",
        "string.const",
        passes=[WorkflowExecutionList(entries=[workflow_execution()])],
        fails=[WorkflowExecutionList(entries=[workflow_execution(kind="Workflow")])],
    ),
    Case(
        'runtime_env["MODEL"].value',
        "string.min_len",
        passes=[WorkflowExecutionSpec(runtime_env={"MODEL": ExecutionValue(value=LETTER)})],
        fails=[
            WorkflowExecutionSpec(
                runtime_env={"HOME": ExecutionValue(value=LETTER), "MODEL": ExecutionValue()}
            )
        ],
    ),
]

WORKFLOW_RUNNER_CASES = [
    required(partial(WorkflowExecuteInput, workflow_yaml="do: []"), "workflow_execution_id"),
    *(
        required(partial(request, reason="late"), "execution_id")
        for request in (CancelExecutionRequest, PauseExecutionRequest, ResumeExecutionRequest)
    ),
]

WORKFLOW_CASES = [
    *RESOURCE_CASES,
    *ID_CASES,
    *DEFINITION_CASES,
    *TASK_CASES,
    *WORKFLOW_INSTANCE_CASES,
    *WORKFLOW_EXECUTION_CASES,
    *WORKFLOW_RUNNER_CASES,
]
