"""No form of a message that `stigmer_apis.redaction` makes shows a secret, and each shows the rest.

Every path in the contract that leads to a secret is tried; the odd shapes that it does not have, in
a schema of somebody else's.
"""

from __future__ import annotations

import base64
import json
import pickle
import re
from itertools import permutations, product
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from stigmer_apis.agentic.environment.v1 import EnvironmentSpec, EnvironmentValue
from stigmer_apis.agentic.executioncontext.v1 import ExecutionContextSpec, ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowExecutionStatus
from stigmer_apis.redaction import (
    Redacted,
    fingerprint,
    redacted_copy,
    to_dict,
    to_json,
    to_text,
)
from stigmer_apis.redaction._masking import own_text
from tests.each import for_each
from tests.redaction.redaction_cases import (
    DECLARED,
    MARKED_TYPES,
    MASK,
    MESSAGE_TYPES,
    PATHS,
    REDACTED_FIELDS,
    SECRET,
    TOKEN,
    TOKEN_MASK,
    Path,
    assert_hidden,
    filled,
)

on_every_path = for_each({str(path): path for path in PATHS})

# A field that no release has yet: number 2000, with a secret.
UNKNOWN_TAG = b"\x82\x7d"


def outputs(message: Message) -> dict[str, str]:
    """Everything that this module makes of a message, and what others make of the copy."""
    copy = redacted_copy(message)
    view = Redacted(message)
    return {
        "to_text": to_text(message),
        "str of the view": str(view),
        "repr of the view": repr(view),
        "format of the view": f"{view}",
        "a list with the view": str([view]),
        "a pickle of the view": pickle.dumps(view).decode("latin-1"),
        "to_dict": str(to_dict(message)),
        "to_dict, proto names": str(to_dict(message, preserving_proto_field_name=True)),
        "to_json": to_json(message),
        "to_json, indented": to_json(message, indent=2),
        "str of the copy": str(copy),
        "str of the message": str(message if is_safe(message) else view),
        "bytes of the copy": copy.SerializePartialToString().decode("latin-1"),
        "text format of the copy": text_format.MessageToString(copy, print_unknown_fields=True),
    }


def is_safe(message: Message) -> bool:
    """Whether its class prints masked by itself, which only ours do."""
    return str(type(message).__module__).startswith("stigmer_apis.")


def unknown(secret: bytes) -> bytes:
    """The secret as a field of a newer peer's."""
    assert len(secret) < 128
    return UNKNOWN_TAG + bytes([len(secret)]) + secret


# The contract.


def test_the_paths_are_those_that_the_contract_has() -> None:
    assert len(MESSAGE_TYPES) > 150
    assert {str(path) for path in PATHS} >= {
        "WorkflowExecution.status.callback_token",
        "AgentExecutionUpdateStatusInput.status.callback_token",
        "WorkflowExecutionList.entries.spec.runtime_env.value.value",
        "Agent.spec.env_spec.data.value.value",
    }
    reached = {path.fields[-1].full_name for path in PATHS}
    assert reached == REDACTED_FIELDS | {f"{name}.value" for name in MARKED_TYPES}


def test_every_message_that_marks_itself_as_secret_does_it_as_redaction_knows_it() -> None:
    for name in MARKED_TYPES:
        names = {declared.field.name for declared in DECLARED if declared.message == name}
        assert {"is_secret", "value"} <= names, f"redaction does not know how {name} is marked"


@on_every_path
def test_an_explicit_call_for_the_text_format_or_json_gives_the_secret(path: Path) -> None:
    # The way to the plain text; and that the search finds what is there.
    message = filled(path, TOKEN, SECRET)
    is_token = path.fields[-1].type == FieldDescriptor.TYPE_BYTES
    secret = TOKEN if is_token else SECRET.encode()
    with pytest.raises(AssertionError, match="shows the secret"):
        assert_hidden(secret, text_format.MessageToString(message), str(path))
    if is_token:  # other secrets are text in JSON
        with pytest.raises(AssertionError, match=r"shows the secret \(base64"):
            assert_hidden(secret, MessageToJson(message), str(path))


