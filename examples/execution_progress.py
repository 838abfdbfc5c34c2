"""An operator's view: follow a workflow execution until it ends, then print all of it.

For developers who operate the platform, or build a page that shows a run. It shows how to
subscribe, how to read the states, durations and errors of tasks, and how to keep secrets out of the
output: the callback token and the secret values of the run.

Needs: pip install "stigmer-apis[grpc]"
Run:   python examples/execution_progress.py
"""

from __future__ import annotations

from datetime import datetime

import grpc
import local_platform
from google.protobuf.descriptor import EnumDescriptor

from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    SubscribeWorkflowExecutionRequest,
    WorkflowExecution,
    WorkflowExecutionQueryControllerStub,
    WorkflowTask,
    WorkflowTaskStatus,
    WorkflowTaskType,
)
from stigmer_apis.redaction import to_json


def follow(channel: grpc.Channel, execution_id: str) -> WorkflowExecution:
    """Print the execution after every change, and return its final state."""
    queries = WorkflowExecutionQueryControllerStub(channel)
    # Every response is the whole execution, so a reader needs no state: after a lost connection it
    # subscribes again and is up to date. Without a timeout, the stream lasts as long as the run.
    stream = queries.subscribe(
        SubscribeWorkflowExecutionRequest(execution_id=execution_id), timeout=30
    )
    execution = WorkflowExecution()
    for execution in stream:
        print("\n".join(lines(execution)), end="\n\n")
    return execution


def lines(execution: WorkflowExecution) -> list[str]:
    """Return the progress of an execution: one line for it, and one or two for each task."""
    status = execution.status
    phase = label(ExecutionPhase.DESCRIPTOR, status.phase, "EXECUTION_")
    found = [
        f"{execution.metadata.id}  {phase:<12} {duration(status.started_at, status.completed_at)}"
    ]
    for task in status.tasks:
        found.append(task_line(task))
        if task.error:
            found.append(f"    {task.error}")
    if status.error:
        found.append(f"  {status.error}")
    return found


def task_line(task: WorkflowTask) -> str:
    state = label(WorkflowTaskStatus.DESCRIPTOR, task.status, "WORKFLOW_TASK_")
    kind = label(WorkflowTaskType.DESCRIPTOR, task.task_type, "WORKFLOW_TASK_")
    took = duration(task.started_at, task.completed_at)
    return f"  {task.task_name:<14} {kind:<10} {state:<12} {took}".rstrip()


def label(enum: EnumDescriptor, number: int, prefix: str) -> str:
    """Return the name of a value without its prefix.

    Newer services may send values that this reader does not know, for which `Name()` raises.
    """
    value = enum.values_by_number.get(number)
    if value is None:
        return f"unknown ({number})"
    return value.name.removeprefix(prefix).lower().replace("_", " ")


def duration(started_at: str, completed_at: str) -> str:
    """Return the duration between two times, each empty if it has not been reached."""
    if not started_at:
        return ""
    if not completed_at:
        return f"since {started_at}"
    took = datetime.fromisoformat(completed_at) - datetime.fromisoformat(started_at)
    return f"{took.total_seconds():.1f} s"


def main() -> None:
    with local_platform.serving() as channel:
        ended = follow(channel, local_platform.WORKFLOW_EXECUTION_ID)
    waits = "an activity waits for it" if ended.status.callback_token else "nothing waits for it"
    print(f"{ended.metadata.id} ended, and {waits}:")
    # The authors of tasks decide what inputs and outputs contain. You decide who may read them.
    print(to_json(ended, indent=2))


if __name__ == "__main__":
    main()
