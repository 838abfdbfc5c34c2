"""The rules that say whether authorization makes sense, on small schemas with their findings."""

from __future__ import annotations

import pytest

from schema_rules.finding import Finding
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks


def _service(
    *rpcs: str, name: str = "SessionQueryController", kind: str = "session", more: str = ""
) -> str:
    """A service with RPCs, and the messages that they share."""
    lines = "".join(f"  {rpc}\n" for rpc in rpcs)
    return f"""\
message SessionId {{
  string value = 1;
}}
message Answer {{}}
{more}service {name} {{
  option (commons.apiresource.api_resource_kind) = {kind};
{lines}}}
"""


def _rpc(
    name: str,
    mark: str = "",
    permission: str = "can_view",
    kind: str = "session",
    path: str = "value",
    takes: str = "SessionId",
    where: str = "",
) -> str:
    """An RPC that a config authorizes, and what is found in it."""
    announced = f" // {mark}" if mark else ""
    resource = where or f'resource_kind: {kind} field_path: "{path}"'
    return f"""rpc {name}({takes}) returns (Answer) {{{announced}
    option (iam.iampolicy.v1.rpcauthorization.config) = {{
      permission: {permission} {resource} error_msg: "You may not."
    }};
  }}"""


def _open(
    name: str, mark: str = "", way: str = "is_skip_authorization", answer: str = "Answer"
) -> str:
    """An RPC that asks for no permission, and what is found in it."""
    announced = f" // {mark}" if mark else ""
    return f"""rpc {name}(SessionId) returns ({answer}) {{{announced}
    option (iam.iampolicy.v1.rpcauthorization.{way}) = true;
  }}"""


COMMAND = "SessionCommandController"
_CREATES_ANOTHER = "PERMISSION_FITS: its service serves session // PERMISSION_FITS: will contain it"
_PREFIX = '[(buf.validate.field).string.prefix = "ses-"]'
_CONTEXT = "agentic.executioncontext.v1.ExecutionContext"


def _request(
    field: str, path: str, kind: str = "session", mark: str = "", comment: str = ""
) -> str:
    """A query whose config finds its resource in a field of the request."""
    said = f"  // {comment}\n" if comment else ""
    request = f"message Request {{\n{said}  {field}\n}}\n"
    return _service(_rpc("get", mark, kind=kind, path=path, takes="Request"), more=request)


