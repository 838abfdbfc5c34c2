"""The schema rules, on small schemas of their own and on the contract.

The small schemas carry their findings: a line that breaks a rule ends with `// RULE_ID: words`,
where the words, if any, must stand in what the rule says. A schema without such a line is right by
every rule, not only by the one that it was written for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from codegen import image
from codegen.project import StepError
from schema_rules import __main__ as command
from schema_rules.check import (
    RULES,
    findings,
    incompatibilities,
    load_exceptions,
    unexcused,
)
from schema_rules.finding import FORMATS, Finding, as_github_action, as_json, as_text, in_order
from schema_rules.schema import Element
from tests.schema_rules import test_cel_rules, test_comment_rules
from tests.schema_rules.fragments import (
    CONFIG_END,
    RPC,
    SERVICE,
    TOKEN,
    but,
    edit,
    wrong,
)
from tests.schema_rules.small_schemas import APIS, SmallSchemas, assert_announced, marks
from tests.toolchain import Run


def _built(schema: FileDescriptorSet) -> Callable[[Path, Path], FileDescriptorSet]:
    """What stands for `codegen.image.build`, and needs no toolchain."""

    def build(workspace: Path, target: Path) -> FileDescriptorSet:
        return schema

    return build


SESSION = """\
message Session {
  string api_version = 1 [(buf.validate.field).string.const = "agentic.stigmer.ai/v1"];
  string kind = 2 [(buf.validate.field).string.const = "Session"];
  commons.apiresource.ApiResourceMetadata metadata = 3;
  SessionSpec spec = 4;
  SessionStatus status = 5;
}
message SessionSpec {
  string subject = 1;
}
message SessionStatus {
  commons.apiresource.ApiResourceAudit audit = 99;
}
"""


def _rpc(old: str, new: str, mark: str) -> str:
    return wrong(but(SERVICE, old, new), RPC, f"RPC_AUTHORIZED: {mark}")


SCHEMAS = {
    "a_computed_field_in_a_spec": """\
message GadgetSpec {
  string wish = 1;
  string seen = 2 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD: is computed
}
""",
    "a_computed_field_in_a_status": """\
message GadgetStatus {
  string seen = 1 [(commons.apiresource.computed) = true];
}
""",
    "a_computed_field_in_a_message_that_an_input_holds": """\
message RunInput {
  Detail detail = 1;
}
message Detail {
  Depth depth = 1;
}
message Depth {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD: from ai.stigmer
}
""",
    "a_computed_field_in_a_message_inside_an_input": """\
message RunInput {
  message Detail {
    string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
  }
  Detail detail = 1;
}
""",
    "a_computed_field_in_the_values_of_a_map": """\
message RunInput {
  map<string, Detail> details = 1;
}
message Detail {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
}
""",
    "a_computed_field_that_a_status_and_a_request_reach": """\
message GadgetStatus {
  Detail detail = 1;
}
message RunRequest {
  Detail detail = 1;
}
message Detail {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD: RunRequest
}
""",
    "a_computed_field_in_a_spec_that_a_status_repeats": """\
message GadgetStatus {
  GadgetSpec applied = 1;
}
message GadgetSpec {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
}
""",
    "a_computed_field_that_only_statuses_reach": """\
message GadgetStatus {
  map<string, Detail> details = 1;
}
message WidgetStatus {
  Detail detail = 1;
}
message Detail {
  string seen = 1 [(commons.apiresource.computed) = true];
}
""",
    "a_message_on_a_ring_is_reached_and_the_search_ends": """\
message RunInput {
  Ring ring = 1;
}
message Ring {
  Ring next = 1;
  string seen = 2 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
}
""",
    "an_input_that_updates_a_status_carries_it_whole": f"""\
message GadgetUpdateStatusInput {{
  string gadget_id = 1;
  GadgetStatus status = 2;
}}
message GadgetStatus {{
  {TOKEN}
  string temporal_workflow_id = 2;
}}
""",
    "a_computed_field_in_what_an_rpc_takes_and_a_status_holds": """\
