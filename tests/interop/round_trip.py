"""The round trip of a peer program: build it, run it once, and compare its output with Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from tests.interop.cases import Case
from tests.interop.own_messages import own_messages
from tests.interop.peers import Peer
from tests.wire.release_fixtures import BINARY, JSON


@dataclass
class Outcome:
    """The differences between a peer and Python, one line per message; empty if all is well."""

    peer: Peer
    files: list[str] = field(default_factory=list[str])
    """Files that are missing or unexpected."""
    binary: list[str] = field(default_factory=list[str])
    reordered: int = 0
    """The number of messages that the peer wrote in its own order, as it is known to do."""
    json: list[str] = field(default_factory=list[str])
    own: list[str] = field(default_factory=list[str])
    unknown_lost: list[str] = field(default_factory=list[str])
    """Messages in which some unknown fields did not survive."""
    unknown_kept: list[str] = field(default_factory=list[str])
    """Messages in which some unknown fields survived, or that differ in another way."""


OutcomeOf = Callable[[Peer], Outcome]
"""The type of the fixture `outcome_of`."""


def round_trip(peer: Peer, folder: Path, cases: Iterable[Case]) -> Outcome:
    """Run a peer on the cases, with its files in `folder`, and compare.

    Raises:
        peers.PeerError: A tool is missing, or the program does not build or fails.
    """
    inputs, outputs = folder / "in", folder / "out"
    asked = list(cases)
    _write(inputs, asked)
    outputs.mkdir(parents=True)
    peer.run(inputs, outputs)
    known = [case for case in asked if not case.has_unknown()]
    unknown = [case for case in asked if case.has_unknown()]
    outcome = Outcome(peer, files=_wrong_files(peer, asked, outputs))
    outcome.reordered = sum(_is_reordered(peer, case, case.binary) for case in known)
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
    if peer.reads_json and case.json is not None:
        text = _read(outputs / f"{case.stem}{JSON}")
        outcome.json += _json_difference(case, text, case.json)
        read = _read(outputs / f"{case.stem}.from_json{BINARY}")
        found = _difference(case, peer, read, case.from_json(case.json))
        outcome.json += [f"{line} (read from JSON)" for line in found]


def _compare_unknown(case: Case, peer: Peer, outputs: Path, outcome: Outcome) -> None:
    written = _read(outputs / f"{case.stem}{BINARY}")
    outcome.unknown_lost += _difference(case, peer, written, case.canonical(case.binary))
    outcome.unknown_kept += _difference(case, peer, written, case.without_unknown())


def _compare_own(peer: Peer, outputs: Path, outcome: Outcome) -> None:
    for name, message in own_messages(peer.library).items():
        expected = message.SerializeToString(deterministic=True)
        case = Case(f"own.{name}", type(message), expected, None)
        outcome.own += _difference(case, peer, _read(outputs / f"{case.stem}{BINARY}"), expected)
        text = _read(outputs / f"{case.stem}{JSON}") if peer.reads_json else None
        if text is None:
            continue
        try:
            read = case.from_json(text)
        except (ValueError, json_format.ParseError) as error:
            outcome.own.append(f"{case.stem}: Python cannot read its JSON: {error}")
        else:
            if read != expected:
                outcome.own.append(f"{case.stem}: Python reads another message from its JSON")


def _read(file: Path) -> bytes | None:
    """Return the content, or None if the file is missing, which `_wrong_files` reports."""
    return file.read_bytes() if file.exists() else None


def _difference(case: Case, peer: Peer, written: bytes | None, expected: bytes) -> list[str]:
    """Compare bytes if the peer is deterministic, and otherwise the message that Python reads."""
    if written is None:
        return []
    reordered = _is_reordered(peer, case, expected)
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


def _is_reordered(peer: Peer, case: Case, expected: bytes) -> bool:
    return peer.is_deterministic and peer.reorders(case.message_type.FromString(expected))


def _json_difference(case: Case, text: bytes | None, expected: bytes) -> list[str]:
    """Compare the values of two JSON texts, regardless of key order and whitespace.

    Digits beyond the precision of a `float` are ignored too, such as those that JavaScript writes
    for a double.
    """
    if text is None:
        return []
    try:
        found, wanted = (
            json.loads(one, parse_float=_six_digits, parse_int=_six_digits)
            for one in (text, expected)
        )
        if found != wanted:
            return [f"{case.stem}: {_first_difference(found, wanted)}"]
        # Comparing messages covers the other digits, and true versus 1, which are equal in Python.
        if case.from_json(text) != case.from_json(expected):
            return [f"{case.stem}: Python reads another message from its JSON"]
    except (ValueError, json_format.ParseError) as error:
        return [f"{case.stem}: Python cannot read its JSON: {error}"]
    return []


def _first_difference(found: object, wanted: object, path: str = "") -> str:
    inner_found, inner_wanted = _inner(found), _inner(wanted)
    if inner_found.keys() == inner_wanted.keys():
        for key, value in inner_found.items():
            if value != inner_wanted[key]:
                return _first_difference(value, inner_wanted[key], f"{path}[{key!r}]")
    return f"the JSON has {repr(found)[:120]} for {repr(wanted)[:120]} at {path or 'the top'}"


def _inner(value: object) -> dict[str | int, object]:
    if isinstance(value, dict):
        return cast(dict[str | int, object], value)
    return dict(enumerate(cast(list[object], value))) if isinstance(value, list) else {}


def _six_digits(number: str) -> float:
    """Round the number to the digits that every `float` has."""
    return float(f"{float(number):.6g}")
