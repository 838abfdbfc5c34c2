"""The system activities that end the wait of an external activity, by its task token.

A service that runs executions registers them with a worker:

    system = SystemActivities(client)
    Worker(client, task_queue="stigmer-system", activities=system.all(), ...)

and its workflows call them with `complete_external_activity` and `fail_external_activity` of this
package, or from any SDK by name: `CompleteExternalActivity(token, result)` and
`FailExternalActivity(token, error)`.

The input of an activity is part of the history of its workflow, and so is the token. Whoever can
read that history can read it, unless the payloads are encrypted: see docs/handshake.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from temporalio import activity
from temporalio.client import AsyncActivityHandle, Client
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from stigmer_apis.temporal._go_json import (
    STRING,
    GoStruct,
    GoType,
    go_field,
    is_go_struct,
    read_base64,
)
from stigmer_apis.temporal._task_token import TaskToken

COMPLETE_EXTERNAL_ACTIVITY = "CompleteExternalActivity"
"""The name of the activity that completes an external activity: (token, result)."""

FAIL_EXTERNAL_ACTIVITY = "FailExternalActivity"
"""The name of the activity that fails an external activity: (token, error)."""

EXTERNAL_ACTIVITY_NOT_FOUND = "ExternalActivityNotFound"
"""Error type: nothing waits for the token. It was used, has expired, or is another namespace's."""

INVALID_CALLBACK_TOKEN = "InvalidCallbackToken"
"""Error type: the token is none that Temporal has given out."""

COMPLETION_NOT_DELIVERED = "CompletionNotDelivered"
"""Error type, retryable: Temporal gave no answer about the token."""

EXECUTION_FAILED = "ExecutionFailed"
"""The type of the error that the external activity raises, if the caller names none."""

_log = logging.getLogger(__name__)


