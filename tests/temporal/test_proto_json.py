"""The reader of ProtoJSON: what it takes, what it refuses, and how it compares with json_format."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, json_format, struct_pb2, wrappers_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from stigmer_apis.agentic.agent.v1 import McpServerDefinition
from stigmer_apis.agentic.agentexecution.v1 import AgentExecution, ToolCall
from stigmer_apis.agentic.workflow.v1.tasks import AgentExecutionConfig, WaitTaskConfig
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowExecutionStatus
from stigmer_apis.temporal._go_json import is_json_object
from stigmer_apis.temporal._proto_json import read_message, write_message
from tests.fuzz.fuzz_inputs import seeds
from tests.wire.message_types import MESSAGE_TYPES

CANARY = "s3cr3t-canary"

# Every shape that JSON has, and text that is almost a number, a date or base64.
SHAPES: list[object] = [
    *(None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 1e30, 3.5e38, 10**30),
    *(2**31, 2**31 - 1, -(2**31), 2**32, 2**53 + 1, 2**63, 2**63 - 1, 2**64, 2**64 - 1),
    *("", "a", "é", "\ud800", "1", "01", "-1", "+1", " 1", "1 ", "1_0", "1.0", "1e2", "1e999"),
    *("9223372036854775807", "9223372036854775808", "9223372036854775807.0", "1e-999"),
    *("NaN", "nan", "Infinity", "-Infinity", "inf", "true", "false", "null"),
    *("AQ==", "AQ=", "AQ", "A", "A===", "-_8=", "-_", "//9=", "AQ I=", "!!!!", CANARY),
    *("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.123456789Z", "2020-01-01", "1s", "a,b.c"),
    *({}, [], [None], [1], ["a"], {"a": 1}, {"a": None}, {"": {}}, [[]], [{}]),
]


def read(value: object, message_type: type[Message]) -> Any:
    return read_message(json.dumps(value).encode(), message_type)


def problem_of(value: object, message_type: type[Message]) -> str:
    """Why a JSON value cannot be read; empty if it can."""
    try:
        read(value, message_type)
    except ValueError as error:
        return str(error)
    return ""


def refusal(data: bytes | str, message_type: type[Message]) -> str:
    with pytest.raises(ValueError, match=re.escape(message_type.DESCRIPTOR.name)) as caught:
        read_message(data.encode() if isinstance(data, str) else data, message_type)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, (
        "the text that failed stays in reach of crash reporters"
    )
    return str(caught.value)


@pytest.mark.parametrize("shape", SHAPES, ids=json.dumps)
@pytest.mark.parametrize("message_type", [WorkflowExecution, AgentExecution])
def test_no_error_shows_a_value(message_type: type[Message], shape: object) -> None:
    whole: Any = json.loads(seeds(message_type.DESCRIPTOR.full_name, "json")[0])
    for path in places(whole):
        problem = problem_of(replaced(whole, path, shape), message_type)
        assert CANARY not in problem
        assert not problem or problem.startswith(message_type.DESCRIPTOR.full_name)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('{"status": "abc"}', "status must be an object"),
        ('{"status": []}', "status must be an object"),
        ('{"status": {"tasks": {}}}', "status.tasks must be an array"),
        ('{"status": {"tasks": [{}, "x"]}}', "status.tasks[1] must be an object"),
        ('{"status": {"tasks": [null]}}', "status.tasks[0] must be an object"),
        ('{"status": {"error": 5}}', "status.error must be a string"),
        ('{"status": {"error": "\\ud800"}}', "error must be a string without lone surrogates"),
        ('{"status": {"startedAt": 5}}', "status.startedAt must be a string"),
        ('{"metadata": {"labels": {"k": 1}}}', "metadata.labels[*] must be a string"),
        ('{"apiVersion": "a", "api_version": "b"}', "api_version must be given under one of its"),
        ('{"kind": "a", "kind": "b"}', "no object has the same name twice"),
        ('{"unknown": {"a": 1, "a": 1}}', "no object has the same name twice"),
        ('{"unknown": NaN}', "is not valid JSON"),
        ("[]", "must be an object"),
        ("5", "must be an object"),
        ("{", "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        ("\ufeff{}", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_refusal_says_the_path_and_the_expected_shape(data: bytes | str, problem: str) -> None:
    assert problem in refusal(data, WorkflowExecution)


@pytest.mark.parametrize(
    ("message_type", "field", "given", "expected"),
    [
        (WorkflowExecutionStatus, "callbackToken", "-_8=", b"\xfb\xff"),
        (WorkflowExecutionStatus, "callbackToken", "+/8", b"\xfb\xff"),
        (WorkflowExecutionStatus, "callbackToken", "-_", b"\xfb"),
        (WorkflowExecutionStatus, "phase", "4", 4),
        (WorkflowExecutionStatus, "phase", "-4", -4),
        (WorkflowExecutionStatus, "phase", "-2147483648", -(2**31)),
        (WorkflowExecutionStatus, "phase", 77, 77),
        (WorkflowExecutionStatus, "phase", "EXECUTION_OF_THE_FUTURE", 0),
        (WaitTaskConfig, "seconds", "1e2", 100),
        (WaitTaskConfig, "seconds", 7.0, 7),
        (AgentExecutionConfig, "temperature", "-Infinity", float("-inf")),
        (AgentExecutionConfig, "temperature", 3.4028235e38, 3.4028234663852886e38),
        (AgentExecutionConfig, "temperature", None, 0),
    ],
)
def test_every_spelling_that_proto_json_allows_is_read(
    message_type: type[Message], field: str, given: object, expected: object
) -> None:
    message = read({field: given}, message_type)
    [name] = [f.name for f in message_type.DESCRIPTOR.fields if f.json_name == field]
    assert getattr(message, name) == expected


@pytest.mark.parametrize(
    ("message_type", "field", "given"),
    [
        *((WaitTaskConfig, "seconds", given) for given in (True, 1.5, "1 ", "+1", "1_0", "0x1")),
        *((WaitTaskConfig, "seconds", given) for given in (2**31, "1e99999", "01", "1e-400", "")),
        *((AgentExecutionConfig, "temperature", given) for given in ("nan", "1 ", True, 3.5e38)),
        *((WorkflowExecutionStatus, "phase", given) for given in (1.5, True, "+1", "1 ", 2**31)),
        *((WorkflowExecutionStatus, "phase", given) for given in (-(2**31) - 1, "2147483648")),
        *((WorkflowExecutionStatus, "callbackToken", given) for given in ("A", "AQ=", "AQ I=", 5)),
    ],
)
def test_what_only_looks_like_a_value_is_refused(
    message_type: type[Message], field: str, given: object
) -> None:
    assert f".{field} must be " in refusal(json.dumps({field: given}), message_type)


def test_one_oneof_takes_one_member() -> None:
    problem = refusal('{"stdio": {}, "http": {}}', McpServerDefinition)
    assert "http must be the only member of its oneof" in problem
    assert (
        read({"stdio": None, "http": {}}, McpServerDefinition).WhichOneof("server_type") == "http"
    )


WELL_KNOWN: list[tuple[type[Message], Any]] = [
    (Timestamp, "2020-01-01T00:00:00.5Z"),
    (duration_pb2.Duration, "1.5s"),
    (wrappers_pb2.Int64Value, "5"),
    (struct_pb2.Struct, {"a": [1, None, "x", True, {"b": {}}, []]}),
    (struct_pb2.Value, None),
    (struct_pb2.ListValue, [1, [2]]),
    (any_pb2.Any, {}),
    (any_pb2.Any, {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}),
    (any_pb2.Any, {"@type": f"x/{ToolCall.DESCRIPTOR.full_name}", "args": {"a": 1}}),
]


@pytest.mark.parametrize(("message_type", "value"), WELL_KNOWN)
def test_well_known_types_are_read_as_json_format_reads_them(
    message_type: type[Message], value: object
) -> None:
    assert read(value, message_type) == json_format.Parse(json.dumps(value), message_type())


@pytest.mark.parametrize(
    "value",
    [
        {"@type": "type.googleapis.com/ai.stigmer.of.the.Future"},
        {"@type": ToolCall.DESCRIPTOR.full_name},
        {"@type": f"x/{ToolCall.DESCRIPTOR.full_name}", "args": 5},
        {"a": 1},
    ],
)
def test_an_any_that_cannot_be_read_is_refused(value: object) -> None:
    refusal(json.dumps(value), any_pb2.Any)


def test_a_hundred_messages_within_each_other_are_read_and_no_more() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    deepest = nested(50)  # a Struct and its Value are two messages
    assert read_message(deepest, struct_pb2.Struct) == by_json_format(deepest, struct_pb2.Struct)
    # Newer releases of json_format have the same limit; older ones go deeper.
    assert "at most 100 messages deep" in refusal(nested(51), struct_pb2.Struct)


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_it_reads_what_is_written_of_every_message_type(name: str) -> None:
    message_type = MESSAGE_TYPES[name]
    for data in seeds(name, "json"):
        message = json_format.Parse(data, message_type())
        assert read_message(data, message_type) == message
        assert read_message(write_message(message), message_type) == message


# What the reader refuses and json_format takes, by the shape that was expected: the value that
# really has another one.
UNFIT: Mapping[str, Callable[[Any], bool]] = {
    "an object": lambda value: not isinstance(value, dict),
    "an array": lambda value: not isinstance(value, list),
    "a string in base64": lambda value: (
        not re.fullmatch(r"([\w+/-]{4})*([\w+/-]{2}(==)?|[\w+/-]{3}=?)?", str(value), re.ASCII)
    ),
    "an integer from": lambda value: not is_number(value) or not is_int32(Decimal(value)),
    "a name or number of": lambda value: (
        not re.fullmatch(r'"[a-zA-Z_]\w*"', json.dumps(value), re.ASCII)
        and not (re.fullmatch(r"-?(0|[1-9]\d*)", str(value)) and is_int32(Decimal(value)))
    ),
    "a number in": lambda value: not is_number(value) or math.isinf(float(value)),
}


def is_int32(number: Decimal) -> bool:
    return -(2**31) <= number < 2**31 and number == int(number)


def is_number(value: object) -> bool:
    return type(value) in (int, float) or bool(
        re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?", str(value))
    )


def test_it_agrees_with_json_format_but_for_what_proto_json_forbids() -> None:
    both = 0
    for number in range(4000):
        name, value = mutant(number)
        data, message_type = json.dumps(value).encode(), MESSAGE_TYPES[name]
        theirs = by_json_format(data, message_type)
        if problem := problem_of(value, message_type):
            assert theirs is None or is_justified(problem, name, value), f"{number}: {problem}"
            continue
        ours = read_message(data, message_type)
        if theirs is None:  # a newer name, or a name or number that json_format cannot take
            theirs = by_json_format(write_message(ours), message_type)
        assert ours == theirs, f"{number}: {name}"
        both += 1
    assert both > 1000, "the mutants are all refused"


def by_json_format(data: bytes, message_type: type[Message]) -> Message | None:
    try:
        return json_format.Parse(data, message_type(), ignore_unknown_fields=True)
    except Exception:  # it lets through whatever goes wrong within it
        return None


def is_justified(problem: str, name: str, value: Any) -> bool:
    if problem.endswith("is not valid JSON"):
        return "Infinity" in json.dumps(value) or "NaN" in json.dumps(value)
    path, _, expected = problem.removeprefix(name).partition(" must be ")
    values = [value]
    for step in re.findall(r"\.([^.\[]+)|\[([*\d]+)\]", path):
        [step] = filter(None, step)
        if step == "*":
            values = [part for held in values for part in held.values()]
        else:
            values = [held[int(step) if step.isdigit() else step] for held in values]
    [unfit] = [check for shape, check in UNFIT.items() if expected.startswith(shape)]
    return any(unfit(found) for found in values)


def mutant(number: int) -> tuple[str, object]:
    """A message type, and JSON of it in which a value or two have another shape."""
    source = Random(number)
    name = sorted(MESSAGE_TYPES)[number % len(MESSAGE_TYPES)]
    value = json.loads(source.choice(seeds(name, "json")))
    for _ in range(source.choice([1, 1, 2])):
        at, other = (source.choice(list(places(value))) for _ in range(2))
        new = source.choice(SHAPES) if source.random() < 0.75 else held_at(value, other)
        value = replaced(value, at, new)
    return name, value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    held: Any = value
    keys: Iterable[Any] = value if is_json_object(value) else ()
    for key in range(len(held)) if type(value) is list else keys:
        yield from places(held[key], (*path, key))


def held_at(value: Any, path: tuple[Any, ...]) -> object:
    for key in path:
        value = value[key]
    return value


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy of a JSON value with another one at a path."""
    if not path:
        return json.loads(json.dumps(new))
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy
