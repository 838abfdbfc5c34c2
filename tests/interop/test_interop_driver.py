"""The comparison detects mistakes: tested with Python as a peer, correct or with one mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from tests.interop.cases import all_cases
from tests.interop.own_messages import own_messages
from tests.interop.peers import Peer, PeerError, require, run
from tests.interop.round_trip import Outcome, round_trip
from tests.interop.table import render
from tests.wire.message_types import MESSAGE_TYPES

FIXTURE = "HEAD.ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"
CASES = [
    case
    for case in all_cases()
    if case.stem in (FIXTURE, f"unknown.{FIXTURE}", "unknown.nested", "struct.numbers")
]
OWN = "own.ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"


@dataclass(frozen=True)
class PythonPeer(Peer):
    """A peer that needs no program, and the mistake that it makes at the end."""

    mistake: Callable[[Path], object] = lambda outputs: None

    def run(self, inputs: Path, outputs: Path) -> None:
        for line in (inputs / "manifest.txt").read_text(encoding="utf-8").splitlines():
            name, stem = line.split("\t")
            message = MESSAGE_TYPES[name].FromString((inputs / f"{stem}.binpb").read_bytes())
            (outputs / f"{stem}.binpb").write_bytes(message.SerializeToString(deterministic=True))
            source = inputs / f"{stem}.json"
            if source.exists():
                (outputs / f"{stem}.json").write_text(json_format.MessageToJson(message))
                read = json_format.Parse(source.read_bytes(), MESSAGE_TYPES[name]())
                target = outputs / f"{stem}.from_json.binpb"
                target.write_bytes(read.SerializeToString(deterministic=True))
        for name, message in own_messages(self.library).items():
            own = outputs / f"own.{name}"
            encoded = message.SerializeToString(deterministic=True)
            own.with_name(f"{own.name}.binpb").write_bytes(encoded)
            own.with_name(f"{own.name}.json").write_text(json_format.MessageToJson(message))
        self.mistake(outputs)


HONEST = PythonPeer(
    language="python",
    library="protobuf",
    version="0",
    tools=(),
    build=lambda image, work: [],
    reads_json=True,
    is_deterministic=True,
    keeps_unknown=True,
)


def change(file: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Return a mistake: `edit` applied to one file."""

    def mistake(outputs: Path) -> None:
        before = (outputs / file).read_bytes()
        after = edit(before)
        assert after != before, "this is no mistake"
        (outputs / file).write_bytes(after)

    return mistake


def with_kind_twice(encoded: bytes) -> bytes:
    """Return the same message in different bytes."""
    kind = WorkflowExecution(kind=WorkflowExecution.FromString(encoded).kind)
    return encoded + kind.SerializeToString()


def with_other_token(encoded: bytes) -> bytes:
    return encoded.replace(b"\x7f\x80\x81", b"\x7f?\x81")


def without_unknown(encoded: bytes) -> bytes:
    message = WorkflowExecution.FromString(encoded)
    message.DiscardUnknownFields()
    return message.SerializeToString(deterministic=True)


MISTAKES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a message is missing": ("files", lambda out: (out / "struct.numbers.binpb").unlink()),
    "a JSON file is missing": ("files", lambda out: (out / "struct.numbers.json").unlink()),
    "a file is nobody's": ("files", lambda out: (out / "stray.binpb").touch()),
    "a token has another byte": ("binary", change(f"{FIXTURE}.binpb", with_other_token)),
    "a field stands twice": ("binary", change(f"{FIXTURE}.binpb", with_kind_twice)),
    "bytes are no message": ("binary", change(f"{FIXTURE}.binpb", lambda _: b"\xff")),
    "JSON has the names of fields in the contract": (
        "json",
        change(f"{FIXTURE}.json", lambda text: text.replace(b"apiVersion", b"api_version")),
    ),
    "JSON has a token in the alphabet of URLs": (
        "json",
        change(f"{FIXTURE}.json", lambda text: text.replace(b"+", b"-").replace(b"/", b"_")),
    ),
    "JSON has a number for a truth value": (
        "json",
        change("struct.numbers.json", lambda text: text.replace(b"true", b"1")),
    ),
    "JSON has a number with one digit less": (
        "json",
        change(
            "struct.numbers.json",
            lambda text: text.replace(b"9007199254740992", b"9.00719925474099e15"),
        ),
    ),
    "JSON is broken off": ("json", change(f"{FIXTURE}.json", lambda text: text[:-2])),
    "JSON is read as the empty message": (
        "json",
        change(f"{FIXTURE}.from_json.binpb", lambda _: b""),
    ),
    "unknown fields are lost in one message": (
        "unknown_lost",
        change(f"unknown.{FIXTURE}.binpb", without_unknown),
    ),
    "unknown fields are lost within a message": (
        "unknown_lost",
        change("unknown.nested.binpb", without_unknown),
    ),
    "its own message has another token": ("own", change(f"{OWN}.binpb", with_other_token)),
    "its own message has another name in JSON": (
        "own",
        change(f"{OWN}.json", lambda text: text.replace(b"from-protobuf", b"from-another")),
    ),
    "its own JSON is none": ("own", change(f"{OWN}.json", lambda text: text + b"}")),
}

