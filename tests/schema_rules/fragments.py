"""Pieces of small schemas that tests of several rules change."""

from __future__ import annotations

from pathlib import Path


def but(text: str, old: str, new: str) -> str:
    """Replace a part of a text that occurs exactly once."""
    assert text.count(old) == 1, f"{old!r} does not stand once in {text}"
    return text.replace(old, new)


def edit(checkout: Path, path: str, old: str, new: str) -> None:
    """Replace a part of a file in a checkout that occurs exactly once."""
    source = checkout / path
    source.write_text(but(source.read_text(), old, new))


TOKEN = "bytes callback_token = 1 [debug_redact = true, (commons.apiresource.computed) = true];"

SERVICE = """\
message ReadInput {
  string id = 1;
  Place place = 2;
  repeated Place places = 3;
  map<string, Place> by_name = 4;
  commons.apiresource.apiresourcekind.ApiResourceKind kind = 5;
}
message Place {
  string id = 1;
}
service ReadQueryController {
  option (commons.apiresource.api_resource_kind) = session;
  rpc read(ReadInput) returns (Place) {
    option (iam.iampolicy.v1.rpcauthorization.config) = {
      permission: can_view
      resource_kind: session
      field_path: "id"
      error_msg: "You may not."
    };
  }
}
"""

CEL = """\
message Holder {
  repeated commons.apiresource.ApiResourceReference environment_refs = 1 [
    (buf.validate.field).repeated.items.cel = {
      id: "environment_refs.kind"
      message: "a reference in environment_refs must be to an environment"
      expression: "this.kind == 53"
    }
  ];
}
"""


def cel(message: str, expression: str) -> str:
    """A message with a CEL rule on a field."""
    return f"""\
message Holder {{
  commons.apiresource.ApiResourceReference owner = 1 [(buf.validate.field).cel = {{
    id: "holder.rule"
    message: "{message}"
    expression: "{expression}"
  }}];
}}
"""


def wrong(text: str, opening: str, mark: str) -> str:
    """Announce a finding on the line that begins an element."""
    return but(text, opening, f"{opening} // {mark}")


RPC = "  rpc read(ReadInput) returns (Place) {"
REFS = "  repeated commons.apiresource.ApiResourceReference environment_refs = 1 ["
OWNER = "  commons.apiresource.ApiResourceReference owner = 1 [(buf.validate.field).cel = {"
CONFIG_END = '      error_msg: "You may not."\n    };\n'
