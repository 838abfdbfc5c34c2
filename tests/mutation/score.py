"""The results of the mutations, and the report about them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.markdown import table
from tests.mutation.gates import GATES, Catch

EQUIVALENT = Path(__file__).with_name("equivalent.toml")

Equivalents = Mapping[str, Mapping[str, str]]
"""The reasons, by kind and name."""


class Result(NamedTuple):
    """The result of one mutation."""

    kind: str
    name: str
    is_released: bool
    """Whether the last release contains the mutated element. New elements may still change."""
    caught: list[Catch]
    is_right: bool = False
    """Whether every gate should let it pass."""


class Score(NamedTuple):
    """The results, divided into mutations that a gate stops and mutations that none stops."""

    results: list[Result]
    """What became of the mistakes."""
    right: list[Result]
    """What became of the right changes."""
    survivors: list[Result]
    """The mutations that a gate should have stopped."""
    equivalent: list[tuple[Result, str]]
    unreleased: list[Result]
    unused: list[str]
    """One sentence for each entry of equivalent.toml that matches no survivor."""

    @property
    def counted(self) -> int:
        """Return the number of mutations that a gate should stop."""
        return len(self.results) - len(self.equivalent) - len(self.unreleased)

    @property
    def caught(self) -> int:
        """Return the number of mutations that a gate stops."""
        return self.counted - len(self.survivors)

    @property
    def false_alarms(self) -> list[Result]:
        """The right changes that a gate stops."""
        return [result for result in self.right if result.caught]

    @property
    def percent(self) -> str:
        """Return the score, rounded down, so that nothing less is reported as 100."""
        hundredths = self.caught * 10_000 // self.counted if self.counted else 0
        return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"


def load_equivalents(path: Path = EQUIVALENT) -> Equivalents:
    """Read the equivalent mutations, which no gate needs to stop.

    Raises:
        ValueError: An entry has no reason.
    """
    equivalents: Equivalents = tomllib.loads(path.read_text())
    for kind, reasons in equivalents.items():
        for name, reason in reasons.items():
            if not reason.strip():
                raise ValueError(f"{path.name} gives no reason for {kind}, {name}; write one")
    return equivalents


def score(results: Iterable[Result], equivalents: Equivalents) -> Score:
    """Divide the results, which are in the order of the mutations."""
    made = list(results)
    everything = [result for result in made if not result.is_right]
    alive = [result for result in everything if not result.caught]
    excused = [
        (r, equivalents[r.kind][r.name]) for r in alive if r.name in equivalents.get(r.kind, {})
    ]
    matched = {(result.kind, result.name) for result, _ in excused}
    rest = [result for result in alive if (result.kind, result.name) not in matched]
    unused = [
        f"{EQUIVALENT.name} lists {kind}, {name}, which does not survive; remove it"
        for kind, reasons in equivalents.items()
        for name in reasons
        if (kind, name) not in matched
    ]
    return Score(
        everything,
        [result for result in made if result.is_right],
        [result for result in rest if result.is_released],
        excused,
        [result for result in rest if not result.is_released],
        unused,
    )


def report(found: Score, release: str) -> str:
    """Return the report, in Markdown."""
    lines = [
        "# Mutation score of the contract",
        "",
        f"**{found.percent}**: the gates stop {found.caught} of {found.counted} changes that",
        f"someone could make to the contract by mistake. The baseline is release {release}.",
        "",
        "Each mutation changes one thing in the compiled contract. The gates of `make lint` and",
        "`make breaking` judge it, fastest first, and the table counts the first gate that stops",
        "it; others may stop it too. `make mutation` writes this file. The mutations are in",
        "`tests/mutation/mutations.py`.",
        "",
        *_table(found).splitlines(),
    ]
    lines += [
        "",
        "Exempt mutations need not be stopped: the equivalent ones below, and those of elements",
        f"that no release contains yet ({len(found.unreleased)}).",
    ]
    lines += ["", "## Survivors", ""]
    lines += [f"- {result.kind}: `{result.name}`" for result in found.survivors] or ["None."]
    lines += ["", "## Right changes", ""]
    lines += [f"Of {len(found.right)} right changes, the gates stop {len(found.false_alarms)}.", ""]
    right = Counter(result.kind for result in found.right)
    lines += [f"- {kind.removeprefix('right: ')}: {count}" for kind, count in right.items()]
    lines += [
        f"- **false alarm**: {r.kind}: `{r.name}` ({r.caught[0].rule})" for r in found.false_alarms
    ]
    lines += ["", "## Equivalent mutations", ""]
    lines += [f"- {result.kind}: `{result.name}`: {why}" for result, why in found.equivalent] or [
        "None."
    ]
    return "\n".join(lines) + "\n"


def _table(found: Score) -> str:
    made = Counter(result.kind for result in found.results)
    stopped = Counter((r.kind, r.caught[0].gate) for r in found.results if r.caught)
    by_gate = Counter(r.caught[0].gate for r in found.results if r.caught)
    exempt = Counter(r.kind for r in [*found.unreleased, *(r for r, _ in found.equivalent)])
    survived = Counter(result.kind for result in found.survivors)
    rows = [
        (kind, made[kind], *(stopped[kind, g] for g in GATES), exempt[kind], survived[kind])
        for kind in made
    ]
    totals = (*(by_gate[gate] for gate in GATES), exempt.total(), survived.total())
    rows.append(("**all**", made.total(), *totals))
    head = ["Mutation", "Made", *GATES, "Exempt", "Survived"]
    return table(
        head,
        ([kind, str(count), *(str(n or "") for n in numbers)] for kind, count, *numbers in rows),
        ["---", *["---:"] * (len(head) - 1)],
    )