@on_every_path
def test_no_output_shows_the_secret_in_any_form(path: Path) -> None:
    for output, shown in outputs(filled(path, TOKEN, SECRET)).items():
        assert_hidden(TOKEN, shown, f"{output} of {path}")
        assert_hidden(SECRET.encode(), shown, f"{output} of {path}")


@on_every_path
def test_everything_else_is_shown(path: Path) -> None:
    message, by_hand = filled(path, TOKEN, SECRET), filled(path, TOKEN_MASK, MASK)

    assert redacted_copy(message) == by_hand
    assert to_text(message) == str(by_hand)
    in_base64 = base64.b64encode(TOKEN_MASK).decode()
    shown = json.dumps(MessageToDict(by_hand)).replace(in_base64, TOKEN_MASK.decode())
    assert to_dict(message) == json.loads(shown) == json.loads(to_json(message))
    names = json.dumps(MessageToDict(by_hand, preserving_proto_field_name=True))
    names = names.replace(in_base64, TOKEN_MASK.decode())
    assert to_dict(message, preserving_proto_field_name=True) == json.loads(names)


@on_every_path
def test_the_message_itself_is_not_changed(path: Path) -> None:
    message = filled(path, TOKEN, SECRET)
    before = message.SerializeToString(deterministic=True)
    outputs(message)
    assert message.SerializeToString(deterministic=True) == before


@for_each({t.DESCRIPTOR.full_name: t for t in MESSAGE_TYPES})
def test_every_message_can_be_shown_empty_and_packed_with_fields_of_newer_peers(
    message_type: type[Message],
) -> None:
    empty = message_type()
    assert to_text(empty) == str(empty)
    assert to_dict(empty) == {}
    newer = message_type.FromString(unknown(TOKEN[:100]))
    packed = AnyMessage()
    packed.Pack(newer)
    for message in (newer, packed):
        assert TOKEN[:11] in message.SerializeToString()
        for output, shown in outputs(message).items():
            assert_hidden(TOKEN[:100], shown, output)
    assert redacted_copy(newer) == empty


def test_a_value_that_is_no_secret_is_shown() -> None:
    for value in (
        ExecutionValue(value="eu-central-1"),
        EnvironmentValue(value="eu-central-1", description="Where it runs"),
    ):
        assert redacted_copy(value) == value
        assert to_text(value) == str(value)


def test_of_a_map_only_the_secret_values_are_masked() -> None:
    spec = EnvironmentSpec(
        data={
            "REGION": EnvironmentValue(value="eu"),
            "KEY": EnvironmentValue(value=SECRET, is_secret=True, description="For the shop"),
        }
    )
    assert to_dict(spec) == {
        "data": {
            "REGION": {"value": "eu"},
            "KEY": {"value": MASK, "isSecret": True, "description": "For the shop"},
        }
    }


def test_masking_in_the_text_of_any_type_gives_the_text_of_the_masked_copy() -> None:
    """Types with a marker, another field and messages of their own, in every order and odd kind."""
    text, flag = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BOOL
    for syntax, other, numbers, odd, repeated in product(
        ("proto2", "proto3"),
        ("text", "a_value"),
        permutations((1, 2, 3)),
        (None, "value", "is_secret"),
        (None, "value", "is_secret"),
    ):
        file = descriptor_pb2.FileDescriptorProto(name="marked.proto", syntax=syntax)
        add = file.message_type.add(name="Marked").field.add
        for name, number in zip(("value", "is_secret", other), numbers, strict=True):
            kind = flag if (name == "is_secret") != (name == odd) else text
            add(name=name, number=number, type=kind, label=3 if name == repeated else 1)
        add(name="more", number=4, type=11, type_name=".Marked", label=3)
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(file.SerializeToString())
        marked: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("Marked"))
        message = marked()
        texts = ("", SECRET, " value: ", 'value: "x"\n  is_secret: true\n', "}")
        choices = {text: texts, flag: (None, False, True)}
        fields = [field for field in marked.DESCRIPTOR.fields if field.name != "more"]
        for values in product(*(choices[field.type] for field in fields)):
            pairs = zip(fields, values, strict=True)
            given: dict[str, Any] = {field.name: v for field, v in pairs if v is not None}
            if repeated:
                given[repeated] = [given[repeated]] * 2 if repeated in given else []
            message.more.add(**given).more.add(**given)
        shown = to_text(message)
        assert shown == own_text(redacted_copy(message)), file


