"""The activities of the handshake, one at a time: what they retry, refuse and show."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus, Payload
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, NotFoundFailure
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.common import RawValue, RetryPolicy
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.exceptions import ApplicationError, FailureError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from stigmer_apis.agentic.agentexecution.v1 import AgentExecution, AgentExecutionStatus
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowExecutionStatus
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from stigmer_apis.temporal import (
    ExternalError,
    SystemActivities,
    data_converter,
    execute,
    store_callback_token,
)

TOKEN = b"task-token-of-the-external-activity-" + bytes(range(200, 256))
FORMS = [
    TOKEN,
    b64encode(TOKEN),
    urlsafe_b64encode(TOKEN),
    TOKEN.hex().encode(),
    repr(TOKEN)[2:-1].encode(),
]
RESULT = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{}"))

QUICK = RetryPolicy(
    initial_interval=timedelta(milliseconds=1),
    maximum_interval=timedelta(milliseconds=2),
    maximum_attempts=5,
)


def assert_shows_no_token(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the error, what it came from, the local variables of our frames, or a log line."""
    shown = [record.getMessage() + repr(record.__dict__) for record in caplog.records]
    pending: list[BaseException | None] = [error]
    while pending:
        if one := pending.pop():
            shown.append(f"{one!s} {one!r} {vars(one)!r}")
            pending += [one.__cause__, one.__context__]
            for frame, _ in traceback.walk_tb(one.__traceback__):
                if "stigmer_apis" in frame.f_code.co_filename:
                    shown.append(repr(frame.f_locals))
    for text in shown:
        for form in FORMS:
            assert form not in text.encode(errors="surrogateescape"), text


# -- the system activities


@dataclass(repr=False)
class Handle:
    """An external activity as its client sees it, which answers with `problem`."""

    problem: BaseException | None
    answers: list[object] = field(default_factory=list[object])

    async def complete(self, result: object, rpc_timeout: timedelta) -> None:
        await self._answer(result)

    async def fail(self, error: object, rpc_timeout: timedelta) -> None:
        await self._answer(error)

    async def _answer(self, answer: object) -> None:
        holds_the_token_as_a_client_does = TOKEN
        self.answers.append(answer)
        if self.problem and holds_the_token_as_a_client_does:
            raise self.problem


@dataclass(repr=False)
class FakeClient:
    handle: Handle
    data_converter: DataConverter = data_converter
    tokens: list[bytes] = field(default_factory=list[bytes])

    def get_async_activity_handle(self, *, task_token: bytes) -> Handle:
        self.tokens.append(task_token)
        return self.handle


def system(
    problem: BaseException | None = None, codec: PayloadCodec | None = None
) -> tuple[SystemActivities, FakeClient]:
    converter = dataclasses.replace(data_converter, payload_codec=codec)
    client = FakeClient(Handle(problem), converter)
    return SystemActivities(cast("Client", client), max_payload_size=10_000), client


def payload(data: bytes, encoding: str = "json/plain") -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding.encode()}, data=data))


def refusal(activity: Callable[..., Any], *arguments: object) -> ApplicationError:
    """Run an activity that fails; return how."""
    with pytest.raises(ApplicationError) as caught:
        run(activity, *arguments)
    return caught.value


def run(activity: Callable[..., Any], *arguments: object) -> Any:
    return asyncio.run(ActivityEnvironment().run(activity, *arguments))


@pytest.mark.parametrize("empty", [b"", None, ""])
def test_an_empty_token_is_nothing_to_do(empty: bytes | str | None) -> None:
    activities, client = system()
    run(activities.complete_external_activity, empty, RESULT)
    run(activities.fail_external_activity, empty, "error")
    assert client.tokens == []


@pytest.mark.parametrize("token", [TOKEN, b64encode(TOKEN).decode()])
def test_a_result_is_handed_on_as_the_payload_that_it_came_in(token: bytes | str) -> None:
    activities, client = system()
    run(activities.complete_external_activity, token, RESULT)
    assert client.tokens == [TOKEN]
    assert client.handle.answers == [RESULT]


def test_the_activities_have_the_names_of_the_contract() -> None:
    activities, _ = system()
    definitions = [cast("Any", one).__temporal_activity_definition for one in activities.all()]
    assert [one.name for one in definitions] == ["CompleteExternalActivity", "FailExternalActivity"]
    # So a worker hands over both payloads unread.
    assert [one.arg_types for one in definitions] == [[RawValue, RawValue]] * 2


