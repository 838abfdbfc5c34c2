"""Fuzz the binary, JSON and text readers: `make fuzz`.

Worker processes, which may crash, read damaged samples of every message type. The seed determines
a run, except for the point at which time runs out. Each finding is stored in a file in
`build/fuzz/`, which `make fuzz REPLAY=<file>` reads again.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from tests.fuzz.fuzz_inputs import load_input, save_input
from tests.fuzz.fuzz_targets import Input
from tests.fuzz.fuzz_worker import NOTE_SIZE, Note

ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / "build" / "fuzz"
WORKER = Path(__file__).with_name("fuzz_worker.py")

DEADLINE = 10.0
"""The time limit for one input, in seconds, even on a busy machine."""

DESCRIBE = (
    "import google.protobuf as p; from google.protobuf.internal import api_implementation as a;"
    "print(p.__version__, 'pure Python' if a.Type() == 'python' else 'native')"
)


class Runtime(NamedTuple):
    """A protobuf runtime: an interpreter, and one of its two implementations."""

    python: str
    implementation: str

    def environment(self) -> dict[str, str]:
        """Return the environment variables of a worker on this runtime."""
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": self.implementation,
        }


@functools.cache
def describe(runtime: Runtime) -> str:
    """Return the version of a runtime, as in "7.36.2 native"."""
    command = [runtime.python, "-c", DESCRIBE]
    asked = subprocess.run(
        command, env=runtime.environment(), capture_output=True, text=True, check=True
    )
    return asked.stdout.strip()


@dataclass
class Result:
    """The counts and findings of a run on one runtime."""

    runtime: str
    tallies: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    findings: dict[str, Path] = field(default_factory=dict[str, Path])

    @property
    def executions(self) -> int:
        """Return the number of inputs that were read."""
        return sum(sum(tally["outcomes"].values()) for tally in self.tallies.values())

    def add(self, tallies: dict[str, dict[str, Any]]) -> None:
        """Add the counts of one process."""
        for kind, tally in tallies.items():
            ours = self.tallies.setdefault(
                kind, {"outcomes": Counter(), "seconds": 0.0, "slowest": 0.0, "growth": 0}
            )
            ours["outcomes"].update(tally["outcomes"])
            ours["seconds"] += tally["seconds"]
            for most in ("slowest", "growth"):
                if tally[most] > ours[most]:
                    ours[most], ours[f"{most}_length"] = tally[most], tally[f"{most}_length"]

    def keep(self, signature: str, problem: str, given: Input, traceback: str = "") -> None:
        """Store the first input of each kind of finding."""
        if signature in self.findings:
            return
        name = hashlib.sha256(signature.encode() + given.data).hexdigest()[:12]
        path = FOUND / f"{given.format}-{name}.json"
        save_input(given, path, problem=problem, runtime=self.runtime, traceback=traceback)
        self.findings[signature] = path
        print(f"\nfuzz: {self.runtime}: {given.message} as {given.format}: {problem}", flush=True)
        print(f"fuzz: replay it with: make fuzz REPLAY={os.path.relpath(path)}", flush=True)


class Worker:
    """A process that reads inputs, and its state."""

    def __init__(
        self, runtime: Runtime, script: Path, note: Path, arguments: Sequence[str]
    ) -> None:
        with note.open("wb") as file:
            file.truncate(NOTE_SIZE)
        self.note = Note(note)
        self.says: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.tallies: dict[str, dict[str, Any]] = {}
        self.process = subprocess.Popen(
            [runtime.python, str(script), str(note), *arguments],
            env=runtime.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors: list[str] = []
        assert self.process.stdout
        assert self.process.stderr
        self._readers = [
            threading.Thread(target=self._listen, args=[self.process.stdout], daemon=True),
            threading.Thread(target=self._collect, args=[self.process.stderr], daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _listen(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self.says.put(json.loads(line))

    def _collect(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self.errors = [*self.errors[-60:], line]

    def heard(self) -> Iterator[dict[str, Any]]:
        """Return its messages since the last call."""
        while not self.says.empty():
            yield self.says.get()

    def stop(self) -> None:
        """End the process and return its remaining messages."""
        self.process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until the process ends."""
        self.process.wait()
        for reader in self._readers:
            reader.join()


def _attend(worker: Worker, result: Result, deadline: float) -> bool:
    """Process the messages of a worker and check its state. Return whether it continues."""
    ended = worker.process.poll() is not None
    if ended:
        worker.wait()
    for said in worker.heard():
        if "tallies" in said:
            worker.tallies = said["tallies"]
        else:
            given = Input(said["message"], said["format"], bytes.fromhex(said["data"]))
            result.keep(said["signature"], said["finding"], given, said["traceback"])
    reading = worker.note.read()
    if ended and worker.process.returncode:
        last = "".join(worker.errors)
        if not reading:
            raise SystemExit(f"fuzz: a worker failed outside of any input:\n{last}")
        status = worker.process.returncode
        problem = f"the process died of signal {-status}" if status < 0 else f"exit code {status}"
        result.keep(f"{reading[0].format} died {status}", problem, reading[0], last)
    elif reading and reading[1] > deadline:
        worker.stop()
        problem = f"not read within {deadline:g} seconds"
        result.keep(f"{reading[0].format} hang", problem, reading[0])
        ended = True
    return not ended