def test_equal_passwords_look_no_more_alike_than_others() -> None:
    shown = {
        to_text(ExecutionValue(value=value, is_secret=True))
        for value in ("hunter2", "hunter3", "h", "h" * 1000)
    }
    assert len(shown) == 1


@on_every_path
def test_what_is_redacted_already_stays_as_it_is(path: Path) -> None:
    # So that a copy can be logged where a filter is; the token keeps its own fingerprint.
    once = redacted_copy(filled(path, TOKEN, SECRET))
    assert redacted_copy(once) == once
    assert to_text(once) == str(once)


def test_an_unset_secret_stays_unset() -> None:
    assert redacted_copy(WorkflowExecutionStatus()) == WorkflowExecutionStatus()
    assert to_dict(ExecutionValue(is_secret=True)) == {"isSecret": True}


# The fingerprint.


def test_two_log_lines_with_the_same_token_can_be_matched() -> None:
    lines = [
        to_text(WorkflowExecutionStatus(callback_token=TOKEN)),
        to_json(WorkflowExecution(status=WorkflowExecutionStatus(callback_token=TOKEN))),
        f"completing {fingerprint(TOKEN)}",
    ]
    assert {re.findall(r"sha256:[0-9a-f]{12}", line)[0] for line in lines} == {fingerprint(TOKEN)}
    assert fingerprint(TOKEN) != fingerprint(TOKEN[1:])


def test_a_fingerprint_is_the_beginning_of_the_digest_that_every_shell_makes() -> None:
    # printf stigmer-example-token | sha256sum | head -c 12
    assert fingerprint(b"stigmer-example-token") == "sha256:57cc19caf07a"


def test_what_is_short_enough_to_be_tried_has_no_fingerprint() -> None:
    assert fingerprint(b"x" * 15) == MASK
    assert fingerprint(b"x" * 16).startswith("sha256:")
    short = WorkflowExecutionStatus(callback_token=b"x" * 15)
    assert redacted_copy(short).callback_token == MASK.encode()
    assert to_dict(short) == {"callbackToken": MASK}


def test_the_empty_token_is_none() -> None:
    assert fingerprint(b"") == "none"


# What cannot be read.


def in_an_any(message: Message, type_url: str | None = None) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    if type_url is not None:
        packed.type_url = type_url
    return packed


def test_an_any_of_a_known_type_is_masked_within() -> None:
    packed = in_an_any(in_an_any(WorkflowExecutionStatus(callback_token=TOKEN, error="broken")))
    inner, status = AnyMessage(), WorkflowExecutionStatus()
    assert redacted_copy(packed).Unpack(inner)
    assert inner.Unpack(status)
    assert status == WorkflowExecutionStatus(callback_token=TOKEN_MASK, error="broken")
    assert to_dict(packed)["value"] == {
        "@type": f"type.googleapis.com/{status.DESCRIPTOR.full_name}",
        "callbackToken": TOKEN_MASK.decode(),
        "error": "broken",
    }
    for output, shown in outputs(packed).items():
        assert_hidden(TOKEN, shown, output)


