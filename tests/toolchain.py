"""Helpers for calling tools and reading their output."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
"""A function that runs a program with the given arguments and captures its output."""


def findings(finished: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return the findings that buf printed with `--error-format json`."""
    assert finished.returncode in (0, 100), finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def project_files(root: Path, *paths: str) -> set[str]:
    """Return the files of a repository below the given paths, also those not yet committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    names = subprocess.run(listed, cwd=root, capture_output=True, text=True, check=True).stdout
    return {name for name in names.split("\0") if name and (root / name).is_file()}


def raise_version(checkout: Path, version: str) -> None:
    """Give a checkout a version that no release has, with its entry in the changelog."""
    module = checkout / "python/stigmer_apis/__init__.py"
    module.write_text(re.sub(r'"\d[^"]*"', f'"{version}"', module.read_text()))
    changelog = checkout / "CHANGELOG.md"
    unreleased = re.compile("^## Unreleased$|^(?=## )", re.MULTILINE)
    text = unreleased.sub(f"## {version} - today\n\n", changelog.read_text(), count=1)
    changelog.write_text(text)
