"""Libraries of other languages read what Python writes, and write what Python reads."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.interop.peers import Peer, all_peers
from tests.interop.round_trip import OutcomeOf

EACH_PEER = pytest.mark.parametrize("peer", all_peers(), ids=str)
EACH_PEER_WITH_JSON = pytest.mark.parametrize(
    "peer", [peer for peer in all_peers() if peer.reads_json], ids=str
)


def assert_none(found: Sequence[str], what: str) -> None:
    if found:
        shown = "\n".join([*found[:10], *(["..."] if len(found) > 10 else [])])
        pytest.fail(f"{len(found)} {what}:\n{shown}", pytrace=False)


@EACH_PEER
def test_a_peer_answers_to_every_case(peer: Peer, outcome_of: OutcomeOf) -> None:
    assert_none(outcome_of(peer).files, "files are missing or unasked for")


@EACH_PEER
def test_a_peer_writes_every_message_as_python_does(peer: Peer, outcome_of: OutcomeOf) -> None:
    assert_none(outcome_of(peer).binary, "messages differ in binary")


@EACH_PEER_WITH_JSON
def test_a_peer_reads_and_writes_the_json_that_python_does(
    peer: Peer, outcome_of: OutcomeOf
) -> None:
    assert_none(outcome_of(peer).json, "messages differ in JSON")


@EACH_PEER
def test_unknown_fields_survive_exactly_where_the_peer_says_so(
    peer: Peer, outcome_of: OutcomeOf
) -> None:
    outcome = outcome_of(peer)
    if peer.keeps_unknown:
        assert_none(outcome.unknown_lost, "messages lost unknown fields")
    else:
        what = "messages kept unknown fields, and the peer is said to drop them"
        assert_none(outcome.unknown_kept, what)


@EACH_PEER
def test_python_reads_the_messages_that_a_peer_builds(peer: Peer, outcome_of: OutcomeOf) -> None:
    assert_none(outcome_of(peer).own, "messages of its own differ from own_messages.py")
