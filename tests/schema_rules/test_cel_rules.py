"""The rules on validation rules, on small schemas that carry their findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema_rules.check import findings
from schema_rules.finding import Finding
from tests.schema_rules.fragments import CEL, OWNER, REFS, but, cel, wrong
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks
from tests.toolchain import Run

ENUMS = {
    "a_rule_that_compiles": CEL,
    "a_rule_that_is_no_cel": wrong(
        cel("slug must be given", "this.slug =="), OWNER, "CEL_COMPILES"
    ),
    "a_rule_on_a_field_there_is_not": wrong(
        cel("nickname must be given", "this.nickname != ''"), OWNER, "CEL_COMPILES: nickname"
    ),
    "a_rule_on_items_with_a_field_there_is_not": wrong(
        but(CEL, "this.kind == 53", "this.sort == 53"), REFS, "CEL_COMPILES: sort"
    ),
    "a_rule_on_the_values_of_a_map_with_a_field_there_is_not": """\
message Holder {
  map<string, Part> parts = 1 [(buf.validate.field).map.values.cel = { // CEL_COMPILES: colour
    id: "holder.parts"
    message: "m"
    expression: "this.colour != ''"
  }];
}
message Part {}
""",
    "a_rule_of_a_message_on_a_field_there_is_not": """\
message Holder { // CEL_COMPILES: colour
  option (buf.validate.message).cel = {
    id: "holder.colour"
    message: "m"
    expression: "this.colour != ''"
  };
}
""",
    "a_rule_that_does_not_compile_beside_one_that_does": """\
message Holder {
  string right = 1 [(buf.validate.field).cel = {
    id: "holder.right"
    message: "m"
    expression: "this != ''"
  }];
  string wrong = 2 [(buf.validate.field).cel = { // CEL_COMPILES
    id: "holder.wrong"
    message: "m"
    expression: "this !="
  }];
  int32 count = 3;
}
""",
    "a_rule_for_another_type": """\
message Holder {
  string right = 1 [(buf.validate.field).string.min_len = 1];
  int32 count = 2 [(buf.validate.field).string.min_len = 1]; // CEL_COMPILES
}
""",
    "a_rule_on_items_that_does_not_compile": wrong(
        but(CEL, "this.kind == 53", "this.kind == "), REFS, "CEL_COMPILES"
    ),
    "a_rule_that_tests_the_number_of_another_kind": wrong(
        # What the running platform had: 52 is workflow_execution, and no environment passed.
        but(CEL, "this.kind == 53", "this.kind == 52"),
        REFS,
        "CEL_ENUM_NUMBER: names environment in its message but tests workflow_execution",
    ),
    "a_rule_that_tests_the_number_of_no_kind": wrong(
        but(CEL, "this.kind == 53", "this.kind == 1053"),
        REFS,
        "CEL_ENUM_NUMBER: tests 1053, which is not a value of ApiResourceKind",
    ),
    "a_rule_that_tests_the_number_of_a_kind_and_that_of_none": wrong(
        but(CEL, "this.kind == 53", "this.kind in [53, 1053]"),
        REFS,
        "CEL_ENUM_NUMBER: tests 1053, which is not a value of ApiResourceKind",
    ),
    "a_rule_with_the_number_on_the_left": wrong(
        but(CEL, "this.kind == 53", "52 == this.kind"),
        REFS,
        "CEL_ENUM_NUMBER: names environment in its message but tests workflow_execution",
    ),
    "a_rule_that_tests_one_value_or_another": cel(
        "kind must be agent or workflow", "this.kind == 40 || this.kind == 50"
    ),
    "a_rule_that_tests_an_enum_and_something_else": wrong(
        cel("scope must be platform, and the slug given", "this.scope == 1 && this.slug != ''"),
        OWNER,
        "CEL_ENUM_NUMBER: reads scope but tests none of its values",
    ),
    "a_rule_that_names_a_value_and_refuses_it": wrong(
        cel("scope must be platform", "this.scope != 1"), OWNER, "CEL_ENUM_NUMBER: names platform"
    ),
    "rules_on_fields_that_are_enums": """\
message Holder {
  commons.apiresource.ApiResourceOwnerScope right = 1 [(buf.validate.field).cel = {
    id: "right"
    message: "must be platform"
    expression: "this == 1"
  }];
  commons.apiresource.ApiResourceOwnerScope wrong = 2 [(buf.validate.field).cel = { \
// CEL_ENUM_NUMBER: names platform in its message but tests organization
    id: "wrong"
    message: "must be platform"
    expression: "this == 2"
  }];
  repeated commons.apiresource.ApiResourceOwnerScope items = 3 [\
// CEL_ENUM_NUMBER: names platform in its message but tests organization
    (buf.validate.field).repeated.items.cel = {
      id: "items"
      message: "each must be platform"
      expression: "this == 2"
    }
  ];
  map<string, commons.apiresource.ApiResourceOwnerScope> values = 4 [\
// CEL_ENUM_NUMBER: names platform in its message but tests organization
    (buf.validate.field).map.values.cel = {
      id: "values"
      message: "each must be platform"
      expression: "this == 2"
    }
  ];
}
""",
    "rules_on_enums_further_down": """\
