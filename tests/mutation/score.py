"""What became of the mutations, and the report of it."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.mutation.gates import GATES, Catch

EQUIVALENT = Path(__file__).with_name("equivalent.toml")

Equivalents = Mapping[str, Mapping[str, str]]
"""Reasons by kind and name."""


class Result(NamedTuple):
    """What became of one mutation."""

    kind: str
    name: str
    is_released: bool
    """Whether the last release has what was mutated. What is new may still change."""
    caught: list[Catch]


class Score(NamedTuple):
    """The results, sorted into those that a gate stops and those that none does."""

    results: list[Result]
    survivors: list[Result]
    """Those that some gate should stop."""
    equivalent: list[tuple[Result, str]]
    unreleased: list[Result]
    unused: list[str]
    """A sentence for each entry of equivalent.toml that matches no survivor."""

    @property
    def counted(self) -> int:
        """How many mutations a gate should stop."""
        return len(self.results) - len(self.equivalent) - len(self.unreleased)

    @property
    def caught(self) -> int:
        """How many mutations a gate does stop."""
        return self.counted - len(self.survivors)

    @property
    def percent(self) -> str:
        """The score, rounded down, so that 100 is said of nothing less."""
        hundredths = self.caught * 10_000 // self.counted if self.counted else 0
        return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"


def load_equivalents(path: Path = EQUIVALENT) -> Equivalents:
    """Read the mutations that nobody need stop.

    Raises:
        ValueError: one has no reason.
    """
    equivalents: Equivalents = tomllib.loads(path.read_text())
    for kind, reasons in equivalents.items():
        for name, reason in reasons.items():
            if not reason.strip():
                raise ValueError(f"{path.name} gives no reason for {kind}, {name}; write one")
    return equivalents


def score(results: Iterable[Result], equivalents: Equivalents) -> Score:
    """Sort results, given in the order of the mutations."""
    everything = list(results)
    alive = [result for result in everything if not result.caught]
    excused = [
        (r, equivalents[r.kind][r.name]) for r in alive if r.name in equivalents.get(r.kind, {})
    ]
    matched = {(result.kind, result.name) for result, _ in excused}
    rest = [result for result in alive if (result.kind, result.name) not in matched]
    unused = [
        f"{EQUIVALENT.name} excuses {kind}, {name}, which is no survivor; take it out"
        for kind, reasons in equivalents.items()
        for name in reasons
        if (kind, name) not in matched
    ]
    return Score(
        everything,
        [result for result in rest if result.is_released],
        excused,
        [result for result in rest if not result.is_released],
        unused,
    )


def report(found: Score, release: str) -> str:
    """The report, in Markdown."""
    made = Counter(result.kind for result in found.results)
    stopped = Counter((r.kind, r.caught[0].gate) for r in found.results if r.caught)
    survived = Counter(result.kind for result in found.survivors)
    free = Counter(r.kind for r in [*found.unreleased, *(r for r, _ in found.equivalent)])
    lines = [
        "# Mutation score of the contract",
        "",
        f"**{found.percent}**: of {found.counted} changes that somebody could make to the contract",
        f"by mistake, the gates stop {found.caught}. Compared with release {release}.",
        "",
        "Each mutation changes one thing in the compiled contract and is judged by the gates of",
        "`make lint` and `make breaking`, the fast ones first. The first gate that stops it is",
        "counted; others may stop it as well. `make mutation` writes this file; the mutations are",
        "in `tests/mutation/mutations.py`.",
        "",
        f"| Mutation | Made | {' | '.join(GATES)} | Free | Survived |",
        f"| --- | ---: | {' | '.join('---:' for _ in GATES)} | ---: | ---: |",
    ]
    for kind in made:
        by_gate = " | ".join(str(stopped[kind, gate] or "") for gate in GATES)
        numbers = f"{made[kind]} | {by_gate} | {free[kind] or ''} | {survived[kind] or ''}"
        lines.append(f"| {kind} | {numbers} |")
    totals = (str(sum(n for (_, by), n in stopped.items() if by == gate)) for gate in GATES)
    ends = f"{sum(free.values()) or ''} | {len(found.survivors) or ''}"
    lines.append(f"| **all** | {len(found.results)} | {' | '.join(totals)} | {ends} |")
    lines += [
        "",
        "Free are mutations that nobody need stop: those below, and such as change what no",
    ]
    lines += [f"release has yet ({len(found.unreleased)})."]
    lines += ["", "## Survivors", ""]
    lines += [f"- {result.kind}: `{result.name}`" for result in found.survivors] or ["None."]
    lines += ["", "## Equivalent mutations", ""]
    lines += [f"- {result.kind}: `{result.name}`: {why}" for result, why in found.equivalent] or [
        "None."
    ]
    return "\n".join(lines) + "\n"
