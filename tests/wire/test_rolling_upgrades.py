"""Readers and writers of different versions of the contract exchange every message.

`docs/rolling-upgrades.md` tells services what this means for them, and names these tests.
"""

from __future__ import annotations

import functools
import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple, cast

import google.protobuf
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from tests.wire.release_fixtures import to_binary
from tests.wire.schema_versions import (
    ADDED_FIELD,
    ADDED_MEMBER,
    ADDED_VALUE,
    AFTER_HEAD,
    AT_HEAD,
    BEFORE_TOKENS,
    RELEASED,
    VERSIONS,
    Version,
)

RUNTIME = tuple(map(int, google.protobuf.__version__.split(".")[:2]))
# Since this version, `ignore_unknown_fields` also covers enum value names (protobuf #15887).
IGNORES_ENUM_NAMES = (5, 27)

STATUS = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus"
SERVER = "ai.stigmer.agentic.agent.v1.McpServerDefinition"

on_every_pair = pytest.mark.parametrize(
    ("writer", "reader"), list(itertools.permutations(VERSIONS, 2)), ids=str
)
# Each of these includes everything in the versions before it.
on_every_upgrade = pytest.mark.parametrize(
    ("older", "newer"),
    [
        *itertools.combinations([*RELEASED, AT_HEAD, AFTER_HEAD], 2),
        (BEFORE_TOKENS, AT_HEAD),
        (BEFORE_TOKENS, AFTER_HEAD),
    ],
    ids=str,
)


class Unknown(NamedTuple):
    """The parts of a message that a reader's version does not know, as paths."""

    fields: list[str]
    enum_values: list[str]

    def __bool__(self) -> bool:
        return bool(self.fields or self.enum_values)


class Exchange(NamedTuple):
    """A message that a writer sends, and the reader's class for it."""

    stem: str
    sent: Message
    reader_type: type[Message]
    known: dict[str, Any]
    """Return the sent message as a dict, without the fields that the reader does not know."""
    unknown: Unknown

    def received(self) -> Any:
        """Return the message as the reader reads it in binary."""
        return self.reader_type.FromString(to_binary(self.sent))


@functools.cache
def exchanges(writer: Version, reader: Version) -> list[Exchange]:
    """Yield every message that both versions have."""
    found: list[Exchange] = []
    for stem, sent in writer.fixtures.items():
        if sent.DESCRIPTOR.full_name in reader.types:
            reader_type = reader.types[sent.DESCRIPTOR.full_name]
            unknown = Unknown([], [])
            known = _known(reader_type.DESCRIPTOR, _as_dict(sent), "", unknown)
            found.append(Exchange(stem, sent, reader_type, known, unknown))
    assert len(found) >= 50, "the versions have too little in common to say anything"
    return found


def _as_dict(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message, use_integers_for_enums=True)


def _parse(text: str, message_type: type[Message], *, ignore: bool = False) -> Any:
    return json_format.Parse(text, message_type(), ignore_unknown_fields=ignore)


def _known(descriptor: Any, value: dict[str, Any], path: str, unknown: Unknown) -> dict[str, Any]:
    """Return the part of a message's dict that `descriptor` knows, and record the rest in
    `unknown`.
    """
    fields = {field.json_name: field for field in descriptor.fields}
    for name in value.keys() - fields.keys():
        unknown.fields.append(f"{path}.{name}".lstrip("."))
    return {
        name: _known_value(fields[name], inner, f"{path}.{name}".lstrip("."), unknown)
        for name, inner in value.items()
        if name in fields
    }


def _known_value(field: Any, value: Any, path: str, unknown: Unknown) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        of_values = kind.fields_by_name["value"]
        return {
            key: _known_value(of_values, it, f"{path}[{key}]", unknown) for key, it in value.items()
        }
    if kind is not None and kind.full_name.startswith("google.protobuf."):
        return value  # its own JSON, which does not depend on the version
    if isinstance(value, list):
        elements = cast(list[Any], value)
        return [
            _known_value(field, it, f"{path}[{index}]", unknown)
            for index, it in enumerate(elements)
        ]
    if kind is not None:
        return _known(kind, value, path, unknown)
    if field.enum_type is not None and value not in field.enum_type.values_by_number:
        unknown.enum_values.append(path)
    return value


