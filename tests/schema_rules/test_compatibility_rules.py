"""The compatibility rules, on what small schemas become.

The second of each two small schemas carries the findings of going there from the first.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from codegen import image
from schema_rules.check import COMPATIBILITY_RULES, incompatibilities
from schema_rules.finding import Finding
from tests.schema_rules.fragments import (
    CEL,
    CONFIG_END,
    OWNER,
    REFS,
    RPC,
    SERVICE,
    TOKEN,
    but,
    cel,
    edit,
    wrong,
)
from tests.schema_rules.small_schemas import APIS, SmallSchemas, assert_announced, marks
from tests.schema_rules.test_rpc_rules import SCHEMAS
from tests.toolchain import Run

_KEPT = "AUTHORIZATION_KEPT: read"
NAMED = """\
message Gadget {
  string name = 1 [(buf.validate.field).string.min_len = 1];
}
"""
SECRET = f"""\
message GadgetStatus {{
  {TOKEN}
  string seen = 2 [(commons.apiresource.computed) = true];
  string chosen = 3 [(commons.apiresource.immutable) = true];
}}
"""
OPTION = """\
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions {
  bool small = 95001;
}
"""
WORDED = cel("scope must be platform", "this.scope == 1")
_PART = """\
message Part {
  string name = 1 [(buf.validate.field).string.min_len = 1];
}
"""
_MAP = "map<string, string>"
_OLD = " // OLD_STAYS_VALID"


def _map_cel(part: str, message: str, expression: str = "this != 'x'") -> str:
    rule = f'id: "a" message: "{message}" expression: "{expression}"'
    return f"(buf.validate.field).map.{part}.cel = {{ {rule} }}"


_MIN_LEN = " [(buf.validate.field).string.min_len = 1];"


def _named(new: str, also: str = "") -> tuple[str, str]:
    return NAMED, but(NAMED, _MIN_LEN, f"{new} // VALIDATION_KEPT: name{also}")


def _grown(*fields: str) -> tuple[str, str]:
    """A message, and the same with one more field or oneof."""
    before = "message Report {\n  string title = 1;\n}\n"
    return before, before.replace("}\n", "".join(f"  {field}\n" for field in fields) + "}\n")


def _ruled(kind: str, before: str, after: str, mark: str = "") -> tuple[str, str]:
    """A message with one field whose validation rules change."""
    texts = (
        f"message Report {{\n  {kind} a = 1{f' [{rules}]' if rules else ''};%s\n}}\n{_PART}"
        for rules in (before, after)
    )
    first, second = texts
    return first % "", second % (f" // {mark}" if mark else "")


def _authorized(old: str, new: str) -> tuple[str, str]:
    return SERVICE, wrong(but(SERVICE, old, new), RPC, "AUTHORIZATION_KEPT: read")


CHANGES = {
    "a_contract_that_stays_as_it_is": (SERVICE + SECRET + CEL, SERVICE + SECRET + CEL),
    "a_secret_that_is_one_no_longer": (
        SECRET,
        but(SECRET, TOKEN, but(TOKEN, "debug_redact = true, ", "") + " // REDACTION_KEPT"),
    ),
    "a_field_that_becomes_a_secret": (
        NAMED,
        but(NAMED, "string name = 1 [", "string name = 1 [debug_redact = true, "),
    ),
    "a_field_that_the_system_writes_no_longer": (
        SECRET,
        but(
            SECRET,
            "seen = 2 [(commons.apiresource.computed) = true];",
            "seen = 2; // WRITER_KEPT: was computed",
        ),
    ),
    "a_field_that_the_system_writes_from_now_on": (
        NAMED,
        but(
            NAMED,
            "min_len = 1];",
            "min_len = 1, (commons.apiresource.computed) = true]; // WRITER_KEPT: was not computed",
        ),
    ),
    "a_field_that_can_be_changed_from_now_on": (
        SECRET,
        but(
            SECRET,
            " [(commons.apiresource.immutable) = true];",
            "; // WRITER_KEPT: was immutable",
        ),
    ),
    "a_field_that_can_be_changed_no_longer": (
        NAMED,
        but(
            NAMED,
            "min_len = 1];",
            "min_len = 1, (commons.apiresource.immutable) = true]; "
            "// WRITER_KEPT: was not immutable",
        ),
    ),
    "an_option_that_says_expressly_what_was_so": (
        NAMED,
        but(NAMED, "min_len = 1];", "min_len = 1, (commons.apiresource.computed) = false];"),
    ),
    "a_rule_that_is_loosened": _named(" [(buf.validate.field).string.min_len = 0];"),
    "a_rule_that_is_tightened": _named(" [(buf.validate.field).string.min_len = 2];", _OLD),
    "a_rule_that_is_dropped": _named(";"),
    "a_rule_that_is_replaced": _named(" [(buf.validate.field).required = true];"),
    "a_rule_that_is_new": (
        but(NAMED, _MIN_LEN, ";"),
        but(NAMED, _MIN_LEN, f"{_MIN_LEN} // VALIDATION_KEPT: name{_OLD}"),
    ),
    "a_rule_of_a_message_that_is_dropped": (
        'message Pair {\n  option (buf.validate.message).cel = {id: "p" expression: "true"};\n}\n',
        "message Pair {} // VALIDATION_KEPT: Pair\n",
    ),
    "a_rule_of_a_message_in_other_words": (
        "message Pair {\n  option (buf.validate.message).cel = "
        '{id: "p" message: "a" expression: "true"};\n}\n',
        "message Pair {\n  option (buf.validate.message).cel = "
        '{id: "p" message: "b" expression: "true"};\n}\n',
    ),
    "a_oneof_that_is_required_no_longer": (
        "message Pair {\n  oneof one {\n    option (buf.validate.oneof).required = true;\n"
        "    string a = 1;\n  }\n}\n",
        "message Pair {\n  oneof one { // VALIDATION_KEPT: one\n    string a = 1;\n  }\n}\n",
    ),
    "a_new_field_with_presence_and_a_new_oneof": (
        "message Pair {}\n",
        "message Pair {\n  optional string a = 1;\n  oneof one {\n    string b = 2;\n  }\n}\n",
    ),
    "a_rule_in_other_words": (
        WORDED,
        but(WORDED, "scope must be platform", "only the platform may own it"),
    ),
    "a_rule_of_another_id": (
        WORDED,
        wrong(but(WORDED, "holder.rule", "holder.law"), OWNER, "VALIDATION_KEPT"),
    ),
    "a_rule_of_another_expression": (
        WORDED,
        wrong(
            but(WORDED, "this.scope == 1", "this.scope == 2"),
            OWNER,
            f"VALIDATION_KEPT{_OLD}",
        ),
    ),
    "a_rule_on_items_in_other_words": (
        CEL,
        but(CEL, "a reference in environment_refs must be to", "only"),
    ),
    "a_rule_on_items_of_another_expression": (
        CEL,
        wrong(but(CEL, "== 53", "== 52"), REFS, f"VALIDATION_KEPT{_OLD}"),
    ),
    "a_new_field_that_is_required": _grown(
        "int32 priority = 2 [(buf.validate.field).required = true]; // OLD_STAYS_VALID: required"
    ),
    "a_new_field_whose_empty_value_is_refused": _grown(
        "string code = 2 [(buf.validate.field).string.min_len = 1]; // OLD_STAYS_VALID: min_len"
    ),
    "a_new_list_that_needs_an_item": _grown(
        "repeated string codes = 2 [(buf.validate.field).repeated.min_items = 1];"
        " // OLD_STAYS_VALID: codes"
    ),
    "a_new_field_with_presence_whose_empty_value_is_refused": _grown(
        "optional string code = 2 [(buf.validate.field).string.min_len = 1];"
    ),
    "a_new_field_whose_empty_value_is_ignored": _grown(
        "string code = 2 [(buf.validate.field).string.min_len = 1,"
        " (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE];"
    ),
    "a_new_oneof_of_which_one_is_required": _grown(
        "oneof target { // OLD_STAYS_VALID: target",
        "  option (buf.validate.oneof).required = true;",
        "  string agent = 2;",
        "  string workflow = 3;",
        "}",
    ),
    "a_new_rule_of_a_message_on_a_new_field": (
        "message Report {\n  string title = 1;\n}\n",
        "message Report { // VALIDATION_KEPT: Report // OLD_STAYS_VALID: Report\n"
        "  option (buf.validate.message).cel = "
        "{ id: 'report.code' message: 'm' expression: 'this.title == this.code' };\n"
        "  string title = 1;\n  string code = 2;\n}\n",
    ),
    "a_message_that_others_hold_with_a_new_field_that_is_required": (
        "message Report {\n  repeated Part parts = 1;\n}\nmessage Part {}\n",
        "message Report {\n  repeated Part parts = 1;\n}\nmessage Part {\n"
        "  string name = 1 [(buf.validate.field).required = true]; // OLD_STAYS_VALID: name\n}\n",
    ),
    "a_new_message_with_a_field_that_is_required": _grown(
        "Part part = 2;",
        "message Part {",
        "  string name = 1 [(buf.validate.field).required = true];",
        "}",
    ),
    "an_enum_that_loses_a_value_which_was_defined": (
        "message Report {\n  Size size = 1 [(buf.validate.field).enum.defined_only = true];\n}\n"
        "enum Size {\n  SIZE_UNSPECIFIED = 0;\n  SIZE_A4 = 1;\n}\n",
        "message Report {\n"
        "  Size size = 1 [(buf.validate.field).enum.defined_only = true]; // OLD_STAYS_VALID\n}\n"
        "enum Size {\n  SIZE_UNSPECIFIED = 0;\n}\n",
    ),
    "a_rule_on_keys_in_other_words": _ruled(_MAP, _map_cel("keys", "a"), _map_cel("keys", "b")),
    "a_rule_on_values_in_other_words": _ruled(
        _MAP, _map_cel("values", "a"), _map_cel("values", "b")
    ),
    "a_rule_on_keys_of_another_expression": _ruled(
        _MAP,
        _map_cel("keys", "a"),
        _map_cel("keys", "a", "this != 'y'"),
        f"VALIDATION_KEPT{_OLD}",
    ),
    "a_bare_expression_that_changes": _ruled(
        "string",
        "(buf.validate.field).cel_expression = \"this != 'x'\"",
        "(buf.validate.field).cel_expression = \"this != 'y'\"",
        f"VALIDATION_KEPT{_OLD}",
    ),
    "a_rule_with_another_example": _ruled(
        "string",
        "(buf.validate.field).string.max_len = 3",
        "(buf.validate.field).string = { max_len: 3 example: 'abc' }",
    ),
    "rules_that_are_expressly_off": _ruled(
        "string",
        "",
        "(buf.validate.field).required = false, (buf.validate.field).string.email = false",
    ),
    "a_message_with_rules_that_are_ignored_from_now_on": _ruled(
        "Part", "", "(buf.validate.field).ignore = IGNORE_ALWAYS", "VALIDATION_KEPT: a"
    ),
    "a_message_without_rules_that_are_ignored_from_now_on": _ruled(
        "google.protobuf.Duration", "", "(buf.validate.field).ignore = IGNORE_ALWAYS"
    ),
    "a_rule_that_is_ignored_from_now_on": _ruled(
        "string",
        "(buf.validate.field).string.max_len = 3",
        "(buf.validate.field).string.max_len = 3, (buf.validate.field).ignore = IGNORE_ALWAYS",
        "VALIDATION_KEPT: a",
    ),
    "an_rpc_that_refuses_in_other_words": (
        SERVICE,
        but(SERVICE, '"You may not."', '"You may not read this."'),
    ),
    "an_rpc_of_another_permission": _authorized("can_view", "can_edit"),
    "an_rpc_of_another_path": _authorized('"id"', '"place.id"'),
    "an_rpc_of_another_kind": _authorized("resource_kind: session", "resource_kind: agent"),
    "an_rpc_that_is_public_as_well": _authorized(
        CONFIG_END,
        f"{CONFIG_END}    option (iam.iampolicy.v1.rpcauthorization.is_public) = true;\n",
    ),
    "an_rpc_that_is_public_instead": (
        SERVICE,
        wrong(SCHEMAS["an_rpc_for_everybody"], RPC, "AUTHORIZATION_KEPT"),
    ),
    "an_rpc_that_is_authorized_no_longer": (
        SERVICE,
        but(SCHEMAS["an_rpc_that_says_nothing"], "RPC_AUTHORIZED: has nothing", _KEPT),
    ),
    "an_rpc_that_was_authorized_in_its_handler": (
        SCHEMAS["an_rpc_that_says_nothing"],
        wrong(SERVICE, RPC, _KEPT),
    ),
    "a_service_of_another_kind": (
        SERVICE,
        wrong(
            but(SERVICE, "api_resource_kind) = session", "api_resource_kind) = agent"),
            "service ReadQueryController {",
            "KIND_KEPT: ReadQueryController",
        ),
    ),
    "a_service_of_no_kind": (
        SCHEMAS["a_service_of_the_unknown_kind"],
        "service EmptyQueryController {} // KIND_KEPT\n",
    ),
    "an_rpc_that_says_expressly_what_was_so": (
        SERVICE,
        but(
            SERVICE,
            CONFIG_END,
            f"{CONFIG_END}    option (iam.iampolicy.v1.rpcauthorization.is_public) = false;\n",
        ),
    ),
    "an_rpc_that_refuses_without_words": _authorized('"You may not."', '""'),
    "an_option_of_another_number": (
        OPTION,
        but(OPTION, "= 95001;", "= 95002; // OPTION_KEPT: was number 95001"),
    ),
    "what_is_new_is_unrestricted": (NAMED, NAMED + SECRET + SERVICE + CEL),
    "what_is_gone_is_for_buf_to_find": (NAMED + SECRET + SERVICE, NAMED),
}

CHANGED_KINDS = (
    """\
  sprocket = 1001 [(kind_meta) = { group: agentic version: v1 name: "Sprocket" id_prefix: "spr" }];
  widget = 1002 [(kind_meta) = { group: agentic version: v1 name: "Widget" id_prefix: "wdg" }];
