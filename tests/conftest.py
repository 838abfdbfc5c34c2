"""What tests of every area share."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from stigmer_apis import schema

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return ROOT


@pytest.fixture
def contract() -> FileDescriptorSet:
    """The shipped descriptor image, a copy for each test to change at will."""
    return schema.file_descriptor_set()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the handshake ran on, so that nobody takes it for a Temporal server."""
    passed: list[pytest.TestReport] = terminalreporter.stats.get("passed", [])
    count = sum("test_loopback.py::" in report.nodeid for report in passed)
    if count:
        terminalreporter.write_line(
            f"temporal: {count} tests of the handshake ran on a loopback frontend, which is no "
            "Temporal server; `make handshake` runs it on one"
        )
