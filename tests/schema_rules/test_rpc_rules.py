"""The rules on RPCs and services, on small schemas that announce their findings."""

from __future__ import annotations

import re

import pytest

from schema_rules.finding import Finding
from tests.schema_rules.fragments import CONFIG_END, RPC, SERVICE, but, wrong
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks


def _rpc(old: str, new: str, mark: str) -> str:
    return wrong(but(SERVICE, old, new), RPC, f"RPC_AUTHORIZED: {mark}")


SCHEMAS = {
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
    "a_config_without_a_kind": _rpc("      resource_kind: session\n", "", "no resource kind"),
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
    "a_config_with_the_one_resource": but(
        but(SERVICE, 'field_path: "id"', 'resource_id: "stigmer"'),
        "resource_kind: session",
        "resource_kind: platform",
    ),
    "a_config_that_names_the_kind_twice": _rpc(
        "resource_kind: session", 'resource_kind: session resource_kind_path: "kind"', "twice"
    ),
    "a_config_without_a_refusal": _rpc('      error_msg: "You may not."\n', "", "error_msg"),
    "a_config_with_nothing_in_it": """\
message ReadInput {}
service ReadQueryController {
  option (commons.apiresource.api_resource_kind) = session;
  // The next line breaks the rule in each of its parts.
  rpc read(ReadInput) returns (ReadInput) { // RPC_AUTHORIZED: without a permission \
// RPC_AUTHORIZED: without an error_msg // RPC_AUTHORIZED: resource // RPC_AUTHORIZED: must name a
    option (iam.iampolicy.v1.rpcauthorization.config) = {};
  }
}
""",
    "a_service_without_a_kind": """\
service EmptyQueryController {} // SERVICE_KIND
""",
    "a_service_of_the_unknown_kind": """\
service EmptyQueryController { // SERVICE_KIND
  option (commons.apiresource.api_resource_kind) = api_resource_kind_unknown;
}
""",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))