@pytest.mark.parametrize("type_url", ["type.example.com/theirs.v1.Unknown", "no-slash", ""])
def test_an_any_of_an_unknown_type_shows_its_type_and_size(type_url: str) -> None:
    packed = in_an_any(WorkflowExecutionStatus(callback_token=TOKEN), type_url)
    size = len(packed.value)
    for output, shown in outputs(packed).items():
        assert_hidden(TOKEN, shown, output)
        assert f"[REDACTED {size} bytes]" in shown, output
        assert type_url in shown, output
    assert to_dict(packed) == {"@type": type_url, "value": f"[REDACTED {size} bytes]"}


def test_an_any_with_malformed_content_shows_its_type_and_size() -> None:
    for malformed in (TOKEN, b"\x0a\x07" + b"\xff" * 7):
        packed = in_an_any(ExecutionValue())
        packed.value = malformed
        for output, shown in outputs(packed).items():
            assert_hidden(TOKEN, shown, output)
            assert f"[REDACTED {len(malformed)} bytes]" in shown, output
        assert to_dict(packed) == {
            "@type": packed.type_url,
            "value": f"[REDACTED {len(malformed)} bytes]",
        }


def test_an_any_that_was_masked_already_keeps_the_size_of_what_it_was() -> None:
    packed = in_an_any(ExecutionValue(value=SECRET), "type.example.com/theirs.v1.Unknown")
    once = redacted_copy(packed)
    # Not `==`, for which the pure Python runtime would have to know the type.
    assert str(redacted_copy(once)) == str(once)
    assert to_dict(once) == to_dict(packed)


def test_an_any_that_only_pretends_to_be_masked_is_masked() -> None:
    packed = AnyMessage(type_url="type.example.com/x/[REDACTED]", value=TOKEN)
    for output, shown in outputs(packed).items():
        assert_hidden(TOKEN, shown, output)


def test_any_within_any_without_end_is_cut_off_where_it_hides_all() -> None:
    packed = in_an_any(WorkflowExecutionStatus(callback_token=TOKEN))
    for _ in range(60):
        packed = in_an_any(packed)
    for output, shown in outputs(packed).items():
        assert_hidden(TOKEN, shown, output)
        assert "bytes]" in shown, output


def test_a_struct_marks_nothing_and_is_shown() -> None:
    struct = Struct()
    struct.update({"password": "hunter2"})
    assert to_text(struct) == str(struct)
    assert redacted_copy(struct) == struct


def test_text_that_looks_like_a_mask_is_left_alone() -> None:
    for text in (base64.b64encode(b"[REDACTED").decode(), "W1JFREFDVEVE*", MASK, "[REDACTED]x"):
        assert to_dict(WorkflowExecutionStatus(error=text)) == {"error": text}


# A schema of somebody else's.

