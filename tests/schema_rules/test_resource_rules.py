"""The rules on resources and kinds, on small schemas that announce their findings."""

from __future__ import annotations

import pytest

from schema_rules.finding import Finding
from tests.schema_rules.fragments import but, wrong
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks

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

SCHEMAS = {
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
    "a_resource_with_the_version_of_another_package": but(
        SESSION,
        '"agentic.stigmer.ai/v1"];',
        '"agentic.stigmer.ai/v2"]; // RESOURCE_SHAPE: "agentic.stigmer.ai/v1"',
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
        "  string audit = 99 [(commons.apiresource.computed) = true]; // RESOURCE_SHAPE: number 99",
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
  string phase = 1 [(commons.apiresource.computed) = true];
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
}

KINDS = """\
  sprocket = 1001 [(kind_meta) = { // KIND_REGISTRY: and "Spr" starts with it
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
  first_twin = 1005 [(kind_meta) = { // KIND_REGISTRY: of another
    group: agentic version: v1 name: "FirstTwin" id_prefix: "twn"
  }];
  loud = 1010 [(kind_meta) = { // KIND_REGISTRY: of lower-case letters, not "LOU"
    group: agentic version: v1 name: "Loud" id_prefix: "LOU"
  }];
  dashed = 1011 [(kind_meta) = { // KIND_REGISTRY: of lower-case letters, not "da-sh"
    group: agentic version: v1 name: "Dashed" id_prefix: "da-sh"
  }];
  numbered = 1012 [(kind_meta) = { // KIND_REGISTRY: of lower-case letters, not "v2"
    group: agentic version: v1 name: "Numbered" id_prefix: "v2"
  }];
  beginning = 1013 [(kind_meta) = { // KIND_REGISTRY: and "begi" starts with it
    group: agentic version: v1 name: "Beginning" id_prefix: "beg"
  }];
  longer = 1014 [(kind_meta) = {
    group: agentic version: v1 name: "Longer" id_prefix: "begi"
  }];
  same_but_for_case = 1015 [(kind_meta) = { // KIND_REGISTRY: not "Spr" // KIND_REGISTRY: starts
    group: agentic version: v1 name: "SameButForCase" id_prefix: "Spr"
  }];
  second_twin = 1006 [(kind_meta) = { // KIND_REGISTRY: of another
    group: agentic version: v1 name: "SecondTwin" id_prefix: "twn"
  }];
  renamed = 1007 [(kind_meta) = { // KIND_REGISTRY: snake_case form of its name
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
