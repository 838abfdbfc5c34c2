"""What a workflow calls to end the wait of the external activity that started it."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from stigmer_apis.temporal.system_activities import (
    COMPLETE_EXTERNAL_ACTIVITY,
    EXTERNAL_ACTIVITY_NOT_FOUND,
    FAIL_EXTERNAL_ACTIVITY,
    INVALID_CALLBACK_TOKEN,
    ExternalError,
)

# Without a limit on attempts: giving up would lose the result.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_START_TO_CLOSE = timedelta(seconds=15)


async def complete_external_activity(
    token: bytes, result: object = None, *, task_queue: str | None = None
) -> bool:
    """Complete the external activity that has this token; retried until Temporal gives an answer.

    Without a token nothing is scheduled.

    Args:
        token: the task token, empty if no external activity waits.
        result: what the external activity returns.
        task_queue: where the system activities run; that of the workflow if None.

    Returns:
        Whether Temporal took the result. False if there is no token, or if the token was refused,
        which no fault of this workflow makes: the external activity has ended already. It may have
        ended by this very result, when a first attempt got through and its answer did not.
    """
    return await _end_wait(COMPLETE_EXTERNAL_ACTIVITY, token, result, task_queue)


async def fail_external_activity(
    token: bytes, error: ExternalError | str, *, task_queue: str | None = None
) -> bool:
    """Fail the external activity that has this token; retried until Temporal gives an answer.

    Args:
        token: the task token, empty if no external activity waits.
        error: the error that it raises, or its message.
        task_queue: where the system activities run; that of the workflow if None.

    Returns:
        Whether Temporal took the error, as for `complete_external_activity`.
    """
    return await _end_wait(FAIL_EXTERNAL_ACTIVITY, token, error, task_queue)


async def _end_wait(name: str, token: bytes, answer: object, task_queue: str | None) -> bool:
    if not token:
        return False
    try:
        await workflow.execute_activity(
            name,
            args=[token, answer],
            task_queue=task_queue,
            start_to_close_timeout=_START_TO_CLOSE,
            retry_policy=_RETRY,
        )
    except ActivityError as error:
        cause = error.cause
        refused = (EXTERNAL_ACTIVITY_NOT_FOUND, INVALID_CALLBACK_TOKEN)
        if not (isinstance(cause, ApplicationError) and cause.type in refused):
            raise
        workflow.logger.warning("the external activity was not told: %s", cause.message)
        return False
    return True
