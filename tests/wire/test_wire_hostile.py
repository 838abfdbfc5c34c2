"""Hostile input: bombs of depth and size, and values that no field can hold.

These tests hold on every protobuf runtime of the declared range; `docs/fuzzing.md` has a table of
the differences. `test_wire_malformed.py` covers input that is not wire format at all.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from google.protobuf import json_format, text_format
from google.protobuf.message import DecodeError, Message

from stigmer_apis.agentic.workflow.v1.tasks import AgentExecutionConfig
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus
from stigmer_apis.commons.apiresource import ApiResourceAuditInfo
from stigmer_apis.iam.iampolicy.v1 import ApiResourceRefView
from tests.wire.message_types import encode_varint
from tests.wire.runtime import BINARY_REFUSALS, DEEPEST, HAS_NO_LIMIT, JSON_REFUSALS

# Without a limit, Python ends it, which needs a few of its thousand stack frames per message.
TOO_DEEP = (900, 1000, 10_000) if HAS_NO_LIMIT else (DEEPEST + 1, 1000, 10_000)

# The text format is for people and tests, and its reader does not limit either.
TEXT_REFUSALS = (text_format.ParseError, RecursionError, ValueError)


def _field(number: int, value: bytes) -> bytes:
    return encode_varint(number << 3 | 2) + encode_varint(len(value)) + value


def _members(depth: int) -> bytes:
    """Return an ApiResourceRefView with the given nesting."""
    data = b""
    for _ in range(depth):
        data = _field(ApiResourceRefView.MEMBERS_FIELD_NUMBER, data)
    return data


def _lists(depth: int) -> bytes:
    """Return a status whose output nests the given number of lists, two messages per list."""
    data = b""
    for _ in range(depth):
        data = _field(6, _field(1, data))  # Value.list_value, ListValue.values
    # Struct.fields has entries of a key and a value.
    return _field(WorkflowExecutionStatus.OUTPUT_FIELD_NUMBER, _field(1, _field(2, data)))


def test_our_own_recursive_message_is_read_to_the_limit_and_no_deeper() -> None:
    whole = _members(DEEPEST)
    assert ApiResourceRefView.FromString(whole).SerializeToString() == whole
    for depth in TOO_DEEP:
        with pytest.raises(BINARY_REFUSALS):
            ApiResourceRefView.FromString(_members(depth))


def test_lists_within_a_struct_are_read_to_the_limit_and_no_deeper() -> None:
    # The Struct, its entry and the entry's Value take three levels.
    deepest = (DEEPEST - 3) // 2
    whole = _lists(deepest)
    assert WorkflowExecutionStatus.FromString(whole).ByteSize() == len(whole) + 2  # the empty key
    # Pure Python does not count the entry.
    for depth in (TOO_DEEP[0] if HAS_NO_LIMIT else deepest + 2, 1000, 5000):
        with pytest.raises(BINARY_REFUSALS):
            WorkflowExecutionStatus.FromString(_lists(depth))


def test_a_message_deeper_than_the_limit_can_be_written_and_not_be_read() -> None:
    view = outermost = ApiResourceRefView()
    for _ in range(DEEPEST + 1):
        view = view.members.add()
    written = outermost.SerializeToString()
    if HAS_NO_LIMIT:  # where it is read as deeply as it is written
        assert ApiResourceRefView.FromString(written) == outermost
        return
    with pytest.raises(DecodeError):
        ApiResourceRefView.FromString(written)


@pytest.mark.parametrize("opening", ["[", '{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "without end"])
@pytest.mark.parametrize("depth", [1000, 100_000])
def test_json_nested_without_measure_is_refused(opening: str, closed: bool, depth: int) -> None:
    closing = {"[": "]", '{"a":': "0}"}[opening] if closed else ""
    inner = opening * depth + closing * depth
    for text in (f'{{"output": {{"a": {inner}}}}}', inner):
        with pytest.raises(JSON_REFUSALS):
            json_format.Parse(text, WorkflowExecutionStatus())


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "without end"])
@pytest.mark.parametrize("depth", [1000, 20_000])
def test_text_nested_without_measure_is_refused(closed: bool, depth: int) -> None:
    text = "members {" * depth + ("}" * depth if closed else "")
    with pytest.raises((text_format.ParseError, RecursionError)):
        text_format.Parse(text, ApiResourceRefView())


@pytest.mark.parametrize(
    "value",
    [
        "1e400",
        "-1e400",
        "2147483648",
        "-2147483649",
        "1.5",
        "NaN",
        "Infinity",
        "9" * 5000,
        '"1.5"',
        '""',
        '"0x7f"',
        '"1 "',
        '"' + "9" * 5000 + '"',
        "[1]",
        "{}",
        '"five"',
    ],
    ids=ascii,
)
def test_what_is_no_32_bit_number_is_refused_in_json(value: str) -> None:
    with pytest.raises(JSON_REFUSALS):
        json_format.Parse(f'{{"timeout": {value}}}', AgentExecutionConfig())


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_float_is_written_as_json_that_is_refused(sign: int) -> None:
    # A defect of every runtime so far: rounding to eight digits makes the value too large.
    largest = AgentExecutionConfig(temperature=sign * (2 - 2**-23) * 2.0**127)
    with pytest.raises(json_format.ParseError, match="Float value too"):
        json_format.Parse(json_format.MessageToJson(largest), AgentExecutionConfig())


@pytest.mark.parametrize(
    "text",
    [
        '{"phase": "EXECUTION_DONE_AND_DUSTED"}',
        '{"phase": [1]}',
        '{"phase": 99999999999}',
        '{"phase": 1e400}',
        '{"error": 5}',
        '{"error": ["late"]}',
        '{"error": "\\ud800"}',
        '{"error": "a", "error": "b"}',
        '{"output": 1}',
        '{"output": [1]}',
        '{"output": {"a": 1, "a": 2}}',
        '{"output": {"a": "\\udfff"}}',
        '{"tasks": {}}',
        '{"tasks": [null]}',
        '{"tasks": [1]}',
        '{"[ai.stigmer.extension]": 1}',
        '{"error": "late"',
        '{"error": "late"}}',
        '\ufeff{"error": "late"}',
        "{'error': 'late'}",
        "null",
        "1",
        '"error"',
        "",
    ],
)
def test_json_of_a_wrong_type_or_said_twice_is_refused(text: str) -> None:
    with pytest.raises(JSON_REFUSALS):
        json_format.Parse(text, WorkflowExecutionStatus())


def test_json_bytes_that_are_not_utf_8_are_refused_with_the_error_of_the_codec() -> None:
    with pytest.raises(UnicodeDecodeError):
        json_format.Parse(b'{"error": "\xff"}', WorkflowExecutionStatus())


@pytest.mark.parametrize(
    "value",
    [
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-02-30T00:00:00Z",
        "2020-01-01T00:00:60Z",
        "2020-01-01T00:00:00",
        "2020-01-01",
        "",
        "2020-01-01T00:00:00.1234567890Z",
        "2020-01-01T00:00:00+1",
        "T" * 5000 + "Z",
    ],
    ids=ascii,
)
def test_what_is_no_timestamp_is_refused_in_json(value: str) -> None:
    with pytest.raises(json_format.ParseError):
        json_format.Parse(f'{{"createdAt": "{value}"}}', ApiResourceAuditInfo())


@pytest.mark.parametrize(
    "text",
    [
        "phase: EXECUTION_DONE_AND_DUSTED",
        "phase: 99999999999",
        "phase: " + "9" * 5000,
        "phase: 0x" + "f" * 5000,
        "phase: -",
        'error: "\\xff"',
        'error: "late',
        'error: "a" error: "b"',
        'error: ["late"]',
        'callback_token: "\\x"',
        "output: <",
        "tasks: [1]",
        "tasks: [{},",
        "[ai.stigmer.extension]: 1",
        '11: "token"',
        "}",
    ],
    ids=lambda text: str(text)[:40],
)
def test_text_that_no_field_can_hold_is_refused(text: str) -> None:
    with pytest.raises(TEXT_REFUSALS):
        text_format.Parse(text, WorkflowExecutionStatus())


@pytest.mark.parametrize("message_type", [WorkflowExecutionStatus], ids=["status"])
def test_numbers_that_are_packed_though_they_are_one_are_kept_as_an_unknown_field(
    message_type: type[WorkflowExecutionStatus],
) -> None:
    packed = _field(WorkflowExecutionStatus.PHASE_FIELD_NUMBER, b"\x01\x02")
    status = message_type.FromString(packed)
    assert status.phase == 0
    assert status.SerializeToString() == packed


def test_an_enum_number_beyond_32_bits_loses_its_upper_half() -> None:
    tag = encode_varint(WorkflowExecutionStatus.PHASE_FIELD_NUMBER << 3)
    status = WorkflowExecutionStatus.FromString(tag + encode_varint(2**40 + 2))
    assert status.phase == 2


def test_a_submessage_in_two_parts_is_read_as_both_merged() -> None:
    number = WorkflowExecutionStatus.AUDIT_FIELD_NUMBER
    parts = _field(number, _field(1, b"")) + _field(number, _field(2, b""))
    status = WorkflowExecutionStatus.FromString(parts)
    assert status.SerializeToString() == _field(number, _field(1, b"") + _field(2, b""))


def test_a_map_entry_that_comes_twice_is_read_as_the_last() -> None:
    def entry(value: bytes) -> bytes:
        return _field(
            WorkflowExecutionStatus.OUTPUT_FIELD_NUMBER, _field(1, _field(1, b"k") + value)
        )

    text = entry(_field(2, _field(3, b"first")))
    status = WorkflowExecutionStatus.FromString(text + entry(_field(2, _field(3, b"last"))))
    assert status.output["k"] == "last"


def test_a_string_of_overlong_utf_8_is_refused() -> None:
    for data in (b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"):
        with pytest.raises(BINARY_REFUSALS):
            WorkflowExecutionStatus.FromString(_field(4, data))


Read = Callable[[str], object]


def _json(text: str) -> Message:
    return json_format.Parse(text, WorkflowExecutionStatus())


def _text(text: str) -> Message:
    return text_format.Parse(text, WorkflowExecutionStatus())


def _binary(text: str) -> Message:
    return WorkflowExecutionStatus.FromString(text.encode())


# Each creates a document with the given number of parts, which a reader accepts as a whole.
LARGE: dict[str, tuple[Read, Callable[[int], str]]] = {
    "empty messages in binary": (_binary, lambda n: "\x12\x00" * 8 * n),
    "unknown fields in binary": (_binary, lambda n: "\x60\x01" * 8 * n),
    "one submessage again and again in binary": (_binary, lambda n: "\x1a\x02\x0a\x00" * 4 * n),
    "empty messages in JSON": (_json, lambda n: f'{{"tasks": [{",".join(["{}"] * n)}]}}'),
    "keys in JSON": (
        _json,
        lambda n: f'{{"output": {{{",".join(f"{i!r}: 0" for i in map(str, range(n)))}}}}}'.replace(
            "'", '"'
        ),
    ),
    "base64 in JSON": (_json, lambda n: f'{{"callbackToken": "{"AAAA" * 100 * n}"}}'),
    "empty messages in text": (_text, lambda n: "tasks {}" * n),
    "string parts in text": (_text, lambda n: "error: " + '"a"' * 4 * n),
    "escapes in text": (_text, lambda n: f'callback_token: "{chr(92)}377{"a" * 50 * n}"'),
}


@pytest.mark.parametrize(("read", "write"), LARGE.values(), ids=LARGE.keys())
def test_reading_takes_time_in_proportion_to_the_input(
    read: Read, write: Callable[[int], str]
) -> None:
    # A busy machine makes a reading slower and never faster, so the fastest of some tells. What
    # grows with the square takes 3600 times as long, however often it is read.
    documents = {parts: write(parts) for parts in (25, 25 * 60)}
    fastest = dict.fromkeys(documents, math.inf)
    small = large = math.inf
    for _ in range(50):
        for parts, document in documents.items():
            begun = time.process_time()
            read(document)
            fastest[parts] = min(fastest[parts], time.process_time() - begun)
        small, large = fastest.values()
        if large < 600 * max(small, 2e-5):
            return
    pytest.fail(f"{small:.6f} s, and for 60 times as much {large:.6f} s")


# Reads many of the smallest messages, and prints the memory that they take.
MEMORY = """
import contextlib, pathlib, resource, sys
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus
def peak():
    # Where there is /proc, it does not begin with the peak of the parent process.
    try:
        status = open("/proc/self/status", encoding="ascii").read()
        return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
size = 2**17
if sys.argv[1] == "binary":
    data, read = b"\\x12\\x00" * (size // 2), WorkflowExecutionStatus.FromString
else:
    from google.protobuf import json_format
    data = '{"tasks": [' + ",".join(["{}"] * (size // 3)) + "]}"
    read = lambda text: json_format.Parse(text, WorkflowExecutionStatus())
with contextlib.suppress(OSError):
    # The peak begins anew: importing had one, in which the message might find room.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
before = peak()
message = read(data)
print((peak() - before) / len(data))
"""


@pytest.mark.parametrize("kind", ["binary", "json"])
@pytest.mark.parametrize("implementation", ["upb", "python"])
def test_reading_takes_memory_in_proportion_to_the_input(kind: str, implementation: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", MEMORY, kind],
        env={**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    ratio = float(finished.stdout)
    assert 10 < ratio < 1000, f"{ratio:.0f} bytes of memory for each byte of the input"