message GadgetStatus {
  Step step = 1;
}
message Step {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
}
service StepController {
  option (commons.apiresource.api_resource_kind) = session;
  rpc take(Step) returns (Step) {
    option (iam.iampolicy.v1.rpcauthorization.is_public) = true;
  }
}
""",
    "what_temporal_owns_in_a_request": f"""\
message RunRequest {{
  {TOKEN} // STATUS_ONLY_FIELD: is computed
  string temporal_workflow_id = 2; // STATUS_ONLY_FIELD: Temporal
  string first_temporal_run_id = 3; // STATUS_ONLY_FIELD: Temporal
  string workflow_id = 4;
  string page_token = 5;
}}
""",
    "a_task_token_without_computed_in_an_input": """\
message RunInput {
  bytes task_token = 1 [debug_redact = true]; // STATUS_ONLY_FIELD: task token // TOKEN_SHAPE
}
""",
    "an_audit_block_in_a_spec": """\
message GadgetSpec {
  commons.apiresource.ApiResourceAudit audit = 1; // STATUS_ONLY_FIELD: is an audit block
}
""",
    "a_token_as_it_must_be": f"message GadgetStatus {{\n  {TOKEN}\n}}\n",
    "a_token_of_another_name_that_is_no_task_token": """\
message GadgetStatus {
  string callback_token_hint = 1;
  string mytask_token_count = 2;
}
""",
    "a_token_that_is_a_string": f"""\
message GadgetStatus {{
  {but(TOKEN, "bytes", "string")} // TOKEN_SHAPE: be bytes
}}
""",
    "a_token_that_is_repeated": f"""\
message GadgetStatus {{
  repeated {TOKEN} // TOKEN_SHAPE: be singular
}}
""",
    "a_token_with_presence": f"""\
message GadgetStatus {{
  optional {TOKEN} // TOKEN_SHAPE: have no presence
}}
""",
    "a_token_in_a_oneof": f"""\
message GadgetStatus {{
  oneof token {{
    {TOKEN} // TOKEN_SHAPE: have no presence
  }}
}}
""",
    "a_token_that_is_no_secret": f"""\
message GadgetStatus {{
  {but(TOKEN, "debug_redact = true, ", "")} // TOKEN_SHAPE: debug_redact
}}
""",
    "a_token_that_users_write": f"""\
message GadgetStatus {{
  {but(TOKEN, ", (commons.apiresource.computed) = true", "")} // TOKEN_SHAPE: computed
}}
""",
    "a_token_of_another_name_in_json": f"""\
message GadgetStatus {{
  {but(TOKEN, "= true];", '= true, json_name = "token"];')} // TOKEN_SHAPE: "callbackToken"
}}
""",
    "a_spec_that_holds_a_status": """\
message GadgetSpec {
  string wish = 1;
  GadgetStatus last = 2; // SPEC_WITHOUT_STATUS: GadgetStatus
}
message GadgetStatus {
  string phase = 1;
}
""",
    "a_spec_that_leads_to_a_status_through_a_map_and_a_message": """\
message GadgetSpec {
  map<string, Part> parts = 1; // SPEC_WITHOUT_STATUS: GadgetStatus
}
message Part {
  Part next = 1;
  GadgetStatus last = 2;
}
message GadgetStatus {
  string phase = 1;
}
""",
    "a_spec_that_holds_an_enum_called_status": """\
