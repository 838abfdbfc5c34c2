"""The comment rules, on small schemas that keep the comments that they have, and lack the others.

A line that breaks a rule ends with `// RULE_ID: words`, as in test_schema_rules.py.
"""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen import image
from schema_rules.check import findings
from schema_rules.finding import Finding, as_text
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks

COMMENT_RULES = (
    "COMMENT_PRESENT",
    "COMMENT_SENTENCE",
    "COMMENT_FINISHED",
    "COMMENT_INFORMS",
    "DEPRECATION_REASON",
)

_OPTIONS = 'import "google/protobuf/descriptor.proto";\n'


def _field(comment: str, name: str = "title", mark: str = "", options: str = "") -> str:
    """A message with one field whose comment is judged."""
    lines = "".join(f"  // {line}\n" if line else "  //\n" for line in comment.splitlines())
    announced = f" // {mark}" if mark else ""
    return f"// What a gadget asks for.\nmessage Gadget {{\n{lines}  string {name} = 1{options};\
{announced}\n}}\n"


SCHEMAS = {
    "what_has_no_comment": _OPTIONS
    + """\
message Gadget { // COMMENT_PRESENT: Message "v1.Gadget" needs a comment
  string title = 1; // COMMENT_PRESENT: Field "Gadget.title"
  oneof choice { // COMMENT_PRESENT: Oneof "Gadget.choice"
    // The colour that a buyer wants.
    string colour = 2;
  }
  // A trailing comment is none above.
  Part part = 3;
  message Part {} // COMMENT_PRESENT: Message "Gadget.Part"
  enum Size { // COMMENT_PRESENT: Enum "Gadget.Size"
    SIZE_UNSPECIFIED = 0; // COMMENT_PRESENT: EnumValue "Gadget.Size/SIZE_UNSPECIFIED"
  }
  // What a nested option extends.
  extend google.protobuf.FieldOptions {
    bool nested = 95101; // COMMENT_PRESENT: Option "Gadget.nested"
  }
}
// What an option extends.
extend google.protobuf.FieldOptions {
  bool outer = 95102; // COMMENT_PRESENT: Option "v1.outer"
}
service GadgetQueryController { // COMMENT_PRESENT: Service "v1.GadgetQueryController"
  option (commons.apiresource.api_resource_kind) = session;
  rpc whoAmI(Gadget) returns (Gadget) { // COMMENT_PRESENT: Rpc "v1.GadgetQueryController/whoAmI"
    option (iam.iampolicy.v1.rpcauthorization.is_skip_authorization) = true;
  }
}
""",
    "a_comment_apart_from_its_element": """\
// This one belongs to nothing.

message Gadget {} // COMMENT_PRESENT
""",
    "the_oneof_of_an_optional_field_needs_none": """\
// What a gadget asks for.
message Gadget {
  // What a buyer reads first. Absent if nobody named it.
  optional string title = 1;
  // The parts by their place in the plan.
  map<string, string> parts = 2;
}
""",
    "a_comment_without_a_full_stop": _field("What a buyer reads first", mark="COMMENT_SENTENCE"),
    "a_comment_that_begins_in_lower_case": _field(
        "what a buyer reads first.", mark="COMMENT_SENTENCE"
    ),
    "a_comment_whose_second_paragraph_is_unfinished": _field(
        "What a buyer reads first.\n\nand what a seller", mark="COMMENT_SENTENCE"
    ),
    "a_comment_with_a_list_a_heading_and_a_name_in_front": _field(
        "What a buyer reads first, one of:\n\n- The name\n- the number\n\n**Length**\n\n"
        'sort_key orders by it. `x` and "y" do not.\n\nWhy? Ask (us!).'
    ),
    "a_comment_with_code_and_a_url": _field(
        "What a buyer reads first:\n\n```yaml\ntitle: x\n```\n\nSee https://example.org/titles"
    ),
    "a_comment_that_is_not_written_yet": _field(
        "What a buyer reads first. TODO: say how long.", mark="COMMENT_FINISHED"
    ),
    "a_comment_of_somebody_to_themselves": _field(
        "What a buyer reads first. fixme(me): how long?", mark="COMMENT_FINISHED"
    ),
    "a_trailing_comment_that_is_not_written_yet": """\
// What a gadget asks for.
message Gadget {
  // What a buyer reads first.
  string title = 1; // COMMENT_FINISHED: XXX
}
""",
    "a_comment_that_is_to_be_written": _field(
        "What a buyer reads first. Documented later.", mark="COMMENT_FINISHED"
    ),
    "a_comment_that_keeps_a_place": _field("Placeholder for the title.", mark="COMMENT_FINISHED"),
    "a_placeholder_is_no_work_left": _field("What a buyer reads first, with a placeholder."),
    "a_todo_list_is_no_work_left": _field("The to-do list of a buyer, a todo in each line."),
    "a_field_that_repeats_its_name": _field("The title.", mark="COMMENT_INFORMS"),
    "a_field_that_repeats_the_name_of_its_message": _field(
        "The ID of the gadget.", "id", "COMMENT_INFORMS"
    ),
    "a_field_that_repeats_its_message_in_the_genitive": _field(
        "The gadget's title.", mark="COMMENT_INFORMS"
    ),
    "a_comment_that_is_to_be_determined": _field(
        "What a buyer reads first (tbd).", mark="COMMENT_FINISHED"
    ),
    "a_deprecation_because_it_is_deprecated": _field(
        "What a buyer reads first. Deprecated since it is deprecated.",
        mark="DEPRECATION_REASON",
        options=" [deprecated = true]",
    ),
    "a_field_that_repeats_its_type": _field("A string that holds titles.", mark="COMMENT_INFORMS"),
    "a_name_in_capitals_is_split_as_well": _field(
        "The display URL of the gadget.", "displayURL", "COMMENT_INFORMS"
    ),
    "a_field_that_says_what_is_done_with_it": """\
// A gadget, as a seller has it.
message CreateGadgetRequest {
  // The gadget to create.
  string gadget = 1;
}
// One gadget.
message GetGadgetResponse {
  // The gadget.
  string gadget = 1; // COMMENT_INFORMS
}
""",
    "a_comment_of_no_words": _field("...", mark="COMMENT_INFORMS"),
    "a_field_with_more_than_its_name": _field("The title, as a buyer reads it."),
    "types_that_repeat_their_names": """\
// The gadget spec.
message GadgetSpec { // COMMENT_INFORMS
  // The size that a buyer wants.
  GadgetSize size = 1;
}
// Gadget sizes.
enum GadgetSize { // COMMENT_INFORMS
  // Not given.
  GADGET_SIZE_UNSPECIFIED = 0;
  // Small.
  GADGET_SIZE_SMALL = 1; // COMMENT_INFORMS
  // Fits a pocket.
  GADGET_SIZE_POCKET = 2;
}
""",
    "a_type_whose_name_is_put_into_relation": """\
// The ID of a gadget.
message GadgetId {
  // The ID, as found in metadata.id.
  string value = 1;
}
""",
    "an_rpc_that_repeats_its_name": """\
// What a gadget is asked for.
message ReadGadgetRequest {}
// Reads what a seller has in stock.
service GadgetQueryController {
  option (commons.apiresource.api_resource_kind) = session;
  // Reads the gadget.
  rpc readGadget(ReadGadgetRequest) returns (ReadGadgetRequest) { // COMMENT_INFORMS
    option (iam.iampolicy.v1.rpcauthorization.is_skip_authorization) = true;
  }
}
""",
    "a_deprecation_without_a_reason": _field(
        "What a buyer reads first.",
        mark="DEPRECATION_REASON",
        options=" [deprecated = true]",
    ),
    "a_deprecation_that_only_says_so": _field(
        "What a buyer reads first. Deprecated. Do not use it any more.",
        mark="DEPRECATION_REASON",
        options=" [deprecated = true]",
    ),
    "a_deprecation_with_a_successor": _field(
        "What a buyer reads first. Deprecated: use display_name instead.",
        options=" [deprecated = true]",
    ),
    "a_deprecation_with_a_cause": _field(
        "What a buyer reads first. Deprecated because nobody read it.",
        options=" [deprecated = true]",
    ),
    "whatever_can_be_deprecated": """\
// What a gadget asks for.
message Gadget { // DEPRECATION_REASON
  option deprecated = true;
}
// How large a buyer wants it.
enum Size { // DEPRECATION_REASON
  option deprecated = true;
  // Not given.
  SIZE_UNSPECIFIED = 0 [deprecated = true]; // DEPRECATION_REASON
}
// Reads what a seller has in stock.
service GadgetQueryController { // DEPRECATION_REASON
  option (commons.apiresource.api_resource_kind) = session;
  option deprecated = true;
  // Tells what the caller owns.
  rpc whoAmI(Gadget) returns (Gadget) { // DEPRECATION_REASON
    option deprecated = true;
    option (iam.iampolicy.v1.rpcauthorization.is_skip_authorization) = true;
  }
}
""",
}


BARE = SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))


def test_an_image_without_comments_tells_nothing_of_them(small: SmallSchemas) -> None:
    bare = image.without_source_info(small.image)
    assert [f for f in findings(bare) if f.rule in COMMENT_RULES] == []


def test_a_file_needs_a_comment_above_its_syntax(small: SmallSchemas) -> None:
    mute = FileDescriptorSet.FromString(small.image.SerializeToString())
    (file,) = [
        f for f in mute.file if f.name.endswith("a_todo_list_is_no_work_left/v1/small.proto")
    ]
    (syntax,) = [at for at in file.source_code_info.location if list(at.path) == [12]]
    syntax.ClearField("leading_comments")
    (finding,) = [
        f for f in findings(mute) if f.rule == "COMMENT_PRESENT" and f.element.name == file.name
    ]
    assert as_text(finding).startswith(f'apis/{file.name}:2:1:File "{file.name}" needs a comment')
