"""`make runtimes` notices runtimes that fail or disagree, tested with fake outcomes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.runtimes.__main__ as command
from tests.runtimes.environments import EnvironmentMissingError, protobufs
from tests.runtimes.outcomes import (
    COMPANIONS,
    IMPLEMENTATIONS,
    Outcome,
    Runtime,
    problems,
    read_outcome,
)
from tests.runtimes.table import render

VERSIONS = ["4.25.8", "5.29.6", "6.33.6", "7.36.2"]
PINS = {name: {"grpcio": f"1.{name}", "protovalidate": f"2.{name}"} for name in COMPANIONS}
FINE = Outcome({"import": "103 modules", "binary": "9 fixtures"}, {}, {"a padded tag": "taken"})


def outcomes(**others: Outcome) -> dict[Runtime, Outcome]:
    """Return good outcomes of every runtime, except those named like `upb_lowest_5_29_6`."""
    found: dict[Runtime, Outcome] = {}
    for version in VERSIONS:
        for beside in COMPANIONS:
            for implementation in IMPLEMENTATIONS:
                name = f"{implementation}_{beside}_{version.replace('.', '_')}"
                found[Runtime(version, beside, implementation)] = others.pop(name, FINE)
    assert not others, f"there is no such runtime: {others}"
    return found


def rows(**others: Outcome) -> list[str]:
    """Return the table lines that have cells of runtimes."""
    text = render(outcomes(**others), PINS)
    return [line for line in text.splitlines() if line.startswith(("| 4", "| 5", "| 6", "| 7"))]


def answers(**others: str) -> list[str]:
    """Return the second table's lines for native and pure Python, if some behave differently."""
    found = outcomes(**{name: FINE._replace(behaviour={"it": it}) for name, it in others.items()})
    found = {
        runtime: outcome if outcome is not FINE else FINE._replace(behaviour={"it": "taken"})
        for runtime, outcome in found.items()
    }
    (line,) = [line for line in render(found, PINS).splitlines() if line.startswith("| it |")]
    return line.strip("| ").split(" | ")[1:]


def test_runtimes_that_agree_have_no_problem() -> None:
    assert list(problems(outcomes())) == []


def test_a_check_that_fails_is_a_problem_with_its_runtime_and_its_text() -> None:
    failing = FINE._replace(failed={"JSON": "it is other JSON"})
    assert list(problems(outcomes(python_lowest_5_29_6=failing))) == [
        "runtimes: protobuf 5.29.6, pure Python, beside the lowest: JSON: it is other JSON"
    ]


def test_two_answers_to_one_check_are_a_problem_with_the_runtimes_of_each() -> None:
    other = FINE._replace(found={**FINE.found, "binary": "8 fixtures"})
    (problem,) = problems(outcomes(upb_highest_7_36_2=other))
    headline, *sides = problem.splitlines()
    assert headline == "runtimes: the runtimes disagree on binary:"
    assert sides[1] == "  8 fixtures: protobuf 7.36.2, native, beside the highest"
    assert sides[0].startswith("  9 fixtures: protobuf 4.25.8, native, beside the lowest; ")
    assert sides[0].count("protobuf") == 4 * len(VERSIONS) - 1


def test_a_runtime_that_fails_one_check_is_still_compared_on_the_others() -> None:
    other = Outcome({"import": "102 modules"}, {"binary": "other bytes"}, {})
    found = list(problems(outcomes(upb_lowest_4_25_8=other)))
    assert len(found) == 2
    assert "disagree on import" in found[1]


def test_the_first_table_names_what_fails_in_the_cell_of_its_runtime() -> None:
    failing = FINE._replace(failed={"JSON": "text", "gRPC": "text"})
    assert rows(upb_highest_6_33_6=failing) == [
        "| 4.25.8 | passes | passes | passes | passes |",
        "| 5.29.6 | passes | passes | passes | passes |",
        "| 6.33.6 | passes | **fails**: JSON, gRPC | passes | passes |",
        "| 7.36.2 | passes | passes | passes | passes |",
    ]


def test_what_all_versions_answer_is_said_once() -> None:
    assert answers() == ["taken", "taken"]


