"""What the external activity calls: it starts an execution and waits for its end without a worker.

    @activity.defn
    async def run_workflow(request: WorkflowExecution) -> Any:
        return await execute(commands, request, start)

Set the start-to-close timeout of the activity above the longest run, and no heartbeat timeout: once
it is pending, nothing sends heartbeats.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar, cast

from temporalio import activity
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from stigmer_apis._grpc import grpc
from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionStatus,
    AgentExecutionUpdateStatusInput,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdateStatusInput,
)
from stigmer_apis.temporal._task_token import TaskToken

Execution = TypeVar("Execution", WorkflowExecution, AgentExecution)

EXECUTION_NOT_STARTED = "ExecutionNotStarted"
"""Error type: the execution could not be created or started, or its token not be stored."""

_log = logging.getLogger(__name__)

# Codes that a later attempt may not meet. Any other one is the answer.
_TRANSIENT = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNKNOWN"}
)


class ExecutionCommands(Protocol):
    """The asyncio stub of either command controller.

    `WorkflowExecutionCommandControllerStub(channel)` or
    `AgentExecutionCommandControllerStub(channel)`, of a `grpc.aio` channel.
    """

    @property
    def create(self) -> Callable[..., Awaitable[Any]]:
        """Starts an execution."""
        ...

    @property
    def updateStatus(self) -> Callable[..., Awaitable[Any]]:  # noqa: N802
        """Reports the progress of an execution."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long to go on when a service cannot be reached."""

    call_timeout: timedelta = timedelta(seconds=10)
    """How long one call may take."""
    first_pause: timedelta = timedelta(milliseconds=200)
    """The pause after the first failure. It doubles with every other one."""
    longest_pause: timedelta = timedelta(seconds=5)
    """Where it stops doubling."""
    limit: timedelta = timedelta(minutes=1)
    """After how long to leave the rest to the retry policy of the activity."""


async def execute(
    commands: ExecutionCommands,
    request: Execution,
    start: Callable[[Execution, bytes], Awaitable[object]],
    *,
    patience: Patience | None = None,
) -> Execution:
    """Start an execution, and in an activity go pending until its end.

    In an activity: create the execution, store the task token in its status, call `start`, and go
    pending. The activity ends when a system activity completes or fails it by its token, so what it
    returns to its workflow is what that one passed on.

    Outside an activity, on the direct path, there is no token and nothing is stored: create the
    execution, call `start` with an empty token, and return the execution.

    Args:
        commands: the asyncio stub of the execution's command controller.
        request: the execution to create.
        start: begins the run; it gets the created execution and the task token to pass on, in
            `TemporalWorkflowInput.callback_token` or to the agent runner's workflow. It may be
            called again after a transient failure, so it must name the run by the execution.
        patience: how long to go on when a service cannot be reached.

    Raises:
        ApplicationError: of type `ExecutionNotStarted`, in an activity. Not retryable if a service
            refused; retryable if it could not be reached. `create` is not safe to repeat and is
            called once per attempt of the activity. Other errors of `start` pass unchanged.
    """
    if not activity.in_activity():
        execution: Execution = await commands.create(request)
        await start(execution, b"")
        return execution
    patience = patience or Patience()
    created = await _calling(
        "create the execution", lambda: _create(commands, request, patience), until=None
    )
    await store_callback_token(commands, created, patience=patience)
    await _calling(
        f"start {created.metadata.id}",
        lambda: start(created, activity.info().task_token),
        until=patience,
    )
    return activity.raise_complete_async()


async def store_callback_token(
    commands: ExecutionCommands,
    execution: WorkflowExecution | AgentExecution,
    *,
    patience: Patience | None = None,
) -> None:
    """Store the task token of the running activity in the status of an execution.

    For an activity that does the other steps by itself. To be done before anything can end the
    execution. Transient failures are repeated: updateStatus is safe to repeat.

    Raises:
        ApplicationError: of type `ExecutionNotStarted`; not retryable if the service refused.
        RuntimeError: not in an activity.
    """
    patience = patience or Patience()
    token = TaskToken(activity.info().task_token)
    await _calling(
        f"store the task token of {execution.metadata.id}",
        lambda: _update_status(commands, execution, token, patience),
        until=patience,
    )
    _log.info("stored %s in %s", token, execution.metadata.id)


async def _create(commands: ExecutionCommands, request: Execution, patience: Patience) -> Execution:
    created: Execution = await commands.create(
        request, timeout=patience.call_timeout.total_seconds()
    )
    return created


async def _update_status(
    commands: ExecutionCommands,
    execution: WorkflowExecution | AgentExecution,
    token: TaskToken,
    patience: Patience,
) -> None:
    timeout = patience.call_timeout.total_seconds()
    try:
        await commands.updateStatus(_report(execution, token), timeout=timeout)
    except grpc.RpcError:
        raise
    except Exception as error:
        problem = type(error).__name__
    else:
        return
    # Such as a channel that is closed. Raised here for the same reason as in `_calling`.
    raise ApplicationError(f"could not store {token}: {problem}", type=EXECUTION_NOT_STARTED)


def _report(
    execution: WorkflowExecution | AgentExecution, token: TaskToken
) -> WorkflowExecutionUpdateStatusInput | AgentExecutionUpdateStatusInput:
    if isinstance(execution, AgentExecution):
        return AgentExecutionUpdateStatusInput(
            execution_id=execution.metadata.id,
            status=AgentExecutionStatus(callback_token=token.reveal()),
        )
    return WorkflowExecutionUpdateStatusInput(
        execution_id=execution.metadata.id,
        status=WorkflowExecutionStatus(callback_token=token.reveal()),
    )


T = TypeVar("T")


async def _calling(what: str, call: Callable[[], Awaitable[T]], until: Patience | None) -> T:
    """Call, and call again after transient failures while there is patience; once if it is None."""
    clock = asyncio.get_running_loop().time
    began, failures = clock(), 0
    while True:
        try:
            return await call()
        except WorkflowAlreadyStartedError:
            code = "ALREADY_EXISTS"
            # After a failure it is our own run: that call got through and its answer did not.
            if failures:
                return cast("T", None)
        except (grpc.RpcError, RPCError) as error:
            code = _code(error)
        except asyncio.CancelledError:
            code = None
        # Everything else is done out here: the frames of a client hold the token, and errors keep
        # their context.
        if code is None:
            raise asyncio.CancelledError
        transient = code in _TRANSIENT
        failures += 1
        pause = _pause(until, failures) if until else 0.0
        if not transient or not until or clock() - began + pause > until.limit.total_seconds():
            raise ApplicationError(
                f"could not {what}: {code}"
                + ("; it was not reached" if transient else "; repeating it does not help"),
                type=EXECUTION_NOT_STARTED,
                non_retryable=not transient,
            )
        _log.warning("could not %s: %s; again in %.1f s", what, code, pause)
        await asyncio.sleep(pause)


def _pause(patience: Patience, failures: int) -> float:
    longest = patience.longest_pause.total_seconds()
    doubled: float = patience.first_pause.total_seconds() * 2 ** min(failures - 1, 30)
    # Not all at once, when many wait for the same service.
    return min(doubled, longest) * random.uniform(0.5, 1.0)


def _code(error: Exception) -> str:
    if isinstance(error, RPCError):
        return RPCStatusCode(error.status).name
    # Every error of a call has a code; the type does not say so.
    return cast("grpc.Call", error).code().name