THEIRS = """
name: "theirs/v1/redaction_test.proto" package: "theirs.v1" syntax: "proto2"
dependency: "google/protobuf/any.proto"
dependency: "google/protobuf/descriptor.proto"
dependency: "google/protobuf/struct.proto"
dependency: "google/protobuf/timestamp.proto"
enum_type {
  name: "Color"
  value { name: "RED" number: 1 }
  value { name: "BLUE" number: 2 }
}
enum_type {
  name: "DataClass"
  value { name: "OPEN" number: 0 }
  value { name: "PERSONAL" number: 1 options { debug_redact: true } }
}
extension {
  name: "data_class" number: 50123 label: LABEL_OPTIONAL type: TYPE_ENUM
  type_name: ".theirs.v1.DataClass" extendee: ".google.protobuf.FieldOptions"
}
extension {
  name: "password_extension" number: 1000 label: LABEL_OPTIONAL type: TYPE_STRING
  extendee: ".theirs.v1.All" options { debug_redact: true }
}
extension {
  name: "passwords_extension" number: 1001 label: LABEL_REPEATED type: TYPE_STRING
  extendee: ".theirs.v1.All" options { debug_redact: true }
}
extension {
  name: "all_extension" number: 1002 label: LABEL_OPTIONAL type: TYPE_MESSAGE
  type_name: ".theirs.v1.All" extendee: ".theirs.v1.All"
}
extension {
  name: "alls_extension" number: 1003 label: LABEL_REPEATED type: TYPE_MESSAGE
  type_name: ".theirs.v1.All" extendee: ".theirs.v1.All"
}
extension {
  name: "note_extension" number: 1004 label: LABEL_OPTIONAL type: TYPE_STRING
  extendee: ".theirs.v1.All"
}
message_type {
  name: "All"
  extension_range { start: 1000 end: 2000 }
  FIELDS
  oneof_decl { name: "choice" }
  nested_type {
    name: "ByNameEntry" options { map_entry: true }
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
  }
  nested_type {
    name: "ByNumberEntry" options { map_entry: true }
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 }
    field {
      name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".theirs.v1.All"
    }
  }
}
message_type {
  name: "Required"
  field {
    name: "all" number: 1 label: LABEL_REQUIRED type: TYPE_MESSAGE type_name: ".theirs.v1.All"
  }
  field { name: "name" number: 2 label: LABEL_REQUIRED type: TYPE_STRING }
}
"""
SHAPES = [
    # name, label, type, type name
    ("text", "OPTIONAL", "STRING", ""),
    ("texts", "REPEATED", "STRING", ""),
    ("data", "OPTIONAL", "BYTES", ""),
    ("callback_token", "OPTIONAL", "BYTES", ""),
    ("pin", "OPTIONAL", "INT32", ""),
    ("pins", "REPEATED", "INT64", ""),
    ("rate", "OPTIONAL", "DOUBLE", ""),
    ("flag", "OPTIONAL", "BOOL", ""),
    ("color", "OPTIONAL", "ENUM", ".theirs.v1.Color"),
    ("colors", "REPEATED", "ENUM", ".theirs.v1.Color"),
    ("all", "OPTIONAL", "MESSAGE", ".theirs.v1.All"),
    ("alls", "REPEATED", "MESSAGE", ".theirs.v1.All"),
    ("time", "OPTIONAL", "MESSAGE", ".google.protobuf.Timestamp"),
    ("struct", "OPTIONAL", "MESSAGE", ".google.protobuf.Struct"),
    ("any", "OPTIONAL", "MESSAGE", ".google.protobuf.Any"),
    ("by_name", "REPEATED", "MESSAGE", ".theirs.v1.All.ByNameEntry"),
    ("by_number", "REPEATED", "MESSAGE", ".theirs.v1.All.ByNumberEntry"),
]


def _their_file() -> descriptor_pb2.FileDescriptorProto:
    """Every shape twice, the second time `debug_redact`."""
    fields: list[str] = []
    for number, (name, label, kind, type_name) in enumerate(SHAPES, start=1):
        rest = f'label: LABEL_{label} type: TYPE_{kind} type_name: "{type_name}"'
        rest = rest.replace(' type_name: ""', "")
        fields.append(f'field {{ name: "{name}" number: {number} {rest} }}')
        rest += " options { debug_redact: true }"
        fields.append(f'field {{ name: "secret_{name}" number: {number + 100} {rest} }}')
    for number, (name, options) in enumerate(
        [("chosen", ""), ("secret_chosen", "options { debug_redact: true }")], start=300
    ):
        fields.append(
            f'field {{ name: "{name}" number: {number} label: LABEL_OPTIONAL type: TYPE_STRING '
            f"oneof_index: 0 {options} }}"
        )
    for number, name in enumerate(["open", "annotated"], start=400):
        fields.append(
            f'field {{ name: "{name}" number: {number} label: LABEL_OPTIONAL type: TYPE_STRING }}'
        )
    file = text_format.Parse(
        THEIRS.replace("FIELDS", "\n".join(fields)), descriptor_pb2.FileDescriptorProto()
    )
    # Their own option, by its number: this file is what defines it.
    for field in file.message_type[0].field:
        if field.name in ("open", "annotated"):
            value = b"\x01" if field.name == "annotated" else b"\x00"
            field.options.MergeFromString(b"\xd8\xbc\x18" + value)
    return file


THEIR_FILE = _their_file()