def test_the_version_after_head_says_more_in_every_message_oneof_and_enum() -> None:
    # Otherwise the tests of unknown fields, members and values would test nothing.
    found = {it.stem: it.unknown for it in exchanges(AFTER_HEAD, AT_HEAD)}
    assert not [stem for stem, unknown in found.items() if not unknown.fields]
    assert len([stem for stem, unknown in found.items() if unknown.enum_values]) > 50
    oneofs = [f"{name}.{o.name}" for name, t in AT_HEAD.types.items() for o in t.DESCRIPTOR.oneofs]
    assert oneofs
    assert {f"{oneof}{ADDED_MEMBER}" for oneof in oneofs} <= found.keys()


def test_the_version_before_the_tokens_lacks_them_alone() -> None:
    unknown = {
        path.rpartition(".")[2]
        for it in exchanges(AT_HEAD, BEFORE_TOKENS)
        for path in it.unknown.fields
    }
    assert unknown == {"callbackToken"}


@on_every_upgrade
def test_a_newer_version_knows_all_that_an_older_one_says(older: Version, newer: Version) -> None:
    lost = {it.stem: it.unknown for it in exchanges(older, newer) if it.unknown}
    assert not lost
    assert set(older.types) <= set(newer.types)


@on_every_pair
def test_a_binary_reader_sees_all_that_it_knows(writer: Version, reader: Version) -> None:
    for exchange in exchanges(writer, reader):
        assert _as_dict(exchange.received()) == exchange.known, exchange.stem


@on_every_pair
def test_nothing_is_lost_by_a_reader_that_sends_binary_on(writer: Version, reader: Version) -> None:
    for exchange in exchanges(writer, reader):
        sent_on = exchange.received().SerializeToString()
        back = type(exchange.sent).FromString(sent_on)
        assert to_binary(back) == to_binary(exchange.sent), exchange.stem
        if not exchange.unknown.fields:
            assert to_binary(exchange.received()) == to_binary(exchange.sent), exchange.stem


@on_every_pair
def test_json_without_anything_unknown_is_read_without_an_option(
    writer: Version, reader: Version
) -> None:
    for exchange in exchanges(writer, reader):
        if not exchange.unknown:
            read = _parse(writer.json[exchange.stem], exchange.reader_type)
            assert to_binary(read) == to_binary(exchange.sent), exchange.stem


@on_every_pair
def test_json_with_an_unknown_field_or_enum_name_is_refused_without_an_option(
    writer: Version, reader: Version
) -> None:
    for exchange in exchanges(writer, reader):
        unknown = exchange.unknown
        if unknown:
            names = {path.rpartition(".")[2] for path in [*unknown.fields, *unknown.enum_values]}
            with pytest.raises(json_format.ParseError) as refused:
                _parse(writer.json[exchange.stem], exchange.reader_type)
            assert any(name in str(refused.value) for name in names), exchange.stem


@on_every_pair
def test_json_with_unknown_fields_is_read_with_ignore_unknown_fields(
    writer: Version, reader: Version
) -> None:
    for exchange in exchanges(writer, reader):
        read = _parse(writer.json_with_numbers[exchange.stem], exchange.reader_type, ignore=True)
        assert _as_dict(read) == exchange.known, exchange.stem


@on_every_pair
def test_unknown_fields_are_lost_by_a_reader_that_writes_json(
    writer: Version, reader: Version
) -> None:
    for exchange in exchanges(writer, reader):
        text = json_format.MessageToJson(exchange.received())
        assert _as_dict(_parse(text, type(exchange.sent))) == exchange.known, exchange.stem


def _status_after_head() -> tuple[Any, int]:
    """Return a status with a phase that HEAD does not know, and the number of that phase."""
    status: Any = AFTER_HEAD.types[STATUS](error="early")
    number = (
        status.DESCRIPTOR.fields_by_name["phase"]
        .enum_type.values_by_name[f"ExecutionPhase{ADDED_VALUE}"]
        .number
    )
    status.phase = number
    return status, number


