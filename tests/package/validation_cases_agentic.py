"""Cases for the rules of agents, environments, sessions and agent executions."""

from __future__ import annotations

from functools import partial

from stigmer_apis.agentic.agent.v1 import (
    Agent,
    AgentId,
    AgentSpec,
    DockerServer,
    HttpServer,
    InlineSubAgentSpec,
    McpServerDefinition,
    PortMapping,
    StdioServer,
    SubAgent,
    VolumeMount,
)
from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionId,
    AgentExecutionList,
    AgentExecutionSpec,
    AgentExecutionStatus,
    AgentExecutionUpdateStatusInput,
    AgentMessage,
    ListAgentExecutionsBySessionRequest,
    MessageType,
    SubAgentExecution,
    ToolCall,
)
from stigmer_apis.agentic.agentexecution.v1 import SessionId as AgentExecutionSessionId
from stigmer_apis.agentic.agentinstance.v1 import (
    AgentInstance,
    AgentInstanceId,
    AgentInstanceSpec,
    GetAgentInstancesByAgentRequest,
)
from stigmer_apis.agentic.environment.v1 import (
    Environment,
    EnvironmentId,
)
from stigmer_apis.agentic.executioncontext.v1 import (
    ExecutionContext,
    ExecutionContextId,
    ExecutionContextSpec,
    ExecutionValue,
)
from stigmer_apis.agentic.session.v1 import AgentId as SessionAgentId
from stigmer_apis.agentic.session.v1 import (
    ListSessionsByAgentRequest,
    Session,
    SessionId,
    SessionList,
    SessionSpec,
)
from stigmer_apis.agentic.skill.v1 import Skill, SkillId, SkillSpec
from stigmer_apis.commons.apiresource import ApiResourceOwnerScope, ApiResourceReference
from stigmer_apis.commons.apiresource.apiresourcekind import ApiResourceKind
from tests.package.validation_cases_base import (
    LETTER,
    UNDEFINED,
    Case,
    defined_only,
    field_case,
    header_cases,
    int_minimum,
    metadata_required,
    min_len,
    owner_scopes,
    reference_kind,
    references_except,
    required,
    resource,
)

UNSPECIFIED = ApiResourceOwnerScope.api_resource_owner_scope_unspecified
PLATFORM = ApiResourceOwnerScope.platform
ORGANIZATION = ApiResourceOwnerScope.organization
IDENTITY_ACCOUNT = ApiResourceOwnerScope.identity_account

agent = resource(Agent)
agent_instance = resource(AgentInstance)
session = resource(Session)
skill = resource(Skill)
environment = resource(Environment)
execution_context = resource(ExecutionContext, UNSPECIFIED)
agent_execution = resource(AgentExecution, UNSPECIFIED)

agent_spec = partial(AgentSpec, instructions="Review pull requests.")
inline_sub_agent = partial(InlineSubAgentSpec, name="tester", instructions="Run all the tests.")
mcp_server = partial(McpServerDefinition, name="github")
volume = partial(VolumeMount, host_path="/srv/data", container_path="/data")
port = partial(PortMapping, host_port=8080, container_port=80)


def with_message(message: AgentMessage) -> AgentExecution:
    """Return a valid agent execution in which this message follows a valid one."""
    first = AgentMessage(type=MessageType.MESSAGE_HUMAN)
    return agent_execution(status=AgentExecutionStatus(messages=[first, message]))


def with_sub_agent(sub_agent: InlineSubAgentSpec) -> Agent:
    return agent(spec=agent_spec(sub_agents=[SubAgent(inline_spec=sub_agent)]))


def with_variable(value: ExecutionValue) -> AgentExecution:
    return agent_execution(spec=AgentExecutionSpec(message="Go on.", runtime_env={"MODEL": value}))


RESOURCE_CASES = [
    *(
        case
        for valid in (
            agent,
            agent_instance,
            session,
            skill,
            environment,
            execution_context,
            agent_execution,
        )
        for case in (*header_cases(valid), metadata_required(valid))
    ),
    owner_scopes(agent, "agent.owner_scope.platform_or_org_only", PLATFORM, ORGANIZATION),
    owner_scopes(skill, "skill.owner_scope.platform_or_org_only", PLATFORM, ORGANIZATION),
    owner_scopes(
        session, "session.owner_scope.org_or_identity_only", ORGANIZATION, IDENTITY_ACCOUNT
    ),
    owner_scopes(
        environment, "environment.owner_scope.org_or_identity_only", ORGANIZATION, IDENTITY_ACCOUNT
    ),
    owner_scopes(execution_context, "execution_context.owner_scope.unspecified_only", UNSPECIFIED),
    owner_scopes(agent_execution, "agent_execution.owner_scope.unspecified_only", UNSPECIFIED),
]

