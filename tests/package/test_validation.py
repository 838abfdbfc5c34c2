"""protovalidate enforces every rule of the contract on ordinary messages of the package.

`CASES` lists for every rule the messages that satisfy it, and messages that break it and no other.
`test_every_rule_of_the_contract_has_a_case` fails for a new rule without a case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

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

from stigmer_apis.agentic.agentinstance.v1 import AgentInstanceSpec
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from stigmer_apis.commons.apiresource import ApiResourceOwnerScope, ApiResourceReference
from stigmer_apis.commons.apiresource.apiresourcekind import ApiResourceKind
from tests.package.validation_cases_agentic import AGENTIC_CASES, agent_instance
from tests.package.validation_cases_base import UNDEFINED, Case
from tests.package.validation_cases_commons import COMMONS_CASES
from tests.package.validation_cases_iam import IAM_CASES, with_slug
from tests.package.validation_cases_workflow import WORKFLOW_CASES

CASES = [*COMMONS_CASES, *AGENTIC_CASES, *WORKFLOW_CASES, *IAM_CASES]

OWNER_SCOPE_CASES = [case for case in CASES if ".owner_scope." in case.rule]


def name_of(case: Case) -> str:
    """Return the name of a case: the root message, the path from there, and the rule."""
    return f"{type(case.fails[0]).__name__}.{case.path}: {case.rule}"


every_case = pytest.mark.parametrize("case", CASES, ids=name_of)
every_owner_scope_case = pytest.mark.parametrize("case", OWNER_SCOPE_CASES, ids=name_of)


def violations(message: Message) -> list[tuple[str, str]]:
    """Return the field path and rule ID of every violation that protovalidate reports."""
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        return [(path_of(found.proto.field), found.proto.rule_id) for found in error.violations]
    return []


def path_of(field: FieldPathPb | None) -> str:
    """Format a field path: names separated by dots, with indices and map keys in brackets."""
    path = ""
    for element in field.elements if field else []:
        path += f".{element.field_name}"
        if element.subscript is not None:
            value = element.subscript.value
            path += f'["{value}"]' if isinstance(value, str) else f"[{value}]"
    return path.removeprefix(".")


def field_of(case: Case) -> str:
    """Return the full name of the field of a case."""
    *parents, last = re.sub(r"\[[^]]*\]", "", case.path).split(".")
    message = case.fails[0].DESCRIPTOR
    for name in parents:
        inner = message.fields_by_name[name].message_type
        assert inner is not None, f"{case.path}: {name} is no message"
        if inner.GetOptions().map_entry:
            inner = inner.fields_by_name["value"].message_type
            assert inner is not None, f"{case.path}: the values of {name} are no messages"
        message = inner
    return f"{message.full_name}.{last}"


def rules_pool() -> DescriptorPool:
    """Return a pool that knows the rules as protovalidate declares them.

    It is a separate pool, because in the default pool that file belongs to others.
    """
    pool = DescriptorPool()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(ViolationPb.desc().file.proto.to_binary())
    return pool


RULES = rules_pool()


def read_rules(options: Message, extension: str = "field") -> Any:
    """Return the rules in an element's options, where they are unknown bytes, or None."""
    known = GetMessageClass(RULES.FindMessageTypeByName(options.DESCRIPTOR.full_name))
    rules: Any = RULES.FindExtensionByName(f"buf.validate.{extension}")
    parsed: Any = known.FromString(options.SerializeToString())
    return parsed.Extensions[rules] if parsed.HasExtension(rules) else None


def rule_ids(rules: Any) -> Iterator[str]:
    """Return the IDs of the violations that the rules of a field can cause."""
    kind: str | None = rules.WhichOneof("type")
    understood = {"required", "cel", "ignore", kind}
    for field, _ in rules.ListFields():
        assert field.name in understood, f"no test knows rules of the kind {field.name} yet"
    if rules.ignore:
        assert len(rules.ListFields()) == 1, "other rules are ignored too"
        return
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
        # `required` rejects the empty value before any other rule applies.
        if required and getattr(rules, minimum) == 1:
            names.remove(minimum)
    yield from (f"{kind}.{name}" for name in names)