def test_versions_in_a_row_with_one_answer_are_one_span() -> None:
    changed = {
        f"upb_{beside}_{v}": "refused" for beside in COMPANIONS for v in ("6_33_6", "7_36_2")
    }
    assert answers(**changed) == ["4.25.8 to 5.29.6: taken; 6.33.6 to 7.36.2: refused", "taken"]


def test_an_answer_that_returns_is_a_span_of_its_own() -> None:
    changed = {f"python_{beside}_5_29_6": "refused" for beside in COMPANIONS}
    assert answers(**changed) == [
        "taken",
        "4.25.8: taken; 5.29.6: refused; 6.33.6 to 7.36.2: taken",
    ]


def test_answers_that_differ_by_the_companions_are_both_said() -> None:
    assert answers(upb_highest_4_25_8="refused") == [
        "4.25.8: taken or refused; 5.29.6 to 7.36.2: taken",
        "taken",
    ]


def test_a_runtime_without_an_answer_is_a_question_mark() -> None:
    found = outcomes(upb_lowest_4_25_8=Outcome({}, {"import": "text"}, {}))
    assert "4.25.8: ? or taken; 5.29.6 to 7.36.2: taken" in render(found, PINS)


def finished(
    code: int = 0, stderr: str = "", **printed: object
) -> subprocess.CompletedProcess[str]:
    printed_outcome: dict[str, object] = {
        "implementation": "upb",
        "found": {},
        "failed": {},
        "behaviour": {},
        **printed,
    }
    return subprocess.CompletedProcess([], code, json.dumps(printed_outcome), stderr)


def test_a_report_says_what_the_check_printed() -> None:
    printed = finished(found={"import": "1"}, failed={"binary": "2"}, behaviour={"it": "3"})
    assert read_outcome(printed, "upb") == Outcome({"import": "1"}, {"binary": "2"}, {"it": "3"})


@pytest.mark.parametrize("code", [1, -11])
def test_a_check_that_ends_with_an_error_or_a_signal_fails(code: int) -> None:
    assert read_outcome(finished(code, "its last words"), "upb").failed == {
        "check.py": "its last words"
    }


def test_a_check_that_prints_noise_fails() -> None:
    assert read_outcome(finished(0, "Warning"), "upb").failed == {"silence": "it printed:\nWarning"}


@pytest.mark.parametrize(("wanted", "chosen"), [("python", "upb"), ("upb", "python")])
def test_a_protobuf_that_chooses_another_implementation_fails(wanted: str, chosen: str) -> None:
    assert read_outcome(finished(implementation=chosen), wanted).failed == {
        "implementation": f"protobuf chose {chosen!r}"
    }


def test_an_outcome_in_short_says_whether_it_passed() -> None:
    assert str(FINE) == "passes (103 modules, 9 fixtures)"
    assert str(FINE._replace(failed={"JSON": "text", "gRPC": "text"})) == "fails: JSON, gRPC"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    page = tmp_path / "runtimes.md"
    page.write_text(command.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(command, "PAGE", page)
    return page


def test_a_failure_anywhere_fails_the_run_and_stands_in_the_page(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(protobuf: str, beside: str, wheel: Path) -> Iterator[tuple[Runtime, Outcome]]:
        is_last = (protobuf, beside) == (list(protobufs())[-1], "highest")
        failed = {"gRPC": "another token"} if is_last else {}
        for implementation in IMPLEMENTATIONS:
            yield Runtime(protobuf, beside, implementation), FINE._replace(failed=failed)

    monkeypatch.setattr(command, "run", run)
    assert command.main(Path("a.whl")) == 1
    assert page.read_text(encoding="utf-8").count("**fails**: gRPC") == 2
    assert capsys.readouterr().err.count("gRPC: another token") == 2


def test_an_environment_that_cannot_be_made_fails_the_run_and_keeps_the_page(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(protobuf: str, beside: str, wheel: Path) -> Iterator[tuple[Runtime, Outcome]]:
        raise EnvironmentMissingError("no such release")

    before = page.read_text(encoding="utf-8")
    monkeypatch.setattr(command, "run", run)
    assert command.main(Path("a.whl")) == 1
    assert page.read_text(encoding="utf-8") == before
    assert "runtimes: no such release" in capsys.readouterr().err
