"""What a rule found, where, and how to print it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from schema_rules.schema import Element


class Finding(NamedTuple):
    """One place where the contract breaks a rule."""

    rule: str
    """The ID of the rule, such as `STATUS_ONLY_FIELD`."""
    element: Element
    """What breaks it."""
    message: str
    """What is wrong and what to do, in one sentence without a full stop."""


class Position(NamedTuple):
    """A place in a source file, counted from 1."""

    path: str
    line: int
    column: int


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
    path, line, column = position(finding.element)
    return f"{path}:{line}:{column}:{finding.message} ({finding.rule})"


def as_json(finding: Finding) -> str:
    """One line of JSON with the keys that buf's `--error-format json` has."""
    path, line, column = position(finding.element)
    return json.dumps(
        {
            "path": path,
            "start_line": line,
            "start_column": column,
            "type": finding.rule,
            "message": finding.message,
        }
    )


def as_github_action(finding: Finding) -> str:
    """One workflow command, which GitHub shows beside the line."""
    path, line, column = position(finding.element)
    text = f"{finding.message} ({finding.rule})"
    for character, escaped in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, escaped)
    return f"::error file={path},line={line},col={column}::{text}"


FORMATS: dict[str, Callable[[Finding], str]] = {
    "text": as_text,
    "json": as_json,
    "github-actions": as_github_action,
}