""",
    """\
  sprocket = 1001 [(kind_meta) = { group: agentic version: v1 name: "Sprocket" id_prefix: "spr" }];
  widget = 1002 [(kind_meta) = { // KIND_KEPT: "ApiResourceKind/widget" changed its kind_meta
    group: agentic version: v1 name: "Widget" id_prefix: "wid"
  }];
  newcomer = 1003 [(kind_meta) = { group: agentic version: v1 name: "Newcomer" id_prefix: "new" }];
""",
)


class Compared(NamedTuple):
    """Small schemas, what they become, and which compatibility rules that breaks."""

    before: SmallSchemas
    after: SmallSchemas
    broken: list[Finding]


@pytest.fixture(scope="module")
def compared(buf: Run, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """What CHANGES breaks, with an image of a release as the baseline."""
    sides = [
        SmallSchemas(
            buf,
            root,
            tmp_path_factory.mktemp("compared"),
            {name: texts[i] for name, texts in CHANGES.items()},
            CHANGED_KINDS[i],
        )
        for i in (0, 1)
    ]
    before, after = sides
    # A release has neither comments nor the definitions of the validation rules.
    released = image.without_source_info(image.without_rules_import(before.image))
    return Compared(before, after, list(incompatibilities(released, after.image)))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_breaks_the_compatibility_rules_that_it_announces(
    compared: Compared, name: str
) -> None:
    assert_announced(compared.after.made_in(name, compared.broken), marks(CHANGES[name][1]))


def test_a_kind_keeps_what_is_known_of_it(compared: Compared) -> None:
    found = compared.after.made_in_registry(compared.broken)
    assert_announced(found, marks(CHANGED_KINDS[1]))


def test_every_compatibility_rule_fires_on_a_small_schema() -> None:
    texts = [after for _, after in CHANGES.values()]
    assert {mark.rule for text in texts for mark in marks(text)} == set(COMPATIBILITY_RULES)


class TestMakeBreaking:
    """`make breaking` holds the contract to the compatibility rules."""

    @pytest.mark.parametrize(
        ("path", "old", "new", "rule"),
        [
            (
                "agentic/workflowexecution/v1/api.proto",
                "debug_redact = true,",
                "",
                "REDACTION_KEPT",
            ),
            (
                "agentic/agentinstance/v1/spec.proto",
                " [(buf.validate.field).string.min_len = 1]",
                "",
                "VALIDATION_KEPT",
            ),
            (
                "agentic/session/v1/command.proto",
                "permission: can_edit",
                "permission: can_view",
                "AUTHORIZATION_KEPT",
            ),
        ],
    )
    def test_it_stops_on_an_incompatibility(
        self, make: Run, checkout: Path, path: str, old: str, new: str, rule: str
    ) -> None:
        edit(checkout, f"{APIS}/{path}", old, new)
        stopped = make("breaking")
        assert stopped.returncode != 0
        (line,) = stopped.stdout.splitlines()
        assert re.fullmatch(rf"{APIS}/{path}:\d+:\d+:.+ \({rule}\)", line)
        assert re.search(r"not compatible with release v\d+\.\d+\.\d+; see docs", stopped.stderr)
