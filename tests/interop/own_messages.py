"""The messages that every peer program builds through its typed API, as Python expects them.

Each language implements them from this text. Together they cover where libraries differ: a token
with all 256 byte values, a map with non-ASCII keys, an enum, nested messages, and `Struct`.
"""

from __future__ import annotations

from google.protobuf.message import Message

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionStatus,
    AgentMessage,
    MessageType,
    ToolCall,
)
from stigmer_apis.agentic.agentexecution.v1 import ExecutionPhase as AgentExecutionPhase
from stigmer_apis.agentic.environment.v1 import Environment, EnvironmentSpec, EnvironmentValue
from stigmer_apis.agentic.workflow.v1 import Workflow, WorkflowSpec
from stigmer_apis.agentic.workflow.v1 import WorkflowTask as TaskOfTemplate
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecution,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
    WorkflowTask,
)
from stigmer_apis.commons.apiresource import ApiResourceMetadata, WorkflowTaskKind

ALL_BYTES = bytes(range(256))
API_VERSION = "agentic.stigmer.ai/v1"


def own_messages(library: str) -> dict[str, Message]:
    """Return the messages that the peer of `library` must build, by full name."""
    messages: list[Message] = [
        workflow_execution(library),
        agent_execution(library),
        environment(library),
        workflow(library),
    ]
    return {message.DESCRIPTOR.full_name: message for message in messages}


def workflow_execution(library: str) -> WorkflowExecution:
    task = WorkflowTask(task_id="task-1")
    task.output.update({"n": 1.5, "s": "x", "l": [True, None]})
    return WorkflowExecution(
        api_version=API_VERSION,
        kind="WorkflowExecution",
        metadata=_metadata(library),
        spec=WorkflowExecutionSpec(workflow_instance_id="win-1"),
        status=WorkflowExecutionStatus(
            phase=ExecutionPhase.EXECUTION_IN_PROGRESS,
            tasks=[task],
            temporal_workflow_id="wf-1",
            callback_token=ALL_BYTES,
        ),
    )


def agent_execution(library: str) -> AgentExecution:
    call = ToolCall(id="call-1", name="search")
    call.args.update({"q": "x"})
    return AgentExecution(
        api_version=API_VERSION,
        kind="AgentExecution",
        metadata=_metadata(library),
        status=AgentExecutionStatus(
            messages=[
                AgentMessage(type=MessageType.MESSAGE_HUMAN, content="question"),
                AgentMessage(type=MessageType.MESSAGE_AI, content="answer", tool_calls=[call]),
            ],
            phase=AgentExecutionPhase.EXECUTION_COMPLETED,
            callback_token=ALL_BYTES,
        ),
    )


def environment(library: str) -> Environment:
    return Environment(
        api_version=API_VERSION,
        kind="Environment",
        metadata=_metadata(library),
        spec=EnvironmentSpec(
            data={
                "URL": EnvironmentValue(value="https://example.com"),
                "PASSWORD": EnvironmentValue(value="hunter2", is_secret=True),
            }
        ),
    )


def workflow(library: str) -> Workflow:
    task = TaskOfTemplate(name="set", kind=WorkflowTaskKind.WORKFLOW_TASK_KIND_SET)
    task.task_config.update({"variables": {"a": 1}})
    return Workflow(
        api_version=API_VERSION,
        kind="Workflow",
        metadata=_metadata(library),
        spec=WorkflowSpec(tasks=[task]),
    )


def _metadata(library: str) -> ApiResourceMetadata:
    return ApiResourceMetadata(name=f"from-{library}", labels={"library": library, "ü": "日本"})
