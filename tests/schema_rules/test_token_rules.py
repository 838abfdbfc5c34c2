"""The rule on task tokens, on small schemas that announce their findings."""

from __future__ import annotations

import pytest

from schema_rules.finding import Finding
from tests.schema_rules.fragments import TOKEN, but
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks

SCHEMAS = {
    "a_token_as_it_must_be": f"message GadgetStatus {{\n  {TOKEN}\n}}\n",
    "what_is_said_of_a_token_is_none": """\
message GadgetStatus {
  string callback_token_hint = 1 [debug_redact = false, (commons.apiresource.computed) = true];
  string task_token_digest = 2 [debug_redact = false, (commons.apiresource.computed) = true];
  int64 completion_tokens = 3 [(commons.apiresource.computed) = true];
  bool has_task_token = 4 [debug_redact = false, (commons.apiresource.computed) = true];
  google.protobuf.Timestamp task_token_expires = 5 [
    debug_redact = false,
    (commons.apiresource.computed) = true
  ];
}
message ListRequest {
  string page_token = 1;
  string task_handler = 2;
  string callback_url = 3;
}
""",
    "tokens_of_any_name": """\
message GadgetStatus {
  bytes completion_token = 1; // TOKEN_SHAPE: debug_redact // TOKEN_SHAPE: computed
  bytes resume_handle = 2; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes activity_token = 3; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes async_token = 4; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes callback_handle = 5; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes waiter = 6; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes tasktoken = 7; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes task_token_bytes = 8; // TOKEN_SHAPE // TOKEN_SHAPE
  bytes opaque = 9 [json_name = "taskToken"]; \
// TOKEN_SHAPE: debug_redact // TOKEN_SHAPE: computed // TOKEN_SHAPE: JSON name "opaque"
}
""",
    "tokens_of_any_type": """\
message GadgetStatus {
  map<string, bytes> task_tokens = 1 [debug_redact = true, (commons.apiresource.computed) = true]; \
// TOKEN_SHAPE: bytes // TOKEN_SHAPE: singular
  google.protobuf.Any task_token = 2 [debug_redact = true, (commons.apiresource.computed) = true]; \
// TOKEN_SHAPE: bytes
  google.protobuf.BytesValue waiter = 3 [\
    debug_redact = true, (commons.apiresource.computed) = true]; \
// TOKEN_SHAPE: bytes
  TaskToken wrapped = 4 [(commons.apiresource.computed) = true];
}
message TaskToken {
  bytes value = 1; // TOKEN_SHAPE: debug_redact // TOKEN_SHAPE: computed
}
""",
    "a_bare_token_belongs_to_what_its_message_is_about": """\
message CompleteActivityRequest {
  bytes token = 1 [debug_redact = true]; // TOKEN_SHAPE: computed // STATUS_ONLY_FIELD: task token
}
message SignInRequest {
  bytes token = 1 [debug_redact = true];
}
""",
    "tokens_by_what_their_comments_say": """\
message GadgetStatus {
  // The task token of the external activity.
  bytes opaque = 1 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // Opaque bytes that complete the waiting activity.
  bytes blob = 2 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // Resumes the activity.
  map<string, bytes> extras = 3 [(commons.apiresource.computed) = true]; \
// TOKEN_SHAPE: bytes // TOKEN_SHAPE: singular // TOKEN_SHAPE: debug_redact
  // Whether the task token was cleared.
  string cleared = 4 [(commons.apiresource.computed) = true];
  // The digest of the task token, to match log lines by.
  string mark = 5 [(commons.apiresource.computed) = true];
  // Who completes the activity.
  string author = 6 [(commons.apiresource.computed) = true];
  // By which the platform completes the activity that waits.
  bytes a = 8 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // The handles of the activities that wait.
  bytes b = 9 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // Handed back when the run ends, to wake the caller's activity.
  bytes c = 10 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // A reference to the pending activity.
  bytes d = 11 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // For later.
  bytes async_completion = 12 [(commons.apiresource.computed) = true]; // TOKEN_SHAPE: debug_redact
  // The name of the external activity.
  string e = 13 [(commons.apiresource.computed) = true];
  // Holds no task token.
  string note = 7 [(commons.apiresource.computed) = true];
}
""",
    "a_token_in_a_message_that_stands_alone": """\
message Detail {
  {TOKEN} // STATUS_ONLY_FIELD: in a message of its own
}
message Ring {
  Ring next = 1;
  {TOKEN2} // STATUS_ONLY_FIELD: in a message of its own
}
""".replace("{TOKEN}", TOKEN).replace("{TOKEN2}", but(TOKEN, "= 1", "= 2")),
    "a_token_in_an_option": """\
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions {
  bytes task_token = 95201 [debug_redact = true, (commons.apiresource.computed) = true]; \
// TOKEN_SHAPE: option or extension // STATUS_ONLY_FIELD: is an extension
}
message Holder {
  extend google.protobuf.FieldOptions {
    bytes waiter = 95202 [debug_redact = true, (commons.apiresource.computed) = true]; \
// TOKEN_SHAPE: option or extension // STATUS_ONLY_FIELD: is an extension
  }
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
  optional {TOKEN} // TOKEN_SHAPE: have no explicit presence
}}
""",
    "a_token_in_a_oneof": f"""\
message GadgetStatus {{
  oneof token {{
    {TOKEN} // TOKEN_SHAPE: have no explicit presence
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
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))
