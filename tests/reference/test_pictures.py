"""The pictures of the reference show what their source says, and nothing of it is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.project import StepError
from reference.model import Reference
from reference.pictures import resources, sequence

_SOURCE = """sequenceDiagram
    participant A as caller
    participant B as callee
    A->>B: ask<br/>again
    Note over B: think
    B->>A: answer
"""


def test_a_sequence_is_read_aloud_in_its_order() -> None:
    assert "caller to callee: ask again. callee: think. callee to caller: answer." in sequence(
        _SOURCE, "A call"
    )


@pytest.mark.parametrize("line", ["loop every minute", "A->>C: ask", "A-->>B: ask"])
def test_a_line_that_is_not_drawn_stops_the_build(line: str) -> None:
    with pytest.raises(StepError, match=f"`{line}` cannot be drawn"):
        sequence(f"{_SOURCE}    {line}\n", "A call")


def test_the_guide_to_the_handshake_can_be_drawn(root: Path) -> None:
    guide = (root / "docs/handshake.md").read_text(encoding="utf-8")
    drawn = sequence(guide.partition("```mermaid\n")[2].partition("```")[0], "The handshake")
    assert drawn.count("marker-end") == guide.count("->>")


def test_the_picture_of_the_resources_leaves_none_out(reference: Reference) -> None:
    drawn = resources(reference)
    for entry, _ in reference.resources():
        assert f">{entry.name}</text>" in drawn