ID_CASES = [
    required(message, "value")
    for message in (
        AgentExecutionId,
        AgentExecutionSessionId,
        AgentId,
        AgentInstanceId,
        EnvironmentId,
        ExecutionContextId,
        SessionAgentId,
        SessionId,
        SkillId,
    )
]

AGENT_CASES = [
    min_len(AgentSpec, "instructions", 10),
    reference_kind(agent_spec, "skill_refs", "skill_refs.kind", ApiResourceKind.skill),
    field_case(
        SubAgent,
        "agent_instance_refs",
        "agent_instance_refs.kind",
        passes=[None, ApiResourceReference(kind=ApiResourceKind.agent_instance)],
        # Unlike an empty list, a present but empty reference refers to no instance.
        fails=references_except(ApiResourceKind.agent_instance),
    ),
    required(inline_sub_agent, "name"),
    min_len(inline_sub_agent, "instructions", 10),
    reference_kind(inline_sub_agent, "skill_refs", "skill_refs.kind", ApiResourceKind.skill),
    required(mcp_server, "name"),
    required(StdioServer, "command"),
    required(HttpServer, "url"),
    required(DockerServer, "image"),
    required(volume, "host_path"),
    required(volume, "container_path"),
    int_minimum(port, "host_port", 1),
    int_minimum(port, "container_port", 1),
    # Only the member of a oneof that is set is checked.
    Case(
        "mcp_servers[0].http.url",
        "required",
        passes=[
            agent_spec(mcp_servers=[mcp_server()]),
            agent_spec(mcp_servers=[mcp_server(http=HttpServer(url="https://mcp.example"))]),
        ],
        fails=[agent_spec(mcp_servers=[mcp_server(http=HttpServer())])],
    ),
    Case(
        "spec.sub_agents[0].inline_spec.name",
        "required",
        passes=[with_sub_agent(inline_sub_agent())],
        fails=[with_sub_agent(inline_sub_agent(name=""))],
    ),
]

AGENT_INSTANCE_CASES = [
    min_len(AgentInstanceSpec, "agent_id", 1),
    reference_kind(
        partial(AgentInstanceSpec, agent_id="agt-1"),
        "environment_refs",
        "environment_refs.kind",
        ApiResourceKind.environment,
    ),
    required(GetAgentInstancesByAgentRequest, "agent_id"),
]

SESSION_CASES = [
    required(partial(SessionSpec, subject="Release"), "agent_instance_id"),
    required(partial(ListSessionsByAgentRequest, page_size=10), "agent_id"),
    Case(
        "entries[1].metadata",
        "required",
        passes=[SessionList(entries=[session(), session()])],
        fails=[SessionList(entries=[session(), session(metadata=None)])],
    ),
]

SKILL_CASES = [min_len(SkillSpec, "markdown_content", 1)]

EXECUTION_CONTEXT_CASES = [
    min_len(
        partial(ExecutionContextSpec, data={"HOME": ExecutionValue(value="/root")}),
        "execution_id",
        1,
    ),
    min_len(partial(ExecutionValue, is_secret=True), "value", 1),
]

AGENT_EXECUTION_CASES = [
    defined_only(AgentExecutionStatus, "phase"),
    defined_only(AgentMessage, "type"),
    defined_only(ToolCall, "status"),
    defined_only(SubAgentExecution, "status"),
    min_len(partial(AgentExecutionSpec, session_id="ses-1"), "message", 1),
    min_len(
        partial(
            AgentExecutionUpdateStatusInput, status=AgentExecutionStatus(callback_token=b"token")
        ),
        "execution_id",
        1,
    ),
    # An empty status counts as present.
    required(
        partial(AgentExecutionUpdateStatusInput, execution_id="aex-1"),
        "status",
        AgentExecutionStatus(),
    ),
    required(partial(ListAgentExecutionsBySessionRequest, page_size=10), "session_id"),
    # What holds for a message also holds for it inside other messages.
    Case(
        "status.messages[1].tool_calls[0].status",
        "enum.defined_only",
        passes=[with_message(AgentMessage(tool_calls=[ToolCall()]))],
        fails=[with_message(AgentMessage(tool_calls=[ToolCall(status=UNDEFINED)]))],
    ),
    Case(
        "entries[1].metadata",
        "required",
        passes=[AgentExecutionList(entries=[agent_execution(), agent_execution()])],
        fails=[AgentExecutionList(entries=[agent_execution(), agent_execution(metadata=None)])],
    ),
    Case(
        'spec.runtime_env["MODEL"].value',
        "string.min_len",
        passes=[with_variable(ExecutionValue(value=LETTER))],
        fails=[with_variable(ExecutionValue())],
    ),
]

AGENTIC_CASES = [
    *RESOURCE_CASES,
    *ID_CASES,
    *AGENT_CASES,
    *AGENT_INSTANCE_CASES,
    *SESSION_CASES,
    *SKILL_CASES,
    *EXECUTION_CONTEXT_CASES,
    *AGENT_EXECUTION_CASES,
]