FOUND = ("files", "binary", "json", "own", "unknown_lost")


def found_by(outcome: Outcome) -> dict[str, int]:
    return {name: len(getattr(outcome, name)) for name in FOUND if getattr(outcome, name)}


def test_a_peer_is_asked_for_everything() -> None:
    cases = all_cases()
    stems = [case.stem for case in cases]
    assert len(stems) == len(set(stems)), "two cases have the same files"
    assert {case.message_type for case in cases} == set(MESSAGE_TYPES.values())
    releases = {stem.partition(".ai.")[0] for stem in stems if ".ai." in stem}
    assert releases >= {"HEAD", "unknown.HEAD", "empty", "v0.1.0", "v0.2.0"}


def test_python_agrees_with_itself(tmp_path: Path) -> None:
    outcome = round_trip(HONEST, tmp_path, CASES)
    assert found_by(outcome) == {}
    assert len(outcome.unknown_kept) == 2
    assert render([outcome]).endswith(
        "| python | protobuf | 0 | same bytes | same | kept | read |\n"
    )


@pytest.mark.parametrize(("found", "mistake"), MISTAKES.values(), ids=MISTAKES.keys())
def test_one_mistake_is_seen_as_what_it_is(
    found: str, mistake: Callable[[Path], object], tmp_path: Path
) -> None:
    outcome = round_trip(replace(HONEST, mistake=mistake), tmp_path, CASES)
    assert found_by(outcome) == {found: 1}


def test_a_library_that_is_not_deterministic_is_asked_for_the_message_alone(
    tmp_path: Path,
) -> None:
    peer = replace(HONEST, is_deterministic=False)
    twice = change(f"{FIXTURE}.binpb", with_kind_twice)
    other = change(f"{FIXTURE}.binpb", with_other_token)
    assert found_by(round_trip(replace(peer, mistake=twice), tmp_path / "a", CASES)) == {}
    assert found_by(round_trip(replace(peer, mistake=other), tmp_path / "b", CASES)) == {
        "binary": 1
    }


def test_a_peer_that_is_said_to_reorder_must_do_so(tmp_path: Path) -> None:
    def reorders(message: Message) -> bool:
        return isinstance(message, WorkflowExecution)

    peer = replace(HONEST, reorders=reorders)
    outcome = round_trip(peer, tmp_path, CASES)
    assert outcome.reordered > 0
    assert outcome.binary
    assert all("is said to write it in another order" in line for line in outcome.binary)


def test_a_peer_that_is_said_to_drop_unknown_fields_is_seen_to_keep_one(tmp_path: Path) -> None:
    outcome = round_trip(replace(HONEST, keeps_unknown=False), tmp_path, CASES)
    assert outcome.unknown_kept


def test_a_missing_toolchain_is_named() -> None:
    with pytest.raises(PeerError) as caught:
        require("zig", ("python3", "no-such-zig"))
    assert str(caught.value) == (
        "the zig peer needs no-such-zig on PATH; install the zig toolchain and run make interop "
        "again"
    )


def test_a_program_that_fails_is_shown_with_what_it_said() -> None:
    with pytest.raises(PeerError, match=r"exited with 3:\nno such luck"):
        run(["sh", "-c", "echo no such luck >&2; exit 3"])


def test_the_table_has_a_row_for_each_peer_and_its_notes_below() -> None:
    text = render([Outcome(replace(HONEST, notes="Reads itself."), json=["x", "y"])])
    assert "| same bytes | 2 differ | kept | read |\n\n- protobuf: Reads itself.\n" in text