message Holder {
  map<string, commons.apiresource.ApiResourceReference> owners = 1 [\
// CEL_ENUM_NUMBER: names platform in its message but tests organization
    (buf.validate.field).map.values.cel = {
      id: "owners"
      message: "each scope must be platform"
      expression: "this.scope == 2"
    }
  ];
  repeated commons.apiresource.ApiResourceReference refs = 2 [(buf.validate.field).cel = { \
// CEL_ENUM_NUMBER: names environment in its message but tests workflow_execution
    id: "refs"
    message: "each must be an environment"
    expression: "this.all(ref, ref.kind == 52)"
  }];
  Inner inner = 3 [(buf.validate.field).cel = { // CEL_ENUM_NUMBER: names environment
    id: "inner"
    message: "must be an environment"
    expression: "this.ref.kind == 52"
  }];
}
message Inner {
  commons.apiresource.ApiResourceReference ref = 1;
}
""",
    "a_rule_of_a_message_on_an_enum": """\
message Holder { // CEL_ENUM_NUMBER: names platform in its message but tests organization
  option (buf.validate.message).cel = {
    id: "holder.scope"
    message: "scope must be platform"
    expression: "this.scope == 2"
  };
  commons.apiresource.ApiResourceOwnerScope scope = 1;
}
""",
    "a_rule_that_names_one_value_and_tests_another": wrong(
        cel("scope must be platform or organization", "this.scope in [1, 3]"),
        OWNER,
        "CEL_ENUM_NUMBER: names platform, organization in its message but tests platform, identity",
    ),
    "a_rule_that_names_more_than_it_tests": wrong(
        cel("scope must be platform or organization", "this.scope == 1"),
        OWNER,
        "CEL_ENUM_NUMBER: names platform, organization",
    ),
    "a_rule_that_names_what_it_tests": cel(
        "scope must be an organization or an identity account", "this.scope in [2, 3]"
    ),
    "a_rule_that_names_what_it_refuses": cel("scope must not be platform", "this.scope != 1"),
    "a_kind_in_the_name_of_another_is_not_named": but(
        but(
            CEL,
            "a reference in environment_refs must be to an environment",
            "only an agent instance",
        ),
        "== 53",
        "== 45",
    ),
    "a_rule_on_a_string_names_no_enum": cel("slug must be given", "this.slug != ''"),
}


def _field(rules: str, kind: str = "string", rule: str = "") -> str:
    """A message with one field, whose rules are written as protovalidate's options."""
    options = ", ".join(f"(buf.validate.field).{part}" for part in rules.split("; "))
    return f"message Holder {{\n  {kind} a = 1 [{options}];{f' // {rule}' if rule else ''}\n}}\n"


def _of_field(expression: str, kind: str = "string", rule: str = "") -> str:
    return _field(f'cel = {{ id: "a" message: "m" expression: "{expression}" }}', kind, rule)


def _of_message(expression: str, fields: str, rule: str = "") -> str:
    return (
        f"message Holder {{{f' // {rule}' if rule else ''}\n  option (buf.validate.message).cel = "
        f'{{ id: "a" message: "m" expression: "{expression}" }};\n  {fields}\n}}\n'
    )


_DURATION = "google.protobuf.Duration"
_TIMESTAMP = "google.protobuf.Timestamp"

