"""A fake platform for the other examples: a gRPC server in this process, on 127.0.0.1.

This is not an example. It has one agent and one workflow run, and validates nothing.
"""

# The contract defines the RPC names.
# ruff: noqa: N802

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import grpc
from google.protobuf.message import Message

from stigmer_apis.agentic.agent.v1 import (
    Agent,
    AgentId,
    AgentQueryControllerServicer,
    add_AgentQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionCommandControllerServicer,
    AgentExecutionId,
    AgentExecutionQueryControllerServicer,
    AgentExecutionUpdateStatusInput,
    add_AgentExecutionCommandControllerServicer_to_server,
    add_AgentExecutionQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.agentexecution.v1 import ExecutionPhase as AgentExecutionPhase
from stigmer_apis.agentic.agentinstance.v1 import (
    AgentInstance,
    AgentInstanceId,
    AgentInstanceQueryServiceServicer,
    add_AgentInstanceQueryServiceServicer_to_server,
)
from stigmer_apis.agentic.environment.v1 import (
    Environment,
    EnvironmentQueryControllerServicer,
    EnvironmentValue,
    add_EnvironmentQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.executioncontext.v1 import ExecutionValue
from stigmer_apis.agentic.session.v1 import (
    Session,
    SessionId,
    SessionQueryControllerServicer,
    add_SessionQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.skill.v1 import (
    Skill,
    SkillQueryControllerServicer,
    add_SkillQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    SubscribeWorkflowExecutionRequest,
    WorkflowExecution,
    WorkflowExecutionQueryControllerServicer,
    WorkflowTaskStatus,
    WorkflowTaskType,
    add_WorkflowExecutionQueryControllerServicer_to_server,
)
from stigmer_apis.commons.apiresource import (
    ApiResourceMetadata,
    ApiResourceOwnerScope,
    ApiResourceReference,
)
from stigmer_apis.commons.apiresource.apiresourcekind import ApiResourceKind

AGENT_EXECUTION_ID = "aex-01jd0k7c2p"
WORKFLOW_EXECUTION_ID = "wex-01jd0m9q4t"

# A made-up task token. A real one comes from Temporal and never appears in source code.
TASK_TOKEN = b"\x0a\x24external-activity-task-token\x00\xfe\xff" * 4
PASSWORD = "correct-horse-battery-staple"

ORGANIZATION = ApiResourceOwnerScope.organization


def agent() -> Agent:
    found = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent", metadata=of("agt-1", "writer"))
    found.spec.instructions = "You write short weekly reports from the figures you are given."
    for slug in ("house-style", "charts"):
        found.spec.skill_refs.add(scope=ORGANIZATION, kind=ApiResourceKind.skill, slug=slug)
    return found


def agent_instance() -> AgentInstance:
    found = AgentInstance(
        api_version="agentic.stigmer.ai/v1", kind="AgentInstance", metadata=of("ain-1", "writer")
    )
    found.spec.agent_id = "agt-1"
    for slug in ("shared", "production"):
        found.spec.environment_refs.add(
            scope=ORGANIZATION, kind=ApiResourceKind.environment, slug=slug
        )
    return found


def environment(slug: str) -> Environment:
    found = Environment(
        api_version="agentic.stigmer.ai/v1", kind="Environment", metadata=of(f"env-{slug}", slug)
    )
    values = {
        "shared": {"REGION": EnvironmentValue(value="eu-west-1")},
        "production": {
            "REGION": EnvironmentValue(value="eu-central-1"),
            # This RPC masks secrets.
            "WAREHOUSE_PASSWORD": EnvironmentValue(value="********", is_secret=True),
        },
    }
    for name, value in values[slug].items():
        found.spec.data[name].CopyFrom(value)
    return found


def of(resource_id: str, slug: str) -> ApiResourceMetadata:
    return ApiResourceMetadata(
        id=resource_id, slug=slug, name=slug.title(), org="org-1", owner_scope=ORGANIZATION
    )


def merge(stored: Message, report: Message) -> None:
    """Merge like updateStatus: set fields replace the stored ones as a whole."""
    for field, _ in report.ListFields():
        stored.ClearField(field.name)  # MergeFrom would append to a list
    stored.MergeFromString(report.SerializeToString())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Sessions(SessionQueryControllerServicer):
    def get(self, request: SessionId, context: grpc.ServicerContext) -> Session:
        found = Session(
            api_version="agentic.stigmer.ai/v1", kind="Session", metadata=of(request.value, "q4")
        )
        found.spec.agent_instance_id = "ain-1"
        found.spec.subject = "Figures of the week"
        return found


class AgentInstances(AgentInstanceQueryServiceServicer):
    def get(self, request: AgentInstanceId, context: grpc.ServicerContext) -> AgentInstance:
        return agent_instance()


class Agents(AgentQueryControllerServicer):
    def get(self, request: AgentId, context: grpc.ServicerContext) -> Agent:
        return agent()


class Skills(SkillQueryControllerServicer):
    def getByReference(self, request: ApiResourceReference, context: grpc.ServicerContext) -> Skill:
        found = Skill(
            api_version="agentic.stigmer.ai/v1",
            kind="Skill",
            metadata=of(f"skl-{request.slug}", request.slug),
        )
        found.spec.markdown_content = f"# {found.metadata.name}\n\nKeep it short."
        return found


class Environments(EnvironmentQueryControllerServicer):
    def getByReference(
        self, request: ApiResourceReference, context: grpc.ServicerContext
    ) -> Environment:
        return environment(request.slug)


class AgentExecutions(
    AgentExecutionCommandControllerServicer, AgentExecutionQueryControllerServicer
):
    """One execution, for which a Temporal activity waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stored = AgentExecution(
            api_version="agentic.stigmer.ai/v1",
            kind="AgentExecution",
            metadata=ApiResourceMetadata(id=AGENT_EXECUTION_ID, name="Report of the week"),
        )
        self._stored.spec.session_id = "ses-1"
        self._stored.spec.message = "How did we do this week?"
        self._stored.status.phase = AgentExecutionPhase.EXECUTION_PENDING
        self._stored.status.callback_token = TASK_TOKEN

    def get(self, request: AgentExecutionId, context: grpc.ServicerContext) -> AgentExecution:
        with self._lock:
            return AgentExecution.FromString(self._stored.SerializeToString())

    def updateStatus(
        self, request: AgentExecutionUpdateStatusInput, context: grpc.ServicerContext
    ) -> AgentExecution:
        with self._lock:
            merge(self._stored.status, request.status)
            return AgentExecution.FromString(self._stored.SerializeToString())


class WorkflowExecutions(WorkflowExecutionQueryControllerServicer):
    """One execution, which makes progress while a subscriber follows it."""

    def subscribe(
        self, request: SubscribeWorkflowExecutionRequest, context: grpc.ServicerContext
    ) -> Iterator[WorkflowExecution]:
        run = WorkflowExecution(
            api_version="agentic.stigmer.ai/v1",
            kind="WorkflowExecution",
            metadata=of(request.execution_id, "nightly-report"),
        )
        run.spec.workflow_id = "wfl-1"
        run.spec.runtime_env["WAREHOUSE_PASSWORD"].CopyFrom(
            ExecutionValue(value=PASSWORD, is_secret=True)
        )
        run.spec.runtime_env["REGION"].value = "eu-central-1"
        run.status.callback_token = TASK_TOKEN
        run.status.phase = ExecutionPhase.EXECUTION_PENDING
        yield run

        run.status.phase = ExecutionPhase.EXECUTION_IN_PROGRESS
        run.status.started_at = now()
        run.status.temporal_workflow_id = f"stigmer-{request.execution_id}"
        fetch = run.status.tasks.add(
            task_id="1",
            task_name="fetch-figures",
            task_type=WorkflowTaskType.WORKFLOW_TASK_API_CALL,
        )
        notify = run.status.tasks.add(
            task_id="2", task_name="send-report", task_type=WorkflowTaskType.WORKFLOW_TASK_API_CALL
        )
        archive = run.status.tasks.add(
            task_id="3", task_name="archive", task_type=WorkflowTaskType.WORKFLOW_TASK_TRANSFORM
        )
        for task in (notify, archive):
            task.status = WorkflowTaskStatus.WORKFLOW_TASK_PENDING
        fetch.status = WorkflowTaskStatus.WORKFLOW_TASK_IN_PROGRESS
        fetch.started_at = now()
        yield run

        time.sleep(0.15)
        fetch.status = WorkflowTaskStatus.WORKFLOW_TASK_COMPLETED
        fetch.output["rows"] = 1204
        notify.status = WorkflowTaskStatus.WORKFLOW_TASK_IN_PROGRESS
        fetch.completed_at = notify.started_at = now()
        yield run

        time.sleep(0.1)
        notify.status = WorkflowTaskStatus.WORKFLOW_TASK_FAILED
        notify.error = "The mail server answered 503 three times."
        archive.status = WorkflowTaskStatus.WORKFLOW_TASK_SKIPPED
        run.status.phase = ExecutionPhase.EXECUTION_FAILED
        run.status.error = "Task send-report failed."
        notify.completed_at = run.status.completed_at = now()
        yield run


@contextmanager
def serving() -> Generator[grpc.Channel]:
    """Serve until the context exits, and yield a channel to the services."""
    with ThreadPoolExecutor(max_workers=4) as threads:
        server = grpc.server(threads)
        # Type checkers report the RPCs that are not implemented. They return UNIMPLEMENTED.
        executions = AgentExecutions()  # type: ignore[abstract]
        add_AgentExecutionCommandControllerServicer_to_server(executions, server)
        add_AgentExecutionQueryControllerServicer_to_server(executions, server)
        add_SessionQueryControllerServicer_to_server(
            Sessions(),  # type: ignore[abstract]
            server,
        )
        add_AgentInstanceQueryServiceServicer_to_server(
            AgentInstances(),  # type: ignore[abstract]
            server,
        )
        add_AgentQueryControllerServicer_to_server(
            Agents(),  # type: ignore[abstract]
            server,
        )
        add_SkillQueryControllerServicer_to_server(
            Skills(),  # type: ignore[abstract]
            server,
        )
        add_EnvironmentQueryControllerServicer_to_server(
            Environments(),  # type: ignore[abstract]
            server,
        )
        add_WorkflowExecutionQueryControllerServicer_to_server(
            WorkflowExecutions(),  # type: ignore[abstract]
            server,
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            # Otherwise gRPC would use a proxy from the environment even for 127.0.0.1.
            options = [("grpc.enable_http_proxy", 0)]
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
                yield channel
        finally:
            # Without a grace period, the server cancels open calls, and the client logs that.
            server.stop(grace=1).wait()
