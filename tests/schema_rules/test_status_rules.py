"""The rules on what the system writes, on small schemas that announce their findings."""

from __future__ import annotations

import pytest

from schema_rules.finding import Finding
from tests.schema_rules.fragments import TOKEN
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks

SCHEMAS = {
    "fields_of_a_status_that_do_not_say_who_writes_them": """\
message GadgetStatus {
  string seen = 1; // STATUS_WRITER: GadgetStatus.seen
  Detail detail = 2; // STATUS_WRITER
  string stated = 3 [(commons.apiresource.computed) = false]; // STATUS_WRITER
  oneof choice {
    string one = 4; // STATUS_WRITER
  }
  commons.apiresource.ApiResourceAudit audit = 99;
}
message Detail {
  string inner = 1;
}
""",
    "what_the_system_writes_in_a_spec_by_its_comment": """\
message GadgetSpec {
  // The place of the gadget. Written by the platform on create.
  string place = 1; // SPEC_WRITER: its comment
  // Which worker took it. The workflow runner then sets it.
  string worker = 2; // SPEC_WRITER: its comment
  // Output only.
  string found = 3; // SPEC_WRITER: its comment
  // Populated automatically.
  string taken = 7; // SPEC_WRITER: its comment
  // Assigned by Stigmer.
  string shard = 8; // SPEC_WRITER: its comment
  // What the platform looks for. Read by the server.
  string wanted = 4;
  // The colour, ignored if shade is given.
  string colour = 5;
  Part part = 6;
}
message Part {
  // Filled in by the system.
  string inner = 1; // SPEC_WRITER: "Part"
}
""",
    "what_the_system_writes_in_a_spec_by_its_name": """\
message GadgetSpec {
  string created_at = 1; // SPEC_WRITER: its name
  string last_used_at = 2; // SPEC_WRITER
  string updated_by = 3; // SPEC_WRITER
  string observed_size = 4; // SPEC_WRITER
  string phase = 5; // SPEC_WRITER
  string create_time = 10; // SPEC_WRITER
  string scheduled_at = 6;
  string expires_at = 7;
  string last_name = 8;
  string owned_by = 9;
}
message CreateGadgetRequest {
  string finished_at = 1; // SPEC_WRITER
  string phase = 2;
}
message ListGadgetsRequest {
  string created_by = 1;
  string created_at = 2;
  // Computed by the server.
  string digest = 3; // SPEC_WRITER: its comment
}
message GadgetResponse {
  // Written by the platform.
  string created_at = 1;
}
""",
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
  Detail detail = 1 [(commons.apiresource.computed) = true];
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
  GadgetSpec applied = 1 [(commons.apiresource.computed) = true];
}
message GadgetSpec {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
}
""",
    "a_computed_field_that_only_statuses_reach": """\
message GadgetStatus {
  map<string, Detail> details = 1 [(commons.apiresource.computed) = true];
}
message WidgetStatus {
  Detail detail = 1 [(commons.apiresource.computed) = true];
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
  string temporal_workflow_id = 2 [(commons.apiresource.computed) = true];
}}
""",
    "a_computed_field_in_what_an_rpc_takes_and_a_status_holds": """\
message GadgetStatus {
  Step step = 1 [(commons.apiresource.computed) = true];
}
message Step {
  string seen = 1 [(commons.apiresource.computed) = true]; // STATUS_ONLY_FIELD
}
service StepQueryController {
  option (commons.apiresource.api_resource_kind) = session;
  rpc readStep(Step) returns (Step) {
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
    "a_spec_that_holds_a_status": """\
message GadgetSpec {
  string wish = 1;
  GadgetStatus last = 2; // SPEC_WITHOUT_STATUS: GadgetStatus
}
message GadgetStatus {
  string phase = 1 [(commons.apiresource.computed) = true];
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
  string phase = 1 [(commons.apiresource.computed) = true];
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
    "a_field_in_a_spec_and_in_its_status": """\
message GadgetSpec {
  string size = 1;
  string title = 2; // SPEC_REPEATS_STATUS: GadgetSpec.title
}
message GadgetStatus {
  string title = 1 [(commons.apiresource.computed) = true];
}
message WidgetStatus {
  string size = 1 [(commons.apiresource.computed) = true];
}
""",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))
