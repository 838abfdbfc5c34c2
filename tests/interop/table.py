"""The table in docs/interop.md: what the last run found, one line for each peer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.interop.round_trip import Outcome

BEGIN = "<!-- Written by `make interop`; do not edit. -->"
END = "<!-- End of what `make interop` writes. -->"

_HEAD = """\
| language | library | version | binary | JSON | unknown fields | its own messages |
| --- | --- | --- | --- | --- | --- | --- |
"""


def render(outcomes: Sequence[Outcome]) -> str:
    """The table, and below it the notes of the peers that have some."""
    notes = [
        f"- {found.peer.library}: {found.peer.notes}\n" for found in outcomes if found.peer.notes
    ]
    return "".join([_HEAD, *map(_row, outcomes), "\n" if notes else "", *notes])


def replace(document: Path, outcomes: Sequence[Outcome]) -> bool:
    """Write the table into the document and return whether it said something else before.

    Raises:
        ValueError: the document has no place for it, or more than one.
    """
    before = document.read_text(encoding="utf-8")
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        raise ValueError(f"{document.name} needs the lines {BEGIN!r} and {END!r}, each once")
    head, _, rest = before.partition(BEGIN)
    tail = rest.partition(END)[2]
    after = f"{head}{BEGIN}\n\n{render(outcomes)}\n{END}{tail}"
    document.write_text(after, encoding="utf-8")
    return after != before


def _row(outcome: Outcome) -> str:
    peer = outcome.peer
    cells = [
        peer.language,
        peer.library,
        peer.version,
        _binary(outcome),
        (_differ(outcome.json) or "same") if peer.reads_json else "none",
        _unknown(outcome),
        _differ(outcome.own) or "read",
    ]
    return f"| {' | '.join(cells)} |\n"


def _binary(outcome: Outcome) -> str:
    if outcome.binary:
        return _differ(outcome.binary)
    if not outcome.peer.is_deterministic:
        return "same message"
    return "same bytes, some in another order" if outcome.reordered else "same bytes"


def _unknown(outcome: Outcome) -> str:
    if not outcome.unknown_lost:
        return "kept"
    return "partly dropped" if outcome.unknown_kept else "dropped"


def _differ(found: Sequence[str]) -> str:
    return f"{len(found)} differ" if found else ""