message GadgetSpec {
  WishedStatus wished = 1;
}
enum WishedStatus {
  WISHED_STATUS_UNSPECIFIED = 0;
}
""",
    "a_resource_as_it_must_be": SESSION,
    "a_resource_whose_status_is_its_audit_block": but(
        SESSION, "  SessionStatus status", "  commons.apiresource.ApiResourceAuditStatus status"
    ),
    "a_resource_with_two_numbers_exchanged": wrong(
        but(but(SESSION, "kind = 2", "kind = 1"), "api_version = 1", "api_version = 2"),
        "message Session {",
        "RESOURCE_SHAPE: api_version = 1 // RESOURCE_SHAPE: kind = 2",
    ),
    "a_resource_without_a_status": wrong(
        but(SESSION, "  SessionStatus status = 5;\n", ""),
        "message Session {",
        "RESOURCE_SHAPE: status = 5",
    ),
    "a_resource_with_the_constants_of_another": but(
        but(
            SESSION,
            '"agentic.stigmer.ai/v1"];',
            '"iam.stigmer.ai/v1"]; // RESOURCE_SHAPE: "agentic.stigmer.ai/v1"',
        ),
        'const = "Session"];',
        'const = "Agent"]; // RESOURCE_SHAPE: string.const = "Session"',
    ),
    "a_resource_without_constants": but(
        but(
            SESSION,
            ' [(buf.validate.field).string.const = "agentic.stigmer.ai/v1"];',
            "; // RESOURCE_SHAPE: string.const",
        ),
        ' [(buf.validate.field).string.const = "Session"];',
        "; // RESOURCE_SHAPE: string.const",
    ),
    "a_resource_that_the_registry_does_not_know": wrong(
        SESSION.replace("Session", "Gadget"),
        "message Gadget {",
        "RESOURCE_SHAPE: no entry in ApiResourceKind",
    ),
    "a_resource_with_the_spec_of_another": but(
        SESSION + "message OtherSpec {}\n",
        "  SessionSpec spec = 4;",
        "  OtherSpec spec = 4; // RESOURCE_SHAPE: SessionSpec",
    ),
    "a_resource_with_the_status_of_another": but(
        SESSION + "message OtherStatus {}\n",
        "  SessionStatus status = 5;",
        "  OtherStatus status = 5; // RESOURCE_SHAPE: must be SessionStatus or",
    ),
    "a_field_in_a_spec_and_in_its_status": """\
message GadgetSpec {
  string size = 1;
  string title = 2; // SPEC_REPEATS_STATUS: GadgetSpec.title
}
message GadgetStatus {
  string title = 1;
}
message WidgetStatus {
  string size = 1;
}
""",
    "a_resource_with_repeated_specs": but(
        SESSION,
        "  SessionSpec spec = 4;",
        "  repeated SessionSpec spec = 4; // RESOURCE_SHAPE: must not be repeated",
    ),
    "a_message_with_a_spec_and_an_enum_called_status_is_no_resource": """\
message Probe {
  ProbeSpec spec = 1;
  ProbeStatus status = 2;
}
message ProbeSpec {}
enum ProbeStatus {
  PROBE_STATUS_UNSPECIFIED = 0;
}
""",
    "a_resource_with_a_field_of_its_own": but(
        SESSION,
        "  SessionStatus status = 5;\n",
        "  SessionStatus status = 5;\n  string more = 6; // RESOURCE_SHAPE: does not belong\n",
    ),
    "a_status_without_an_audit_block": wrong(
        but(SESSION, "  commons.apiresource.ApiResourceAudit audit = 99;\n", ""),
        "message SessionStatus {",
        "RESOURCE_SHAPE: audit block as number 99",
    ),
    "a_status_with_its_audit_block_elsewhere": but(
        SESSION, "audit = 99;", "audit = 1; // RESOURCE_SHAPE: audit block as number 99"
    ),
    "a_status_whose_audit_block_is_something_else": but(
        wrong(SESSION, "message SessionStatus {", "NUMBER_GAP"),
        "  commons.apiresource.ApiResourceAudit audit = 99;",
        "  string audit = 99; // RESOURCE_SHAPE: audit block as number 99",
    ),
    "a_message_that_names_a_resource_is_none": """\
message SessionSummary {
  string kind = 1;
  SessionSpec spec = 2;
}
message SessionSpec {}
""",
    "an_open_number": """\
message Gadget { // NUMBER_GAP: leaves 2, 4 open
  string a = 1;
  string c = 3;
  string e = 5;
}
""",
    "an_open_first_number": """\
message Gadget { // NUMBER_GAP: leaves 1 open
  string b = 2;
}
""",
    "gaps_that_are_reserved_one_by_one_and_in_a_range": """\
message Gadget {
  reserved 2, 4 to 6;
  string a = 1;
  string c = 3;
  string g = 7;
}
""",
    "a_gap_beside_a_reserved_range": """\
message Gadget { // NUMBER_GAP: leaves 3, 7 open
  reserved 4 to 6;
  string a = 1;
  string b = 2;
  string h = 8;
}
""",
    "an_open_number_in_a_nested_message": """\
