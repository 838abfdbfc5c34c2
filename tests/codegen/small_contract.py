"""A contract of a few lines with a package of its own, for tests that generate from it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from codegen import place
from codegen.project import PACKAGE

HEADER = 'syntax = "proto3";\npackage {};\n'


class SmallContract:
    """A folder with codegen, the hand-written modules of the package, and .proto files."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "python" / "stigmer_apis"
        self._python = root / ".venv-codegen" / "bin" / "python"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / "codegen", folder / "codegen", ignore=ignored)
        shutil.copy2(root / "buf.gen.yaml", folder)
        (folder / "buf.yaml").write_text("version: v2\nmodules:\n  - path: apis\n")
        for path in place.hand_written(PACKAGE):
            (self.package / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PACKAGE / path, self.package / path)
        self.write("small.v1", "// A message.\nmessage Small {}\n")

    def write(self, package: str, text: str, name: str = "a") -> Path:
        """Write a .proto file of a package below `ai.stigmer`, and return its path."""
        file = self.folder / "apis/ai/stigmer" / package.replace(".", "/") / f"{name}.proto"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEADER.format(f"ai.stigmer.{package}") + text)
        return file

    def command(self) -> list[str]:
        return [str(self._python), "-m", "codegen"]

    def generate(self) -> subprocess.CompletedProcess[str]:
        """Run `python -m codegen`."""
        return subprocess.run(self.command(), cwd=self.folder, capture_output=True, text=True)

    def refusal(self) -> str:
        """Generate, which must fail without touching the package, and return the one sentence."""
        before = tree(self.package)
        finished = self.generate()
        assert finished.returncode == 1, finished.stdout
        assert "Traceback" not in finished.stderr
        assert tree(self.package) == before
        [sentence] = [line for line in finished.stderr.splitlines() if line.startswith("generate:")]
        return sentence

    def run(self, code: str) -> str:
        """Run code that imports the package, in a folder of its own, and return what it prints."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        finished = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(self.package.parent)},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stderr
        assert list(elsewhere.iterdir()) == []
        return finished.stdout


def tree(package: Path) -> dict[str, str]:
    """The digest of every file below a folder, by its path; of a link, where it leads."""
    return {
        path.relative_to(package).as_posix(): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in package.rglob("*")
        if (path.is_file() or path.is_symlink()) and "__pycache__" not in path.parts
    }
