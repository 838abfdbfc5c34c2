"""`python -m tests.runtimes <wheel>`: run the wheel on every runtime and write docs/runtimes.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.runtimes import table
from tests.runtimes.environments import (
    COMPANIONS,
    ROOT,
    EnvironmentMissingError,
    Outcome,
    Runtime,
    protobufs,
    run,
)

PAGE = ROOT / "docs" / "runtimes.md"


def main(wheel: Path) -> int:
    """Run and write, and return the exit code: 0, or 1 after a sentence for each failure."""
    runtimes = [(protobuf, beside) for protobuf in protobufs() for beside in COMPANIONS]

    def run_and_tell(runtime: tuple[str, str]) -> dict[Runtime, Outcome]:
        outcomes = dict(run(*runtime, wheel))
        for where, outcome in outcomes.items():
            print(f"runtimes: {where}: {_in_short(outcome)}", flush=True)
        return outcomes

    outcomes: dict[Runtime, Outcome] = {}
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(run_and_tell, runtimes):
                outcomes.update(found)
    except EnvironmentMissingError as error:
        print(f"runtimes: {error}", file=sys.stderr)
        return 1
    table.write(PAGE, outcomes)
    problems = list(_problems(outcomes))
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def _in_short(outcome: Outcome) -> str:
    if outcome.failed:
        return f"fails: {', '.join(outcome.failed)}"
    return f"passes ({', '.join(dict.fromkeys(outcome.found.values()))})"


def _problems(outcomes: Mapping[Runtime, Outcome]) -> list[str]:
    problems = [
        f"runtimes: {runtime}: {name}: {text}"
        for runtime, outcome in outcomes.items()
        for name, text in outcome.failed.items()
    ]
    passed = [outcome.found for outcome in outcomes.values() if not outcome.failed]
    for name in passed[0] if passed else ():
        if len(answers := {found[name] for found in passed}) > 1:
            problems.append(f"runtimes: the runtimes disagree on {name}: {sorted(answers)}")
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("runtimes: name the wheel to run: python -m tests.runtimes build/dist/<wheel>")
    sys.exit(main(Path(sys.argv[1]).resolve()))