message Gadget {
  message Part { // NUMBER_GAP: Message "Part" leaves 1 open
    string b = 2;
  }
  Part part = 1;
}
""",
    "a_reserved_number_of_the_outer_message_is_none_of_the_inner": """\
message Gadget {
  reserved 1;
  message Part { // NUMBER_GAP
    string b = 2;
  }
  Part part = 2;
}
""",
    "numbers_below_the_audit_block": """\
message GadgetStatus {
  string phase = 1;
  commons.apiresource.ApiResourceAudit audit = 99;
}
""",
    "a_99_that_is_no_audit_block": """\
message Gadget { // NUMBER_GAP: leaves 2 to 98 open
  string a = 1;
  string z = 99;
}
""",
    "numbers_that_are_reserved_above_the_highest": """\
message Gadget {
  reserved 20, 100 to max;
  string a = 1;
}
""",
    "fields_of_a_oneof_count": """\
message Gadget {
  string a = 1;
  oneof choice {
    string b = 2;
    string c = 3;
  }
  string d = 4;
}
""",
    "an_rpc_with_a_config": SERVICE,
    "an_rpc_for_everybody": re.sub(
        r"rpcauthorization\.config\) = \{.*?\};",
        "rpcauthorization.is_public) = true;",
        SERVICE,
        flags=re.DOTALL,
    ),
    "an_rpc_for_everybody_who_is_signed_in": re.sub(
        r"rpcauthorization\.config\) = \{.*?\};",
        "rpcauthorization.is_skip_authorization) = true;",
        SERVICE,
        flags=re.DOTALL,
    ),
    "an_rpc_that_is_expressly_not_public_says_nothing": re.sub(
        r"rpcauthorization\.config\) = \{.*?\};",
        "rpcauthorization.is_public) = false;",
        wrong(SERVICE, RPC, "RPC_AUTHORIZED: has nothing"),
        flags=re.DOTALL,
    ),
    "an_rpc_that_says_nothing": re.sub(
        r" \{\n    option \(iam.*?\};\n  \}",
        "; // RPC_AUTHORIZED: has nothing",
        SERVICE,
        flags=re.DOTALL,
    ),
    "an_rpc_that_says_it_in_two_ways": _rpc(
        CONFIG_END,
        f"{CONFIG_END}    option (iam.iampolicy.v1.rpcauthorization.is_public) = true;\n",
        "has config and is_public",
    ),
    "a_config_with_a_path_through_messages": but(SERVICE, '"id"', '"place.id"'),
    "a_config_with_a_path_that_ends_at_a_message": _rpc('"id"', '"place"', 'path "place"'),
    "a_config_with_a_path_through_a_repeated_field": _rpc('"id"', '"places.id"', "places.id"),
    "a_config_with_a_path_through_a_map": _rpc('"id"', '"by_name.value.id"', "by_name.value.id"),
    "a_config_with_a_path_to_a_field_there_is_not": _rpc('"id"', '"place.name"', "place.name"),
    "a_config_with_a_path_beyond_a_value": _rpc('"id"', '"id.value"', "id.value"),
    "a_config_without_a_permission": _rpc("      permission: can_view\n", "", "permission"),
    "a_config_without_a_kind": _rpc("      resource_kind: session\n", "", "no kind of resource"),
    "a_config_with_the_path_of_the_kind": but(
        SERVICE, "resource_kind: session", 'resource_kind_path: "kind"'
    ),
    "a_config_with_a_path_of_the_kind_that_there_is_not": _rpc(
        "resource_kind: session", 'resource_kind_path: "sort"', 'path "sort"'
    ),
    "a_config_without_a_resource": _rpc('      field_path: "id"\n', "", "must name a resource"),
    "a_config_with_two_resources": _rpc(
        'field_path: "id"', 'field_path: "id" resource_id: "stigmer"', "must name a resource by"
    ),
    "a_config_with_the_one_resource": but(SERVICE, 'field_path: "id"', 'resource_id: "stigmer"'),
    "a_config_without_a_refusal": _rpc('      error_msg: "You may not."\n', "", "error_msg"),
    "a_config_with_nothing_in_it": """\
