"""`google.protobuf.Any`, and messages built from the shipped image in their own pool."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from stigmer_apis import schema
from tests.each import for_each
from tests.wire.filler import ALL_BYTES, filled
from tests.wire.message_types import MESSAGE_TYPES
from tests.wire.wire_cases import TokenField, on_both_statuses

PREFIX = "type.googleapis.com/"

HOLDER = descriptor_pb2.FileDescriptorProto(
    name="theirs/holder.proto",
    package="theirs",
    syntax="proto3",
    dependency=["google/protobuf/any.proto"],
    message_type=[
        descriptor_pb2.DescriptorProto(
            name="Holder",
            field=[
                descriptor_pb2.FieldDescriptorProto(
                    name="content",
                    number=1,
                    label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
                    type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
                    type_name=".google.protobuf.Any",
                )
            ],
        )
    ],
)
"""Return a foreign file, with a message that contains an Any."""

on_every_message_name = for_each({name: name for name in MESSAGE_TYPES})


@pytest.fixture(scope="module")
def pool() -> DescriptorPool:
    """Return a separate pool with the shipped image, Any and a foreign file."""
    made = DescriptorPool()
    files = {file.name: file for file in schema.file_descriptor_set().file}
    any_file = descriptor_pb2.FileDescriptorProto()
    any_pb2.DESCRIPTOR.CopyToProto(any_file)
    files.setdefault(any_file.name, any_file)
    for file in [*files.values(), HOLDER]:
        made.AddSerializedFile(file.SerializeToString())
    return made


def dynamic(pool: DescriptorPool, name: str) -> Any:
    """Return the class of a message from the pool's own descriptors."""
    return GetMessageClass(pool.FindMessageTypeByName(name))


def as_bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


@on_every_message_name
def test_any_carries_a_message_and_gives_it_back(name: str) -> None:
    message = filled(MESSAGE_TYPES[name])
    descriptor: Any = message.DESCRIPTOR
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)
    assert packed.type_url == PREFIX + name
    assert packed.value == as_bytes(message)

    arrived = any_pb2.Any.FromString(packed.SerializeToString())
    assert arrived.Is(descriptor)
    unpacked = MESSAGE_TYPES[name]()
    assert arrived.Unpack(unpacked)
    assert unpacked == message


@on_every_message_name
def test_any_is_json_with_the_type_beside_the_fields_and_back(name: str) -> None:
    message = filled(MESSAGE_TYPES[name])
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)
    printed = json_format.MessageToDict(packed)
    assert printed.pop("@type") == PREFIX + name
    assert printed == json_format.MessageToDict(message)

    arrived = json_format.ParseDict({"@type": PREFIX + name, **printed}, any_pb2.Any())
    unpacked = MESSAGE_TYPES[name]()
    assert arrived.Unpack(unpacked)
    assert unpacked == message


@on_both_statuses
def test_any_of_another_message_gives_nothing(field: TokenField) -> None:
    packed = any_pb2.Any()
    packed.Pack(field.message_type(callback_token=ALL_BYTES))
    other = any_pb2.Any()
    assert not packed.Unpack(other)
    assert other == any_pb2.Any()


@on_every_message_name
def test_a_dynamic_message_says_the_same_in_bytes_and_in_json(
    name: str, pool: DescriptorPool
) -> None:
    message = filled(MESSAGE_TYPES[name])
    other = dynamic(pool, name)
    assert other is not MESSAGE_TYPES[name]
    assert other.DESCRIPTOR is not MESSAGE_TYPES[name].DESCRIPTOR

    read = other.FromString(as_bytes(message))
    assert as_bytes(read) == as_bytes(message)
    assert json_format.MessageToDict(read) == json_format.MessageToDict(message)
    parsed = json_format.ParseDict(json_format.MessageToDict(message), other())
    assert as_bytes(parsed) == as_bytes(message)


@on_every_message_name
def test_any_in_a_message_of_a_pool_is_json_with_that_pool(name: str, pool: DescriptorPool) -> None:
    message = filled(MESSAGE_TYPES[name])
    holder = dynamic(pool, "theirs.Holder")()
    holder.content.type_url = PREFIX + name
    holder.content.value = as_bytes(message)
    text = json_format.MessageToJson(holder, descriptor_pool=pool)
    parsed = json_format.Parse(text, type(holder)(), descriptor_pool=pool)
    assert parsed.content.type_url == PREFIX + name
    read = MESSAGE_TYPES[name].FromString(parsed.content.value)
    assert read == message


UNKNOWN = """
from google.protobuf import any_pb2, json_format
name = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"
text = '{"@type": "type.googleapis.com/' + name + '", "kind": "WorkflowExecution"}'
try:
    json_format.Parse(text, any_pb2.Any())
except json_format.ParseError as error:
    assert name in str(error), error
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
unpacked = WorkflowExecution()
assert json_format.Parse(text, any_pb2.Any()).Unpack(unpacked)
print(unpacked.kind)
"""


def test_any_in_json_needs_the_module_of_its_message() -> None:
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", UNKNOWN], capture_output=True, text=True
    )
    assert (finished.returncode, finished.stdout) == (0, "WorkflowExecution\n"), finished.stderr
