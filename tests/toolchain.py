"""How tests call tools, and read what they print."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
"""A program to call with its arguments; what it prints is captured."""


def findings(finished: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The findings that buf printed with `--error-format json`."""
    assert finished.returncode in (0, 100), finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]
