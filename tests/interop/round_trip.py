"""What a peer program makes of every case: it is built, run once, and compared with Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import DecodeError

from cases import Case, hard_cases, release_cases, unknown_cases, without_unknown
from own_messages import own_messages
from peers import Peer
from release_fixtures import BINARY, JSON


@dataclass
class Outcome:
    """Where a peer differs from Python: one line for each message, none where all is well."""

    peer: Peer
    read: int = 0
    """How many messages the peer read, and wrote again."""
    files: list[str] = field(default_factory=list[str])
    """Files that it should not have written, or should have."""
    binary: list[str] = field(default_factory=list[str])
    json: list[str] = field(default_factory=list[str])
    own: list[str] = field(default_factory=list[str])
    unknown_lost: list[str] = field(default_factory=list[str])
    """Messages in which not all unknown fields survived."""
    unknown_kept: list[str] = field(default_factory=list[str])
    """Messages in which some unknown field survived, or another one did not."""


OutcomeOf = Callable[[Peer], Outcome]
"""The fixture `outcome_of`, for type checkers."""


def round_trip(peer: Peer, folder: Path) -> Outcome:
    """Run a peer on every case, with `folder` for what it reads and writes, and compare.

    Raises:
        peers.PeerError: a tool is missing, or the program does not build, or it fails.
    """
    inputs, outputs = folder / "in", folder / "out"
    known, unknown = [*release_cases(), *hard_cases()], list(unknown_cases())
    _write(inputs, [*known, *unknown])
    outputs.mkdir(parents=True)
    peer.run(inputs, outputs)
    outcome = Outcome(peer, read=len(known) + len(unknown))
    outcome.files = _wrong_files(peer, [*known, *unknown], outputs)
    for case in known:
        _compare(case, peer, outputs, outcome)
    for case in unknown:
        _compare_unknown(case, peer, outputs, outcome)
    _compare_own(peer, outputs, outcome)
    return outcome


def _write(inputs: Path, cases: Sequence[Case]) -> None:
    inputs.mkdir(parents=True)
    for case in cases:
        (inputs / f"{case.stem}{BINARY}").write_bytes(case.binary)
        if case.json is not None:
            (inputs / f"{case.stem}{JSON}").write_bytes(case.json)
    lines = [f"{case.message_type.DESCRIPTOR.full_name}\t{case.stem}\n" for case in cases]
    (inputs / "manifest.txt").write_text("".join(lines), encoding="utf-8")


def _wrong_files(peer: Peer, cases: Sequence[Case], outputs: Path) -> list[str]:
    expected: set[str] = set()
    for case in cases:
        expected.add(case.stem + BINARY)
        if peer.reads_json and case.json is not None:
            expected |= {case.stem + JSON, f"{case.stem}.from_json{BINARY}"}
    for name in own_messages(peer.library):
        expected.add(f"own.{name}{BINARY}")
        if peer.reads_json:
            expected.add(f"own.{name}{JSON}")
    written = {file.name for file in outputs.iterdir()}
    missing = [f"{name} is missing" for name in sorted(expected - written)]
    return missing + [f"{name} is nobody's" for name in sorted(written - expected)]


def _compare(case: Case, peer: Peer, outputs: Path, outcome: Outcome) -> None:
    written = _read(outputs / f"{case.stem}{BINARY}")
    outcome.binary += _difference(case, peer, written, case.binary)
    if not peer.reads_json or case.json is None:
        return
    text = _read(outputs / f"{case.stem}{JSON}")
    outcome.json += _json_difference(case, text, case.json)
    from_json = _read(outputs / f"{case.stem}.from_json{BINARY}")
    found = _difference(case, peer, from_json, case.from_json(case.json))
    outcome.json += [f"{line} (read from JSON)" for line in found]


def _compare_unknown(case: Case, peer: Peer, outputs: Path, outcome: Outcome) -> None:
    written = _read(outputs / f"{case.stem}{BINARY}")
    outcome.unknown_lost += _difference(case, peer, written, case.canonical(case.binary))
    outcome.unknown_kept += _difference(case, peer, written, without_unknown(case))


def _compare_own(peer: Peer, outputs: Path, outcome: Outcome) -> None:
    for name, message in own_messages(peer.library).items():
        expected = message.SerializeToString(deterministic=True)
        case = Case(f"own.{name}", type(message), expected, None)
        written = _read(outputs / f"{case.stem}{BINARY}")
        outcome.own += _difference(case, peer, written, expected)
        if peer.reads_json:
            text = _read(outputs / f"{case.stem}{JSON}")
            try:
                read = case.from_json(text)
            except ValueError as error:
                outcome.own.append(f"{case.stem}: Python cannot read its JSON: {error}")
                continue
            found = _difference(case, peer, read, expected)
            outcome.own += [f"{line} (in JSON)" for line in found]


def _read(file: Path) -> bytes:
    """The content, or nothing where the file is missing, which `_wrong_files` reports."""
    return file.read_bytes() if file.exists() else b""


def _difference(case: Case, peer: Peer, written: bytes, expected: bytes) -> list[str]:
    """Compare bytes where the peer promises them, and otherwise what Python reads from them."""
    reordered = peer.is_deterministic and peer.reorders(case.message_type.FromString(expected))
    if reordered and written == expected:
        return [f"{case.stem}: the peer is said to write it in another order, and does not"]
    if reordered or not peer.is_deterministic:
        try:
            written = case.canonical(written)
        except DecodeError as error:
            return [f"{case.stem}: Python cannot read its bytes: {error}"]
    if written == expected:
        return []
    at = next(
        (i for i, (one, other) in enumerate(zip(written, expected, strict=False)) if one != other),
        min(len(written), len(expected)),
    )
    return [
        f"{case.stem}: {len(written)} bytes for {len(expected)}; from byte {at} on "
        f"{written[at : at + 24]!r} for {expected[at : at + 24]!r}"
    ]


def _json_difference(case: Case, text: bytes, expected: bytes) -> list[str]:
    """Compare the values that two JSON texts stand for: the order of keys and spaces are free.

    So are digits that make no difference: JavaScript writes a `float` with those of a double.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        return [f"{case.stem}: no JSON: {error}"]
    if found == json.loads(expected):
        return []
    is_near = json.loads(text, parse_float=_six_digits) == json.loads(
        expected, parse_float=_six_digits
    )
    if is_near and case.from_json(text) == case.from_json(expected):
        return []
    return [f"{case.stem}: the JSON {text[:300]!r} for {expected[:300]!r}"]


def _six_digits(number: str) -> float:
    return float(f"{float(number):.6g}")