SATISFIABLE = {
    "a_pattern_and_a_length": _field('string = {pattern: "^sk_[a-z0-9]+$" min_len: 20}'),
    "a_pattern_of_64_hex_digits": _field('string = {pattern: "^[0-9a-f]{64}$"}'),
    "a_prefix_a_suffix_and_a_length": _of_field(
        "this.startsWith('ab') && this.endsWith('yz') && size(this) == 10"
    ),
    "a_range_without_two_of_its_values": _field(
        "int32 = {gte: 10 lt: 20 not_in: [10, 11]}", "int32"
    ),
    "a_narrow_range": _field("double = {gt: 0 lt: 0.1 finite: true}", "double"),
    "an_email": _field("string.email = true"),
    "a_host_name": _field("string.hostname = true"),
    "a_uri": _field("string.uri = true"),
    "a_uuid": _field("string.uuid = true"),
    "an_ip_address": _field("string.ip = true"),
    "exactly_32_bytes": _field("bytes.len = 32", "bytes"),
    "a_format_that_only_an_example_shows": _field(
        'string = {pattern: "^\\\\p{Greek}+$" example: "\u03bb\u03cc\u03b3\u03bf\u03c2"}'
    ),
    "many_distinct_items": _field(
        'repeated = {min_items: 5 unique: true items: {string: {pattern: "^[a-z]+$"}}}',
        "repeated string",
    ),
    "entries_with_rules_on_keys_and_values": _field(
        'map = {min_pairs: 3 keys: {string: {prefix: "x-"}} values: {int32: {gt: 5}}}',
        "map<string, int32>",
    ),
    "a_duration_between_two": _field("duration = {gt: {seconds: 5} lt: {seconds: 7}}", _DURATION),
    "a_duration_by_cel": _of_field(
        "this <= duration('1h30m') && this > duration('10m')", _DURATION
    ),
    "a_required_time_after_one": _field(
        "required = true; timestamp.gt.seconds = 100000", _TIMESTAMP
    ),
    "a_value_that_may_be_missing": _field(
        "ignore = IGNORE_IF_ZERO_VALUE; string = {len: 7 contains: 'q'}"
    ),
    "a_multiple": _of_field("this % 100 == 0 && this >= 1000", "int64"),
    "a_path_that_stays_below": _of_field("!this.contains('..') && this.matches('^/.*$')"),
    "text_in_five_parts": _of_field("this.split(' ').size() == 5"),
    "a_long_text": _field("string.min_len = 20000"),
    "many_items": _field("repeated.min_items = 1000", "repeated string"),
    "free_form_json_of_any_kind": """\
message Holder {
  google.protobuf.Struct one = 1; // STRUCT_IGNORED
  repeated google.protobuf.Value many = 2; // STRUCT_IGNORED
  map<string, google.protobuf.ListValue> named = 3; // STRUCT_IGNORED
  google.protobuf.Struct if_given = 4 // STRUCT_IGNORED
    [(buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE];
  oneof either {
    google.protobuf.Value of_a_oneof = 5; // STRUCT_IGNORED
  }
  google.protobuf.Struct off = 6 [(buf.validate.field).required = false]; // STRUCT_IGNORED
  google.protobuf.Struct skipped = 7 [(buf.validate.field).ignore = IGNORE_ALWAYS];
  map<string, google.protobuf.Value> skipped_too = 8 [(buf.validate.field).ignore = IGNORE_ALWAYS];
  google.protobuf.Struct required = 9 [(buf.validate.field).required = true];
  google.protobuf.Timestamp at = 10;
}
""",
    "a_struct_of_few_fields": _of_field("size(this) <= 50", "google.protobuf.Struct"),
    "items_of_which_one_is_named": _of_field(
        "this.exists(part, part.name == 'main') && this.map(part, part.name).unique()",
        "repeated Part",
    )
    + "message Part {\n  string name = 1;\n}\n",
    "a_message_with_one_of_two_fields": _of_message(
        "(this.b == '') != (this.c == '')", "string b = 1;\n  string c = 2;"
    ),
    "a_message_whose_times_are_in_order": _of_message(
        "!has(this.until) || this.since < this.until",
        f"{_TIMESTAMP} since = 1;\n  {_TIMESTAMP} until = 2;",
    ),
    "a_oneof_of_which_one_is_required": """\
message Holder {
  oneof one {
    option (buf.validate.oneof).required = true;
    string b = 1 [(buf.validate.field).string.min_len = 1];
    Holder c = 2;
  }
}
""",
}
"""Rules that a finding would be a false alarm for."""

_NONE = "VALIDATION_SATISFIABLE"

