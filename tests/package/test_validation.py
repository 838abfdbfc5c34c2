"""Protovalidate enforces every rule of the contract on ordinary messages of the package.

`CASES` is the table: for every rule a message that keeps it and one that breaks it and no other. A
rule that comes into the contract without a case fails `test_every_rule_of_the_contract_has_a_case`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import protovalidate
import pytest
from google.protobuf import (
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    text_format,
    timestamp_pb2,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import FieldPathPb, ViolationPb

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
    SessionId,
    SubAgentExecution,
    SubAgentStatus,
    ToolCall,
    ToolCallStatus,
)
from stigmer_apis.agentic.agentexecution.v1 import ExecutionPhase as AgentExecutionPhase
from stigmer_apis.agentic.executioncontext.v1 import ExecutionContextSpec, ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    ListWorkflowExecutionsByWorkflowRequest,
    SubscribeWorkflowExecutionRequest,
    WorkflowExecution,
    WorkflowExecutionId,
    WorkflowExecutionList,
    WorkflowExecutionSpec,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdate,
    WorkflowExecutionUpdateStatusInput,
    WorkflowId,
    WorkflowTask,
    WorkflowTaskStatus,
    WorkflowTaskType,
    WorkflowUpdateType,
)
from stigmer_apis.agentic.workflowrunner.v1 import (
    CancelExecutionRequest,
    PauseExecutionRequest,
    ResumeExecutionRequest,
    WorkflowExecuteInput,
)
from stigmer_apis.commons.apiresource import (
    ApiResourceByOrgBySlugRequest,
    ApiResourceDeleteInput,
    ApiResourceId,
    ApiResourceMetadata,
    ApiResourceOwnerScope,
    ApiResourceReference,
    FindApiResourcesRequest,
)


class Case(NamedTuple):
    """A rule, by the messages at its border."""

    passes: Message
    fails: Message
    path: str
    """Where the rule is broken in `fails`, as protovalidate writes it."""
    rule: str
    """The ID of the rule, which clients match on."""


UNDEFINED: Any = 99
"""A number that no enum of the contract defines: what a newer peer may send."""


def workflow_execution(**changes: Any) -> WorkflowExecution:
    """A valid workflow execution, but for the changes."""
    valid: dict[str, Any] = {
        "api_version": "agentic.stigmer.ai/v1",
        "kind": "WorkflowExecution",
        "metadata": ApiResourceMetadata(owner_scope=ApiResourceOwnerScope.organization),
    }
    return WorkflowExecution(**{**valid, **changes})


def agent_execution(**changes: Any) -> AgentExecution:
    """A valid agent execution, but for the changes."""
    valid: dict[str, Any] = {
        "api_version": "agentic.stigmer.ai/v1",
        "kind": "AgentExecution",
        "metadata": ApiResourceMetadata(name="first turn"),
    }
    return AgentExecution(**{**valid, **changes})


def with_message(message: AgentMessage) -> AgentExecution:
    """A valid agent execution in which this message follows a valid one."""
    first = AgentMessage(type=MessageType.MESSAGE_HUMAN)
    return agent_execution(status=AgentExecutionStatus(messages=[first, message]))


WORKFLOW_EXECUTION_CASES = [
    Case(
        workflow_execution(),
        workflow_execution(api_version="agentic.stigmer.ai/v2"),
        "api_version",
        "string.const",
    ),
    Case(workflow_execution(), workflow_execution(kind="AgentExecution"), "kind", "string.const"),
    Case(workflow_execution(), workflow_execution(metadata=None), "metadata", "required"),
    Case(
        workflow_execution(),
        workflow_execution(metadata=ApiResourceMetadata()),
        "metadata",
        "workflow_execution.owner_scope.org_or_identity_only",
    ),
    Case(
        WorkflowExecutionStatus(phase=ExecutionPhase.EXECUTION_PENDING),
        WorkflowExecutionStatus(phase=UNDEFINED),
        "phase",
        "enum.defined_only",
    ),
    Case(
        WorkflowTask(task_type=WorkflowTaskType.WORKFLOW_TASK_APPROVAL),
        WorkflowTask(task_type=UNDEFINED),
        "task_type",
        "enum.defined_only",
    ),
    Case(
        WorkflowTask(status=WorkflowTaskStatus.WORKFLOW_TASK_PENDING),
        WorkflowTask(status=UNDEFINED),
        "status",
        "enum.defined_only",
    ),
    Case(
        WorkflowExecutionUpdateStatusInput(
            execution_id="wex-1", status=WorkflowExecutionStatus(callback_token=b"token")
        ),
        WorkflowExecutionUpdateStatusInput(status=WorkflowExecutionStatus(callback_token=b"token")),
        "execution_id",
        "string.min_len",
    ),
    Case(
        # A status that is there and empty is there.
        WorkflowExecutionUpdateStatusInput(execution_id="wex-1", status=WorkflowExecutionStatus()),
        WorkflowExecutionUpdateStatusInput(execution_id="wex-1"),
        "status",
        "required",
    ),
    Case(WorkflowExecutionId(value="wex-1"), WorkflowExecutionId(), "value", "required"),
    Case(WorkflowId(value="wfl-1"), WorkflowId(), "value", "required"),
    Case(
        ListWorkflowExecutionsByWorkflowRequest(workflow_id="wfl-1"),
        ListWorkflowExecutionsByWorkflowRequest(page_size=10),
        "workflow_id",
        "required",
    ),
    Case(
        SubscribeWorkflowExecutionRequest(execution_id="wex-1"),
        SubscribeWorkflowExecutionRequest(),
        "execution_id",
        "required",
    ),
    Case(
        WorkflowExecutionUpdate(update_type=WorkflowUpdateType.wf_update_status_changed),
        WorkflowExecutionUpdate(update_type=UNDEFINED),
        "update_type",
        "enum.defined_only",
    ),
    # What holds for a message holds for it inside of others.
    Case(
        workflow_execution(status=WorkflowExecutionStatus(tasks=[WorkflowTask(), WorkflowTask()])),
        workflow_execution(
            status=WorkflowExecutionStatus(tasks=[WorkflowTask(), WorkflowTask(status=UNDEFINED)])
        ),
        "status.tasks[1].status",
        "enum.defined_only",
    ),
    Case(
        WorkflowExecutionList(entries=[workflow_execution()]),
        WorkflowExecutionList(entries=[workflow_execution(kind="Workflow")]),
        "entries[0].kind",
        "string.const",
    ),
    Case(
        WorkflowExecutionSpec(runtime_env={"HOME": ExecutionValue(value="/root")}),
        WorkflowExecutionSpec(
            runtime_env={"HOME": ExecutionValue(value="/root"), "MODEL": ExecutionValue()}
        ),
        'runtime_env["MODEL"].value',
        "string.min_len",
    ),
]

AGENT_EXECUTION_CASES = [
    Case(
        agent_execution(),
        agent_execution(api_version="agentic.stigmer.ai/v2"),
        "api_version",
        "string.const",
    ),
    Case(agent_execution(), agent_execution(kind="WorkflowExecution"), "kind", "string.const"),
    Case(agent_execution(), agent_execution(metadata=None), "metadata", "required"),
    Case(
        agent_execution(),
        agent_execution(
            metadata=ApiResourceMetadata(owner_scope=ApiResourceOwnerScope.organization)
        ),
        "metadata",
        "agent_execution.owner_scope.unspecified_only",
    ),
    Case(
        AgentExecutionStatus(phase=AgentExecutionPhase.EXECUTION_IN_PROGRESS),
        AgentExecutionStatus(phase=UNDEFINED),
        "phase",
        "enum.defined_only",
    ),
    Case(
        AgentMessage(type=MessageType.MESSAGE_AI),
        AgentMessage(type=UNDEFINED),
        "type",
        "enum.defined_only",
    ),
    Case(
        ToolCall(status=ToolCallStatus.TOOL_CALL_RUNNING),
        ToolCall(status=UNDEFINED),
        "status",
        "enum.defined_only",
    ),
    Case(
        SubAgentExecution(status=SubAgentStatus.SUB_AGENT_FAILED),
        SubAgentExecution(status=UNDEFINED),
        "status",
        "enum.defined_only",
    ),
    Case(
        AgentExecutionSpec(message="Go on."),
        AgentExecutionSpec(session_id="ses-1"),
        "message",
        "string.min_len",
    ),
    Case(
        AgentExecutionUpdateStatusInput(
            execution_id="aex-1", status=AgentExecutionStatus(callback_token=b"token")
        ),
        AgentExecutionUpdateStatusInput(status=AgentExecutionStatus(callback_token=b"token")),
        "execution_id",
        "string.min_len",
    ),
    Case(
        AgentExecutionUpdateStatusInput(execution_id="aex-1", status=AgentExecutionStatus()),
        AgentExecutionUpdateStatusInput(execution_id="aex-1"),
        "status",
        "required",
    ),
    Case(AgentExecutionId(value="aex-1"), AgentExecutionId(), "value", "required"),
    Case(SessionId(value="ses-1"), SessionId(), "value", "required"),
    Case(
        ListAgentExecutionsBySessionRequest(session_id="ses-1"),
        ListAgentExecutionsBySessionRequest(page_size=10),
        "session_id",
        "required",
    ),
    Case(
        with_message(AgentMessage(tool_calls=[ToolCall()])),
        with_message(AgentMessage(tool_calls=[ToolCall(status=UNDEFINED)])),
        "status.messages[1].tool_calls[0].status",
        "enum.defined_only",
    ),
    Case(
        AgentExecutionList(entries=[agent_execution(), agent_execution()]),
        AgentExecutionList(entries=[agent_execution(), agent_execution(metadata=None)]),
        "entries[1].metadata",
        "required",
    ),
    Case(
        agent_execution(
            spec=AgentExecutionSpec(
                message="Go on.", runtime_env={"MODEL": ExecutionValue(value="large")}
            )
        ),
        agent_execution(
            spec=AgentExecutionSpec(message="Go on.", runtime_env={"MODEL": ExecutionValue()})
        ),
        'spec.runtime_env["MODEL"].value',
        "string.min_len",
    ),
]

EXECUTION_CONTEXT_CASES = [
    Case(
        ExecutionContextSpec(execution_id="wex-1"),
        ExecutionContextSpec(data={"HOME": ExecutionValue(value="/root")}),
        "execution_id",
        "string.min_len",
    ),
    Case(
        ExecutionValue(value="large"),
        ExecutionValue(is_secret=True),
        "value",
        "string.min_len",
    ),
]

WORKFLOW_RUNNER_CASES = [
    Case(
        WorkflowExecuteInput(workflow_execution_id="wex-1"),
        WorkflowExecuteInput(workflow_yaml="do: []"),
        "workflow_execution_id",
        "required",
    ),
    *(
        Case(request(execution_id="wex-1"), request(reason="late"), "execution_id", "required")
        for request in (CancelExecutionRequest, PauseExecutionRequest, ResumeExecutionRequest)
    ),
]

API_RESOURCE_CASES = [
    Case(ApiResourceId(value="wex-1"), ApiResourceId(), "value", "required"),
    Case(
        ApiResourceDeleteInput(resource_id="wex-1"),
        ApiResourceDeleteInput(force=True),
        "resource_id",
        "required",
    ),
    Case(
        ApiResourceByOrgBySlugRequest(org="org-1", slug="nightly"),
        ApiResourceByOrgBySlugRequest(slug="nightly"),
        "org",
        "required",
    ),
    Case(
        ApiResourceByOrgBySlugRequest(org="org-1", slug="nightly"),
        ApiResourceByOrgBySlugRequest(org="org-1"),
        "slug",
        "required",
    ),
    Case(
        FindApiResourcesRequest(org="org-1"),
        FindApiResourcesRequest(kind="Workflow"),
        "org",
        "required",
    ),
    Case(
        ApiResourceReference(scope=ApiResourceOwnerScope.platform),
        ApiResourceReference(scope=UNDEFINED),
        "scope",
        "enum.defined_only",
    ),
    Case(
        ApiResourceMetadata(owner_scope=ApiResourceOwnerScope.identity_account),
        ApiResourceMetadata(owner_scope=UNDEFINED),
        "owner_scope",
        "enum.defined_only",
    ),
]

CASES = [
    *WORKFLOW_EXECUTION_CASES,
    *AGENT_EXECUTION_CASES,
    *EXECUTION_CONTEXT_CASES,
    *WORKFLOW_RUNNER_CASES,
    *API_RESOURCE_CASES,
]

OWNER_SCOPES: dict[str, tuple[Callable[..., Message], set[str]]] = {
    "workflow_execution.owner_scope.org_or_identity_only": (
        workflow_execution,
        {"organization", "identity_account"},
    ),
    "agent_execution.owner_scope.unspecified_only": (
        agent_execution,
        {"api_resource_owner_scope_unspecified"},
    ),
}
"""For every rule about owner_scope, a resource that it is about and the scopes that it allows."""

every_case = pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=f"{type(c.fails).__name__}.{c.path}: {c.rule}") for c in CASES],
)


def violations(message: Message) -> list[tuple[str, str]]:
    """The field path and the rule ID of everything that `protovalidate.validate` objects to."""
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        return [(path_of(found.proto.field), found.proto.rule_id) for found in error.violations]
    return []


def path_of(field: FieldPathPb | None) -> str:
    """A field path as text: names with dots between, indices and map keys in brackets."""
    path = ""
    for element in field.elements if field else []:
        path += f".{element.field_name}"
        if element.subscript is not None:
            value = element.subscript.value
            path += f'["{value}"]' if isinstance(value, str) else f"[{value}]"
    return path.removeprefix(".")


def field_of(case: Case) -> str:
    """The full name of the field that a case is about."""
    *parents, last = re.sub(r"\[[^]]*\]", "", case.path).split(".")
    message = case.fails.DESCRIPTOR
    for name in parents:
        inner = message.fields_by_name[name].message_type
        assert inner is not None, f"{case.path}: {name} is no message"
        if inner.GetOptions().map_entry:
            inner = inner.fields_by_name["value"].message_type
            assert inner is not None, f"{case.path}: the values of {name} are no messages"
        message = inner
    return f"{message.full_name}.{last}"


def rules_pool() -> DescriptorPool:
    """A pool that knows the rules, as protovalidate declares them.

    One of its own: in the default pool that file is for others to register.
    """
    pool = DescriptorPool()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(ViolationPb.desc().file.proto.to_binary())
    return pool


RULES = rules_pool()


def read_rules(options: Message, extension: str = "field") -> Any:
    """The rules in an element's options, where they stand as unknown bytes; None without any."""
    known = GetMessageClass(RULES.FindMessageTypeByName(options.DESCRIPTOR.full_name))
    rules: Any = RULES.FindExtensionByName(f"buf.validate.{extension}")
    parsed: Any = known.FromString(options.SerializeToString())
    return parsed.Extensions[rules] if parsed.HasExtension(rules) else None