def test_an_unknown_enum_number_is_kept_in_binary_and_in_json() -> None:
    status, number = _status_after_head()
    received: Any = AT_HEAD.types[STATUS].FromString(to_binary(status))
    assert received.phase == number
    assert json_format.MessageToDict(received) == {"error": "early", "phase": number}
    assert AFTER_HEAD.types[STATUS].FromString(to_binary(received)) == status
    assert _parse(json_format.MessageToJson(received), AFTER_HEAD.types[STATUS]) == status


def test_an_enum_written_to_json_as_a_number_is_read_without_an_option() -> None:
    status, number = _status_after_head()
    text = json_format.MessageToJson(status, use_integers_for_enums=True)
    assert _parse(text, AT_HEAD.types[STATUS]).phase == number


def test_ignore_unknown_fields_leaves_unknown_enum_names_out_from_protobuf_5_27_on() -> None:
    status, _ = _status_after_head()
    text = json_format.MessageToJson(status)
    if RUNTIME < IGNORES_ENUM_NAMES:
        with pytest.raises(json_format.ParseError, match=f"ExecutionPhase{ADDED_VALUE}"):
            _parse(text, AT_HEAD.types[STATUS], ignore=True)
        return
    assert _as_dict(_parse(text, AT_HEAD.types[STATUS], ignore=True)) == {"error": "early"}
    for exchange in exchanges(AFTER_HEAD, AT_HEAD):
        _parse(AFTER_HEAD.json[exchange.stem], exchange.reader_type, ignore=True)


def _server_after_head() -> Any:
    """Return a server of a type that HEAD does not know."""
    server: Any = AFTER_HEAD.types[SERVER]()
    setattr(server, f"server_type{ADDED_MEMBER}", "new")
    return server


def test_an_unknown_member_of_a_oneof_reads_as_none_set_and_is_kept() -> None:
    received = AT_HEAD.types[SERVER].FromString(to_binary(_server_after_head()))
    assert received.WhichOneof("server_type") is None
    back = AFTER_HEAD.types[SERVER].FromString(received.SerializeToString())
    assert back == _server_after_head()


def test_a_known_member_set_over_an_unknown_one_does_not_reach_the_newer_reader() -> None:
    # Unknown fields are written after known ones, and the last member of a oneof counts.
    received: Any = AT_HEAD.types[SERVER].FromString(to_binary(_server_after_head()))
    received.http.SetInParent()
    back = AFTER_HEAD.types[SERVER].FromString(received.SerializeToString())
    assert back.WhichOneof("server_type") == f"server_type{ADDED_MEMBER}"


def test_a_known_member_counts_once_the_unknown_fields_are_discarded() -> None:
    received: Any = AT_HEAD.types[SERVER].FromString(to_binary(_server_after_head()))
    received.DiscardUnknownFields()
    received.http.SetInParent()
    back = AFTER_HEAD.types[SERVER].FromString(received.SerializeToString())
    assert back.WhichOneof("server_type") == "http"


def test_an_unknown_member_of_a_oneof_is_ignored_in_json_as_a_field_is() -> None:
    text = json_format.MessageToJson(_server_after_head())
    with pytest.raises(json_format.ParseError, match="serverTypeMemberAddedLater"):
        _parse(text, AT_HEAD.types[SERVER])
    assert _as_dict(_parse(text, AT_HEAD.types[SERVER], ignore=True)) == {}


def test_a_known_field_that_a_reader_changes_is_changed_and_the_unknown_ones_stay() -> None:
    sent: Any = AFTER_HEAD.fixtures[STATUS]
    received: Any = AT_HEAD.types[STATUS].FromString(to_binary(sent))
    received.error = "changed"
    back: Any = AFTER_HEAD.types[STATUS].FromString(received.SerializeToString())
    assert (back.error, getattr(back, ADDED_FIELD)) == ("changed", getattr(sent, ADDED_FIELD))
    back.error = sent.error
    assert back == sent


def test_the_documentation_names_tests_that_there_are_and_all_of_this_file(root: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", (root / "docs" / "rolling-upgrades.md").read_text()))
    defined = {
        path: set(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
        for path in Path(__file__).parent.glob("test_*.py")
    }
    assert sorted(named - set().union(*defined.values())) == [], "there are no such tests"
    # Tests of the versions or of the documentation itself are of no interest to services.
    ours = {name for name in defined[Path(__file__)] if not name.startswith("test_the_")}
    assert sorted(ours - named) == [], "the documentation does not name these tests"
