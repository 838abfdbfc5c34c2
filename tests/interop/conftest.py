"""What the tests of this folder share: every peer program, run once for all that is asked of it."""

from __future__ import annotations

import pytest

from tests.interop.cases import all_cases
from tests.interop.peers import Peer, PeerError
from tests.interop.round_trip import Outcome, OutcomeOf, round_trip


@pytest.fixture(scope="session")
def outcome_of(tmp_path_factory: pytest.TempPathFactory) -> OutcomeOf:
    """Gives what a peer makes of every case; fails where it cannot be built or run."""
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