@pytest.mark.parametrize(
    ("error", "message", "kind", "final"),
    [
        ("no luck", "no luck", "ExecutionFailed", False),
        ({"Message": "m", "Type": "T", "NonRetryable": True}, "m", "T", True),
        ({"message": "m", "type": ""}, "m", "ExecutionFailed", False),
        (ExternalError("m", "T"), "m", "T", False),
        (payload(b'"no luck"'), "no luck", "ExecutionFailed", False),
        (payload(b'{"Message": "m", "Type": "T"}'), "m", "T", False),
        (None, "the run failed and gave no message", "ExecutionFailed", False),
        # What json.Marshal makes of a Go error.
        (payload(b"{}"), "the run failed and gave no message", "ExecutionFailed", False),
    ],
)
def test_an_error_is_text_or_an_object(error: object, message: str, kind: str, final: bool) -> None:
    activities, client = system()
    run(activities.fail_external_activity, TOKEN, error)
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert (failure.message, failure.type, failure.non_retryable) == (message, kind, final)


@pytest.mark.parametrize("error", [[1], payload(b"[1]"), payload(b"no JSON"), {"Message": TOKEN}])
def test_an_error_that_is_none_ends_the_wait_all_the_same(
    error: object, caplog: pytest.LogCaptureFixture
) -> None:
    activities, client = system()
    problem = refusal(activities.fail_external_activity, TOKEN, error)
    assert "its error is neither text nor an object" in problem.message
    assert_the_wait_ended_with(problem, client)
    assert_shows_no_token(problem, caplog)


def assert_the_wait_ended_with(problem: ApplicationError, client: FakeClient) -> None:
    """Both sides are told the reason, and neither tries again."""
    assert problem.type == "ResultNotDeliverable"
    assert problem.non_retryable
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert (failure.message, failure.type) == (problem.message, problem.type)
    assert failure.non_retryable


