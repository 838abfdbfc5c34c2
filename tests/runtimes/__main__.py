"""`python -m tests.runtimes <wheel>`: run the wheel on every runtime and write docs/runtimes.md."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.markdown import replace_part
from tests.runtimes.environments import ROOT, EnvironmentMissingError, companions, protobufs, run
from tests.runtimes.outcomes import COMPANIONS, Outcome, Runtime, problems
from tests.runtimes.table import render

PAGE = ROOT / "docs" / "runtimes.md"


def main(wheel: Path) -> int:
    """Run the check, write the page, and return the exit code: 0, or 1 after one sentence per
    failure.
    """
    environments = [(protobuf, beside) for protobuf in protobufs() for beside in COMPANIONS]

    def run_and_tell(environment: tuple[str, str]) -> dict[Runtime, Outcome]:
        outcomes = dict(run(*environment, wheel))
        for runtime, outcome in outcomes.items():
            print(f"runtimes: {runtime}: {outcome}", flush=True)
        return outcomes

    outcomes: dict[Runtime, Outcome] = {}
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(run_and_tell, environments):
                outcomes.update(found)
    except EnvironmentMissingError as error:
        print(f"runtimes: {error}", file=sys.stderr)
        return 1
    pins = {name: companions(name) for name in COMPANIONS}
    replace_part(PAGE, "make runtimes", render(outcomes, pins))
    wrong = list(problems(outcomes))
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("runtimes: name the wheel to run: python -m tests.runtimes build/dist/<wheel>")
    sys.exit(main(Path(sys.argv[1]).resolve()))
