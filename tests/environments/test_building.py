"""Distribution packagers build the package with their own hatchling and without isolation."""

from __future__ import annotations

import email
import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.environments.conftest import Tried
from tests.environments.places import INSTALLERS, digest, run


@pytest.fixture(scope="module")
def declared(root: Path) -> Requirement:
    """Return the hatchling that pyproject.toml asks for."""
    [requirement] = tomllib.loads((root / "pyproject.toml").read_text())["build-system"]["requires"]
    return Requirement(requirement)


def pinned(requirements: Path) -> str:
    found = re.search(r"^hatchling==(\S+)", requirements.read_text(), re.MULTILINE)
    assert found, f"{requirements} does not pin hatchling"
    return found[1]


def test_the_lowest_hatchling_builds_the_same_package(
    pristine_checkout: Path, wheel: Path, shipped: dict[str, str], tmp_path: Path, tried: Tried
) -> None:
    tried("build", "without isolation, with the lowest hatchling")
    tried("hatchling", "building the distributions")
    tree = shutil.copytree(
        pristine_checkout, tmp_path / "tree", ignore=shutil.ignore_patterns(".git", ".venv*")
    )
    run([INSTALLERS / "python", "-m", "build", "--no-isolation", "--outdir", tmp_path], tree)

    with zipfile.ZipFile(tmp_path / wheel.name) as built, zipfile.ZipFile(wheel) as ours:
        assert {
            name: digest(built.read(name))
            for name in built.namelist()
            if name.startswith("stigmer_apis/")
        } == shipped
        [theirs, our_own] = (
            email.message_from_bytes(
                archive.read(next(name for name in archive.namelist() if "METADATA" in name))
            )
            for archive in (built, ours)
        )
        del theirs["Metadata-Version"], our_own["Metadata-Version"]  # the newest that each knows
    assert dict(theirs) == dict(our_own)


def test_the_tested_hatchlings_are_the_bounds_of_the_range(
    declared: Requirement, root: Path
) -> None:
    lowest = pinned(root / "requirements" / "environments" / "installers.txt")
    highest = pinned(root / "requirements" / "codegen.txt")
    assert str(declared.specifier) == f"<2,>={lowest.removesuffix('.0')}"
    assert highest in declared.specifier