class FailingCodec(PayloadCodec):
    """Fails to encode, and its error quotes what it was given."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        raise self._error(f"{payloads} of {TOKEN!r}")

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        raise NotImplementedError


@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError, OSError, UnicodeError])
def test_a_result_that_cannot_be_encoded_ends_the_wait(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    activities, client = system(codec=FailingCodec(error))
    problem = refusal(activities.complete_external_activity, TOKEN, RESULT)
    assert problem.message.startswith(f"the result of the run cannot be encoded: {error.__name__}")
    assert_the_wait_ended_with(problem, client)
    assert_shows_no_token(problem, caplog)


@pytest.mark.parametrize("error", [ConnectionResetError, TimeoutError])
def test_a_codec_that_is_out_of_reach_is_asked_again(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    activities, client = system(codec=FailingCodec(error))
    problem = refusal(activities.complete_external_activity, TOKEN, RESULT)
    assert problem.type == "CompletionNotDelivered"
    assert not problem.non_retryable
    assert client.handle.answers == []
    assert_shows_no_token(problem, caplog)


def test_a_result_that_is_too_large_ends_the_wait() -> None:
    activities, client = system()
    problem = refusal(activities.complete_external_activity, TOKEN, payload(b"0" * 10_001))
    assert "Temporal accepts 10000" in problem.message
    assert_the_wait_ended_with(problem, client)


@pytest.mark.parametrize("others", [(), (RESULT, RESULT), ({}, {}, {})])
@pytest.mark.parametrize("kind", ["complete", "fail"])
def test_the_wrong_number_of_arguments_ends_the_wait(
    kind: str, others: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    activities, client = system()
    problem = refusal(getattr(activities, f"{kind}_external_activity"), TOKEN, *others)
    assert f"takes two arguments, the token and one more, and was given {len(others) + 1}" in (
        problem.message
    )
    assert_the_wait_ended_with(problem, client)
    assert_shows_no_token(problem, caplog)


@pytest.mark.parametrize("kind", ["complete", "fail"])
def test_a_token_in_the_place_of_the_other_argument_is_not_shown(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    activities, client = system()
    swapped = payload(b'{"status": "done"}'), payload(b'"' + b64encode(TOKEN) + b'"')
    problem = refusal(getattr(activities, f"{kind}_external_activity"), *swapped)
    assert problem.type == "InvalidCallbackToken"
    assert client.tokens == []
    assert_shows_no_token(problem, caplog)


def test_a_call_without_arguments_has_no_token_and_is_a_no_op() -> None:
    activities, client = system()
    run(activities.complete_external_activity)
    assert client.tokens == []


@pytest.mark.parametrize("error", ["\udcff of a file name", ExternalError("\udcff", "\ud800")])
def test_an_error_text_with_a_lone_surrogate_is_delivered(error: object) -> None:
    activities, client = system()
    run(activities.fail_external_activity, TOKEN, error)
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert failure.message.startswith("\\udcff")


def test_a_very_long_error_text_is_cut() -> None:
    client = FakeClient(Handle(None))
    text = "no luck " * 100_000
    run(SystemActivities(cast("Client", client)).fail_external_activity, TOKEN, text)
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert failure.message.endswith("... (734464 more characters)")


@pytest.mark.parametrize("form", FORMS[1:4])
def test_a_token_that_got_into_the_text_of_an_error_is_masked(form: bytes) -> None:
    activities, client = system()
    run(activities.fail_external_activity, TOKEN, f"could not end {form.decode()}")
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert failure.message.startswith("could not end task token sha256:")
    assert form.decode() not in failure.message


def test_the_type_of_an_error_is_masked_too() -> None:
    activities, client = system()
    run(activities.fail_external_activity, TOKEN, ExternalError("m", f"Lost{TOKEN.hex()}"))
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert (failure.type or "").startswith("Losttask token sha256:")


def status_of(*details: Message) -> bytes:
    """The status of a call, as Temporal sends it."""
    status = GrpcStatus()
    for detail in details:
        status.details.add().Pack(detail)
    return status.SerializeToString()


GONE = status_of(NotFoundFailure())
NOT_FOUND, INVALID_ARGUMENT = RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT

ABOUT_THE_TOKEN = [
    (NOT_FOUND, "workflow execution already completed", GONE),
    (INVALID_ARGUMENT, "Error deserializing task token.", b""),
    (INVALID_ARGUMENT, "Invalid TaskToken.", b""),
    (INVALID_ARGUMENT, "Operation requested with a token from a different namespace.", b""),
]
ABOUT_SOMETHING_ELSE = [
    (NOT_FOUND, "Namespace other is not found.", status_of(NamespaceNotFoundFailure())),
    (NOT_FOUND, "404 page not found", b""),
    (NOT_FOUND, "workflow execution already completed", TOKEN),
    (INVALID_ARGUMENT, "Identity length exceeds limit.", b""),
    *(
        (status, f"what a server may say of the task token {TOKEN!r}", GONE)
        for status in RPCStatusCode
        if status not in (RPCStatusCode.OK, NOT_FOUND, INVALID_ARGUMENT)
    ),
]


@pytest.mark.parametrize(("status", "message", "raw"), ABOUT_THE_TOKEN)
def test_an_answer_about_the_token_is_final(
    status: RPCStatusCode, message: str, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    activities, _ = system(RPCError(message, status, raw))
    problem = refusal(activities.complete_external_activity, TOKEN, RESULT)
    wanted = "ExternalActivityNotFound" if status is NOT_FOUND else "InvalidCallbackToken"
    assert problem.type == wanted
    assert problem.non_retryable
    assert "sha256:" in problem.message
    assert_shows_no_token(problem, caplog)


@pytest.mark.parametrize(("status", "message", "raw"), ABOUT_SOMETHING_ELSE)
def test_any_other_answer_is_retried(
    status: RPCStatusCode, message: str, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    activities, _ = system(RPCError(message, status, raw))
    problem = refusal(activities.complete_external_activity, TOKEN, RESULT)
    assert problem.type == "CompletionNotDelivered"
    assert not problem.non_retryable
    assert status.name in problem.message
    transient = status.name in [code.name for code in TRANSIENT]
    levels = [record.levelname for record in caplog.records if "stigmer" in record.name]
    assert levels == ([] if transient else ["ERROR"]), "misconfiguration is not loud"
    assert_shows_no_token(problem, caplog)


@pytest.mark.parametrize(
    "problem", [ValueError(TOKEN), RuntimeError(b64encode(TOKEN)), grpc.RpcError(TOKEN)]
)
def test_an_error_of_the_client_is_retried_and_named_by_its_kind(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    activities, _ = system(problem)
    error = refusal(activities.fail_external_activity, TOKEN, "error")
    assert ("UNKNOWN" if isinstance(problem, grpc.RpcError) else type(problem).__name__) in (
        error.message
    )
    assert not error.non_retryable
    assert_shows_no_token(error, caplog)


def test_a_cancelled_delivery_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    activities, _ = system(asyncio.CancelledError(TOKEN))
    with pytest.raises(asyncio.CancelledError) as caught:
        run(activities.complete_external_activity, TOKEN, RESULT)
    assert_shows_no_token(caught.value, caplog)


@pytest.mark.parametrize(
    "token",
    [
        urlsafe_b64encode(TOKEN).decode(),
        b64encode(TOKEN).decode().rstrip("="),
        list(TOKEN),
        payload(b'{"token": "' + b64encode(TOKEN) + b'"}'),
        payload(str(list(TOKEN)).encode()),
        payload(b"1234"),
        payload(b64encode(TOKEN)),
        b"\n" * 10_001,
    ],
)
@pytest.mark.parametrize("kind", ["complete", "fail"])
def test_a_token_of_another_kind_is_refused_without_showing_it(
    kind: str, token: object, caplog: pytest.LogCaptureFixture
) -> None:
    activities, client = system()
    problem = refusal(getattr(activities, f"{kind}_external_activity"), token, RESULT)
    assert problem.type == "InvalidCallbackToken"
    assert problem.non_retryable
    assert client.tokens == []
    assert_shows_no_token(problem, caplog)


@pytest.mark.parametrize(
    "token",
    [
        payload(b'"' + b64encode(TOKEN) + b'"'),
        payload(TOKEN, "binary/plain"),
        payload(b'"' + b64encode(TOKEN) + b'"', "json/protobuf"),
    ],
)
def test_a_worker_hands_over_the_token_unread(token: RawValue) -> None:
    activities, client = system()
    run(activities.complete_external_activity, token, RESULT)
    assert client.tokens == [TOKEN]


def test_a_worker_without_the_codec_of_the_workflow_keeps_the_result(
    caplog: pytest.LogCaptureFixture,
) -> None:
    activities, _ = system()
    token = payload(TOKEN, "binary/encrypted")
    problem = refusal(activities.complete_external_activity, token, RESULT)
    assert "the codec of the workflow" in problem.message
    assert not problem.non_retryable
    assert_shows_no_token(problem, caplog)


def test_a_delivery_is_logged_with_a_digest(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    activities, _ = system()
    run(activities.complete_external_activity, TOKEN, RESULT)
    [record] = [record for record in caplog.records if record.name.startswith("stigmer_apis")]
    assert record.getMessage().startswith("ended the wait for task token sha256:")
    assert_shows_no_token(Exception(), caplog)


# -- the external activity


class Refusal(grpc.RpcError):
    """A call that was answered with an error, and holds its request."""

    def __init__(self, code: object) -> None:
        super().__init__(TOKEN)
        self._code = code

    def code(self) -> Any:
        return self._code


class BrokenRefusal(grpc.RpcError):
    """A call whose error cannot say its code."""

    def code(self) -> Any:
        raise NotImplementedError(TOKEN)


EXECUTION = WorkflowExecution(metadata=ApiResourceMetadata(id="wex-1"))
AGENT_EXECUTION = AgentExecution(metadata=ApiResourceMetadata(id="aex-1"))


@dataclass(repr=False)
class Commands:
    """The commands of a service, which meet these problems before they answer."""

    problems: list[BaseException] = field(default_factory=list[BaseException])
    answer: Any = None
    """What to answer with; the execution with its new status if None."""
    stored: list[Any] = field(default_factory=list[Any])

    async def updateStatus(self, request: Any, timeout: float) -> Any:  # noqa: N802
        if self.problems:
            raise self.problems.pop(0)
        self.stored.append(request)
        if self.answer is not None:
            return self.answer
        kind = WorkflowExecution if "Workflow" in type(request).__name__ else AgentExecution
        return kind(metadata=ApiResourceMetadata(id=request.execution_id), status=request.status)


@dataclass(repr=False)
class Starts:
    """The start of a run, which meets these problems before it works."""

    problems: list[BaseException] = field(default_factory=list[BaseException])
    tokens: list[bytes] = field(default_factory=list[bytes])

    async def __call__(self, execution: object, token: bytes) -> None:
        self.tokens.append(token)
        if self.problems:
            raise self.problems.pop(0)


def external(
    commands: Commands,
    start: Starts,
    execution: Any = EXECUTION,
    policy: RetryPolicy = QUICK,
    **info: Any,
) -> BaseException | None:
    """Run the external activity; return what it raised, and None if it went pending."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, task_token=TOKEN, **info)

    async def activity() -> None:
        await execute(commands, execution, start, retry_policy=policy)

    async def attempt() -> BaseException | None:
        try:
            await environment.run(activity)
        except BaseException as error:
            return None if type(error).__name__ == "_CompleteAsyncError" else error
        raise AssertionError("it returned instead of going pending")

    return asyncio.run(attempt())


