"""`make bench` and `make bench-check`: measure the ratios, and write them or check them."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version

from benchmarks.ratios import RATIOS
from benchmarks.sampler import Ratio, Spread
from codegen.project import ROOT
from tests.markdown import replace_part, table

PAGE = ROOT / "docs" / "benchmarks.md"
PACKAGES = ("protobuf", "grpcio", "protovalidate", "temporalio")


def measured(ratios: Iterable[Ratio]) -> dict[Ratio, Spread]:
    """Measure the ratios one after the other, and print each when it is known."""
    found: dict[Ratio, Spread] = {}
    for ratio in ratios:
        found[ratio] = ratio.measure()
        print(f"bench: {ratio.name}: {' '.join(cells(ratio, found[ratio]))}", flush=True)
    return found


def over_limits(ratios: Iterable[Ratio]) -> list[str]:
    """Return a sentence for each ratio that two measurements found over its limit."""
    confirmed = _over(_over(ratio for ratio in ratios if ratio.limit is not None))
    return [
        f"{ratio.name} is {cells(ratio, spread)[0]} and may be {ratio.limit:g} at most; make it "
        "cheaper, or change the limit in benchmarks/ratios.py and say why"
        for ratio, spread in confirmed.items()
    ]


def _over(ratios: Iterable[Ratio]) -> dict[Ratio, Spread]:
    found = measured(ratios).items()
    return {ratio: s for ratio, s in found if ratio.limit is not None and s.median > ratio.limit}


def cells(ratio: Ratio, spread: Spread) -> list[str]:
    """Return the median, the quartiles and the limit as a page shows them."""
    median, low, high = (f"{x:,.0f}" if x >= 100 else f"{x:.2f}" for x in spread)
    limit = "" if ratio.limit is None else f"{ratio.limit:,g}"
    return [median, f"{low} to {high}", limit]


def render(found: dict[Ratio, Spread]) -> str:
    """Return the generated part of the page."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    head = ["ratio", "median", "quartiles", "limit"]
    rows = [[ratio.name, *cells(ratio, spread)] for ratio, spread in found.items()]
    machine = f"{platform.system()} {platform.machine()} with {os.cpu_count()} processors"
    return (
        f"Measured on {machine}, at a load average of {os.getloadavg()[0]:.1f}, with Python "
        f"{platform.python_version()}, {versions}.\n\n"
        f"{table(head, rows, ['---', '---:', '---:', '---:'])}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure, and return the exit code: 0, or 1 if `--check` found a ratio over its limit."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="hold the ratios to their limits")
    wrong: list[str] = []
    try:
        if parser.parse_args(arguments).check:
            wrong = over_limits(RATIOS)
        else:
            replace_part(PAGE, "make bench", render(measured(RATIOS)))
    except (OSError, RuntimeError, ValueError) as error:
        wrong = [f"{error}; correct that, and start this with `make bench` or `make bench-check`"]
    for sentence in wrong:
        print(f"bench: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
