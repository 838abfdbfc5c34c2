"""What a workflow calls to end the wait of the external activity that started it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from temporalio import workflow
from temporalio.api.common.v1 import Payloads
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from stigmer_apis.temporal._problems import plain_text, problem_of
from stigmer_apis.temporal.system_activities import (
    COMPLETE_EXTERNAL_ACTIVITY,
    EXTERNAL_ACTIVITY_NOT_FOUND,
    FAIL_EXTERNAL_ACTIVITY,
    INVALID_CALLBACK_TOKEN,
    MAX_PAYLOAD_SIZE,
    RESULT_NOT_DELIVERABLE,
    ExternalError,
    too_large,
)

# What the stock Go SDK calls Temporal's answer that nothing waits for a token.
_GO_NOT_FOUND = "NotFound"
_FINAL: Mapping[str, str] = {
    EXTERNAL_ACTIVITY_NOT_FOUND: "nothing waits for the token",
    INVALID_CALLBACK_TOKEN: "Temporal does not accept the token",
    RESULT_NOT_DELIVERABLE: "the result cannot be carried, so the external activity failed",
    _GO_NOT_FOUND: "nothing waits for the token",
}
# Without a limit on attempts: giving up would lose the result.
_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=[_GO_NOT_FOUND],
)
_START_TO_CLOSE = timedelta(seconds=15)


async def complete_external_activity(
    token: bytes,
    result: object = None,
    *,
    task_queue: str | None = None,
    max_payload_size: int = MAX_PAYLOAD_SIZE,
) -> bool:
    """Complete the external activity that has this token; retried until Temporal gives an answer.

    Without a token nothing is scheduled. If the result cannot be serialized, or is larger than
    Temporal accepts, the external activity fails with an error that says so.

    Args:
        token: the task token, empty if no external activity waits.
        result: what the external activity returns.
        task_queue: where the system activities run; that of the workflow if None.
        max_payload_size: the bytes that the server accepts as the input of an activity. Raise it if
            the server accepts more, or if a codec compresses payloads.

    Returns:
        Whether Temporal took the result. False if there is no token, if the result cannot be
        carried, or if the token was refused, which no fault of this workflow makes: the external
        activity has ended already. It may have ended by this very result, when a first attempt got
        through and its answer did not.
    """
    if not token:
        return False
    try:
        [payload] = workflow.payload_converter().to_payloads([result])
    except Exception as error:
        refusal = f"the result of the run cannot be serialized: {problem_of(error).name}"
    else:
        size = Payloads(payloads=[payload]).ByteSize() + len(token) + _TOKEN_METADATA
        if size <= max_payload_size:
            return await _end_wait(COMPLETE_EXTERNAL_ACTIVITY, token, RawValue(payload), task_queue)
        refusal = too_large("the result of the run", size, max_payload_size)
    workflow.logger.error("the external activity fails: %s", refusal)
    undeliverable = ExternalError(refusal, type=RESULT_NOT_DELIVERABLE, non_retryable=True)
    await fail_external_activity(token, undeliverable, task_queue=task_queue)
    return False


async def fail_external_activity(
    token: bytes, error: ExternalError | str, *, task_queue: str | None = None
) -> bool:
    """Fail the external activity that has this token; retried until Temporal gives an answer.

    Args:
        token: the task token, empty if no external activity waits.
        error: the error that it raises, or its message. A very long message is cut.
        task_queue: where the system activities run; that of the workflow if None.

    Returns:
        Whether Temporal took the error, as for `complete_external_activity`.
    """
    if not token:
        return False
    given = ExternalError(error) if isinstance(error, str) else error
    sent = ExternalError(plain_text(given.message), plain_text(given.type), given.non_retryable)
    return await _end_wait(FAIL_EXTERNAL_ACTIVITY, token, sent.to_json_value(), task_queue)


# Of the payload that carries the token.
_TOKEN_METADATA = 64


async def _end_wait(name: str, token: bytes, answer: object, task_queue: str | None) -> bool:
    if len(token) > MAX_PAYLOAD_SIZE // 2:
        workflow.logger.warning(
            "the external activity was not told: the token is none of Temporal's"
        )
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
        reason = _FINAL.get(cause.type or "") if isinstance(cause, ApplicationError) else None
        if reason is None:
            raise
        workflow.logger.warning("the external activity was not told: %s", reason)
        return False
    return True
