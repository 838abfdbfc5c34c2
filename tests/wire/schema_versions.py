"""The contract at different times: before the tokens, at each release, at HEAD, and after it.

The difference between HEAD and the last release changes with every commit, and may be empty. The
versions derived here always differ from HEAD, so that tests of differences test something.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.message import Message

from stigmer_apis import schema
from tests.wire.image_types import ImageTypes, walk_messages
from tests.wire.release_fixtures import HEAD, RELEASES, fixtures_of, image_of

ADDED_FIELD = "added_later"
ADDED_VALUE = "_ADDED_LATER"
ADDED_MEMBER = "_member_added_later"


def without_tokens() -> FileDescriptorSet:
    """Return the contract as it was before either status had a `callback_token`."""
    image = schema.file_descriptor_set()
    dropped = 0
    for file in image.file:
        for message in file.message_type:
            for index in reversed(range(len(message.field))):
                if message.field[index].name == "callback_token":
                    del message.field[index]
                    dropped += 1
    assert dropped == 2, "the contract has another number of callback_token fields"
    return image


def with_additions() -> FileDescriptorSet:
    """Return a contract after HEAD, in which everything has grown as far as compatibility allows.

    Each message has one more field, each oneof one more member, and each enum one more value.
    """
    image = schema.file_descriptor_set()
    for file in image.file:
        if not file.package.startswith("ai.stigmer."):
            continue
        for enum in file.enum_type:
            _add_value(enum)
        for _, message in walk_messages(file.package, file.message_type):
            for enum in message.enum_type:
                _add_value(enum)
            if not message.options.map_entry:
                _add_fields(message)
    return image


def _add_value(enum: EnumDescriptorProto) -> None:
    highest = max(value.number for value in enum.value)
    enum.value.add(name=f"{enum.name}{ADDED_VALUE}", number=highest + 1)


def _add_fields(message: DescriptorProto) -> None:
    # Above every number that our messages use or reserve.
    text = FieldDescriptorProto(
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    for index, oneof in enumerate(message.oneof_decl):
        member = message.field.add(name=f"{oneof.name}{ADDED_MEMBER}", number=5001 + index)
        member.MergeFrom(text)
        member.oneof_index = index
    message.field.add(name=ADDED_FIELD, number=5000).MergeFrom(text)


class Version:
    """One version of the contract: its message classes, and a message for each of its fixtures."""

    def __init__(self, name: str, image: FileDescriptorSet) -> None:
        self.name = name
        self.types = ImageTypes(image)

    @functools.cached_property
    def fixtures(self) -> Mapping[str, Message]:
        """The binary messages that it writes, by the name of the fixture."""
        return fixtures_of(self.types)

    @functools.cached_property
    def json(self) -> Mapping[str, str]:
        """The fixtures as JSON."""
        return {stem: json_format.MessageToJson(it) for stem, it in self.fixtures.items()}

    @functools.cached_property
    def json_with_numbers(self) -> Mapping[str, str]:
        """The fixtures as JSON with enum values as numbers."""
        return {
            stem: json_format.MessageToJson(it, use_integers_for_enums=True)
            for stem, it in self.fixtures.items()
        }

    def __str__(self) -> str:
        return self.name


BEFORE_TOKENS = Version("before tokens", without_tokens())
AT_HEAD = Version("HEAD", schema.file_descriptor_set())
AFTER_HEAD = Version("after HEAD", with_additions())
RELEASED = [
    Version(folder.name, image_of(folder))
    for folder in sorted(RELEASES.iterdir())
    if folder.is_dir() and folder != HEAD
]
VERSIONS = [BEFORE_TOKENS, *RELEASED, AT_HEAD, AFTER_HEAD]
