"""The table in docs/interop.md: the results of the last run, one line per peer."""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.round_trip import Outcome
from tests.markdown import table

_HEAD = ["language", "library", "version", "binary", "JSON", "unknown fields", "its own messages"]


def render(outcomes: Sequence[Outcome]) -> str:
    """Render the table, followed by the notes of the peers that have any."""
    notes = [
        f"- {found.peer.library}: {found.peer.notes}\n" for found in outcomes if found.peer.notes
    ]
    return "".join([table(_HEAD, map(_row, outcomes)), "\n" if notes else "", *notes])


def _row(outcome: Outcome) -> list[str]:
    peer = outcome.peer
    return [
        peer.language,
        peer.library,
        peer.version,
        _binary(outcome),
        (_differ(outcome.json) or "same") if peer.reads_json else "none",
        _unknown(outcome),
        _differ(outcome.own) or "read",
    ]


def _binary(outcome: Outcome) -> str:
    if outcome.binary:
        return _differ(outcome.binary)
    if not outcome.peer.is_deterministic:
        return "same message"
    return "same bytes, some in a different order" if outcome.reordered else "same bytes"


def _unknown(outcome: Outcome) -> str:
    if not outcome.unknown_lost:
        return "kept"
    return "partly dropped" if outcome.unknown_kept else "dropped"


def _differ(found: Sequence[str]) -> str:
    return f"{len(found)} differ" if found else ""
