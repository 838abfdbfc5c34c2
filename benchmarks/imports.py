"""`make bench`: the time to import one message, compared with bare google.protobuf and grpc.

The statements take turns in fresh interpreters, so that noise affects all of them equally, and the
medians are compared within one run. Compare ratios between machines, not absolute times.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 15
BASE = "bare google.protobuf"
STATEMENTS = {
    "nothing": "pass",
    BASE: "from google.protobuf import descriptor_pb2, message, struct_pb2, timestamp_pb2",
    "one message": "from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution",
    "one gRPC stub": (
        "from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionQueryControllerStub"
    ),
    "bare grpc": "import grpc",
}


def main() -> None:
    """Measure and print a table: milliseconds, ratio to the base, and number of loaded modules."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for statement in STATEMENTS.values():
        _run(statement)  # compile every module first, as in a service that has started before
    for _ in range(ROUNDS):
        for name, statement in STATEMENTS.items():
            started = time.perf_counter()
            _run(statement)
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"{'import':22} {'ms':>6} {'ratio':>6} {'modules':>8}")
    for name, median in medians.items():
        print(f"{name:22} {median * 1000:6.0f} {median / medians[BASE]:6.2f} {_modules(name):8}")


def _run(statement: str) -> bytes:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", statement]
    return subprocess.run(command, capture_output=True, check=True, env=environment).stdout


def _modules(name: str) -> int:
    return int(_run(f"{STATEMENTS[name]}\nimport sys; print(len(sys.modules))"))


if __name__ == "__main__":
    main()
