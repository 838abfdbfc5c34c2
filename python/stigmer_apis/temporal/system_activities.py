"""The system activities that end the wait of an external activity, by its task token.

A service that runs executions registers them with a worker:

    system = SystemActivities(client)
    Worker(client, task_queue="stigmer-system", activities=system.all(), ...)

and its workflows call them with `complete_external_activity` and `fail_external_activity` of this
package, or from any SDK by name: `CompleteExternalActivity(token, result)` and
`FailExternalActivity(token, error)`.

The input of an activity is part of the history of its workflow, and so is the token. Anyone who can
read that history can read the token, unless the payloads are encrypted: see docs/handshake.md.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeGuard, cast

from google.protobuf.message import DecodeError
from temporalio import activity
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.errordetails.v1 import NotFoundFailure
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
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
from stigmer_apis.temporal._problems import plain_text, problem_of
from stigmer_apis.temporal._task_token import TaskToken

COMPLETE_EXTERNAL_ACTIVITY = "CompleteExternalActivity"
"""The name of the activity that completes an external activity: (token, result)."""

FAIL_EXTERNAL_ACTIVITY = "FailExternalActivity"
"""The name of the activity that fails an external activity: (token, error)."""

EXTERNAL_ACTIVITY_NOT_FOUND = "ExternalActivityNotFound"
"""Error type: nothing waits for the token. It was used, has expired, or is another cluster's."""

INVALID_CALLBACK_TOKEN = "InvalidCallbackToken"
"""Error type: the token is none that Temporal has given out in this namespace."""

RESULT_NOT_DELIVERABLE = "ResultNotDeliverable"
"""Error type: the result, or the error, cannot be carried. The external activity fails with it."""

COMPLETION_NOT_DELIVERED = "CompletionNotDelivered"
"""Error type, retryable: Temporal gave no answer about the token."""

EXECUTION_FAILED = "ExecutionFailed"
"""The type of the error that the external activity raises, if the caller names none."""

MAX_PAYLOAD_SIZE: Final = 2 * 1024 * 1024
"""The bytes that Temporal accepts as a result or as input, unless a server is configured anew."""

_log = logging.getLogger(__name__)


class _Shape:
    def two(self, token: RawValue, answer: RawValue) -> None:
        """What an activity that `_takes_raw_values` looks like to a worker."""


