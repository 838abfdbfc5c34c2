"""Today's classes read and write the fixtures of every release unchanged."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from google.protobuf.unknown_fields import UnknownFieldSet

from tests.each import for_each
from tests.wire.filler import ALL_BYTES, FULL, declared_fields, is_oneof_member
from tests.wire.image_types import ImageTypes
from tests.wire.message_types import CONTRACT, MESSAGE_TYPES
from tests.wire.release_fixtures import (
    BESIDE,
    BINARY,
    HEAD,
    IMAGE,
    JSON,
    RELEASES,
    files_of,
    image_of,
    to_binary,
    to_json,
)

FOLDERS = sorted(path for path in RELEASES.iterdir() if path.is_dir())

TYPES = {folder.name: ImageTypes(image_of(folder)) for folder in FOLDERS}
"""Return what each release could read, according to its own image."""

MEMBERS = {
    f"{name}.{field.name}": name
    for name, found in CONTRACT.items()
    for field in found.descriptor.field
    if is_oneof_member(field)
}
"""Return the message of every oneof member, by the full name of the member."""


class Fixture(NamedTuple):
    """A message in two encodings, and today's class that must read both."""

    release: str
    stem: str

    @property
    def message_name(self) -> str:
        """The name of the message, which also prefixes the fixtures of its oneof members."""
        return MEMBERS.get(self.stem, self.stem)

    @property
    def message_type(self) -> type[Message]:
        """Return today's class."""
        if self.message_name not in MESSAGE_TYPES:
            raise AssertionError(f"{self}: no message of the contract claims it")
        return MESSAGE_TYPES[self.message_name]

    @property
    def binary(self) -> bytes:
        """Return the content of the binary file."""
        return (RELEASES / self.release / f"{self.stem}{BINARY}").read_bytes()

    @property
    def json(self) -> bytes:
        """Return the content of the JSON file."""
        return (RELEASES / self.release / f"{self.stem}{JSON}").read_bytes()

    def read(self) -> Message:
        """Return the message from the binary file."""
        return self.message_type.FromString(self.binary)

    def __str__(self) -> str:
        return f"{self.release}/{self.stem}"


FIXTURES = [
    Fixture(folder.name, path.name.removesuffix(BINARY))
    for folder in FOLDERS
    for path in sorted(folder.glob(f"*{BINARY}"))
    if path.name != IMAGE
]

on_every_fixture = for_each({str(fixture): fixture for fixture in FIXTURES})
on_every_release = pytest.mark.parametrize("release", FOLDERS, ids=lambda path: path.name)


def _difference(expected: bytes, actual: bytes) -> str:
    """Describe the first difference of two encodings: the lines of texts, the offset in bytes."""
    try:
        lines = expected.decode().splitlines(), actual.decode().splitlines()
        return "\n".join(difflib.unified_diff(*lines, "kept", "today", n=1, lineterm=""))
    except UnicodeDecodeError:
        length = min(len(expected), len(actual))
        at = next((i for i in range(length) if expected[i] != actual[i]), length)
        kept, today = expected[at : at + 16].hex(" "), actual[at : at + 16].hex(" ")
        return (
            f"{len(expected)} and {len(actual)} bytes; from byte {at}, kept {kept}, today {today}"
        )


def _assert_same(fixture: Fixture, what: str, expected: bytes, actual: bytes) -> None:
    if expected != actual:
        raise AssertionError(f"{fixture}: {what}:\n{_difference(expected, actual)}")


@on_every_fixture
def test_a_fixture_is_read_and_written_to_the_same_bytes(fixture: Fixture) -> None:
    again = to_binary(fixture.read())
    _assert_same(fixture, "the bytes are written otherwise", fixture.binary, again)


@on_every_fixture
def test_a_fixture_has_the_same_json(fixture: Fixture) -> None:
    written = to_json(fixture.read())
    _assert_same(fixture, "the message has another JSON", fixture.json, written)


@on_every_fixture
def test_the_json_of_a_fixture_reads_as_its_bytes(fixture: Fixture) -> None:
    read = json_format.Parse(fixture.json.decode(), fixture.message_type())
    _assert_same(fixture, "the JSON reads as other bytes", fixture.binary, to_binary(read))


@on_every_fixture
def test_a_fixture_has_no_field_that_is_unknown_today(fixture: Fixture) -> None:
    unknown = [
        f"{within}: field {field.field_number}"
        for within in _every_message(fixture.read())
        for field in UnknownFieldSet(within.message)
    ]
    assert not unknown, f"{fixture}: not in the contract: {unknown}"


@on_every_fixture
def test_a_fixture_fills_every_field_that_its_release_had(fixture: Fixture) -> None:
    message = TYPES[fixture.release][fixture.message_name].FromString(fixture.binary)
    shortcomings = [found for within in _every_message(message) for found in _shortcomings(within)]
    assert not shortcomings, f"{fixture}: {shortcomings}"


@for_each({member: member for member in MEMBERS})
def test_each_member_of_a_oneof_has_a_fixture_that_sets_it(member: str) -> None:
    name = MEMBERS[member]
    message = MESSAGE_TYPES[name].FromString((HEAD / f"{member}{BINARY}").read_bytes())
    assert message.HasField(member.removeprefix(f"{name}."))


