"""The documentation says what a run found, not what somebody hoped for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.peers import all_peers
from tests.interop.round_trip import OutcomeOf
from tests.interop.table import render
from tests.markdown import replace_part


def test_docs_interop_says_what_this_run_found(root: Path, outcome_of: OutcomeOf) -> None:
    outcomes = [outcome_of(peer) for peer in all_peers()]
    if replace_part(root / "docs" / "interop.md", "make interop", render(outcomes)):
        pytest.fail(
            "docs/interop.md said something else; this run has rewritten its table: commit it",
            pytrace=False,
        )
