"""Helpers for calling tools and reading their output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
"""A function that runs a program with the given arguments and captures its output."""


def findings(finished: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return the findings that buf printed with `--error-format json`."""
    assert finished.returncode in (0, 100), finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]
