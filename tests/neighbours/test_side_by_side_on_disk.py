"""Installing and uninstalling our package and another, in any order, keeps the other's files."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.neighbours.neighbour_packages import NEIGHBOURS, OURS, environment_without_python


class Site(NamedTuple):
    """A virtual environment into which a test installs packages."""

    root: Path
    folder: Path

    def uv(self, *arguments: str) -> None:
        command = [str(self.root / "build/bootstrap/bin/uv"), "--quiet", *arguments]
        # Hard links would let changes in an environment reach the cache.
        environment = {"UV_LINK_MODE": "copy", **environment_without_python()}
        finished = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stderr

    @property
    def packages(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    def install(self, name: str) -> None:
        options = ["--python", str(self.folder), "--no-deps"]
        if name == OURS:
            [wheel] = (self.root / "build/dist").glob("*.whl")
            self.uv("pip", "install", *options, str(wheel))
            return
        pin = self.folder / f"{name}.txt"
        pin.write_text(pin_of(name, self.root))
        self.uv("pip", "install", *options, "--require-hashes", "--requirement", str(pin))

    def uninstall(self, name: str) -> None:
        self.uv("pip", "uninstall", "--python", str(self.folder), name)

    def recorded(self, name: str) -> dict[str, str]:
        """Return the files of a distribution with their digests, as listed in its RECORD."""
        stem = name.replace("-", "_")
        [record] = self.packages.glob(f"{stem}-*.dist-info/RECORD")
        with record.open(newline="") as lines:
            return {path: digest for path, digest, _ in csv.reader(lines) if digest}

    def damaged(self, record: dict[str, str]) -> list[str]:
        """Return the files of a RECORD that are missing or have different content."""
        return [path for path, digest in record.items() if digest != self._digest(path)]

    def _digest(self, path: str) -> str | None:
        file = self.packages / path
        if not file.is_file():
            return None
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest())
        return f"sha256={digest.decode().rstrip('=')}"


def pin_of(name: str, root: Path) -> str:
    """Return the lines that pin a distribution in the requirements of this environment."""
    for folder in ("highest", "lowest"):
        if Path(sys.prefix).name == folder:
            requirements = root / f"requirements/neighbours/{folder}.txt"
            pattern = rf"^{re.escape(name)}==.*\n(?: +--hash=.*\n)+"
            pin = re.search(pattern, requirements.read_text(), re.MULTILINE)
            assert pin, f"{requirements} does not pin {name}"
            return pin[0]
    pytest.fail(f"{sys.prefix} is no environment of `make neighbours`")


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return an empty environment."""
    made = Site(root, tmp_path_factory.mktemp("site") / "environment")
    made.uv("venv", "--python", sys.executable, str(made.folder))
    return made


def orders(neighbour: str) -> Iterator[tuple[list[str], str]]:
    """Yield every install order, and the package to uninstall afterwards."""
    parties = [OURS, neighbour]
    yield from product([parties, parties[::-1]], parties)


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_no_file_is_damaged_by_the_other(site: Site, neighbour: str) -> None:
    for order, gone in orders(neighbour):
        records: dict[str, dict[str, str]] = {}
        for name in order:
            site.install(name)
            records[name] = site.recorded(name)
        assert len(records[OURS]) > 300
        assert set(records[OURS]).isdisjoint(records[neighbour])
        for name in order:
            assert site.damaged(records[name]) == [], f"{name} is damaged after installing {order}"

        site.uninstall(gone)

        [left] = set(order) - {gone}
        assert site.damaged(records[left]) == [], f"{left} is damaged by uninstalling {gone}"
        assert set(site.damaged(records[gone])) == set(records[gone]), f"{gone} left files"
        site.uninstall(left)
        assert site.damaged(records[left]), f"{left} was not uninstalled"