def test_every_message_of_the_contract_has_a_fixture() -> None:
    # Based on the generated classes, not on the code that wrote the fixtures.
    kept = {fixture.stem for fixture in FIXTURES if fixture.release == HEAD.name}
    assert sorted({*MESSAGE_TYPES, *MEMBERS} - kept) == [], "run `make fixtures`"


@on_every_release
def test_a_release_has_a_fixture_of_every_message_and_no_other_file(release: Path) -> None:
    kept = {path.name for path in release.iterdir()} - BESIDE
    claimed = set(files_of(image_of(release)))
    advice = _advice(release)
    assert sorted(kept - claimed) == [], f"nothing claims these files in {release.name}; {advice}"
    assert sorted(claimed - kept) == [], f"these files are missing in {release.name}; {advice}"


@on_every_release
def test_the_fixtures_of_a_release_are_those_of_its_schema(release: Path) -> None:
    differ = [
        f"{name}: {_difference((release / name).read_bytes(), content)}"
        for name, content in files_of(image_of(release)).items()
        if (release / name).is_file() and (release / name).read_bytes() != content
    ]
    assert not differ, "\n".join(
        [f"{release.name} is not as it should be; {_advice(release)}", *differ]
    )


def test_there_is_nothing_but_releases_beside_head() -> None:
    strange = [path.name for path in FOLDERS if not re.fullmatch(r"v\d+\.\d+\.\d+|HEAD", path.name)]
    assert not strange, "not named after a release"
    assert HEAD in FOLDERS
    assert len(FOLDERS) > 2, "the releases are gone; restore them from git"


def _advice(release: Path) -> str:
    if release == HEAD:
        return "run `make fixtures` and commit what it writes"
    return "a release never changes: restore it from git, and leave the filler's values as they are"


class Within(NamedTuple):
    """A message in a fixture."""

    path: str
    message: Any
    around: tuple[str, ...]
    """The types of the messages around it, and its own."""

    def __str__(self) -> str:
        return self.path or "the message"


def _every_message(message: Any, path: str = "", around: tuple[str, ...] = ()) -> Iterator[Within]:
    """Yield the message and those inside it; Structs and other well-known types count as one."""
    name = message.DESCRIPTOR.full_name
    around = (*around, name)
    yield Within(path, message, around)
    if name.startswith("google.protobuf."):
        return
    declared = declared_fields(message)
    for field, value in message.ListFields():
        at = f"{path}.{field.name}" if path else field.name
        if _message_type(field) is None:
            continue
        if field.message_type.GetOptions().map_entry:
            for key in value:
                yield from _every_message(value[key], f"{at}[{key}]", around)
        elif declared[field.name].label == FieldDescriptorProto.LABEL_REPEATED:
            for index, element in enumerate(value):
                yield from _every_message(element, f"{at}[{index}]", around)
        else:
            yield from _every_message(value, at, around)


def _message_type(field: Any) -> Any:
    """Return the descriptor of the messages in a field or map, or None."""
    found = field.message_type
    if found is not None and found.GetOptions().map_entry:
        return found.fields_by_name["value"].message_type
    return found


def _shortcomings(within: Within) -> Iterator[str]:
    """Yield the fields that have the default value, or less content than a fixture should have."""
    message = within.message
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Struct":
        kinds = {value.WhichOneof("kind") for value in message.fields.values()}
        for kind in sorted({field.name for field in Value.DESCRIPTOR.fields} - kinds):
            yield f"{within} has no {kind}"
    elif name == "google.protobuf.Timestamp":
        if message.nanos % 1000 == 0:
            yield f"{within} has no nanoseconds"
    else:
        set_fields = {field.name for field, _ in message.ListFields()}
        for field in message.DESCRIPTOR.fields:
            at = f"{within.path}.{field.name}".lstrip(".")
            inner = _message_type(field)
            if field.name in set_fields:
                yield from _shortcomings_of_value(message, field, at)
            elif field.containing_oneof is not None:
                if message.WhichOneof(field.containing_oneof.name) is None:
                    yield f"{at} is not set, nor is another of its oneof"
            elif inner is None or within.around.count(inner.full_name) < FULL.own_kind:
                yield f"{at} is not set"


def _shortcomings_of_value(message: Any, field: Any, at: str) -> Iterator[str]:
    value = getattr(message, field.name)
    declared = declared_fields(message)[field.name]
    if declared.label == FieldDescriptorProto.LABEL_REPEATED:
        if len(value) != FULL.elements:
            yield f"{at} has {len(value)} elements and not {FULL.elements}"
    elif declared.type == FieldDescriptorProto.TYPE_BYTES:
        if set(value) != set(ALL_BYTES):
            yield f"{at} lacks some bytes"
    elif declared.type == FieldDescriptorProto.TYPE_STRING:
        if value.isascii():
            yield f"{at} is ASCII alone"
    elif field.enum_type is not None and value != max(field.enum_type.values_by_number):
        yield f"{at} is not the highest value of its enum"
