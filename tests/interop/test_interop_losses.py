"""Libraries lose rare values where the notes in the table say so, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf.message import Message

from stigmer_apis.agentic.workflow.v1.tasks import AgentExecutionConfig
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from tests.interop.cases import Case
from tests.interop.peers import Peer, PeerError, all_peers
from tests.wire.release_fixtures import BINARY, JSON

# The losses of each library, by the name of its peer; a library that is not listed loses nothing.
LOSSES = {
    "node-protobuf-es": {
        "negative-zero in JSON written",
        "proto-key in JSON read",
        "proto-key in JSON written",
        "proto-key in binary",
    },
    "node-protobufjs": {"negative-zero in JSON read", "negative-zero in JSON written"},
    "node-protobufjs-discardUnknown-false": {
        "negative-zero in JSON read",
        "negative-zero in JSON written",
    },
    "rust-prost": {"negative-zero in binary"},
}


def _case(stem: str, message: Message, text: bytes) -> Case:
    return Case(stem, type(message), message.SerializeToString(deterministic=True), text)


CASES = [
    _case("negative-zero", AgentExecutionConfig(temperature=-0.0), b'{"temperature": -0.0}'),
    _case(
        "proto-key",
        ApiResourceMetadata(labels={"__proto__": "x", "a": "y"}),
        b'{"labels": {"__proto__": "x", "a": "y"}}',
    ),
]


@pytest.mark.parametrize("peer", all_peers(), ids=str)
def test_a_peer_loses_what_its_notes_say_and_no_more(peer: Peer, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    outputs.mkdir()
    manifest = ""
    for case in CASES:
        (inputs / f"{case.stem}{BINARY}").write_bytes(case.binary)
        (inputs / f"{case.stem}{JSON}").write_bytes(case.json or b"")
        manifest += f"{case.message_type.DESCRIPTOR.full_name}\t{case.stem}\n"
    (inputs / "manifest.txt").write_text(manifest, encoding="utf-8")
    try:
        peer.run(inputs, outputs)
    except PeerError as error:
        pytest.fail(str(error), pytrace=False)

    lost: set[str] = set()
    for case in CASES:
        written = (outputs / f"{case.stem}{BINARY}").read_bytes()
        if case.canonical(written) != case.binary:
            lost.add(f"{case.stem} in binary")
        if peer.reads_json:
            text = (outputs / f"{case.stem}{JSON}").read_bytes()
            read = (outputs / f"{case.stem}.from_json{BINARY}").read_bytes()
            # Python's json reads -0 as an integer, and so loses the sign that Go writes.
            if case.from_json(re.sub(rb"-0\b(?!\.)", b"-0.0", text)) != case.binary:
                lost.add(f"{case.stem} in JSON written")
            if case.canonical(read) != case.binary:
                lost.add(f"{case.stem} in JSON read")
    expected = LOSSES.get(str(peer), set[str]())
    assert lost == expected, (
        f"{peer} loses {sorted(lost) or 'nothing'}, and is said to lose {sorted(expected)}; "
        "change LOSSES and the notes of the peer"
    )