def rule_ids(rules: Any) -> Iterator[str]:
    """The IDs of the violations that the rules of a field can lead to."""
    kind: str | None = rules.WhichOneof("type")
    understood = {"required", "cel", kind}
    for field, _ in rules.ListFields():
        assert field.name in understood, f"no test knows rules of the kind {field.name} yet"
    if rules.required:
        yield "required"
    yield from (rule.id for rule in rules.cel)
    if kind is not None:
        yield from typed_rule_ids(kind, getattr(rules, kind), required=rules.required)


def typed_rule_ids(kind: str, rules: Any, *, required: bool) -> Iterator[str]:
    names: set[str] = {field.name for field, _ in rules.ListFields()} - {"example"}
    for inner in names & {"items", "keys", "values"}:
        yield from rule_ids(getattr(rules, inner))
        names.remove(inner)
    # Both ends of a range are one rule.
    for lower, upper in ((low, high) for low in ("gt", "gte") for high in ("lt", "lte")):
        if {lower, upper} <= names:
            names = names - {lower, upper} | {f"{lower}_{upper}"}
    for minimum in names & {"min_len", "min_items", "min_pairs"}:
        # `required` refuses the empty value before anything else is looked at.
        if required and getattr(rules, minimum) == 1:
            names.remove(minimum)
    yield from (f"{kind}.{name}" for name in names)


