"""The results of the check on each runtime, and the failures in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import NamedTuple

IMPLEMENTATIONS = {"upb": "native", "python": "pure Python"}
"""The implementations in a protobuf distribution: protobuf's names and ours."""

COMPANIONS = ("lowest", "highest")
"""The companions of a protobuf: the files in requirements/runtimes that pin them."""


class Runtime(NamedTuple):
    """One runtime of the check: an environment, and one of the implementations in its protobuf."""

    protobuf: str
    companions: str
    implementation: str

    def __str__(self) -> str:
        kind = IMPLEMENTATIONS[self.implementation]
        return f"protobuf {self.protobuf}, {kind}, beside the {self.companions}"


class Outcome(NamedTuple):
    """The output of the check; see `check.main`."""

    found: Mapping[str, str]
    failed: Mapping[str, str]
    behaviour: Mapping[str, str]

    def __str__(self) -> str:
        if self.failed:
            return f"fails: {', '.join(self.failed)}"
        return f"passes ({', '.join(dict.fromkeys(self.found.values()))})"


def read_outcome(finished: subprocess.CompletedProcess[str], implementation: str) -> Outcome:
    """Parse the output of `check.py`; stderr output and a wrong implementation are failures."""
    if finished.returncode != 0:
        return Outcome({}, {"check.py": finished.stderr}, {})
    printed = json.loads(finished.stdout)
    failed = dict(printed["failed"])
    if finished.stderr:
        failed["silence"] = f"it printed:\n{finished.stderr}"
    if printed["implementation"] != implementation:
        failed["implementation"] = f"protobuf chose {printed['implementation']!r}"
    return Outcome(printed["found"], failed, printed["behaviour"])


def problems(outcomes: Mapping[Runtime, Outcome]) -> Iterator[str]:
    """Return one sentence per failed check, and per check with different results on different
    runtimes.
    """
    answers: dict[str, dict[str, list[str]]] = {}
    for runtime, outcome in outcomes.items():
        for check, text in outcome.failed.items():
            yield f"runtimes: {runtime}: {check}: {text}"
        for check, answer in outcome.found.items():
            answers.setdefault(check, {}).setdefault(answer, []).append(str(runtime))
    for check, by_answer in answers.items():
        if len(by_answer) > 1:
            sides = [f"  {answer}: {'; '.join(given)}" for answer, given in by_answer.items()]
            yield "\n".join([f"runtimes: the runtimes disagree on {check}:", *sides])
