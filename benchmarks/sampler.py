"""Runs contenders in turns, so that other load on the machine affects all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

from codegen.project import BUILD, ROOT

Contender = Callable[[], float]
"""Does its work once and returns the cost, such as seconds of the processor."""

CODEGEN = ROOT / ".venv-codegen" / "bin" / "python"
PEERS = BUILD / "benchmarks" / "peers" / "bin" / "python"
"""The Pythons of the code generator, and of the libraries that the package is compared with."""

_SECONDS = 0.005
"""How long calls within this process are repeated, so that the clock is exact."""


class Spread(NamedTuple):
    """The median of the rounds, and their lower and upper quartiles."""

    median: float
    low: float
    high: float


def quotient(costs: Sequence[float]) -> float:
    """Return the cost of the first contender in units of the second."""
    return costs[0] / costs[1]


@dataclass(frozen=True)
class Ratio:
    """A figure that is compared between revisions and machines."""

    name: str
    contenders: Callable[[], Sequence[Contender]]
    """Prepares the work, which costs nothing until it is asked for."""
    limit: float | None = None
    """What `make bench-check` allows at most; None if the ratio is only shown."""
    rounds: int = 15
    figure: Callable[[Sequence[float]], float] = quotient

    def measure(self) -> Spread:
        """Return the spread of the figures of the rounds."""
        rounds = sample(self.contenders(), self.rounds)
        figures = [self.figure(costs) for costs in rounds]
        if len(figures) == 1:
            return Spread(figures[0], figures[0], figures[0])
        low, median, high = statistics.quantiles(figures, n=4, method="inclusive")
        return Spread(median, low, high)


def sample(contenders: Sequence[Contender], rounds: int) -> list[list[float]]:
    """Return the costs of each round, in the order of the contenders.

    One round more comes first and does not count; it warms caches. Every second round runs
    backwards, so that no contender is always the one after another.
    """
    costs: list[list[float]] = []
    for number in range(rounds + 1):
        order = list(range(len(contenders)))[:: -1 if number % 2 else 1]
        found = {place: contenders[place]() for place in order}
        costs.append([found[place] for place in range(len(contenders))])
    return costs[1:]


def calls(work: Callable[[], object]) -> Contender:
    """Return a contender that costs what one call within this process takes of the processor."""

    def timed(repeats: int) -> float:
        started = time.process_time()
        for _ in range(repeats):
            work()
        return (time.process_time() - started) / repeats

    work()
    repeats = max(1, int(_SECONDS / max(timed(3), 1e-9)))
    return lambda: timed(repeats)


def child(*command: str | Path, before: Callable[[], object] = lambda: None) -> Contender:
    """Return a contender that costs what a program and its children take of the processor.

    `before` prepares each run and does not count.
    """

    def run() -> float:
        before()
        used = _used_by_children()
        output(*command)
        return _used_by_children() - used

    return run


def told(*command: str | Path, path: str = "") -> Contender:
    """Return a contender that costs what a program prints; `path` is where it finds modules."""
    return lambda: float(output(*command, path=path))


def output(*command: str | Path, path: str = "") -> str:
    """Return what a program prints.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(command, cwd=ROOT, env=environment(path), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr or done.stdout}".strip())
    return done.stdout


def environment(path: str = "") -> dict[str, str]:
    """Return the environment of programs that find modules in a path, and plugins of protoc."""
    tools = [CODEGEN.parent, PEERS.parent, os.environ.get("PATH", os.defpath)]
    return {
        **os.environ,
        "MYPYPATH": path,
        "PATH": os.pathsep.join(map(str, tools)),
        "PYTHONDONTWRITEBYTECODE": "",  # Compiling would be most of what a short program does.
        "PYTHONPATH": path,
    }


def _used_by_children() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
