"""What a rule found, where, and how to print it."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from codegen.project import ROOT
from schema_rules.schema import Element


class Position(NamedTuple):
    """A place in a source file, counted from 1."""

    path: str
    """The path of the file in this folder."""
    line: int
    column: int


class Located(Protocol):
    """What a rule found, ours or one of buf."""

    @property
    def rule(self) -> str:
        """The ID of the rule."""
        ...

    @property
    def message(self) -> str:
        """What is wrong."""
        ...

    @property
    def at(self) -> Position | None:
        """Where it is, if that is in a file that exists."""
        ...


class Finding(NamedTuple):
    """One place where the contract breaks a rule."""

    rule: str
    """The ID of the rule, such as `STATUS_ONLY_FIELD`."""
    element: Element
    """What breaks it."""
    message: str
    """What is wrong and what to do, in one sentence without a full stop."""

    @property
    def at(self) -> Position:
        """Where the element begins."""
        return position(self.element)


def position(element: Element) -> Position:
    """Where an element begins; 1:1 if the image has no source info."""
    for at in element.file.source_code_info.location:
        if tuple(at.path) == element.path:
            return Position(f"apis/{element.file.name}", at.span[0] + 1, at.span[1] + 1)
    return Position(f"apis/{element.file.name}", 1, 1)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order in which a reader comes to them."""
    return sorted(findings, key=lambda found: (position(found.element), found.rule, found.message))


def as_text(finding: Finding) -> str:
    """One line in buf's own format, with the ID of the rule behind it."""
    path, line, column = finding.at
    return f"{path}:{line}:{column}:{finding.message} ({finding.rule})"


def as_json(finding: Located) -> str:
    """One line of JSON with the keys that buf's `--error-format json` has."""
    at = finding.at
    place = at and {"path": at.path, "start_line": at.line, "start_column": at.column}
    return json.dumps({**(place or {}), "type": finding.rule, "message": finding.message})


def as_github_action(finding: Located) -> str:
    """One workflow command, which GitHub shows beside the line."""
    return github_command(f"{finding.message} ({finding.rule})", finding.at)


def github_command(message: str, at: Position | None = None) -> str:
    """Return the workflow command that reports an error, at a place if there is one."""
    place = ""
    if at is not None:
        path = _escaped(f"{_place_in_repository()}{at.path}", ":,")
        place = f" file={path},line={at.line},col={at.column}"
    return f"::error{place}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{more}" else each for each in text)


@functools.cache
def _place_in_repository() -> str:
    """Return the path from the top of the git repository to this folder, empty or with a slash."""
    command = ["git", "rev-parse", "--show-prefix"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return found.stdout.rstrip("\n")


def problem_line(step: str, sentence: str, error_format: str) -> str:
    """Return the line for a problem of a step that is no finding in the contract."""
    line = f"{step}: {sentence}"
    return github_command(line) if error_format == GITHUB else line


GITHUB = "github-actions"
FORMATS: dict[str, Callable[[Finding], str]] = {
    "text": as_text,
    "json": as_json,
    GITHUB: as_github_action,
}