UNSATISFIABLE = {
    "a_length_above_the_longest": _field("string = {min_len: 5 max_len: 3}", rule=_NONE),
    "a_prefix_longer_than_the_longest": _field('string = {prefix: "abc" max_len: 2}', rule=_NONE),
    "an_email_of_three_characters": _field("string = {email: true max_len: 3}", rule=_NONE),
    "what_is_in_and_not_in": _field('string = {in: ["x"] not_in: ["x"]}', rule=_NONE),
    "a_constant_outside_its_range": _field("int32 = {const: 3 gt: 5}", "int32", _NONE),
    "an_enum_value_that_is_none": _field(
        "enum = {defined_only: true in: [3999]}",
        "commons.apiresource.apiresourcekind.ApiResourceKind",
        _NONE,
    ),
    "more_distinct_items_than_values": _field(
        "repeated = {min_items: 3 unique: true items: {bool: {}}}", "repeated bool", _NONE
    ),
    "more_items_than_the_most": _field(
        "repeated = {min_items: 4 max_items: 3}", "repeated string", _NONE
    ),
    "items_that_cannot_be": _field(
        "repeated.items.string = {min_len: 5 max_len: 3}", "repeated string", _NONE
    ),
    "keys_that_cannot_be": _field(
        "map.keys.string = {min_len: 5 max_len: 3}", "map<string, string>", _NONE
    ),
    "what_passes_only_if_it_is_ignored": _field(
        "ignore = IGNORE_IF_ZERO_VALUE; string = {min_len: 5 max_len: 3}", rule=_NONE
    ),
    "what_is_required_and_empty": _field("required = true; string.max_len = 0", rule=_NONE),
    "a_duration_between_none": _field(
        "duration = {const: {seconds: 6} gt: {seconds: 7}}", _DURATION, _NONE
    ),
    "a_message_that_requires_itself": """\
message Holder { // VALIDATION_SATISFIABLE: "Holder"
  Holder inner = 1 [(buf.validate.field).required = true];
}
message Outer {
  Holder holder = 1 [(buf.validate.field).required = true];
}
""",
    "a_message_against_its_field": _of_message(
        "this.b != ''", "string b = 1 [(buf.validate.field).string.const = ''];", _NONE
    ),
    "what_passes_always": _of_field("size(this) >= 0", rule="CEL_DECIDES: never fails"),
    "what_passes_never": _of_field(
        "this == 'a' && this == 'b'", rule="CEL_DECIDES: never passes // VALIDATION_SATISFIABLE"
    ),
    "what_is_never_asked": _field(
        'ignore = IGNORE_ALWAYS; cel = {id: "a" message: "m" expression: "this != \'\'"}',
        rule="CEL_DECIDES: never fails",
    ),
    "what_passes_always_of_keys": _field(
        'map.keys.cel = {id: "a" message: "m" expression: "true"}',
        "map<string, string>",
        "CEL_DECIDES",
    ),
    "what_passes_always_of_values": _field(
        'map.values.cel = {id: "a" message: "m" expression: "true"}',
        "map<string, string>",
        "CEL_DECIDES",
    ),
    "what_passes_always_of_a_message": _of_message(
        "this.b != 'x' || true", "string b = 1;", "CEL_DECIDES"
    ),
    "a_number_of_text_that_is_none": _of_field("int(this) > 5", rule="CEL_COMPILES: convert"),
    "a_division_by_zero": _of_field("10 / this > 1", "int32", "CEL_COMPILES: divide by zero"),
    "a_key_that_may_be_missing": _of_field(
        "this['x'] == 'y'", "map<string, string>", "CEL_COMPILES: Key not found"
    ),
    "an_item_that_may_be_missing": _of_field(
        "this[0] == 'y'", "repeated string", "CEL_COMPILES: Index"
    ),
    "a_bare_expression_that_fails": _field(
        "cel_expression = 'this[0] == 1'", "repeated int32", "CEL_COMPILES: Index"
    ),
    "a_bare_expression_that_decides": _field("cel_expression = 'this != 1'", "int32"),
    "an_empty_id": _field(
        'cel = {id: "" message: "m" expression: "this != 1"}', "int32", "CEL_ID: needs an ID"
    ),
    "one_id_for_two_rules": _of_field("this != 1", "int32")
    + _of_field("this != 2", "int32", "CEL_ID: of its package").replace("Holder", "Other"),
    "one_id_for_one_rule_of_two_messages": _of_field("this != 1", "int32")
    + _of_field("this != 1", "int32").replace("Holder", "Other"),
    "a_rule_that_reads_the_clock": _of_field("this < now", _TIMESTAMP, "CEL_CLOCK"),
    "a_rule_on_a_field_of_that_name": _of_message(
        "this.now != 'now' // not now", "string now = 1;"
    ),
    "a_time_in_the_past": _field("timestamp.lt_now = true", _TIMESTAMP, "CEL_CLOCK"),
    "a_time_within_a_day": _field(
        "timestamp.within.seconds = 86400", _TIMESTAMP, "CEL_CLOCK // VALIDATION_SATISFIABLE"
    ),
}

SCHEMAS = ENUMS | SATISFIABLE | UNSATISFIABLE


@pytest.fixture(scope="module")
def small(buf: Run, root: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallSchemas:
    """The small schemas, compiled."""
    return SmallSchemas(buf, root, tmp_path_factory.mktemp("small"), SCHEMAS)


@pytest.fixture(scope="module")
def small_findings(small: SmallSchemas) -> list[Finding]:
    """What the rules find in them."""
    return list(findings(small.image))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))
