"""`python -m tests.mutation`: run every mutation of the contract through the gates.

A run that is stopped goes on where it was: results are kept in build/mutation until the contract,
the release or a gate changes.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from codegen import image
from codegen.project import BUILD, ROOT, StepError
from schema_rules import releases
from tests.mutation.changes import Mutation
from tests.mutation.gates import Catch, Gates
from tests.mutation.mutations import mutations
from tests.mutation.score import Result, load_equivalents, report, score

FOLDER = BUILD / "mutation"
REPORT = ROOT / "docs" / "mutation.md"
_WORK = FOLDER / "work"
_JUDGED_BY = [
    "schema_rules/*",
    "codegen/image.py",
    "tests/mutation/*.py",
    "buf.yaml",
    "requirements/codegen.txt",
]

_Verdict = tuple[int, list[Catch] | str]


class _Worker:
    """One process: its gates, and the mutations, which it lists for itself."""

    gates: Gates
    mutations: list[Mutation]
    by_all: bool

    @classmethod
    def start(cls, contract: Path, release: Path, by_all: bool) -> None:
        own = Path(tempfile.mkdtemp(dir=_WORK))
        cls.gates = Gates(contract.read_bytes(), release, own)
        cls.mutations = list(mutations(cls.gates.contract))
        cls.by_all = by_all

    @classmethod
    def judge(cls, index: int) -> _Verdict:
        """The verdict on a mutation, or why there is none: one must not stop the others."""
        mutation = cls.mutations[index]
        try:
            return index, cls.gates.judge(mutation, by_all=cls.by_all)
        except Exception as error:
            return index, f"{type(error).__name__}: {error}"


def main(arguments: list[str] | None = None) -> int:
    """Run, and return the exit code: 0, or 1 if a mutation survives or something is wrong."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("--report", action="store_true", help="write docs/mutation.md")
    parser.add_argument(
        "--all-gates", action="store_true", help="ask every gate, not until one stops"
    )
    parser.add_argument("--only", metavar="KIND", help="mutations whose kind begins so; no report")
    options = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends, however
        except BlockingIOError:
            print("mutation: another run is at work; wait for it, or stop it", file=sys.stderr)
            return 1
        return _score(options)


def _score(options: argparse.Namespace) -> int:
    shutil.rmtree(_WORK, ignore_errors=True)  # of a run that was killed
    _WORK.mkdir(parents=True)
    try:
        equivalents = load_equivalents()
        release = releases.last(releases.RELEASES)
        contract = FOLDER / "contract.binpb"
        image.build(ROOT, contract)
    except (StepError, ValueError) as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 1
    gates = Gates(contract.read_bytes(), release, _WORK)
    every = list(mutations(gates.contract))
    wanted = [i for i, m in enumerate(every) if m.kind.startswith(options.only or "")]
    kept = _Kept(FOLDER / "results.jsonl", _digest(contract, release, options.all_gates))
    missing = [i for i in wanted if (every[i].kind, every[i].name) not in kept.results]
    failures = _run(every, missing, kept, (contract, release, options.all_gates))
    shutil.rmtree(_WORK)
    for failure in failures:
        print(f"mutation: {failure}", file=sys.stderr)
    if failures:
        return 1
    found = score(
        (
            Result(
                *(m.kind, m.name, gates.must_stop(m), kept.results[m.kind, m.name]),
                m.is_right,
            )
            for m in (every[i] for i in wanted)
        ),
        {k: v for k, v in equivalents.items() if k.startswith(options.only or "")},
    )
    if options.report and not options.only:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(report(found, release.parent.name))
    for survivor in found.survivors:
        print(f"survived: {survivor.kind}: {survivor.name}")
    for alarm in found.false_alarms:
        print(f"false alarm: {alarm.kind}: {alarm.name}: {alarm.caught[0].rule}")
    for sentence in found.unused:
        print(f"mutation: {sentence}", file=sys.stderr)
    print(f"mutation: {found.caught} of {found.counted} stopped, {found.percent}")
    return 1 if found.survivors or found.false_alarms or found.unused else 0


class _Kept:
    """Results in a file, as far as they hold: one line each, after a digest of what they are of."""

    def __init__(self, path: Path, digest: str) -> None:
        self.results: dict[tuple[str, str], list[Catch]] = {}
        self._path, self._digest = path, digest
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the end of a run that was killed
            if entry["digest"] == digest:
                caught = [Catch(*catch) for catch in entry["caught"]]
                self.results[entry["kind"], entry["name"]] = caught
        # Written anew, so that what no longer holds does not pile up.
        path.write_text("")
        for (kind, name), caught in self.results.items():
            self._write(kind, name, caught)

    def add(self, mutation: Mutation, caught: list[Catch]) -> None:
        self.results[mutation.kind, mutation.name] = caught
        self._write(mutation.kind, mutation.name, caught)

    def _write(self, kind: str, name: str, caught: list[Catch]) -> None:
        entry = {"digest": self._digest, "kind": kind, "name": name, "caught": caught}
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def _digest(contract: Path, release: Path, by_all: bool) -> str:
    sources = sorted(path for pattern in _JUDGED_BY for path in ROOT.glob(pattern))
    digest = hashlib.sha256(f"all gates: {by_all}".encode())
    for path in [contract, release, *(path for path in sources if path.is_file())]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run(
    every: list[Mutation],
    missing: list[int],
    kept: _Kept,
    start: tuple[Path, Path, bool],
) -> list[str]:
    """Judge what has no result yet, on every processor; return why some have no verdict."""
    failures: list[str] = []
    if not missing:
        return failures
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count(), _Worker.start, start) as pool:
        judged = pool.imap_unordered(_Worker.judge, missing, chunksize=4)
        for index, caught in _with_progress(judged, len(missing)):
            mutation = every[index]
            if isinstance(caught, str):
                failures.append(f"no verdict on {mutation.kind}: {mutation.name}: {caught}")
            else:
                kept.add(mutation, caught)
    return failures


def _with_progress(judged: Iterator[_Verdict], count: int) -> Iterator[_Verdict]:
    """Say on the terminal how far the run has come; in a log, once for every tenth."""
    began, alive, shown = time.monotonic(), 0, 0
    on_terminal = sys.stderr.isatty()
    for done, (index, caught) in enumerate(judged, start=1):
        yield index, caught
        alive += not caught
        parts = 1000 if on_terminal else 10
        if done * parts // count > shown or done == count:
            shown = done * parts // count
            left = (time.monotonic() - began) / done * (count - done)
            line = f"{done * 100 // count:3} %  {done} of {count}, {alive} not stopped"
            line += f", {int(left) // 60}:{int(left) % 60:02} left"
            print(f"\r{line}  " if on_terminal else line, end="", file=sys.stderr, flush=True)
            if not on_terminal or done == count:
                print(file=sys.stderr)
