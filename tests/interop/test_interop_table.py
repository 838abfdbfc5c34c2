"""The table in docs/interop.md agrees with the results of this run."""

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
            "the results differ from docs/interop.md, whose table this run has updated; commit the "
            "update, or fix the cause",
            pytrace=False,
        )
