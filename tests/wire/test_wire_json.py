"""The token fields in ProtoJSON.

These tests hold on every protobuf runtime of the declared range. They do not cover where Python's
parser is laxer than the specification:

- It drops characters outside the base64 alphabets before it decodes, so "AQ I=" reads as "AQI=",
  and "!!!!" as an empty token. It rejects only input that then does not decode to whole bytes.
- It accepts both names of a field in one object, "callbackToken" and "callback_token".
"""

from __future__ import annotations

import base64
import json

import pytest
from google.protobuf import json_format

from tests.wire.filler import ALL_BYTES
from tests.wire.wire_cases import TokenField, on_both_statuses

# Standard base64 with padding, written out: each remainder of three, and both characters in which
# the standard and URL-safe alphabets differ.
ENCODED = {
    b"\x01": "AQ==",
    b"\x01\x02": "AQI=",
    b"\x01\x02\x03": "AQID",
    b"\x00": "AA==",
    b"\xfb\xff\xfe": "+//+",
    b"\xfb\xff": "+/8=",
}


@on_both_statuses
@pytest.mark.parametrize(("token", "text"), ENCODED.items(), ids=ENCODED.values())
def test_a_token_is_standard_base64_with_padding_under_its_json_name(
    field: TokenField, token: bytes, text: str
) -> None:
    status = field.message_type(callback_token=token)
    assert json.loads(json_format.MessageToJson(status)) == {"callbackToken": text}
    assert json_format.MessageToDict(status) == {"callbackToken": text}


@on_both_statuses
def test_a_token_is_written_under_its_proto_name_on_request(field: TokenField) -> None:
    written = json_format.MessageToDict(
        field.message_type(callback_token=b"\x01"), preserving_proto_field_name=True
    )
    assert written == {"callback_token": "AQ=="}


@on_both_statuses
@pytest.mark.parametrize(
    "token",
    [ALL_BYTES[56:], ALL_BYTES, ALL_BYTES[::-1] * 4096],
    ids=["200 bytes", "all byte values", "1 MiB"],
)
def test_a_token_survives_json_byte_for_byte(field: TokenField, token: bytes) -> None:
    text = json_format.MessageToJson(field.message_type(callback_token=token))
    assert json.loads(text) == {"callbackToken": base64.b64encode(token).decode("ascii")}
    assert json_format.Parse(text, field.message_type()).callback_token == token


@on_both_statuses
def test_each_byte_value_alone_survives_json(field: TokenField) -> None:
    for value in range(256):
        text = json_format.MessageToJson(field.message_type(callback_token=bytes([value])))
        parsed = json_format.Parse(text, field.message_type())
        assert parsed.callback_token == bytes([value]), f"byte value {value}"


@on_both_statuses
def test_an_empty_token_is_not_written(field: TokenField) -> None:
    assert json_format.MessageToJson(field.message_type(callback_token=b"")) == "{}"


@on_both_statuses
@pytest.mark.parametrize(
    ("text", "token"),
    [
        ('{"callbackToken": "+/8="}', b"\xfb\xff"),
        ('{"callback_token": "+/8="}', b"\xfb\xff"),
        ('{"callbackToken": "-_8="}', b"\xfb\xff"),
        ('{"callbackToken": "+/8"}', b"\xfb\xff"),
        ('{"callbackToken": "-_8"}', b"\xfb\xff"),
        ('{"callback_token": "-_8"}', b"\xfb\xff"),
        ('{"callbackToken": "\\u002b\\/8="}', b"\xfb\xff"),
    ],
    ids=[
        "as written",
        "proto name",
        "URL-safe",
        "unpadded",
        "URL-safe and unpadded",
        "proto name, URL-safe and unpadded",
        "escaped characters",
    ],
)
def test_every_spelling_of_the_specification_is_read(
    field: TokenField, text: str, token: bytes
) -> None:
    assert json_format.Parse(text, field.message_type()).callback_token == token


@on_both_statuses
@pytest.mark.parametrize(
    "text",
    ["{}", '{"callbackToken": ""}', '{"callbackToken": null}', '{"callback_token": null}'],
    ids=["absent", "empty", "null", "null under the proto name"],
)
def test_absent_empty_and_null_read_as_an_empty_token(field: TokenField, text: str) -> None:
    status = json_format.Parse(text, field.message_type())
    assert status.callback_token == b""
    assert status.ListFields() == []


@on_both_statuses
@pytest.mark.parametrize(
    "value",
    ['"a!b"', '"A"', '"AQIDA"', "7", "1.5", "true", '["AQ=="]', "{}"],
    ids=[
        "character outside the alphabets",
        "one character",
        "one character too many",
        "integer",
        "number",
        "boolean",
        "array",
        "object",
    ],
)
def test_what_is_no_base64_string_is_refused(field: TokenField, value: str) -> None:
    with pytest.raises(json_format.ParseError, match="callbackToken"):
        json_format.Parse(f'{{"callbackToken": {value}}}', field.message_type())


@on_both_statuses
def test_a_token_given_twice_is_refused(field: TokenField) -> None:
    with pytest.raises(json_format.ParseError, match="duplicate"):
        json_format.Parse(
            '{"callbackToken": "AQ==", "callbackToken": "Ag=="}', field.message_type()
        )


@on_both_statuses
@pytest.mark.parametrize("name", ["CallbackToken", "callbacktoken", "callback-token"])
def test_a_name_in_another_spelling_is_refused(field: TokenField, name: str) -> None:
    # "CallbackToken" is the key in TemporalWorkflowInput, which is not a message of the contract.
    with pytest.raises(json_format.ParseError, match=name):
        json_format.Parse(f'{{"{name}": "AQ=="}}', field.message_type())
