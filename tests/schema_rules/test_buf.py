"""What buf finds, as commands that GitHub shows beside the lines."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from codegen.project import StepError
from schema_rules import buf as stock
from schema_rules.releases import RELEASES, every
from tests.toolchain import Run

SESSION = "apis/ai/stigmer/agentic/session/v1"


def _annotations(finished: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    """Return the place and the message of each, the place empty if it names no file."""
    assert finished.returncode != 0
    printed = finished.stdout + finished.stderr
    return re.findall(r"^::error ?(?:file=([^:]*),col=\d+)?::(.*)$", printed, re.MULTILINE)


def test_every_place_that_is_not_formatted_is_shown(make: Run, checkout: Path) -> None:
    source = checkout / SESSION / "spec.proto"
    lines = source.read_text().splitlines()
    for number in (10, 13, len(lines)):
        lines[number - 1] = f"  {lines[number - 1]}"
    source.write_text("\n".join(lines))  # also without the last newline
    found = _annotations(make("format-check", "ERROR_FORMAT=github-actions"))
    places = [f"{SESSION}/spec.proto,line={number}" for number in (10, 13, len(lines))]
    message = "The format differs from here; run `make format` (FORMAT)"
    assert found == [(place, message) for place in places]


def test_what_does_not_compile_is_shown(make: Run, checkout: Path) -> None:
    source = checkout / SESSION / "spec.proto"
    lines = [*source.read_text().splitlines(), "mesage X {}"]
    source.write_text("\n".join(lines))
    found = _annotations(make("compile", "ERROR_FORMAT=github-actions"))
    assert {place for place, _ in found} == {f"{SESSION}/spec.proto,line={len(lines)}"}


def test_what_is_in_no_file_of_the_contract_has_no_place(make: Run, checkout: Path) -> None:
    (checkout / SESSION / "query.proto").unlink()
    release = checkout / "releases" / "v0.9.1"
    release.mkdir()
    shutil.copy(checkout / "releases" / "v0.1.0" / "schema.binpb", release)
    found = _annotations(make("breaking", "AGAINST=HEAD", "ERROR_FORMAT=github-actions"))
    assert {place for place, _ in found} == {""}
    messages = [message for _, message in found]
    deleted = 'Previously present file "ai/stigmer/agentic/session/v1/query.proto" was deleted.'
    assert f"{deleted} (FILE_NO_DELETE)" in messages
    last = every(RELEASES)[-1].name
    released = f"breaking: release v0.9.1 is not compatible with {last}; see docs/schema-rules.md"
    assert released in messages


@pytest.mark.parametrize("command", ["lint", "format"])
def test_what_buf_finds_and_nothing_can_show_is_no_pass(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 100, "A new kind of output.\n")

    monkeypatch.setattr(stock, "run_tool", run)
    with pytest.raises(StepError, match=f"cannot show what buf {command} found"):
        stock.findings([command], "github-actions")