def _their_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(THEIR_FILE.SerializeToString())
    return pool


POOL = _their_pool()
All: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("theirs.v1.All"))
Required: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("theirs.v1.Required"))


def extension(name: str) -> Any:
    return POOL.FindExtensionByName(f"theirs.v1.{name}")


def their_message() -> Any:
    """A message with a secret in each kind of place."""
    message = All(
        text="public text",
        texts=["public one", "public two"],
        data=b"public data",
        callback_token=b"public token: not marked",
        pin=1234,
        secret_text=SECRET,
        secret_texts=[SECRET, SECRET],
        secret_data=TOKEN,
        secret_callback_token=TOKEN,
        secret_pin=777123,
        secret_pins=[777123, 777456],
        secret_rate=777.25,
        secret_flag=True,
        secret_color=2,
        secret_colors=[2, 1],
        secret_all=All(text=SECRET, pins=[777123]),
        secret_alls=[All(text=SECRET), All(data=TOKEN)],
        secret_time=Timestamp(seconds=777123),
        secret_by_name={SECRET: SECRET, "other": SECRET},
        secret_by_number={777123: All(text=SECRET)},
        secret_chosen=SECRET,
        open="public by its class",
        annotated=SECRET,
    )
    message.secret_struct.update({"password": SECRET})
    message.secret_any.Pack(ExecutionValue(value=SECRET))
    message.all.secret_text = SECRET
    message.alls.add().secret_data = TOKEN
    message.alls.add().alls.add(text="public, deep", secret_text=SECRET)
    message.by_number[5].secret_text = SECRET
    message.by_name["public key"] = "public value"
    message.any.Pack(All(text="public in any", secret_text=SECRET))
    message.Extensions[extension("password_extension")] = SECRET
    message.Extensions[extension("passwords_extension")].extend([SECRET, SECRET])
    message.Extensions[extension("all_extension")].secret_text = SECRET
    message.Extensions[extension("alls_extension")].add(secret_data=TOKEN, text="public ext")
    message.Extensions[extension("note_extension")] = "public note"
    return message


NUMBERS = ("777123", "777456", "777.25")


def test_a_message_of_somebody_else_is_masked_wherever_a_secret_can_be() -> None:
    message = their_message()
    assert all(number in str(message) for number in NUMBERS)
    for output, shown in outputs(message).items():
        assert_hidden(TOKEN, shown, output)
        assert_hidden(SECRET.encode(), shown, output)
        for number in NUMBERS:
            assert number not in shown, output
    for output in ("to_text", "to_json"):
        shown = outputs(message)[output]
        publics = re.findall(r"public [a-z]+", str(message))
        assert len(publics) > 10
        for public in {*publics} - {"public data", "public token"}:  # JSON has bytes in base64
            assert public in shown, f"{output} lacks {public}"


def test_a_masked_field_still_shows_as_set() -> None:
    message, copy = their_message(), redacted_copy(their_message())
    listed = [field.full_name for field, _ in message.ListFields()]
    assert [field.full_name for field, _ in copy.ListFields()] == listed
    assert copy.WhichOneof("choice") == "secret_chosen"
    assert (copy.secret_text, copy.annotated, copy.secret_chosen) == (MASK, MASK, MASK)
    assert copy.secret_texts == [MASK, MASK]
    assert copy.secret_data == MASK.encode()
    # Only our own tokens are known to be beyond guessing.
    assert copy.secret_callback_token == MASK.encode()
    assert (copy.secret_pin, copy.secret_rate, copy.secret_flag) == (0, 0.0, False)
    assert copy.secret_pins == [0, 0]
    assert (copy.secret_color, list(copy.secret_colors)) == (1, [1, 1])
    assert copy.secret_all == All()
    assert list(copy.secret_alls) == [All(), All()]
    assert copy.secret_by_name == {MASK: MASK}
    assert dict(copy.secret_by_number) == {0: All()}
    assert copy.Extensions[extension("password_extension")] == MASK
    assert list(copy.Extensions[extension("passwords_extension")]) == [MASK, MASK]
    assert copy.Extensions[extension("note_extension")] == "public note"


