"""`python -m schema_rules.buf`: run buf on the contract, with what it finds in one of our formats.

buf itself writes workflow commands for GitHub too, but with paths from the folder in which it runs
and with a made-up path for what is in no file, and none for what `buf format` would change.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from codegen.project import StepError, run_tool
from schema_rules.finding import GITHUB, Position, as_github_action, as_json, problem_line

_FOUND = 100
"""The exit code of buf if it finds something."""
_SHOW = {"json": as_json, GITHUB: as_github_action}


class BufFinding(NamedTuple):
    """What buf found."""

    rule: str
    message: str
    at: Position | None


def main(arguments: list[str] | None = None) -> int:
    """Run, print the findings, and return buf's exit code."""
    parser = argparse.ArgumentParser(prog="schema_rules.buf", description=__doc__)
    parser.add_argument("--error-format", choices=_SHOW, required=True)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="a command of buf")
    options = parser.parse_args(arguments)
    try:
        lines = findings(options.arguments, options.error_format)
    except StepError as failure:
        print(problem_line("buf", str(failure), options.error_format), file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    return _FOUND if lines else 0


def findings(arguments: Sequence[str | Path], error_format: str) -> list[str]:
    """Return what a command of buf finds, in lines.

    Raises:
        StepError: buf is missing or fails, or says what has no other format than text.
    """
    expected, pipe = (0, _FOUND), subprocess.PIPE
    if error_format == "text":
        return run_tool("buf", arguments, expected=expected, stdout=pipe).stdout.splitlines()
    finished = run_tool(
        "buf",
        [*arguments, "--error-format", "json"],
        expected=expected,
        stdout=pipe,
        stderr=subprocess.STDOUT,  # where `buf build` says what does not compile
    )
    said = finished.stdout.splitlines()
    if arguments[0] == "format":
        found = list(_unformatted(said))
    else:
        found = [_finding(line) for line in said if line.startswith("{")]
        for line in said:
            if not line.startswith("{"):  # a warning
                print(line, file=sys.stderr)
    if finished.returncode == _FOUND and not found:
        raise StepError(f"cannot show what buf {arguments[0]} found as {error_format}; use text")
    return [_SHOW[error_format](each) for each in found]


def _finding(line: str) -> BufFinding:
    found = json.loads(line)
    path = found.get("path")
    at = Position(path, found["start_line"], found["start_column"]) if path else None
    return BufFinding(found["type"], found["message"], at)


def _unformatted(diff: list[str]) -> Iterator[BufFinding]:
    """Yield a finding for each place that a diff changes."""
    path, line, is_told = "", 0, True
    for text in diff:
        if header := re.fullmatch(r"diff -u (.*)\.orig \1", text):
            path, is_told = header[1], True
        elif part := re.match(r"@@ -(\d+)", text):
            line, is_told = int(part[1]), False
        elif text.startswith(("+", "-")):
            if not is_told:
                message = "The format differs from here; run `make format`"
                yield BufFinding("FORMAT", message, Position(path, line, 1))
            is_told = True
            line += text.startswith("-")
        elif text.startswith(" "):
            line, is_told = line + 1, False


if __name__ == "__main__":
    sys.exit(main())