def messages_of(image: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    """Every message, nested ones too, by its full name."""

    def within(scope: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        name = f"{scope}.{message.name}"
        yield name, message
        for nested in message.nested_type:
            yield from within(name, nested)

    for file in image.file:
        for message in file.message_type:
            yield from within(file.package, message)


def rules_of(image: FileDescriptorSet) -> set[tuple[str, str]]:
    """Every rule of the contract: the full name of its field and its ID."""
    return {
        (f"{name}.{field.name}", rule)
        for name, message in messages_of(image)
        for field in message.field
        if (rules := read_rules(field.options)) is not None
        for rule in rule_ids(rules)
    }


@every_case
def test_a_message_that_keeps_the_rule_passes(case: Case) -> None:
    assert violations(case.passes) == []


@every_case
def test_a_message_that_breaks_the_rule_fails_with_its_id_at_its_field(case: Case) -> None:
    assert violations(case.fails) == [(case.path, case.rule)]


@pytest.mark.parametrize("scope", ApiResourceOwnerScope.keys())
@pytest.mark.parametrize("rule", OWNER_SCOPES)
def test_a_resource_allows_the_owner_scopes_of_its_kind_and_no_other(rule: str, scope: str) -> None:
    resource, allowed = OWNER_SCOPES[rule]
    metadata = ApiResourceMetadata(owner_scope=ApiResourceOwnerScope.Value(scope))
    expected = [] if scope in allowed else [("metadata", rule)]
    assert violations(resource(metadata=metadata)) == expected


@pytest.mark.parametrize("rule", OWNER_SCOPES)
def test_an_owner_scope_that_no_version_defines_breaks_both_rules_about_it(rule: str) -> None:
    resource, _ = OWNER_SCOPES[rule]
    found = violations(resource(metadata=ApiResourceMetadata(owner_scope=UNDEFINED)))
    assert found == [("metadata", rule), ("metadata.owner_scope", "enum.defined_only")]


def test_a_message_that_breaks_several_rules_is_told_of_each() -> None:
    assert violations(WorkflowExecution()) == [
        ("api_version", "string.const"),
        ("kind", "string.const"),
        ("metadata", "required"),
    ]


def test_every_rule_of_the_contract_has_a_case(contract: FileDescriptorSet) -> None:
    tested = {(field_of(case), case.rule) for case in CASES}
    assert sorted(rules_of(contract) - tested) == []
    assert sorted(tested - rules_of(contract)) == []


def test_every_rule_about_owner_scope_is_tested_with_every_scope(
    contract: FileDescriptorSet,
) -> None:
    rules = {rule for _, rule in rules_of(contract) if ".owner_scope." in rule}
    assert rules == set(OWNER_SCOPES)


def test_nothing_but_fields_carries_rules(contract: FileDescriptorSet) -> None:
    # Where a message or a oneof carries one, the table above has to learn about it.
    for name, message in messages_of(contract):
        assert read_rules(message.options, "message") is None, name
        for oneof in message.oneof_decl:
            assert read_rules(oneof.options, "oneof") is None, f"{name}.{oneof.name}"


@pytest.mark.parametrize(
    ("rules", "ids"),
    [
        ("", set[str]()),
        ("required: true", {"required"}),
        ("string { min_len: 1 max_len: 64 }", {"string.min_len", "string.max_len"}),
        ("string { min_len: 1 } required: true", {"required"}),
        ("string { min_len: 2 } required: true", {"required", "string.min_len"}),
        ('string { in: "one" in: "all" }', {"string.in"}),
        ('string { pattern: "^a" example: "ab" }', {"string.pattern"}),
        ("int32 { gte: 1 }", {"int32.gte"}),
        ("int32 { gte: 1 lte: 65535 }", {"int32.gte_lte"}),
        ("float { gt: 0 lte: 1 }", {"float.gt_lte"}),
        (
            'repeated { min_items: 1 items { cel { id: "refs.kind" } } }',
            {"repeated.min_items", "refs.kind"},
        ),
        ("map { keys { string { min_len: 1 } } }", {"string.min_len"}),
    ],
)
def test_the_rules_of_a_field_are_read_as_the_ids_that_protovalidate_reports(
    rules: str, ids: set[str]
) -> None:
    field_rules = GetMessageClass(RULES.FindMessageTypeByName("buf.validate.FieldRules"))
    assert set(rule_ids(text_format.Parse(rules, field_rules()))) == ids


def test_a_rule_of_a_kind_not_seen_before_is_not_passed_over() -> None:
    field_rules = GetMessageClass(RULES.FindMessageTypeByName("buf.validate.FieldRules"))
    rules = text_format.Parse('cel_expression: "this > 0"', field_rules())
    with pytest.raises(AssertionError, match="cel_expression"):
        list(rule_ids(rules))
