"""A short run of the fuzzer on the runtime at hand, and what it does when it finds something.

`make fuzz` is the long run. `docs/fuzzing.md` says what the readers may answer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import fuzz_run
from fuzz_inputs import load_input, make_input, save_input
from fuzz_run import Runtime, campaign, replay
from fuzz_targets import FORMATS, Input, attempt

REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.json"))

HERE = Runtime(sys.executable, "upb")

# A worker whose reader does one more thing to the inputs of a format.
WORKER = """
import ctypes, time
from fuzz_worker import run
from fuzz_targets import attempt

def read(given):
    if given.format == "json":
        {harm}
    return attempt(given)

run(read)
"""


@pytest.fixture(autouse=True)
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for findings, instead of `build/fuzz`."""
    monkeypatch.setattr(fuzz_run, "FOUND", tmp_path / "found")
    return tmp_path / "found"


def _harmful(folder: Path, harm: str) -> Path:
    script = folder / "worker.py"
    script.write_text(WORKER.format(harm=harm), encoding="utf-8")
    return script


@pytest.mark.parametrize("implementation", ["upb", "python"])
def test_thousands_of_damaged_inputs_are_refused_as_documented_or_can_be_written_again(
    implementation: str,
) -> None:
    result = campaign(Runtime(sys.executable, implementation), count=1500, deadline=60)
    assert not result.findings
    assert result.executions == 1500
    assert set(result.tallies) == set(FORMATS)
    for kind, tally in result.tallies.items():
        outcomes = tally["outcomes"]
        assert outcomes["parsed"] > 30, f"{kind}: too few inputs parse to say anything about them"
        assert outcomes.total() - outcomes["parsed"] > 300, f"{kind}: too few inputs are damaged"


@pytest.mark.parametrize("path", REGRESSIONS, ids=[path.stem for path in REGRESSIONS])
def test_what_was_found_once_is_documented_now(path: Path) -> None:
    attempt(load_input(path))


def test_an_input_depends_on_its_seed_and_number_alone() -> None:
    inputs = [make_input(7, number) for number in range(300)]
    assert inputs == [make_input(7, number) for number in range(300)]
    assert inputs != [make_input(8, number) for number in range(300)]
    assert len({given.data for given in inputs}) > 250, "the mutations do nothing"


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        ("ctypes.string_at(0)", "the process died of signal 11"),
        ("time.sleep(60)", "not read within 1 seconds"),
        ("bytearray(2**34)", "MemoryError"),
        ("raise KeyError('field')", "KeyError: "),
    ],
    ids=["crash", "hang", "memory", "undocumented exception"],
)
def test_what_a_reader_may_not_do_is_found_and_kept(
    harm: str,
    problem: str,
    tmp_path: Path,
    found: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = campaign(HERE, count=6, deadline=1, worker=_harmful(tmp_path, harm))
    assert len(result.findings) == 1
    (kept,) = found.iterdir()
    assert load_input(kept) == make_input(0, 1), "the input that was kept is not the one at fault"
    assert problem in kept.read_text(encoding="utf-8")
    said = capsys.readouterr().out
    assert problem in said
    assert "make fuzz REPLAY=" in said
    assert kept.name in said


def test_after_an_input_that_kills_the_reader_the_run_goes_on(tmp_path: Path) -> None:
    worker = _harmful(tmp_path, "ctypes.string_at(0)")
    with pytest.raises(SystemExit, match="keep dying"):
        campaign(HERE, seconds=60, deaths=1, worker=worker)


def test_a_saved_input_is_read_again(tmp_path: Path) -> None:
    name = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus"
    path = tmp_path / "input.json"
    for data, outcome in ((b'{"error": "late"}', "parsed"), (b"[", "ParseError")):
        save_input(Input(name, "json", data), path)
        result = replay(HERE, path)
        assert result.tallies["json"]["outcomes"] == {outcome: 1}
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
