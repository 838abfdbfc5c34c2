"""Whole packages that a pull request adds, as .proto files in `right/<name>`; all must pass.

What a file there has that ends in `.end` goes before the last brace of the file with its name.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen.project import ROOT
from tests.mutation.changes import Mutation
from tests.mutation.draft import Contract, Draft

PACKAGES = Path(__file__).with_name("right")
_BUF = ROOT / ".venv-codegen" / "bin" / "buf"


def of_packages(contract: Contract) -> Iterator[Mutation]:
    """Each package in `right`, with what it changes elsewhere."""
    for folder in sorted(PACKAGES.iterdir()):
        change = partial(_add, contract, folder)
        yield Mutation("right: a package with its services", folder.name, "", change, True)


def _add(contract: Contract, folder: Path, draft: Draft) -> None:
    for file in _compiled(folder).file:
        known = contract.files.get(file.name)
        if known is None or known.SerializeToString() != file.SerializeToString():
            draft.changed[file.name] = file


@functools.cache
def _compiled(folder: Path) -> FileDescriptorSet:
    """Compile the contract with the package in it."""
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Path(scratch)
        for name in ("apis", "validation"):
            shutil.copytree(ROOT / name, workspace / name)
        shutil.copy(ROOT / "buf.yaml", workspace)
        shutil.copytree(folder, workspace / "apis", dirs_exist_ok=True)
        for end in workspace.rglob("*.proto.end"):
            whole = end.with_suffix("")
            whole.write_text(whole.read_text().rstrip().removesuffix("}") + end.read_text() + "}\n")
            end.unlink()
        command = [str(_BUF), "build", "--output", "image.binpb"]
        subprocess.run(command, cwd=workspace, check=True)
        return FileDescriptorSet.FromString((workspace / "image.binpb").read_bytes())
