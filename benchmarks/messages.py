"""Times one operation on the messages of one library, in the environment of the library.

    python -m benchmarks.messages stigmer_apis.{} parse

The first argument turns a package and the name of a file into a module. Prints the seconds of the
processor for one call; or, instead of an operation, a digest of the message in binary.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.sampler import calls


def operations(modules: str) -> tuple[bytes, dict[str, Callable[[], object]]]:
    """Return a message in binary, and what is timed. The code is the same for every library."""

    def kind(package: str, file: str, name: str) -> Any:
        return getattr(import_module(modules.format(package, file)), name)

    package = "agentic.workflowexecution.v1"
    execution = kind(package, "api", "WorkflowExecution")
    status = kind(package, "api", "WorkflowExecutionStatus")
    task = kind(package, "api", "WorkflowTask")
    spec = kind(package, "spec", "WorkflowExecutionSpec")
    value = kind("agentic.executioncontext.v1", "spec", "ExecutionValue")
    metadata = kind("commons.apiresource", "metadata", "ApiResourceMetadata")

    def construct() -> Any:
        return execution(
            api_version="agentic.stigmer.ai/v1",
            kind="WorkflowExecution",
            metadata=metadata(name="Nightly report", org="org-01jd0kz4yw"),
            spec=spec(runtime_env={"API_KEY": value(value="eu-central-1", is_secret=True)}),
            status=status(
                callback_token=bytes(150),
                tasks=[task(task_id=f"task-{n}", task_name=f"step{n}") for n in range(20)],
            ),
        )

    def access() -> object:
        for each in message.status.tasks:
            each.error = f"{each.task_id} {each.task_name}"
        return message.spec.runtime_env["API_KEY"].value

    message = construct()
    # protobuf-py has its own names; the others have protobuf's.
    serialize = getattr(message, "SerializeToString", None) or message.to_binary
    parse = getattr(execution, "FromString", None) or execution.from_binary
    data: bytes = serialize()
    timed = {
        "construct": construct,
        "serialize": serialize,
        "parse": lambda: parse(data),
        "access fields": access,
    }
    return data, timed


def main(modules: str, name: str) -> None:
    """Print the best of a few times, each of which takes many calls."""
    data, timed = operations(modules)
    if name == "digest":
        print(hashlib.sha256(data).hexdigest())
    else:
        contender = calls(timed[name])
        print(min(contender() for _ in range(5)))


if __name__ == "__main__":
    main(*sys.argv[1:])