def messages_of(image: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    """Yield every message by full name, including nested ones."""

    def within(scope: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        name = f"{scope}.{message.name}"
        yield name, message
        for nested in message.nested_type:
            yield from within(name, nested)

    for file in image.file:
        for message in file.message_type:
            yield from within(file.package, message)


def rules_of(image: FileDescriptorSet) -> set[tuple[str, str]]:
    """Yield every rule of the contract: the full name of its field, and its ID."""
    return {
        (f"{name}.{field.name}", rule)
        for name, message in messages_of(image)
        for field in message.field
        if (rules := read_rules(field.options)) is not None
        for rule in rule_ids(rules)
    }


@every_case
def test_a_message_that_keeps_the_rule_passes(case: Case) -> None:
    for message in case.passes:
        assert violations(message) == [], message


@every_case
def test_a_message_that_breaks_the_rule_fails_with_its_id_at_its_field(case: Case) -> None:
    for message in case.fails:
        assert violations(message) == [(case.path, case.rule)], message


@every_owner_scope_case
def test_a_rule_about_owner_scope_is_tested_with_every_scope(case: Case) -> None:
    resources: list[Any] = [*case.passes, *case.fails]
    scopes = [resource.metadata.owner_scope for resource in resources]
    assert sorted(scopes) == ApiResourceOwnerScope.values()


@every_owner_scope_case
def test_an_owner_scope_that_no_version_defines_breaks_both_rules_about_it(case: Case) -> None:
    resource: Any = case.passes[0]
    newer = type(resource)()
    newer.CopyFrom(resource)
    newer.metadata.owner_scope = UNDEFINED
    assert violations(newer) == [
        ("metadata", case.rule),
        ("metadata.owner_scope", "enum.defined_only"),
    ]


@pytest.mark.parametrize(
    ("slug", "rules"),
    [
        ("", {"start", "length"}),
        ("a", {"length"}),
        ("ab", set[str]()),
        ("a" * 15, set[str]()),
        ("a" * 16, {"length"}),
        ("a1-", set[str]()),
        ("Ab", {"chars", "start"}),
        ("aB", {"chars"}),
        ("1a", {"start"}),
        ("-a", {"start"}),
        ("-", {"start", "length"}),
        ("éa", {"chars", "start"}),
        ("é" * 15, {"chars", "start"}),
        ("é" * 16, {"chars", "start", "length"}),
        # A digit and a letter of other scripts.
        ("\u0661a", {"chars", "start"}),
        ("\u0430b", {"chars", "start"}),
        # `$` must not match before a newline at the end, nor `^` after one.
        ("ab\n", {"chars"}),
        ("\nab", {"chars", "start"}),
        ("1\nab", {"chars", "start"}),
        ("a\n", {"chars"}),
    ],
)
def test_the_slug_of_an_organization_is_told_of_each_rule_that_it_breaks(
    slug: str, rules: set[str]
) -> None:
    # In the order of the contract.
    expected = [f"metadata.slug.{rule}" for rule in ("chars", "start", "length") if rule in rules]
    assert violations(with_slug(slug)) == [("metadata", rule) for rule in expected]


def test_environment_refs_take_an_environment_and_refuse_a_workflow_execution() -> None:
    # The rule contains the number of the kind, not its name; off by one would accept the next kind.
    assert (ApiResourceKind.environment, ApiResourceKind.workflow_execution) == (53, 52)

    def referring_to(kind: ApiResourceKind.ValueType) -> Message:
        reference = ApiResourceReference(kind=kind, slug="staging")
        spec = AgentInstanceSpec(agent_id="agt-1", environment_refs=[reference])
        return agent_instance(spec=spec)

    assert violations(referring_to(ApiResourceKind.environment)) == []
    assert violations(referring_to(ApiResourceKind.workflow_execution)) == [
        ("spec.environment_refs[0]", "environment_refs.kind")
    ]


def test_a_message_that_breaks_several_rules_is_told_of_each() -> None:
    assert violations(WorkflowExecution()) == [
        ("api_version", "string.const"),
        ("kind", "string.const"),
        ("metadata", "required"),
    ]


def test_every_rule_of_the_contract_has_a_case(contract: FileDescriptorSet) -> None:
    tested = {(field_of(case), case.rule) for case in CASES if case.passes and case.fails}
    assert sorted(rules_of(contract) - tested) == []
    assert sorted(tested - rules_of(contract)) == []


def test_nothing_but_fields_carries_rules(contract: FileDescriptorSet) -> None:
    # If a message or a oneof gets a rule, extend the table above.
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