def _takes_raw_values(
    method: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[[Any, bytes | str | None, Any], Coroutine[Any, Any, None]]:
    """Have a worker hand over two payloads unread, and any other number of arguments as well.

    The converter would quote a token that it cannot read as bytes, and a call with too few
    arguments would be retried for ever.
    """
    return functools.wraps(_Shape.two, assigned=("__annotations__",), updated=())(method)


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

    An empty token is a no-op. An answer about the token ends the retries, with an error that is not
    retryable. So does a result that cannot be carried: then the external activity fails with that
    error. Everything else is retried, and logged, so that no result is lost while Temporal is away
    or this worker is misconfigured.

    No error and no log line shows the token or a value. They name the token by its fingerprint
    (`stigmer_apis.redaction`), and so do the local variables of this package in a traceback.
    """

    def __init__(
        self,
        client: Client,
        *,
        rpc_timeout: timedelta = timedelta(seconds=10),
        max_payload_size: int = MAX_PAYLOAD_SIZE,
    ) -> None:
        """Work with a client that is connected to the namespace of the external activities.

        Args:
            client: the client to answer Temporal with. Its data converter must be able to read what
                the workflow wrote, and the caller's must be able to read what it writes.
            rpc_timeout: how long one call waits for Temporal. The client repeats a call for some
                ten seconds by itself; then the activity fails and is retried.
            max_payload_size: the bytes that the server accepts as a result, after encoding.
        """
        self._client = client
        self._rpc_timeout = rpc_timeout
        self._max_payload_size = max_payload_size

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the `activities` of a worker."""
        return [self.complete_external_activity, self.fail_external_activity]

    @activity.defn(name=COMPLETE_EXTERNAL_ACTIVITY)
    @_takes_raw_values
    async def complete_external_activity(self, *arguments: Any) -> None:
        """Complete the external activity that has this token, with this result.

        Args:
            arguments: two. The task token: bytes, or text in standard base64; empty or null is no
                token. And what the external activity returns, handed on as the payload that it
                came in.

        Raises:
            ApplicationError: the token was refused or the result cannot be carried (not retryable),
                or Temporal gave no answer about the token (retryable).
        """
        token = self._take(arguments)
        # If the first is no token, the token may be another: arguments are easily swapped.
        values: tuple[Any, ...] = arguments[1:] if isinstance(token, TaskToken) else ()
        arguments = ()
        if not _is_token(token):
            return
        if len(values) != 1:
            count, values = len(values), ()
            await self._refuse(token, _wrong_count(COMPLETE_EXTERNAL_ACTIVITY, count))
        if refusal := await self._refusal("the result of the run", values[0]):
            await self._refuse(token, refusal)
        await self._deliver(token, values[0])

    @activity.defn(name=FAIL_EXTERNAL_ACTIVITY)
    @_takes_raw_values
    async def fail_external_activity(self, *arguments: Any) -> None:
        """Fail the external activity that has this token, with this error.

        Args:
            arguments: two. The task token, as for `complete_external_activity`. And an
                `ExternalError`, as itself or as JSON, or the message alone.

        Raises:
            ApplicationError: the token was refused or the second argument is no error (not
                retryable), or Temporal gave no answer about the token (retryable).
        """
        token = self._take(arguments)
        # If the first is no token, the token may be another: arguments are easily swapped.
        values: tuple[Any, ...] = arguments[1:] if isinstance(token, TaskToken) else ()
        arguments = ()
        if not _is_token(token):
            return
        if len(values) != 1:
            count, values = len(values), ()
            await self._refuse(token, _wrong_count(FAIL_EXTERNAL_ACTIVITY, count))
        error = _read_error(values[0], token)
        values = ()
        if isinstance(error, str):
            await self._refuse(token, error)
        elif refusal := await self._refusal("the error of the run", error):
            await self._refuse(token, refusal)
        else:
            await self._deliver(token, error)

    def _take(self, arguments: tuple[Any, ...]) -> TaskToken | ApplicationError:
        """Hide the token among the arguments; or the error that says why it is none."""
        token = _read_token(arguments[0]) if arguments else TaskToken(b"")
        if isinstance(token, TaskToken) and len(token) > self._max_payload_size:
            return _invalid_token(f"a token of {len(token)} bytes is none of Temporal's")
        return token

    async def _refusal(self, what: str, answer: object) -> str | None:
        """Why an answer can never be carried; None if it can be.

        Raises:
            ApplicationError: it cannot be carried now, such as when a codec is out of reach.
        """
        converter = self._client.data_converter
        try:
            if isinstance(answer, ApplicationError):
                failure = Failure()
                await converter.encode_failure(answer, failure)
                size = failure.ByteSize()
            else:
                size = Payloads(payloads=await converter.encode([answer])).ByteSize()
            problem = None
        except asyncio.CancelledError:
            size, problem = 0, None
        except Exception as error:
            size, problem = 0, problem_of(error)
        # Told apart here and not above: errors keep their context, and this one may show a value.
        if problem and problem.transient:
            raise ApplicationError(
                f"{what} cannot be encoded now: {problem.name}", type=COMPLETION_NOT_DELIVERED
            )
        if problem:
            return f"{what} cannot be encoded: {problem.name}"
        if size > self._max_payload_size:
            return too_large(what, size, self._max_payload_size)
        return None

    async def _refuse(self, token: TaskToken, reason: str) -> NoReturn:
        """End the wait with the reason why it cannot end as it should, and raise that."""
        error = ApplicationError(reason, type=RESULT_NOT_DELIVERABLE, non_retryable=True)
        await self._deliver(token, error)
        raise error

    async def _deliver(self, token: TaskToken, answer: object) -> None:
        problem: ApplicationError | asyncio.CancelledError
        handle = self._client.get_async_activity_handle(task_token=token.reveal())
        try:
            if isinstance(answer, ApplicationError):
                await handle.fail(answer, rpc_timeout=self._rpc_timeout)
            else:
                await handle.complete(answer, rpc_timeout=self._rpc_timeout)
        except asyncio.CancelledError:
            problem = asyncio.CancelledError()
        except Exception as error:
            problem = _answer_about(token, error) or _undelivered(token, error)
        else:
            _log.info("ended the wait for %s", token)
            return
        # Raised here and not above: the frames of the client hold the token, and errors keep their
        # context.
        raise problem


def _is_token(token: TaskToken | ApplicationError) -> TypeGuard[TaskToken]:
    """Whether there is a token.

    Raises:
        ApplicationError: it is none. Raised where no local variable holds what was given for it.
    """
    if isinstance(token, ApplicationError):
        raise token
    return bool(token)


def too_large(what: str, size: int, limit: int) -> str:
    """Say that a result is beyond Temporal's limit."""
    return (
        f"{what} takes {size} bytes, and Temporal accepts {limit}; store it elsewhere and return "
        "where it is"
    )


def _read_token(value: object) -> TaskToken | ApplicationError:
    """Hide a token; or the error that says why it is none, without its text."""
    if isinstance(value, RawValue):
        encoding = value.payload.metadata.get("encoding", b"")
        if encoding == b"binary/plain":
            return TaskToken(value.payload.data)
        if encoding != b"binary/null" and not encoding.startswith(b"json/"):
            return ApplicationError(
                "no converter here reads the encoding of the callback token; give this worker the "
                "codec of the workflow",
                type=COMPLETION_NOT_DELIVERED,
            )
        value = _read_json(value.payload)
    if isinstance(value, str):
        with suppress(ValueError):
            value = read_base64(value, "a callback token")
    if value is None or isinstance(value, bytes):
        return TaskToken(value or b"")
    return _invalid_token(
        "a callback token must be bytes, or text in standard base64 with padding; pass the bytes "
        "of status.callback_token"
    )


def _read_json(payload: Payload) -> object:
    if payload.metadata.get("encoding") == b"binary/null":
        return None
    try:
        return json.loads(payload.data)
    except (ValueError, RecursionError):
        return []  # as wrong as what is no JSON


def _invalid_token(reason: str) -> ApplicationError:
    return ApplicationError(reason, type=INVALID_CALLBACK_TOKEN, non_retryable=True)


def _wrong_count(name: str, others: int) -> str:
    return f"{name} takes two arguments, the token and one more, and was given {others + 1}"


def _read_error(value: Any, token: TaskToken) -> ApplicationError | str:
    """Read the error of a run; text says why it is none."""
    if isinstance(value, RawValue):
        value = _read_json(value.payload)
    if isinstance(value, str):
        value = ExternalError(value)
    elif not is_go_struct(cast("object", type(value))):
        try:
            value = ExternalError.from_json_value(value)
        except ValueError:
            return (
                "the run failed, and its error is neither text nor an object with the fields "
                "Message, Type and NonRetryable"
            )
    given = cast("ExternalError", value)
    return ApplicationError(
        token.mask(plain_text(given.message)) or "the run failed and gave no message",
        type=token.mask(plain_text(given.type)) or EXECUTION_FAILED,
        non_retryable=given.non_retryable,
    )


# What the server says of a token that it cannot read, or that is of another namespace. Of this code
# it has no details, and it uses the code for everything else in a request too.
_ABOUT_THE_TOKEN = re.compile(r"task ?token|token from a different namespace", re.IGNORECASE)


def _answer_about(token: TaskToken, error: Exception) -> ApplicationError | None:
    """The error that ends the retries; None unless it is known to be about the token."""
    if not isinstance(error, RPCError):
        return None
    if error.status is RPCStatusCode.NOT_FOUND and _has_detail(error, NotFoundFailure):
        return ApplicationError(
            f"nothing waits for {token}: its activity was completed, failed, timed out or was "
            "cancelled",
            type=EXTERNAL_ACTIVITY_NOT_FOUND,
            non_retryable=True,
        )
    if error.status is RPCStatusCode.INVALID_ARGUMENT and _ABOUT_THE_TOKEN.search(error.message):
        return _invalid_token(
            f"Temporal does not accept {token}: its bytes were changed, or it belongs to another "
            "namespace"
        )
    return None


def _has_detail(error: RPCError, kind: type[NotFoundFailure]) -> bool:
    try:
        return any(detail.Is(kind.DESCRIPTOR) for detail in error.grpc_status.details)
    except DecodeError:
        return False


def _undelivered(token: TaskToken, error: Exception) -> ApplicationError:
    problem = problem_of(error)
    if not problem.transient:
        _log.error(
            "Temporal refused the call for %s (%s), and not because of the token; the result is "
            "kept and delivered again. Check the namespace, identity and credentials of the client",
            token,
            problem.name,
        )
    return ApplicationError(
        f"Temporal gave no answer about {token} ({problem.name})", type=COMPLETION_NOT_DELIVERED
    )
