"""`make bench`: what text without secrets costs, beside protobuf's own `str()` of the same message.

Each round measures all of them in turn, so that noise falls on all alike; the medians are compared
within the one run. Absolute times mean little on another machine, the ratios do.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable
from functools import partial

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from stigmer_apis.agentic.executioncontext.v1 import ExecutionContext, ExecutionValue
from stigmer_apis.agentic.workflow.v1 import Workflow, WorkflowTask
from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionUpdateStatusInput,
)
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowTask as RunTask
from stigmer_apis.redaction import install_logging, redacted_copy, to_json
from stigmer_apis.redaction._masking import own_text

ROUNDS = 41
SECONDS = 0.005
BASE = "protobuf's own str"
SUBJECTS: dict[str, Callable[[Message], object]] = {
    BASE: own_text,
    "str(message)": str,
    "redacted_copy": redacted_copy,
    "MessageToJson": MessageToJson,
    "to_json": to_json,
}
LOGS = ("log of plain text", "log of the message", "not logged")


class Nowhere(logging.Handler):
    """Formats as every handler does, and writes nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def main() -> None:
    """Measure every kind of message, and print microseconds and the ratio to protobuf's `str()`."""
    install_logging()
    for name, message in messages().items():
        print(f"{name}: {message.ByteSize()} bytes, {len(str(message))} characters")
        subjects = {label: partial(subject, message) for label, subject in SUBJECTS.items()}
        medians = measured({**subjects, **logged(message)})
        for label, median in medians.items():
            print(f"  {label:20} {median * 1e6:9.1f} us {median / medians[BASE]:7.2f}")


def messages() -> dict[str, Message]:
    """What services log: an update, an execution with tasks, secrets by the dozen, no secrets."""
    token = bytes(range(256))[-150:]
    update = WorkflowExecutionUpdateStatusInput(execution_id="wex-01jd0kz4yw")
    update.status.callback_token = token
    update.status.started_at = "2026-11-23T10:00:00Z"
    execution = WorkflowExecution(kind="WorkflowExecution", api_version="agentic.stigmer.ai/v1")
    execution.metadata.name = "Nightly report"
    execution.status.CopyFrom(update.status)
    for name, is_secret in (("API_KEY", True), ("REGION", False)):
        execution.spec.runtime_env[name].CopyFrom(
            ExecutionValue(value="eu-central-1", is_secret=is_secret)
        )
    for number in range(20):
        task = RunTask(task_id=f"task-{number}", task_name=f"step{number}")
        task.output.update({"rows": number, "file": f"report-{number}.csv", "ok": True})
        execution.status.tasks.append(task)
    context = ExecutionContext()
    for number in range(50):
        context.spec.data[f"VARIABLE_{number}"].CopyFrom(
            ExecutionValue(value=f"value-{number}", is_secret=number % 2 == 0)
        )
    workflow = Workflow()
    for number in range(20):
        task = WorkflowTask(name=f"step{number}")
        task.task_config.update({"uri": "https://example.com", "method": "GET"})
        workflow.spec.tasks.append(task)
    return {
        "status update with a token": update,
        "execution of 20 tasks": execution,
        "50 values, half of them secret": context,
        "a workflow, which has secrets only in its environment": workflow,
    }


def logged(message: Message) -> dict[str, Callable[[], object]]:
    """The same line, logged in three ways."""
    log = logging.getLogger("benchmark")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.handlers = [Nowhere()]
    calls: tuple[Callable[[], object], ...] = (
        lambda: log.info("stored %s", own_text(message)),
        lambda: log.info("stored %s", message),
        lambda: log.debug("stored %s", message),
    )
    return dict(zip(LOGS, calls, strict=True))


def measured(subjects: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median seconds of one call of each."""
    # As often as it takes for a clock to be exact.
    repeats: dict[str, int] = {}
    for name, subject in subjects.items():
        subject()
        once = min(timed(subject, 1) for _ in range(5))
        repeats[name] = max(1, int(SECONDS / once))
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            times[name].append(timed(subject, repeats[name]))
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def timed(subject: Callable[[], object], repeats: int) -> float:
    """The seconds of one call, of many in a row."""
    started = time.perf_counter()
    for _ in range(repeats):
        subject()
    return (time.perf_counter() - started) / repeats


if __name__ == "__main__":
    main()
