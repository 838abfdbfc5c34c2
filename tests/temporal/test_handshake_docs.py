"""docs/handshake.md keeps its word: each row of its failure table names tests that exist."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from stigmer_apis.temporal import TemporalWorkflowInput


def named_tests(root: Path) -> set[str]:
    """The names of all tests of the handshake, also of those that `make test` does not collect."""
    return {
        node.name
        for folder in ("temporal", "handshake")
        for file in (root / "tests" / folder).glob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


def failure_table(root: Path) -> list[list[str]]:
    text = (root / "docs" / "handshake.md").read_text()
    section = text.split("## When it goes wrong")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


def test_every_row_of_the_failure_table_is_proved_by_a_test(root: Path) -> None:
    rows = failure_table(root)
    assert len(rows) >= 14
    for what, _, proof in rows:
        names = re.findall(r"`(test_\w+)`", proof)
        assert names, f"nothing proves {what!r}"
        assert set(names) <= named_tests(root), f"{what!r} names a test that is not there"


def test_the_input_that_the_docs_show_is_what_is_written(root: Path) -> None:
    text = (root / "docs" / "handshake.md").read_text()
    [shown] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    read = TemporalWorkflowInput.from_json(shown)
    assert read.callback_token == b"\x01\x02\x03\xff"
    assert json.loads(read.to_json()) == json.loads(shown)
    assert list(json.loads(read.to_json())) == list(json.loads(shown))