def not_started(error: BaseException | None) -> ApplicationError:
    assert isinstance(error, ApplicationError)
    assert error.type == "ExecutionNotStarted"
    return error


@pytest.mark.parametrize("execution", [EXECUTION, AGENT_EXECUTION])
def test_the_token_is_stored_before_the_run_starts_and_then_the_activity_goes_pending(
    execution: WorkflowExecution | AgentExecution, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    commands, start = Commands(), Starts()
    assert external(commands, start, execution) is None
    [report] = commands.stored
    assert report.DESCRIPTOR.name == f"{execution.DESCRIPTOR.name}UpdateStatusInput"
    assert report.execution_id == execution.metadata.id
    assert [field.name for field, _ in report.status.ListFields()] == ["callback_token"]
    assert report.status.callback_token == TOKEN
    assert start.tokens == [TOKEN]
    assert "stored task token sha256:" in caplog.text


OTHER_TOKEN = WorkflowExecutionStatus(callback_token=TOKEN + b"!")


@pytest.mark.parametrize(
    "answer",
    [
        EXECUTION,
        WorkflowExecution(metadata=EXECUTION.metadata, status=OTHER_TOKEN),
        WorkflowExecution(status=WorkflowExecutionStatus(callback_token=TOKEN)),
        AgentExecution(
            metadata=EXECUTION.metadata, status=AgentExecutionStatus(callback_token=TOKEN)
        ),
        object(),
    ],
)
def test_an_answer_that_does_not_show_the_token_is_never_logged_as_stored(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    start = Starts()
    assert external(Commands(answer=answer), start) is None
    assert start.tokens == [TOKEN], "the token in the input works all the same"
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "it may not have stored it" in record.getMessage()
    assert_shows_no_token(Exception(), caplog)


def test_the_single_step_says_whether_the_token_was_seen() -> None:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, task_token=TOKEN)

    async def store(answer: object) -> bool:
        return await environment.run(store_callback_token, Commands(answer=answer), EXECUTION)

    assert asyncio.run(store(None))
    assert not asyncio.run(store(EXECUTION))


TRANSIENT = [
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
]
PERMANENT = [c for c in grpc.StatusCode if c not in (*TRANSIENT, grpc.StatusCode.OK)]
TRANSIENT_ERRORS = [
    *map(Refusal, TRANSIENT),
    # What interceptors raise.
    Refusal(None),
    Refusal(14),
    grpc.RpcError(TOKEN),
    BrokenRefusal(TOKEN),
    RPCError(str(TOKEN), RPCStatusCode.UNAVAILABLE, TOKEN),
    ConnectionResetError(TOKEN),
    TimeoutError(TOKEN),
]


@pytest.mark.parametrize("error", TRANSIENT_ERRORS, ids=repr)
def test_storing_and_starting_are_repeated_after_transient_failures(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    commands, start = Commands([error, error]), Starts([error])
    assert external(commands, start) is None
    assert len(commands.stored) == 1
    assert len(start.tokens) == 2
    assert "again in" in caplog.text
    assert_shows_no_token(Exception(), caplog)


@pytest.mark.parametrize(
    "error", [*map(Refusal, PERMANENT), LookupError(TOKEN), FileNotFoundError(TOKEN)], ids=repr
)
@pytest.mark.parametrize("step", ["storing", "starting"])
def test_a_refusal_fails_the_activity_at_once_and_for_good(
    step: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    problems: list[BaseException] = [error, error]
    commands = Commands(problems if step == "storing" else [])
    raised = not_started(external(commands, Starts(problems if step == "starting" else [])))
    assert raised.non_retryable
    name = error.code().name if isinstance(error, Refusal) else f"{type(error).__name__} (test_"
    assert name in raised.message
    assert len(problems) == 1, "it was repeated"
    assert_shows_no_token(raised, caplog)


@pytest.mark.parametrize(
    ("policy", "info"),
    [
        (dataclasses.replace(QUICK, maximum_attempts=2), {}),
        (
            RetryPolicy(initial_interval=timedelta(milliseconds=20)),
            {"start_to_close_timeout": timedelta(milliseconds=50)},
        ),
    ],
    ids=["attempts", "time of the activity"],
)
def test_the_attempts_end_and_leave_the_rest_to_the_retry_policy_of_the_activity(
    policy: RetryPolicy, info: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    commands = Commands([Refusal(grpc.StatusCode.UNKNOWN)] * 9)
    error = not_started(external(commands, Starts(), policy=policy, **info))
    assert not error.non_retryable
    assert "UNKNOWN" in error.message
    assert "it may have been done" in error.message
    assert len(commands.problems) > 3
    assert_shows_no_token(error, caplog)


def test_the_policy_can_name_codes_that_are_not_to_be_repeated() -> None:
    policy = dataclasses.replace(QUICK, non_retryable_error_types=["ABORTED"])
    commands = Commands([Refusal(grpc.StatusCode.ABORTED)])
    assert not_started(external(commands, Starts(), policy=policy)).non_retryable


@pytest.mark.parametrize(
    "there",
    [
        WorkflowAlreadyStartedError("run-wex-1", "Run"),
        RPCError("", RPCStatusCode.ALREADY_EXISTS, b""),
        Refusal(grpc.StatusCode.ALREADY_EXISTS),
    ],
    ids=["start_workflow", "Temporal", "gRPC"],
)
def test_a_run_that_is_there_after_a_lost_answer_is_our_own(there: Exception) -> None:
    lost = Refusal(grpc.StatusCode.UNAVAILABLE)
    assert external(Commands(), Starts([lost, there])) is None
    assert not_started(external(Commands(), Starts([there]))).non_retryable
    # An earlier attempt of the activity may have started it, with a token that is spent.
    assert not_started(external(Commands(), Starts([lost, there]), attempt=2)).non_retryable


def test_an_error_that_the_caller_raises_on_purpose_keeps_its_type_and_not_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    problem = ApplicationError(f"no queue for {TOKEN.hex()}", TOKEN, type="NoQueue")
    error = external(Commands(), Starts([problem]))
    assert isinstance(error, ApplicationError)
    assert error.type == "NoQueue"
    assert error.message.startswith("no queue for task token sha256:")
    assert_shows_no_token(error, caplog)


@pytest.mark.parametrize("problem", [grpc.aio.UsageError("closed"), asyncio.CancelledError()])
def test_whatever_stops_the_storing_shows_no_token(
    problem: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    problem.args = (TOKEN,)
    error = external(Commands([problem]), Starts())
    assert isinstance(error, (ApplicationError, asyncio.CancelledError))
    assert_shows_no_token(error, caplog)


@pytest.mark.parametrize(
    ("info", "execution", "reason"),
    [
        ({"heartbeat_timeout": timedelta(seconds=1)}, EXECUTION, "without heartbeat_timeout"),
        ({"is_local": True}, EXECUTION, "schedule it as a regular activity"),
        ({}, WorkflowExecution(), "the execution has no ID"),
    ],
)
def test_a_wait_that_could_never_end_well_is_refused_before_anything_is_stored(
    info: dict[str, Any], execution: WorkflowExecution, reason: str
) -> None:
    commands, start = Commands(), Starts()
    error = not_started(external(commands, start, execution, **info))
    assert error.non_retryable
    assert reason in error.message
    assert commands.stored == []
    assert start.tokens == []


def test_a_token_can_be_stored_in_an_activity_only() -> None:
    with pytest.raises(RuntimeError, match="activity"):
        asyncio.run(store_callback_token(Commands(), EXECUTION))


def test_an_error_that_temporal_would_not_accept_ends_the_activity() -> None:
    async def failure_of(error: Exception) -> Failure:
        failure = Failure()
        await data_converter.encode_failure(error, failure)
        return failure

    for error in (WorkflowAlreadyStartedError("run-1", "Run"), FailureError("of no kind")):
        info = asyncio.run(failure_of(error)).application_failure_info
        assert (info.type, info.non_retryable) == (type(error).__name__, True)
    assert not asyncio.run(failure_of(ValueError("v"))).application_failure_info.non_retryable
