"""One world for all tests here; a test that kills a part of it starts that part again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.handshake.processes import World


@pytest.fixture(scope="session")
def temporal_cli() -> Path:
    """The Temporal server that `make temporal` has built."""
    named = os.environ.get("TEMPORAL_CLI", "")
    if not named or not Path(named).is_file():
        pytest.fail("no Temporal server; run these tests with `make handshake`, which builds one")
    return Path(named)


@pytest.fixture(scope="session")
def go_worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker on the stock Go SDK, built from what tests/handshake/go pins."""
    program = tmp_path_factory.mktemp("go") / "worker"
    # Only the toolchain that is installed: go would fetch the one that a newer go.mod asks for.
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    command = ["go", "build", "-mod=readonly", "-buildvcs=false", "-o", str(program), "."]
    built = subprocess.run(
        command, cwd=Path(__file__).parent / "go", env=environment, capture_output=True, text=True
    )
    if built.returncode:
        pytest.fail(f"the Go worker does not build:\n{built.stderr}", pytrace=False)
    return program


@pytest.fixture(scope="session")
def world(
    temporal_cli: Path, go_worker: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[World]:
    """A running world, which stays up from test to test."""
    running = World(temporal_cli, go_worker, tmp_path_factory.mktemp("world"))
    try:
        running.start()
        yield running
        running.assert_no_log_shows_a_token()
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def _alive(request: pytest.FixtureRequest) -> Generator[None]:
    """Every part is up before a test and after it."""
    world: World = request.getfixturevalue("world")
    for process in world.processes:
        process.assert_alive()
    yield
    for process in world.processes:
        process.assert_alive()
