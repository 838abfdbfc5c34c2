"""docs/runtimes.md, which `make runtimes` writes, covers the range that we declare."""

from __future__ import annotations

import re
from pathlib import Path

from tests.runtimes.environments import pinned, protobufs


def rows(root: Path) -> dict[str, list[str]]:
    """Return the verdicts on every protobuf release."""
    text = (root / "docs/runtimes.md").read_text()
    lines = re.findall(r"^\| (\d[\d.]+) \| (.*) \|$", text, re.MULTILINE)
    return {version: verdicts.split(" | ") for version, verdicts in lines}


def test_every_pinned_protobuf_has_its_row_and_passes_everywhere(root: Path) -> None:
    assert rows(root).keys() == protobufs().keys()
    assert {v: found for v, found in rows(root).items() if found != ["passes"] * 4} == {}


def test_the_rows_begin_and_end_where_the_range_does(root: Path) -> None:
    declared = re.search(r'"protobuf>=([\d.]+),<', (root / "pyproject.toml").read_text())
    assert declared
    first, *_, last = rows(root)
    assert first == declared[1]
    assert last == pinned(root / "requirements/matrix/highest.txt")["protobuf"]
