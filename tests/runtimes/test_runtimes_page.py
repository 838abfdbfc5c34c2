"""docs/runtimes.md, which `make runtimes` writes: that it is about the range that we declare."""

from __future__ import annotations

import re
from pathlib import Path


def rows(root: Path) -> dict[str, list[str]]:
    """The verdicts on every release of protobuf."""
    text = (root / "docs/runtimes.md").read_text()
    lines = re.findall(r"^\| (\d[\d.]+) \| (.*) \|$", text, re.MULTILINE)
    return {version: verdicts.split(" | ") for version, verdicts in lines}


def pin(requirements: Path) -> str:
    found = re.search(r"^protobuf==([\d.]+)", requirements.read_text(), re.MULTILINE)
    assert found, f"{requirements} does not pin protobuf"
    return found[1]


def test_every_pinned_protobuf_has_its_row_and_passes_everywhere(root: Path) -> None:
    pinned = {pin(file) for file in (root / "requirements/runtimes").glob("protobuf-*.txt")}
    assert rows(root).keys() == pinned
    assert {v: found for v, found in rows(root).items() if found != ["passes"] * 4} == {}


def test_the_rows_begin_and_end_where_the_range_does(root: Path) -> None:
    declared = re.search(r'"protobuf>=([\d.]+),<', (root / "pyproject.toml").read_text())
    assert declared
    first, *_, last = rows(root)
    assert first == declared[1]
    assert last == pin(root / "requirements/matrix/highest.txt")