message ReadInput {}
service ReadController {
  option (commons.apiresource.api_resource_kind) = session;
  // The next line breaks the rule in each of its parts.
  rpc read(ReadInput) returns (ReadInput) { // RPC_AUTHORIZED: without a permission \
// RPC_AUTHORIZED: without an error_msg // RPC_AUTHORIZED: no kind // RPC_AUTHORIZED: must name a
    option (iam.iampolicy.v1.rpcauthorization.config) = {};
  }
}
""",
    "a_service_without_a_kind": """\
service EmptyController {} // SERVICE_KIND
""",
    "a_service_of_the_unknown_kind": """\
service EmptyController { // SERVICE_KIND
  option (commons.apiresource.api_resource_kind) = api_resource_kind_unknown;
}
""",
}

KINDS = """\
  sprocket = 1001 [(kind_meta) = {
    group: agentic version: v1 name: "Sprocket" id_prefix: "spr"
  }];
  nameless = 1002 [(kind_meta) = { // KIND_REGISTRY: needs a name
    group: agentic version: v1 id_prefix: "nls"
  }];
  ungrouped = 1003 [(kind_meta) = { // KIND_REGISTRY: needs a name, a group
    version: v1 name: "Ungrouped" id_prefix: "ung"
  }];
  unprefixed = 1004 [(kind_meta) = { // KIND_REGISTRY: a version and an id_prefix
    group: agentic version: v1 name: "Unprefixed"
  }];
  versionless = 1008 [(kind_meta) = { // KIND_REGISTRY: a version
    group: agentic name: "Versionless" id_prefix: "vls"
  }];
  undescribed = 1009; // KIND_REGISTRY: needs the option kind_meta
  first_twin = 1005 [(kind_meta) = { // KIND_REGISTRY: shares
    group: agentic version: v1 name: "FirstTwin" id_prefix: "twn"
  }];
  second_twin = 1006 [(kind_meta) = { // KIND_REGISTRY: shares
    group: agentic version: v1 name: "SecondTwin" id_prefix: "twn"
  }];
  renamed = 1007 [(kind_meta) = { // KIND_REGISTRY: must have the name of its resource
    group: agentic version: v1 name: "Original" id_prefix: "ren"
  }];
