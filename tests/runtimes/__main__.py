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
    Finding,
    Place,
    protobufs,
    run,
)

PAGE = ROOT / "docs" / "runtimes.md"


def main(wheel: Path) -> int:
    """Run and write, and return the exit code: 0, or 1 after a sentence for each failure."""
    places = [(protobuf, beside) for protobuf in protobufs() for beside in COMPANIONS]

    def run_and_tell(place: tuple[str, str]) -> dict[Place, Finding]:
        findings = dict(run(*place, wheel))
        for where, finding in findings.items():
            print(f"runtimes: {where}: {_in_short(finding)}", flush=True)
        return findings

    findings: dict[Place, Finding] = {}
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(run_and_tell, places):
                findings.update(found)
    except EnvironmentMissingError as error:
        print(f"runtimes: {error}", file=sys.stderr)
        return 1
    table.write(PAGE, findings)
    problems = list(_problems(findings))
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def _in_short(finding: Finding) -> str:
    if finding.failed:
        return f"fails: {', '.join(finding.failed)}"
    return f"passes ({', '.join(dict.fromkeys(finding.found.values()))})"


def _problems(findings: Mapping[Place, Finding]) -> list[str]:
    problems = [
        f"runtimes: {place}: {name}: {text}"
        for place, finding in findings.items()
        for name, text in finding.failed.items()
    ]
    passed = [finding.found for finding in findings.values() if not finding.failed]
    for name in passed[0] if passed else ():
        if len(answers := {found[name] for found in passed}) > 1:
            problems.append(f"runtimes: the runtimes disagree on {name}: {sorted(answers)}")
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("runtimes: name the wheel to run: python -m tests.runtimes build/dist/<wheel>")
    sys.exit(main(Path(sys.argv[1]).resolve()))