def _read_bool(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{path} must be a boolean in JSON")
    return value


_BOOL = GoType(write=bool, read=_read_bool)


@dataclass(frozen=True)
class ExternalError(GoStruct):
    """The error with which an external activity fails, as `FailExternalActivity` takes it.

    As JSON it is a Go struct without tags: `{"Message": ..., "Type": ..., "NonRetryable": ...}`. A
    bare string is an error with that message.
    """

    message: str = go_field("Message", STRING, "")
    """Why, in words for the user: the `error` of the execution's status."""
    type: str = go_field("Type", STRING, EXECUTION_FAILED)
    """What the calling workflow, and the retry policy of the external activity, tell errors by."""
    non_retryable: bool = go_field("NonRetryable", _BOOL, False)
    """Whether the external activity must not be retried, whatever its retry policy says.

    A retry has a new token and starts a new execution.
    """


class SystemActivities:
    """The system activities of one namespace.

    An empty token is nothing to do. A token that Temporal refuses is an `ApplicationError` that is
    not retried; anything else that goes wrong is one that is, so that a result is not lost while
    Temporal is away. No error and no log line holds the token, nor do the frames of this package:
    both name it by its fingerprint (`stigmer_apis.redaction`).
    """

    def __init__(self, client: Client, *, rpc_timeout: timedelta = timedelta(seconds=10)) -> None:
        """Work with a client that is connected to the namespace of the external activities.

        Args:
            client: the client to answer Temporal with.
            rpc_timeout: how long one call waits for Temporal. The client repeats a call for some
                ten seconds by itself; then the activity fails and is retried.
        """
        self._client = client
        self._rpc_timeout = rpc_timeout

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the `activities` of a worker."""
        return [self.complete_external_activity, self.fail_external_activity]

    @activity.defn(name=COMPLETE_EXTERNAL_ACTIVITY)
    async def complete_external_activity(self, token: bytes | str | None, result: RawValue) -> None:
        """Complete the external activity that has this token, with this result.

        Args:
            token: the task token; standard base64 if it is text. Empty or None is no token.
            result: what the external activity returns, handed on as the payload that it came in.

        Raises:
            ApplicationError: the token was refused (not retryable), or Temporal gave no answer
                (retryable).
        """
        hidden, token = _take(token), None
        timeout = self._rpc_timeout
        await self._deliver(hidden, lambda handle: handle.complete(result, rpc_timeout=timeout))

    @activity.defn(name=FAIL_EXTERNAL_ACTIVITY)
    async def fail_external_activity(self, token: bytes | str | None, error: Any) -> None:
        """Fail the external activity that has this token, with this error.

        Args:
            token: the task token; standard base64 if it is text. Empty or None is no token.
            error: an `ExternalError`, as itself or as JSON, or the message alone.

        Raises:
            ApplicationError: the token was refused, or `error` is no error (not retryable), or
                Temporal gave no answer (retryable).
        """
        hidden, token = _take(token), None
        failure, timeout = _failure(error, hidden), self._rpc_timeout
        await self._deliver(hidden, lambda handle: handle.fail(failure, rpc_timeout=timeout))

    async def _deliver(
        self, token: TaskToken | None, answer: Callable[[AsyncActivityHandle], Awaitable[None]]
    ) -> None:
        if token is None:
            raise ApplicationError(
                "a callback token that is text must be standard base64 with padding; "
                "pass the bytes of status.callback_token",
                type=INVALID_CALLBACK_TOKEN,
                non_retryable=True,
            )
        if not token:
            return
        problem: ApplicationError | asyncio.CancelledError
        try:
            await answer(self._client.get_async_activity_handle(task_token=token.reveal()))
        except RPCError as error:
            problem = _problem(token, error.status)
        except asyncio.CancelledError:
            problem = asyncio.CancelledError()
        except Exception as error:
            problem = _undelivered(token, type(error).__name__)
        else:
            _log.info("ended the wait for %s", token)
            return
        # Raised here and not above: the frames of the client hold the token, and errors keep their
        # context.
        raise problem


def _take(token: bytes | str | None) -> TaskToken | None:
    """Hide a token; None if it is text that is not standard base64."""
    if isinstance(token, str):
        try:
            token = read_base64(token, "a callback token")
        except ValueError:
            return None
    return TaskToken(token or b"")


def _problem(token: TaskToken, status: RPCStatusCode) -> ApplicationError:
    # Temporal's own message is left out: what it says is up to the server.
    if status is RPCStatusCode.NOT_FOUND:
        return ApplicationError(
            f"nothing waits for {token}: its activity was completed, failed, timed out or was "
            "cancelled, or it belongs to another namespace",
            type=EXTERNAL_ACTIVITY_NOT_FOUND,
            non_retryable=True,
        )
    if status is RPCStatusCode.INVALID_ARGUMENT:
        return ApplicationError(
            f"Temporal does not accept {token}: its bytes were changed, or it belongs to another "
            "namespace",
            type=INVALID_CALLBACK_TOKEN,
            non_retryable=True,
        )
    return _undelivered(token, status.name)


def _undelivered(token: TaskToken, reason: str) -> ApplicationError:
    return ApplicationError(
        f"Temporal gave no answer for {token} ({reason})", type=COMPLETION_NOT_DELIVERED
    )


def _failure(error: object, token: TaskToken | None) -> ApplicationError:
    if isinstance(error, str):
        error = ExternalError(error)
    elif not is_go_struct(type(error)):
        try:
            error = ExternalError.from_json_value(error)
        except ValueError as invalid:
            raise ApplicationError(
                f"{FAIL_EXTERNAL_ACTIVITY} takes an error as text or as an object: {invalid}",
                type="InvalidExternalError",
                non_retryable=True,
            ) from None
    given = cast("ExternalError", error)
    return ApplicationError(
        token.mask(given.message) if token else given.message,
        type=given.type or EXECUTION_FAILED,
        non_retryable=given.non_retryable,
    )
