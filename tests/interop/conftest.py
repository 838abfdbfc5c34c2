"""Shared fixtures of this folder: every peer program, run once for all tests."""

from __future__ import annotations

import pytest

from tests.interop.cases import all_cases
from tests.interop.peers import Peer, PeerError
from tests.interop.round_trip import Outcome, OutcomeOf, round_trip


@pytest.fixture(scope="session")
def outcome_of(tmp_path_factory: pytest.TempPathFactory) -> OutcomeOf:
    """Return a function that gives a peer's outcome, or fails if the peer cannot be run."""
    found: dict[str, Outcome | PeerError] = {}

    def look_up(peer: Peer) -> Outcome:
        if str(peer) not in found:
            try:
                found[str(peer)] = round_trip(peer, tmp_path_factory.mktemp(str(peer)), all_cases())
            except PeerError as error:
                found[str(peer)] = error
        outcome = found[str(peer)]
        if isinstance(outcome, PeerError):
            pytest.fail(str(outcome), pytrace=False)
        return outcome

    return look_up
