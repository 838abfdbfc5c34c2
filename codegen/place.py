"""Puts a generated tree into the package, whole or not at all, and knows when it is up to date."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from codegen.project import APIS, BUILD, PACKAGE, ROOT, VALIDATION, StepError

SCHEMA_IMAGE = "schema.binpb"
"""The shipped image, the one generated file at the top of the package."""

RECORD = BUILD / "codegen" / "record.json"
"""Digests of what the last generation read and wrote."""

_REPLACED = BUILD / "codegen" / "replaced"


def is_generated(entry: Path) -> bool:
    """Whether an entry at the top of the package is generated: the image, or a proto package.

    A proto package is known by the `*_pb2.py` modules in it, so that one which has left the
    contract is still recognized, and removed.
    """
    if entry.is_dir():
        return next(entry.rglob("*_pb2.py"), None) is not None
    return entry.name == SCHEMA_IMAGE


def digest_inputs() -> str:
    """Digest everything that decides what is generated: the contract, codegen, and its pins."""
    files = [*APIS.rglob("*"), *VALIDATION.rglob("*"), *(ROOT / "codegen").rglob("*.py")]
    files += [ROOT / "buf.yaml", ROOT / "buf.gen.yaml", *(ROOT / "requirements").glob("*.txt")]
    return _digest(ROOT, files)


def is_up_to_date(inputs: str, package: Path = PACKAGE) -> bool:
    """Whether the package holds what generating from the inputs with that digest would write."""
    return _recorded() == {"inputs": inputs, "outputs": _digest_outputs(package)}


def place(staged: Path, inputs: str, package: Path = PACKAGE) -> None:
    """Replace the generated entries of `package` with those in `staged`, and record both digests.

    Every entry is moved by a rename. When one fails, those already done are taken back.

    Args:
        staged: the new entries.
        inputs: the digest of what they were generated from, taken before generating.
        package: the folder to put them in.

    Raises:
        StepError: something could not be moved; the package is as it was.
    """
    RECORD.unlink(missing_ok=True)
    shutil.rmtree(_REPLACED, ignore_errors=True)
    _REPLACED.mkdir(parents=True)
    fresh = sorted(staged.iterdir())
    stale = [
        entry
        for entry in sorted(package.iterdir())
        if is_generated(entry) or (staged / entry.name).exists()
    ]
    moves = [(entry, _REPLACED / entry.name) for entry in stale]
    moves += [(entry, package / entry.name) for entry in fresh]
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except OSError as error:
        for source, target in reversed(done):
            target.rename(source)
        raise StepError(
            f"could not move the generated code into {package} ({error.strerror}); "
            "free the path and run `make protos` again"
        ) from error
    record = {"inputs": inputs, "outputs": _digest_outputs(package)}
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


def _recorded() -> object:
    try:
        return json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return None


def _digest_outputs(package: Path) -> str:
    files: list[Path] = []
    for entry in package.iterdir():
        if is_generated(entry):
            files += entry.rglob("*") if entry.is_dir() else [entry]
    return _digest(package, files)


def _digest(base: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        if file.is_file() and "__pycache__" not in file.parts:
            content = file.read_bytes()
            digest.update(f"{file.relative_to(base).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