SCHEMAS = {
    "services_that_say_what_they_are_for": """\
service SessionCommandController {
  option (commons.apiresource.api_resource_kind) = session;
}
service SessionQueryService {
  option (commons.apiresource.api_resource_kind) = session;
}
""",
    "services_that_do_not": """\
service SessionController { // SERVICE_ROLE
  option (commons.apiresource.api_resource_kind) = session;
}
service SessionQueryCommandController { // SERVICE_ROLE
  option (commons.apiresource.api_resource_kind) = session;
}
""",
    "permissions_that_fit": _service(
        _rpc("update", permission="can_edit"),
        _rpc("delete", permission="can_delete"),
        _rpc("archive", permission="owner"),
        _rpc("upload", permission="can_edit"),
        name=COMMAND,
    )
    + """\
service SessionQueryController {
  option (commons.apiresource.api_resource_kind) = session;
"""
    + "".join(
        f"  {rpc}\n" for rpc in (_rpc("get"), _rpc("listAccess", permission="can_view_access"))
    )
    + "}\n",
    "a_command_by_a_permission_to_read": _service(
        _rpc("update", "PERMISSION_FITS: can_view is a permission to read"), name=COMMAND
    ),
    "a_query_by_a_permission_to_write": _service(
        _rpc("get", "PERMISSION_FITS: can_edit is a permission to write", "can_edit"),
        _rpc("list", "PERMISSION_FITS: can_execute", "can_execute"),
        _rpc("find", "PERMISSION_FITS: create", "create"),
    ),
    "permissions_for_something_else": _service(
        _rpc("update", "PERMISSION_FITS: about other operations", "can_delete"),
        _rpc("delete", "PERMISSION_FITS: about other operations", "can_execute"),
        _rpc("create", _CREATES_ANOTHER, "can_create_agent"),
        _rpc("apply", "PERMISSION_FITS: will contain it", "can_create_session"),
        name=COMMAND,
    ),
    "a_permission_to_create_in_another_resource": _service(
        _rpc(
            "create",
            permission="can_create_session",
            kind="organization",
            path="org",
            takes="Request",
        ),
        name=COMMAND,
        more="message Request {\n  string org = 1;\n}\n",
    ),
    "ids_that_say_whose_they_are": "".join(
        text.replace("Session", f"S{i}").replace("Answer", f"Answer{i}").replace("Request", f"R{i}")
        for i, text in enumerate(
            (
                _request("string session_id = 1;", "session_id"),
                _request("string id = 1;", "id"),
                _request("string resource_id = 1;", "resource_id"),
                _request("string org_id = 1;", "org_id", "organization"),
                _request("string execution_id = 1;", "execution_id", "workflow_execution"),
                _request("string parent = 1;", "parent", comment='The ID ("ses-...").'),
                _request(
                    'string parent = 1 [(buf.validate.field).string.prefix = "ses-"];', "parent"
                ),
            )
        )
    ),
    "an_id_of_another_kind": _service(
        _rpc("get", "AUTHORIZED_ID: kind agent, but takes the ID from", kind="agent")
    ),
    "an_id_of_another_kind_by_its_name": _request(
        "string agent_id = 1;", "agent_id", mark="AUTHORIZED_ID: that of agent"
    ),
    "an_id_of_another_kind_by_its_comment": _request(
        "string id = 1;", "id", mark="AUTHORIZED_ID: that of agent", comment='The ID ("agt-...").'
    ),
    "an_id_of_another_kind_by_its_validation": _request(
        'string id = 1 [(buf.validate.field).string.pattern = "^agt-.+"];',
        "id",
        mark="AUTHORIZED_ID: that of agent",
    ),
    "the_organization_of_a_resource_is_not_the_resource": _request(
        "agentic.session.v1.Session session = 1;",
        "session.metadata.org",
        mark="AUTHORIZED_ID: that of organization",
    ),
    "text_that_is_no_id": _request(
        "string subject = 1;", "subject", mark="AUTHORIZED_ID: is not recognizable as an ID"
    ),
    "the_name_of_a_resource_is_no_id": _request(
        "agentic.session.v1.Session session = 1;",
        "session.metadata.slug",
        mark="AUTHORIZED_ID: is not recognizable as an ID",
    ),
    "a_number_is_no_id": _request(
        "int64 session_id = 1;", "session_id", mark="AUTHORIZED_ID: which is not a string"
    ),
    "an_enum_is_no_id": _request(
        "commons.apiresource.ApiResourceOwnerScope session_id = 1;",
        "session_id",
        mark="AUTHORIZED_ID: which is not a string",
    ),
    "the_kind_and_the_id_of_one_resource": _service(
        _rpc(
            "get",
            takes="Request",
            where='resource_kind_path: "owner_kind" field_path: "owner_id"',
        ),
        more="message Request {\n  string owner_kind = 1;\n  string owner_id = 2; // An ID.\n}\n",
    ).replace("owner_", "session_"),
    "the_kind_of_one_resource_and_the_id_of_another": _service(
        _rpc(
            "get",
            "AUTHORIZED_ID: belong to different resources",
            takes="Request",
            where='resource_kind_path: "agent_kind" field_path: "session_id"',
        ),
        more="message Request {\n  string agent_kind = 1;\n  string session_id = 2;\n}\n",
    ),
    "a_kind_that_is_none": _service(
        _rpc(
            "get",
            "AUTHORIZED_ID: does not hold a kind",
            takes="Request",
            where='resource_kind_path: "session_name" field_path: "session_id"',
        ),
        more="message Request {\n  string session_name = 1;\n  string session_id = 2;\n}\n",
    ),
    "constants": _service(
        _rpc("get", permission="operator", where='resource_kind: platform resource_id: "stigmer"'),
        _rpc(
            "find",
            "AUTHORIZED_ID: whose ID is not",
            permission="operator",
            where='resource_kind: platform resource_id: "other"',
        ),
        _rpc(
            "list",
            "AUTHORIZED_ID: whose ID is not",
            where='resource_kind: session resource_id: "stigmer"',
        ),
        _rpc("read", where='resource_kind: session resource_id: "ses-1"'),
    ),
    "commands_that_ask_for_no_permission": _service(
        _open("create", "OPEN_COMMAND: open to every signed-in caller"),
        _open("update", "OPEN_COMMAND: open to anybody", "is_public"),
        name=COMMAND,
    ),
    "queries_may_ask_for_no_permission": _service(
        _open("list"), _open("listPublished", way="is_public")
    ),
    "secrets_for_everybody": _service(
        _open("getContext", "SECRET_ANSWER", answer=_CONTEXT),
        _open("listContexts", "SECRET_ANSWER", "is_public", answer="Contexts"),
        _open("getDecrypted", "SECRET_ANSWER"),
        "// Returns the values, decrypted.\n  " + _open("get", "SECRET_ANSWER"),
        "// Returns the values, never in plain text.\n  " + _open("find"),
        "// Returns the values, not masked.\n  " + _open("read", "SECRET_ANSWER"),
        "// Returns the real values.\n  " + _open("getValues", "SECRET_ANSWER"),
        _open("getPassword", "SECRET_ANSWER", answer="Password"),
        _open("getEnvironment", answer="agentic.environment.v1.Environment"),
        _rpc("readContext").replace("Answer", _CONTEXT),
        more=f"""\
message Contexts {{
  repeated {_CONTEXT} entries = 1;
}}
message Password {{
  string value = 1 [debug_redact = true];
}}
""",
    ),
    "queries_that_may_write": _service(
        _open("deleteAll", "QUERY_ONLY_READS: does not start with a reading verb"),
        _open("getOrCreate", "QUERY_ONLY_READS"),
        _open("getAndMarkSeen", "QUERY_ONLY_READS"),
        "// Returns the list, and marks it as seen.\n  "
        + _open("getList", "QUERY_ONLY_READS: writes according to its comment"),
        "// Returns the records of the gadget, and sets of gadgets.\n  " + _open("getRecords"),
        _open("summarize", "QUERY_ONLY_READS"),
        _open("whoAmI"),
        _open("checkAccess"),
        _open("explainAnswer").replace(
            "option", "option idempotency_level = NO_SIDE_EFFECTS; option"
        ),
    ),
    "commands_without_side_effects": _service(
        _rpc("update", "QUERY_ONLY_READS: marked NO_SIDE_EFFECTS", "can_edit").replace(
            "    option", "    option idempotency_level = NO_SIDE_EFFECTS;\n    option"
        ),
        _rpc("replace", permission="can_edit").replace(
            "    option", "    option idempotency_level = IDEMPOTENT;\n    option"
        ),
        name=COMMAND,
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))
