"""The newest Pythons, which uv brings: 3.14, 3.14 without the GIL, and subinterpreters.

Where uv cannot fetch 3.14t, its tests are skipped, with a reason in the summary.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments.places import ROOT, UV, Place, run
from tests.runtimes.environments import PINS, check
from tests.runtimes.outcomes import IMPLEMENTATIONS

IN_THREADS = """
import sys, sysconfig, threading
from concurrent.futures import ThreadPoolExecutor

barrier = threading.Barrier(8)

def work(number):
    barrier.wait()
    from stigmer_apis.agentic.agentexecution.v1 import AgentExecution
    from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
    for count in range(200):
        run = WorkflowExecution(kind=f"run {number} {count}")
        run.status.callback_token = bytes([number])
        assert WorkflowExecution.FromString(run.SerializeToString()) == run
        assert "REDACTED" in str(run)
    return AgentExecution, WorkflowExecution

with ThreadPoolExecutor(8) as pool:
    assert len(set(pool.map(work, range(8)))) == 1
assert sys._is_gil_enabled() is not bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""

IN_SUBINTERPRETERS = """
from concurrent import interpreters

here, there = interpreters.create_queue(), interpreters.create_queue()
code = '''
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
run = WorkflowExecution.FromString(here.get())
run.status.callback_token = bytes(16)
assert "REDACTED" in str(run)
there.put(run.SerializeToString())
from google.protobuf.internal import api_implementation
assert api_implementation.Type() == "python"  # the native runtime refuses to load there
'''
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
for number in range(3):
    interpreter = interpreters.create()
    interpreter.prepare_main(here=here, there=there)
    here.put(WorkflowExecution(kind=f"run {number}").SerializeToString())
    interpreter.exec(code)
    answer = WorkflowExecution.FromString(there.get())
    assert (answer.kind, answer.status.callback_token) == (f"run {number}", bytes(16))
    interpreter.close()
"""

HIGHEST = "7.36"
LOWEST = "5.27"
"""The bounds of protobuf on Python 3.14, in pyproject.toml."""

newest = pytest.mark.parametrize("python", ["3.14", "3.14t"], indirect=True)


def install(place: Place, wheel: Path, *pins: str) -> None:
    """Install what requirements/runtimes pins, and our wheel."""
    command = [UV, "--quiet", "pip", "install", "--no-deps", "--python", place.folder]
    files = [f"--requirement={PINS / pin}.txt" for pin in pins]
    run([*command, "--only-binary=:all:", "--require-hashes", *files], ROOT, UV_OFFLINE="0")
    run([*command, wheel], ROOT)


@pytest.mark.parametrize("protobuf", [LOWEST, HIGHEST])
@pytest.mark.parametrize("python", ["3.14"], indirect=True)
def test_python_3_14_passes_every_check_of_the_runtimes(
    python: Place, protobuf: str, wheel: Path
) -> None:
    install(python, wheel, f"protobuf-{protobuf}", "highest")

    for implementation in IMPLEMENTATIONS:
        assert check(python.python, implementation).failed == {}


@newest
def test_messages_are_imported_and_used_in_many_threads_at_once(python: Place, wheel: Path) -> None:
    install(python, wheel, f"protobuf-{HIGHEST}")

    python.run(IN_THREADS)


@newest
def test_subinterpreters_exchange_messages_as_bytes(python: Place, wheel: Path) -> None:
    install(python, wheel, f"protobuf-{HIGHEST}")

    python.run(IN_SUBINTERPRETERS)
