"""`make bench` and `make bench-check`: measure the ratios, and write them or check them."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Collection, Iterable, Mapping

from benchmarks.big_contract import contract, count
from benchmarks.peers import OURS, PLAIN
from benchmarks.plots import bars, number
from benchmarks.ratios import BUF, MESSAGES, NOT_OURS, RATIOS, RULES, TABLES
from benchmarks.sampler import Ratio, Spread
from codegen.project import ROOT
from tests.markdown import replace_part, table

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = PAGE.with_suffix("")
_PINS = ("codegen", "dev", "benchmarks/peers")
_NAMED = [
    *["protobuf", "grpcio", "protovalidate", "temporalio", "grpcio-tools", "mypy-protobuf"],
    *["buf-bin", "mypy", "pyright", "protobuf-py", "betterproto2", "googleapis-common-protos"],
    "opentelemetry-proto",
]
_HEAD = ["ratio", "median", "quartiles", "limit"]


def measured(ratios: Collection[Ratio]) -> dict[Ratio, Spread]:
    """Measure the ratios one after the other, and print each when it is known."""
    found: dict[Ratio, Spread] = {}
    for done, ratio in enumerate(ratios, 1):
        found[ratio] = ratio.measure()
        shown = " ".join(cells(ratio, found[ratio]))
        print(f"bench: {done}/{len(ratios)} {ratio.name}: {shown}", flush=True)
    return found


def over_limits(ratios: Iterable[Ratio]) -> list[str]:
    """Return a sentence for each ratio that two measurements found over its limit."""
    confirmed = _over([*_over([ratio for ratio in ratios if ratio.limit is not None])])
    return [
        f"{ratio.name} is {cells(ratio, spread)[0]} and may be {ratio.limit:g} at most; make it "
        "cheaper, or change the limit in benchmarks/ratios.py and say why"
        for ratio, spread in confirmed.items()
    ]


def _over(ratios: Collection[Ratio]) -> dict[Ratio, Spread]:
    found = measured(ratios).items()
    return {ratio: s for ratio, s in found if ratio.limit is not None and s.median > ratio.limit}


def cells(ratio: Ratio, spread: Spread) -> list[str]:
    """Return the median, the quartiles and the limit as a page shows them."""
    limit = "" if ratio.limit is None else f"{ratio.limit:,g}"
    return [number(spread.median), f"{number(spread.low)} to {number(spread.high)}", limit]


def render(found: Mapping[Ratio, Spread]) -> str:
    """Return the generated part of the page."""
    parts = [
        _machine(),
        *(f"![{title}]({PLOTS.name}/{name}.svg)" for name, title in _TITLES.items()),
    ]
    for heading, ratios in TABLES.items():
        rows = [[ratio.name, *cells(ratio, found[ratio])] for ratio in ratios]
        parts += [f"## {heading}", table(_HEAD, rows, ["---", "---:", "---:", "---:"]).rstrip()]
    sentences = [text.format(number(found[ratio].median)) for ratio, text in NOT_OURS.items()]
    return "\n\n".join([*parts, "## What is not ours", "\n".join(sentences)])


def _machine() -> str:
    pins = [(ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8") for name in _PINS]
    versions = dict(re.findall(r"^([\w-]+)==(\S+)", "\n".join(pins), re.MULTILINE))
    return (
        f"Measured on {platform.system()} {platform.machine()} with {os.cpu_count()} processors, "
        f"at a load average of {os.getloadavg()[0]:.1f}, with Python {platform.python_version()}, "
        f"{', '.join(f'{name} {versions[name]}' for name in _NAMED)}."
    )


_TITLES = {
    "messages": "The cost of messages, beside other libraries with the same contract",
    "growth": "The time of the checks, by the number of messages",
}


def draw(found: Mapping[Ratio, Spread]) -> dict[str, str]:
    """Return the plots by their names."""
    messages = {
        name: {library.name: found[ratios[name]].median for library, ratios in MESSAGES.items()}
        for name in MESSAGES[OURS]
    }
    least = count(contract().file)
    growth = {
        f"{size:,} messages": {
            "schema rules": (size / least) ** found[RULES[size]].median,
            "buf breaking": (size / least) ** found[BUF[size]].median,
            "in proportion": size / least,
        }
        for size in RULES
    }
    return {
        "messages": bars(_TITLES["messages"], PLAIN.name, messages),
        "growth": bars(_TITLES["growth"], f"{least} messages", growth),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, and return the exit code: 0, or 1 if `--check` found a ratio over its limit."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="hold the ratios to their limits")
    wrong: list[str] = []
    try:
        if parser.parse_args(arguments).check:
            wrong = over_limits(RATIOS)
        else:
            found = measured(RATIOS)
            replace_part(PAGE, "make bench", render(found))
            PLOTS.mkdir(exist_ok=True)
            for name, plot in draw(found).items():
                (PLOTS / f"{name}.svg").write_text(plot, encoding="utf-8")
    except (OSError, RuntimeError, ValueError) as error:
        wrong = [f"{error}; correct that, and start this with `make bench` or `make bench-check`"]
    for sentence in wrong:
        print(f"bench: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