def test_a_message_without_its_required_fields_can_be_shown() -> None:
    message = Required(all=their_message())
    assert not message.IsInitialized()
    packed = AnyMessage(
        type_url="type.googleapis.com/theirs.v1.Required",
        value=message.SerializePartialToString(),
    )
    for subject in (message, packed):
        for output, shown in outputs(subject).items():
            assert_hidden(SECRET.encode(), shown, output)


def test_a_dynamic_message_of_another_pool_is_masked_and_its_any_is_read_in_that_pool() -> None:
    pool = descriptor_pool.DescriptorPool()
    for name in ("any", "descriptor", "struct", "timestamp"):
        file = descriptor_pool.Default().FindFileByName(f"google/protobuf/{name}.proto")
        pool.AddSerializedFile(file.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto()
    file.CopyFrom(THEIR_FILE)
    file.name, file.message_type[1].name = "theirs/v1/elsewhere.proto", "Elsewhere"
    pool.AddSerializedFile(file.SerializeToString())
    all_there: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("theirs.v1.All"))
    elsewhere: Any = message_factory.GetMessageClass(
        pool.FindMessageTypeByName("theirs.v1.Elsewhere")
    )
    inner = elsewhere(all=all_there(text="public", secret_text=SECRET), name="public name")
    message = all_there(secret_text=SECRET, annotated=SECRET, open="public by its class")
    message.any.type_url = "type.googleapis.com/theirs.v1.Elsewhere"
    message.any.value = inner.SerializeToString()
    message.alls.add().any.Pack(ExecutionValue(value=SECRET, is_secret=True))

    for output, shown in outputs(message).items():
        assert_hidden(SECRET.encode(), shown, output)
    found = to_dict(message)
    assert (found["annotated"], found["open"]) == (MASK, "public by its class")
    assert found["any"]["name"] == "public name"
    assert found["any"]["all"] == {"text": "public", "secretText": MASK}
    assert found["alls"][0]["any"]["@type"].endswith("ExecutionValue")
    assert found["alls"][0]["any"]["value"].startswith("[REDACTED ")  # unknown there


def test_a_field_without_presence_that_is_masked_to_zero_reads_as_unset() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="theirs/v1/proto3.proto", package="theirs.proto3", syntax="proto3"
    )
    field = file.message_type.add(name="Pin").field.add(name="pin", number=1, label=1, type=5)
    field.options.debug_redact = True
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    pin: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("theirs.proto3.Pin"))
    assert redacted_copy(pin(pin=1234)) == pin()


# The view.


def test_the_view_reads_the_message_when_it_is_shown() -> None:
    execution = WorkflowExecution(kind="before")
    view = Redacted(execution)
    execution.kind = "after"
    assert "after" in str(view)


def test_the_view_is_formatted_as_text() -> None:
    view = Redacted(ExecutionValue(value="x"))
    assert f"{view:>20}" == str(view).rjust(20)
    assert repr(view) == str(view)


def test_a_text_that_cannot_be_made_says_so_and_shows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(message: Message) -> str:
        raise ValueError(str(message))

    monkeypatch.setattr("stigmer_apis._printing._to_text", fail)
    value = ExecutionValue(value=SECRET, is_secret=True)
    name = "ai.stigmer.agentic.executioncontext.v1.ExecutionValue"
    assert str(Redacted(value)) == str(value) == f"[REDACTED {name}: ValueError]"


def test_only_a_message_has_a_view() -> None:
    with pytest.raises(TypeError, match="takes a message, not dict"):
        Redacted({"value": SECRET})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_a_pickled_view_is_its_text() -> None:
    view = Redacted(ExecutionContextSpec(data={"K": ExecutionValue(value=SECRET, is_secret=True)}))
    assert pickle.loads(pickle.dumps(view)) == str(view)