"""


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))


def test_a_kind_of_the_registry_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding]
) -> None:
    assert_announced(small.made_in_registry(small_findings), marks(KINDS))


def test_every_rule_fires_on_a_small_schema() -> None:
    own = (SCHEMAS, test_cel_rules.SCHEMAS, test_comment_rules.SCHEMAS)
    texts = [*(text for schemas in own for text in schemas.values()), KINDS]
    announced = {mark.rule for text in texts for mark in marks(text)}
    assert announced == set(RULES)


@pytest.fixture(scope="module")
def whole(buf: Run, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """The image that `make lint` checks."""
    target = tmp_path_factory.mktemp("contract") / "image.binpb"
    built = buf("build", "--output", target)
    assert built.returncode == 0, built.stderr
    return FileDescriptorSet.FromString(target.read_bytes())


@pytest.fixture(scope="module")
def found(whole: FileDescriptorSet) -> list[Finding]:
    """Everything that the rules find, what is excused included."""
    return list(findings(whole))


class TestTheContract:
    """What the rules find in the real contract, beside the exceptions."""

    def test_it_has_no_finding_and_no_unused_exception(self, found: list[Finding]) -> None:
        open_findings, unused = unexcused(found, load_exceptions())
        assert [as_text(finding) for finding in open_findings] == []
        assert unused == []

    def test_every_exception_hides_a_finding_of_its_own(self, found: list[Finding]) -> None:
        exceptions = load_exceptions()
        assert exceptions
        for rule, reasons in exceptions.items():
            for name in reasons:
                less = {
                    **exceptions,
                    rule: {other: why for other, why in reasons.items() if other != name},
                }
                open_findings, unused = unexcused(found, less)
                assert {(f.rule, f.element.name) for f in open_findings} == {(rule, name)}
                assert unused == []

    def test_an_exception_excuses_from_one_rule_only(self, found: list[Finding]) -> None:
        exceptions = load_exceptions()
        name = next(iter(exceptions["SERVICE_KIND"]))
        moved = {**exceptions, "SERVICE_KIND": {}, "NUMBER_GAP": {name: "why"}}
        open_findings, unused = unexcused(found, moved)
        assert [(f.rule, f.element.name) for f in open_findings] == [("SERVICE_KIND", name)]
        assert unused == [
            f"exceptions.toml excuses {name} from NUMBER_GAP, which it does not break; remove it"
        ]

    def test_an_exception_for_nothing_is_unused(self, found: list[Finding]) -> None:
        invented = {**load_exceptions(), "TOKEN_SHAPE": {"ai.stigmer.x.v1.X.task_token": "why"}}
        open_findings, unused = unexcused(found, invented)
        assert open_findings == []
        assert len(unused) == 1
        assert "ai.stigmer.x.v1.X.task_token from TOKEN_SHAPE" in unused[0]

    def test_it_is_compatible_with_itself(self, whole: FileDescriptorSet) -> None:
        assert list(incompatibilities(whole, whole)) == []

    def test_the_command_is_content(
        self,
        whole: FileDescriptorSet,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(image, "build", _built(whole))
        assert command.main([]) == 0
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == ("", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[NO_SUCH_RULE]\n"a.B" = "why"', "names the rule NO_SUCH_RULE, which there is not"),
        # No reason excuses an incompatibility.
        ('[REDACTION_KEPT]\n"a.B" = "why"', "names the rule REDACTION_KEPT, which there is not"),
        ('[NUMBER_GAP]\n"a.B" = ""', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = "  "', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = 1', "gives no reason for a.B in NUMBER_GAP"),
        ('NUMBER_GAP = "why"', r"needs a table \[NUMBER_GAP\] of reasons by name"),
        ("[NUMBER_GAP", r"is no TOML: .*"),
    ],
)
def test_a_wrong_file_of_exceptions_is_answered_with_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^odd.toml {sentence}; [a-z ]+$"):
        load_exceptions(path)


def test_the_same_name_is_excused_only_once(tmp_path: Path) -> None:
    path = tmp_path / "twice.toml"
    path.write_text('[NUMBER_GAP]\n"a.B" = "why"\n"a.B" = "because"')
    with pytest.raises(ValueError, match="overwrite"):
        load_exceptions(path)


def _finding(
    message: str = "is odd", rule: str = "ODD", file: str = "x.proto", at: int = 4
) -> Finding:
    descriptor = FileDescriptorProto(name=f"ai/stigmer/{file}")
    # Spans count from 0, people from 1.
    descriptor.source_code_info.location.add(path=[4, 0], span=[at - 1, 2, 7])
    return Finding(rule, Element("ai.stigmer.X", descriptor, (4, 0), {}), message)


class TestFormats:
    """How a finding is printed."""

    def test_text_is_what_buf_prints_with_the_rule_behind_it(self) -> None:
        assert as_text(_finding()) == "apis/ai/stigmer/x.proto:4:3:is odd (ODD)"

    def test_an_element_without_a_place_stands_at_the_beginning(self) -> None:
        finding = _finding()
        finding.element.file.ClearField("source_code_info")
        assert as_text(finding) == "apis/ai/stigmer/x.proto:1:1:is odd (ODD)"

    def test_json_is_one_line_whatever_the_message_holds(self) -> None:
        line = as_json(_finding('a "name"\nand more'))
        assert "\n" not in line
        assert json.loads(line) == {
            "path": "apis/ai/stigmer/x.proto",
            "start_line": 4,
            "start_column": 3,
            "type": "ODD",
            "message": 'a "name"\nand more',
        }

    def test_json_has_no_key_that_buf_does_not_have(
        self, buf: Run, root: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "x.proto").write_text('syntax = "proto3";\npackage x;\n')
        linted = buf("lint", "--error-format", "json", cwd=tmp_path)
        theirs = json.loads(linted.stdout.splitlines()[0])
        assert json.loads(as_json(_finding())).keys() <= theirs.keys()

    def test_github_actions_shows_a_percent_sign_as_it_is(self) -> None:
        assert as_github_action(_finding("is 100% odd")) == (
            "::error file=apis/ai/stigmer/x.proto,line=4,col=3::is 100%25 odd (ODD)"
        )

    def test_github_actions_keeps_a_message_on_one_line(self) -> None:
        assert as_github_action(_finding("is\r\nodd")).endswith("::is%0D%0Aodd (ODD)")

    def test_findings_are_in_the_order_of_the_files_and_lines(self) -> None:
        ordered = [
            _finding(file="a.proto", at=9),
            _finding(file="b.proto", at=2),
            _finding(file="b.proto", at=10, rule="ODD", message="a"),
            _finding(file="b.proto", at=10, rule="ODD", message="b"),
            _finding(file="b.proto", at=10, rule="ODDER", message="a"),
        ]
        assert in_order(reversed(ordered)) == ordered
        assert in_order(ordered) == ordered


class TestTheCommand:
    """`python -m schema_rules`, on the small schemas."""

    @pytest.fixture(autouse=True)
    def _on_the_small_schemas(self, small: SmallSchemas, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(image, "build", _built(small.image))
        monkeypatch.setattr(command, "load_exceptions", dict[str, dict[str, str]])

    @pytest.mark.parametrize("error_format", FORMATS)
    def test_it_prints_every_finding_on_a_line_and_fails(
        self, small_findings: list[Finding], error_format: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["--error-format", error_format]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines == [FORMATS[error_format](found) for found in in_order(small_findings)]
        assert len(lines) == len(small_findings)

    def test_text_is_the_format_if_none_is_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command.main([])
        for line in capsys.readouterr().out.splitlines():
            assert re.fullmatch(r"apis/ai/stigmer/\S+\.proto:\d+:\d+:.+ \([A-Z_]+\)", line)

    def test_an_unused_exception_fails_without_any_finding(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(image, "build", _built(FileDescriptorSet()))
        assert command.main([]) == 0
        monkeypatch.setattr(command, "load_exceptions", lambda: {"NUMBER_GAP": {"a.B": "why"}})
        assert command.main([]) == 1
        assert capsys.readouterr().err.startswith("lint: exceptions.toml excuses a.B from NUMBER_G")

    @pytest.mark.parametrize("error", [StepError("it broke"), ValueError("it broke")])
    def test_what_cannot_be_checked_is_told_in_one_sentence(
        self,
        error: Exception,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def refuse(*_: object) -> FileDescriptorSet:
            raise error

        monkeypatch.setattr(image, "build", refuse)
        assert command.main([]) == 1
        assert capsys.readouterr().err == "lint: it broke\n"

    def test_an_unknown_format_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as refused:
            command.main(["--error-format", "xml"])
        assert refused.value.code == 2
        assert "'text', 'json', 'github-actions'" in capsys.readouterr().err


class TestMakeLint:
    """`make lint` runs the rules after buf's."""

    def test_it_stops_on_a_finding(self, make: Run, checkout: Path) -> None:
        edit(
            checkout,
            f"{APIS}/agentic/session/v1/spec.proto",
            "message SessionSpec {\n",
            "message SessionSpec {\n  // How to find it.\n  string temporal_run_id = 900;\n\n",
        )
        stopped = make("lint", "ERROR_FORMAT=json")
        assert stopped.returncode != 0
        (spec,) = {json.loads(line)["path"] for line in stopped.stdout.splitlines()}
        assert spec == f"{APIS}/agentic/session/v1/spec.proto"
        rules = {json.loads(line)["type"] for line in stopped.stdout.splitlines()}
        assert rules == {"STATUS_ONLY_FIELD", "NUMBER_GAP"}
        assert "no findings" not in stopped.stdout

    def test_it_stops_on_an_unused_exception(self, make: Run, checkout: Path) -> None:
        with (checkout / "schema_rules" / "exceptions.toml").open("a") as file:
            file.write('[NUMBER_GAP]\n"ai.stigmer.x.v1.X" = "no such message"\n')
        stopped = make("lint")
        assert stopped.returncode != 0
        assert "excuses ai.stigmer.x.v1.X from NUMBER_GAP" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        assert "no findings" not in stopped.stdout
