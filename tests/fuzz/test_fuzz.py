"""A short run of the fuzzer on the current runtime, and its reaction to findings.

`make fuzz` is the long run. `docs/fuzzing.md` lists the allowed results of readers.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import fuzz_run
from tests.fuzz.fuzz_inputs import load_input, make_input, save_input
from tests.fuzz.fuzz_run import Runtime, campaign, replay
from tests.fuzz.fuzz_targets import FORMATS, Input, attempt

REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.json"))

STATUS = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus"

HERE = Runtime(sys.executable, "upb")

# A worker whose reader behaves illegally for some inputs. Number 10**9 is the first input of the
# second process.
WORKER = """
import ctypes, time
from tests.fuzz.fuzz_inputs import make_input
from tests.fuzz.fuzz_targets import attempt
from tests.fuzz.fuzz_worker import run

def refuse():
    raise KeyError("field")

HARM = {
    1: refuse,
    2: lambda: bytearray(2**34),
    3: lambda: ctypes.string_at(0),
    10**9: lambda: time.sleep(600),
}
harmful = {make_input(0, number): harm for number, harm in HARM.items()}

def read(given):
    if given in harmful:
        harmful[given]()
    return attempt(given)

run(read)
"""
FOUND = {
    1: "KeyError: \"'field'\"",
    2: "MemoryError: ''",
    3: "the process died of signal 11",
    10**9: "not read within 5 seconds",
}

# Prints a digest of the first inputs of a seed.
INPUTS = """
import hashlib
from tests.fuzz.fuzz_inputs import make_input
inputs = [make_input(7, number) for number in range(99)]
print(hashlib.sha256(repr(inputs).encode()).hexdigest())
"""


@pytest.fixture(autouse=True)
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for findings, instead of `build/fuzz`."""
    monkeypatch.setattr(fuzz_run, "FOUND", tmp_path / "found")
    return tmp_path / "found"


@pytest.mark.parametrize("implementation", ["upb", "python"])
def test_hundreds_of_damaged_inputs_are_refused_as_documented_or_can_be_written_again(
    implementation: str,
) -> None:
    result = campaign(Runtime(sys.executable, implementation), count=300, deadline=60)
    assert not result.findings
    assert result.executions == 300
    assert set(result.tallies) == set(FORMATS)
    for kind, tally in result.tallies.items():
        outcomes = tally["outcomes"]
        assert outcomes["parsed"] > 4, f"{kind}: too few inputs parse to say anything about them"
        assert outcomes.total() - outcomes["parsed"] > 50, f"{kind}: too few inputs are damaged"


@pytest.mark.parametrize("path", REGRESSIONS, ids=[path.stem for path in REGRESSIONS])
def test_what_was_found_once_is_documented_now(path: Path) -> None:
    attempt(load_input(path))


def test_an_input_depends_on_its_seed_and_number_alone() -> None:
    inputs = [make_input(7, number) for number in range(99)]
    assert inputs != [make_input(8, number) for number in range(99)]
    assert len({given.data for given in inputs}) > 80, "the mutations do nothing"
    command = [sys.executable, "-c", INPUTS]
    elsewhere = subprocess.run(
        command, env=HERE.environment(), capture_output=True, text=True, check=True
    )
    digest = hashlib.sha256(repr(inputs).encode()).hexdigest()
    assert elsewhere.stdout.strip() == digest, "another process makes other inputs"


def test_what_a_reader_may_not_do_is_found_and_kept_and_the_run_goes_on(
    tmp_path: Path, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER, encoding="utf-8")
    with pytest.raises(SystemExit, match="keep crashing"):
        campaign(HERE, seconds=120, deadline=5, deaths=1, worker=worker)
    kept = {load_input(path): json.loads(path.read_text())["problem"] for path in found.iterdir()}
    assert kept == {make_input(0, number): problem for number, problem in FOUND.items()}
    said = capsys.readouterr().out
    for path in found.iterdir():
        assert re.search(f"make fuzz REPLAY=.*{path.name}", said)
    for problem in FOUND.values():
        assert problem in said


def test_a_saved_input_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    save_input(Input(STATUS, "json", b'{"error": late}'), path)
    result = replay(HERE, path)
    assert result.tallies["json"]["outcomes"] == {"ParseError": 1}
    assert not result.findings


@pytest.mark.parametrize(
    "content",
    ["", "{}", '{"message": "x.Y", "format": "json", "data": ""}'],
    ids=["empty", "other keys", "unknown message type"],
)
def test_a_file_that_is_no_saved_input_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"input\.json"):
        replay(HERE, path)
