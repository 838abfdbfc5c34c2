"""What tests of the code generator share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.small_contract import SmallContract


@pytest.fixture
def small(root: Path, toolchain: Path, tmp_path: Path) -> SmallContract:
    """A contract of one message."""
    return SmallContract(root, tmp_path / "small")
