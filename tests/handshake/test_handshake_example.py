"""The example of the handshake runs as its docstring says, and prints what it is there to show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def example(root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "examples/handshake/run.py"],
        cwd=root,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_the_example_shows_a_result_and_an_error_and_no_token(
    root: Path, temporal_cli: Path
) -> None:
    finished = example(root, TEMPORAL_CLI=str(temporal_cli))
    assert finished.returncode == 0, finished.stderr
    told = [line for line in finished.stdout.splitlines() if line.startswith(("call", "plat"))]
    assert told == [
        "platform  created wex-1",
        "platform  stored callback_token of wex-1",
        "caller    starts the run of wex-1 and passes on its token",
        "caller    goes pending and holds no worker",
        "platform  stored phase, output of wex-1",
        "caller    resumed with {'price': 42}",
        "platform  created wex-2",
        "platform  stored callback_token of wex-2",
        "caller    starts the run of wex-2 and passes on its token",
        "caller    goes pending and holds no worker",
        "platform  stored phase, error of wex-2",
        "caller    raised ExecutionFailed: an order has at least one piece",
        "platform  stored 2 tokens, and shows none",
    ]


def test_without_a_server_the_example_says_what_to_do(root: Path) -> None:
    finished = example(root, TEMPORAL_CLI="")
    assert finished.returncode == 1
    assert "make example-handshake" in finished.stderr
