"""The contract as the reference shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from reference.model import Reference
from tests.toolchain import Run


@pytest.fixture(scope="session")
def image(buf: Run, root: Path, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """The contract as it is, with comments and imports."""
    target = tmp_path_factory.mktemp("image") / "contract.binpb"
    built = buf("build", "--output", target, cwd=root)
    assert built.returncode == 0, built.stderr
    return FileDescriptorSet.FromString(target.read_bytes())


@pytest.fixture(scope="session")
def reference(image: FileDescriptorSet) -> Reference:
    return Reference(image, {})
