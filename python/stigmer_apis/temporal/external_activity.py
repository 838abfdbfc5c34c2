"""What the external activity calls: it begins the run of an execution and waits without a worker.

    @activity.defn
    async def execute_workflow(execution: WorkflowExecution) -> Any:
        return await execute(commands, execution, start)

Set the start-to-close timeout of the activity above the longest run, and no heartbeat timeout: once
the activity is pending, nothing sends heartbeats.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NoReturn, Protocol, TypeVar, runtime_checkable

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

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
from stigmer_apis.temporal._problems import Problem, plain_text, problem_of
from stigmer_apis.temporal._task_token import TaskToken

Execution = TypeVar("Execution", WorkflowExecution, AgentExecution)
T = TypeVar("T")

EXECUTION_NOT_STARTED = "ExecutionNotStarted"
"""Error type: the token could not be stored, or the run could not be started."""

RETRY_POLICY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=15,
)
"""The default: about a minute of attempts, and then the retry policy of the activity decides."""

_RPC_TIMEOUT = timedelta(seconds=10)

_log = logging.getLogger(__name__)


@runtime_checkable  # for beartype
class ExecutionCommands(Protocol):
    """The asyncio stub of either command controller.

    `WorkflowExecutionCommandControllerStub(channel)` or
    `AgentExecutionCommandControllerStub(channel)`, of a `grpc.aio` channel.
    """

    @property
    def updateStatus(self) -> Callable[..., Awaitable[Any]]:  # noqa: N802
        """Reports the progress of an execution."""
        ...


async def execute(
    commands: ExecutionCommands,
    execution: Execution,
    start: Callable[[Execution, bytes], Awaitable[object]],
    *,
    retry_policy: RetryPolicy = RETRY_POLICY,
    rpc_timeout: timedelta = _RPC_TIMEOUT,
) -> NoReturn:
    """Begin the run of an execution that exists, and go pending until its end.

    Store the task token of the running activity in the status of the execution, call `start`, and
    go pending. The activity ends when a system activity completes or fails it by its token, so what
    it returns to its workflow is what that system activity passes on.

    Args:
        commands: the asyncio stub of the execution's command controller.
        execution: the execution, as the platform created it.
        start: begins the run. It receives the execution and the task token to pass on, in
            `TemporalWorkflowInput.callback_token` or to the workflow of the agent runner. It may be
            called again after a transient failure, so it must name the run after the execution.
        retry_policy: how to repeat `updateStatus` and `start` after transient failures.
            `non_retryable_error_types` names gRPC codes.
        rpc_timeout: how long one call of `updateStatus` may take.

    Raises:
        ApplicationError: of type `ExecutionNotStarted`. Retryable after transient failures; not
            retryable if a service refused, the run exists already with another token, or the
            activity could not be completed by its token. An `ApplicationError` of `start` passes
            with its type and without its details.
        RuntimeError: not in an activity.
    """
    _assert_can_wait(activity.info())
    await store_callback_token(
        commands, execution, retry_policy=retry_policy, rpc_timeout=rpc_timeout
    )
    token = TaskToken(activity.info().task_token)
    await _repeat(
        f"start the run of {execution.metadata.id}",
        lambda: start(execution, token.reveal()),
        retry_policy,
        token,
    )
    activity.raise_complete_async()


async def store_callback_token(
    commands: ExecutionCommands,
    execution: WorkflowExecution | AgentExecution,
    *,
    retry_policy: RetryPolicy = RETRY_POLICY,
    rpc_timeout: timedelta = _RPC_TIMEOUT,
) -> bool:
    """Store the task token of the running activity in the status of an execution.

    For an activity that does the other steps by itself. Call it before anything can end the
    execution. See `execute` for the arguments.

    Returns:
        Whether the platform answered with the execution and its token. If not, the platform may not
        have stored the token. The token in the input of the run works all the same.

    Raises:
        ApplicationError: of type `ExecutionNotStarted`; not retryable if the service refused or the
            execution has no ID.
        RuntimeError: not in an activity.
    """
    token = TaskToken(activity.info().task_token)
    name = execution.metadata.id
    if not name:
        raise _not_started("the execution has no ID; pass the one that the platform created")
    answer = await _repeat(
        f"store the task token of {name}",
        lambda: commands.updateStatus(
            _report(execution, token), timeout=rpc_timeout.total_seconds()
        ),
        retry_policy,
        token,
    )
    if stored := _shows(answer, execution, token):
        _log.info("stored %s in %s", token, name)
    else:
        _log.warning(
            "the platform answered updateStatus of %s without %s; it may not have stored it",
            name,
            token,
        )
    return stored


def _assert_can_wait(info: activity.Info) -> None:
    """Refuse what would end the wait, or never end it, whatever the run does."""
    if info.is_local:
        raise _not_started("a local activity cannot wait; schedule it as a regular activity")
    if info.heartbeat_timeout:
        raise _not_started(
            "the activity has a heartbeat timeout, and nothing sends heartbeats while it is "
            "pending; schedule it without heartbeat_timeout"
        )


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


def _shows(answer: Any, execution: WorkflowExecution | AgentExecution, token: TaskToken) -> bool:
    """Whether an answer is the execution, with the token in its status."""
    return (
        isinstance(answer, type(execution))
        and answer.metadata.id == execution.metadata.id
        and answer.status.callback_token == token.reveal()
    )


async def _repeat(
    what: str, call: Callable[[], Awaitable[T]], policy: RetryPolicy, token: TaskToken
) -> T | None:
    """Call, and call again after transient failures.

    Returns:
        The answer. None if the answer was lost, and a later call found the work done.
    """
    # Not the whole of it, which holds the token.
    attempt, time = activity.info().attempt, activity.info().start_to_close_timeout
    clock = asyncio.get_running_loop().time
    began, failures = clock(), 0
    while True:
        passed: ApplicationError | asyncio.CancelledError | None = None
        problem = Problem("", transient=False)
        try:
            return await call()
        except ApplicationError as error:
            passed = _without_token(error, token)
        except asyncio.CancelledError:
            passed = asyncio.CancelledError()
        except Exception as error:
            problem = problem_of(error)
        # Everything else is done out here: the frames of a client hold the token, and errors keep
        # their context.
        if passed is not None:
            raise passed
        # An earlier attempt of the activity had another token, and the run may hold that one.
        if problem.name == "ALREADY_EXISTS" and failures and attempt == 1:
            return None
        failures += 1
        pause = _pause(policy, failures)
        if not problem.transient or problem.name in (policy.non_retryable_error_types or ()):
            raise _not_started(f"could not {what}: {problem.name}; a retry would not help")
        out_of_time = time is not None and clock() - began + pause > time.total_seconds()
        if failures == policy.maximum_attempts or out_of_time:
            raise ApplicationError(
                f"could not {what}: {problem.name}, {failures} times; it may have been done",
                type=EXECUTION_NOT_STARTED,
            )
        _log.warning("could not %s: %s; again in %.1f s", what, problem.name, pause)
        await asyncio.sleep(pause)


def _pause(policy: RetryPolicy, failures: int) -> float:
    initial = policy.initial_interval.total_seconds()
    # As Temporal has it: a hundred times the initial interval, if there is no maximum.
    longest = policy.maximum_interval.total_seconds() if policy.maximum_interval else 100 * initial
    grown = initial * policy.backoff_coefficient ** min(failures - 1, 30)
    # Not all at once, when many wait for the same service.
    return float(min(grown, longest) * random.uniform(0.5, 1.0))


def _without_token(error: ApplicationError, token: TaskToken) -> ApplicationError:
    """An error that the caller raised on purpose, without what may hold the token."""
    return ApplicationError(
        token.mask(plain_text(error.message)),
        type=token.mask(plain_text(error.type)) if error.type else None,
        non_retryable=error.non_retryable,
        next_retry_delay=error.next_retry_delay,
    )


def _not_started(reason: str) -> ApplicationError:
    return ApplicationError(reason, type=EXECUTION_NOT_STARTED, non_retryable=True)