def campaign(
    runtime: Runtime,
    *,
    seed: int = 0,
    seconds: float = 0,
    count: int = 0,
    jobs: int = 1,
    deadline: float = DEADLINE,
    deaths: int = 20,
    worker: Path = WORKER,
) -> Result:
    """Read inputs on one runtime, until `count` are read or time runs out.

    A worker that an input crashes, or delays beyond the deadline, is replaced by another that
    continues elsewhere, up to `deaths` times in each place.
    """
    result = Result(describe(runtime))
    until = time.monotonic() + seconds if seconds else float("inf")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, _progress(result) as show:

        def start(slot: int, first: int) -> Worker:
            note = Path(folder) / f"{slot}-{first}"
            arguments = {"seed": seed, "first": first, "step": jobs, "end": count}
            options = [f"--{name}={value}" for name, value in arguments.items()]
            return Worker(runtime, worker, note, options)

        working = {slot: start(slot, slot) for slot in range(jobs)}
        starts = dict.fromkeys(working, 0)
        try:
            while working and time.monotonic() < until:
                time.sleep(0.05)
                for slot, one in list(working.items()):
                    if _attend(one, result, deadline):
                        continue
                    del working[slot]
                    result.add(one.tallies)
                    if one.process.returncode:
                        # Beyond everything that its predecessor can have read.
                        starts[slot] += 1
                        if starts[slot] > deaths:
                            raise SystemExit(
                                "fuzz: workers keep crashing; fix the stored findings first"
                            )
                        first = starts[slot] * 10**9 * jobs + slot
                        if not count:
                            working[slot] = start(slot, first)
                show(working.values())
        finally:
            for one in working.values():
                one.stop()
        for one in working.values():
            for said in one.heard():
                one.tallies = said.get("tallies", one.tallies)
            result.add(one.tallies)
    return result


def replay(runtime: Runtime, path: Path, deadline: float = DEADLINE) -> Result:
    """Read a stored input again, in a separate process."""
    load_input(path)
    result = Result(describe(runtime))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        one = Worker(runtime, WORKER, Path(folder) / "note", ["--replay", str(path)])
        while _attend(one, result, deadline):
            time.sleep(0.02)
        result.add(one.tallies)
    return result


@contextmanager
def _progress(result: Result) -> Generator[Callable[[Iterable[Worker]], None]]:
    """Show progress in one line on a terminal, and nothing if the output is redirected."""
    begun = time.monotonic()
    terminal = sys.stderr.isatty()

    def show(workers: Iterable[Worker]) -> None:
        if not terminal:
            return
        done = result.executions + sum(
            sum(tally["outcomes"].values()) for one in workers for tally in one.tallies.values()
        )
        passed = time.monotonic() - begun
        findings = len(result.findings)
        sys.stderr.write(
            f"\r{result.runtime}: {done} inputs in {passed:.0f} s, {findings} findings\x1b[K"
        )
        sys.stderr.flush()

    try:
        yield show
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[K")


def table(results: Sequence[Result]) -> str:
    """Return the results as the Markdown table of `docs/fuzzing.md`."""
    lines = [
        "| runtime | format | inputs | parsed | rejected with | slowest, in means | "
        "memory, in bytes per byte of input |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        for kind, tally in result.tallies.items():
            outcomes = Counter[str](tally["outcomes"])
            total, parsed = outcomes.total(), outcomes.pop("parsed", 0)
            refused = ", ".join(f"{name} {n:,}" for name, n in outcomes.most_common())
            slowest = tally["slowest"] * total / tally["seconds"]
            growth = tally["growth"] / tally["growth_length"] if tally["growth"] else 0
            lines.append(
                f"| {result.runtime} | {kind} | {total:,} | {parsed:,} | {refused} | "
                f"{slowest:,.0f} ({tally['slowest_length']:,} bytes) | {growth:,.0f} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Run the given command line; return 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="time for all runtimes together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--python", action="append", help="an interpreter to use; repeatable")
    parser.add_argument("--replay", type=Path, help="read only this stored input")
    arguments = parser.parse_args()
    runtimes = [
        Runtime(python, implementation)
        for python in arguments.python or [sys.executable]
        for implementation in ("upb", "python")
    ]
    results: list[Result] = []
    for runtime in runtimes:
        if arguments.replay:
            try:
                result = replay(runtime, arguments.replay)
            except (OSError, ValueError) as error:
                print(f"fuzz: {error}", file=sys.stderr)
                return 2
            for tally in result.tallies.values():
                print(f"{result.runtime}: {', '.join(tally['outcomes'])}")
        else:
            seconds = arguments.seconds / len(runtimes)
            result = campaign(runtime, seed=arguments.seed, seconds=seconds, jobs=arguments.jobs)
            print(
                f"{result.runtime}: {result.executions:,} inputs, {len(result.findings)} findings"
            )
        results.append(result)
    if not arguments.replay:
        FOUND.mkdir(parents=True, exist_ok=True)
        (FOUND / "report.md").write_text(table(results) + "\n", encoding="utf-8")
        print(f"\n{table(results)}\n")
    return int(any(result.findings for result in results))


if __name__ == "__main__":
    sys.exit(main())
