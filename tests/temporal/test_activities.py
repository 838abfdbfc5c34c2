"""The activities of the handshake, one at a time: what they retry, refuse and show."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from stigmer_apis.agentic.agentexecution.v1 import AgentExecution
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from stigmer_apis.temporal import (
    ExternalError,
    Patience,
    SystemActivities,
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

QUICK = Patience(
    first_pause=timedelta(milliseconds=1),
    longest_pause=timedelta(milliseconds=2),
    limit=timedelta(seconds=5),
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
    tokens: list[bytes] = field(default_factory=list[bytes])

    def get_async_activity_handle(self, *, task_token: bytes) -> Handle:
        self.tokens.append(task_token)
        return self.handle


def system(problem: BaseException | None = None) -> tuple[SystemActivities, FakeClient]:
    client = FakeClient(Handle(problem))
    return SystemActivities(cast("Client", client)), client


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
    names = [cast("Any", one).__temporal_activity_definition.name for one in activities.all()]
    assert names == ["CompleteExternalActivity", "FailExternalActivity"]


@pytest.mark.parametrize(
    ("error", "message", "kind", "final"),
    [
        ("no luck", "no luck", "ExecutionFailed", False),
        ({"Message": "m", "Type": "T", "NonRetryable": True}, "m", "T", True),
        ({"message": "m", "type": ""}, "m", "ExecutionFailed", False),
        (ExternalError("m", "T"), "m", "T", False),
        (None, "", "ExecutionFailed", False),
    ],
)
def test_an_error_is_text_or_an_object(error: object, message: str, kind: str, final: bool) -> None:
    activities, client = system()
    run(activities.fail_external_activity, TOKEN, error)
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert (failure.message, failure.type, failure.non_retryable) == (message, kind, final)


def test_an_error_that_is_none_is_refused() -> None:
    activities, _ = system()
    with pytest.raises(ApplicationError, match="takes an error as text or as an object") as caught:
        run(activities.fail_external_activity, TOKEN, [1])
    assert caught.value.non_retryable


@pytest.mark.parametrize("form", FORMS[1:4])
def test_a_token_that_got_into_the_text_of_an_error_is_masked(form: bytes) -> None:
    activities, client = system()
    run(activities.fail_external_activity, TOKEN, f"could not end {form.decode()}")
    [failure] = client.handle.answers
    assert isinstance(failure, ApplicationError)
    assert failure.message.startswith("could not end task token sha256:")
    assert form.decode() not in failure.message


REFUSED = {
    RPCStatusCode.NOT_FOUND: "ExternalActivityNotFound",
    RPCStatusCode.INVALID_ARGUMENT: "InvalidCallbackToken",
}


@pytest.mark.parametrize("status", [s for s in RPCStatusCode if s is not RPCStatusCode.OK])
def test_only_an_answer_about_the_token_is_final(
    status: RPCStatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    activities, _ = system(RPCError(f"what a server may say of {TOKEN!r}", status, TOKEN))
    with pytest.raises(ApplicationError) as caught:
        run(activities.complete_external_activity, TOKEN, RESULT)

    assert caught.value.type == REFUSED.get(status, "CompletionNotDelivered")
    assert caught.value.non_retryable == (status in REFUSED)
    assert "sha256:" in caught.value.message
    assert_shows_no_token(caught.value, caplog)


@pytest.mark.parametrize("problem", [ValueError(TOKEN), RuntimeError(b64encode(TOKEN))])
def test_any_other_error_is_retried_and_named_by_its_type(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    activities, _ = system(problem)
    with pytest.raises(ApplicationError, match=type(problem).__name__) as caught:
        run(activities.fail_external_activity, TOKEN, "error")
    assert not caught.value.non_retryable
    assert_shows_no_token(caught.value, caplog)


def test_a_cancelled_delivery_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    activities, _ = system(asyncio.CancelledError(TOKEN))
    with pytest.raises(asyncio.CancelledError) as caught:
        run(activities.complete_external_activity, TOKEN, RESULT)
    assert_shows_no_token(caught.value, caplog)


def test_a_token_in_bad_base64_is_refused_without_showing_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    activities, client = system()
    with pytest.raises(ApplicationError, match="must be standard base64") as caught:
        run(activities.complete_external_activity, urlsafe_b64encode(TOKEN).decode(), RESULT)
    assert caught.value.type == "InvalidCallbackToken"
    assert caught.value.non_retryable
    assert client.tokens == []
    assert_shows_no_token(caught.value, caplog)


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

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(TOKEN)
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


@dataclass(repr=False)
class Commands:
    """The commands of a service, which meet these problems, in this order, before they work."""

    creating: list[BaseException] = field(default_factory=list[BaseException])
    storing: list[BaseException] = field(default_factory=list[BaseException])
    stored: list[Any] = field(default_factory=list[Any])
    created: int = 0

    async def create(self, request: Any, timeout: float | None = None) -> Any:
        self.created += 1
        if self.creating:
            raise self.creating.pop(0)
        answer = type(request)()
        answer.CopyFrom(request)
        answer.metadata.id = "wex-1"
        return answer

    async def updateStatus(self, request: Any, timeout: float) -> Any:  # noqa: N802
        if self.storing:
            raise self.storing.pop(0)
        self.stored.append(request)


@dataclass(repr=False)
class Starts:
    """The start of a run, which meets these problems before it works."""

    problems: list[BaseException] = field(default_factory=list[BaseException])
    tokens: list[bytes] = field(default_factory=list[bytes])

    async def __call__(self, execution: object, token: bytes) -> None:
        self.tokens.append(token)
        if self.problems:
            raise self.problems.pop(0)


def external(commands: Commands, start: Starts, request: Any = None) -> BaseException | None:
    """Run the external activity; return what it raised, and None if it went pending."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, task_token=TOKEN)

    async def activity() -> None:
        await execute(commands, request or WorkflowExecution(), start, patience=QUICK)

    async def attempt() -> BaseException | None:
        try:
            await environment.run(activity)
        except BaseException as error:
            return None if type(error).__name__ == "_CompleteAsyncError" else error
        raise AssertionError("it returned instead of going pending")

    return asyncio.run(attempt())


@pytest.mark.parametrize("kind", [WorkflowExecution, AgentExecution])
def test_the_token_is_stored_before_the_run_starts_and_then_the_activity_goes_pending(
    kind: type[WorkflowExecution] | type[AgentExecution],
) -> None:
    commands, start = Commands(), Starts()
    assert external(commands, start, kind()) is None
    [report] = commands.stored
    assert report.DESCRIPTOR.name == f"{kind.DESCRIPTOR.name}UpdateStatusInput"
    assert report.execution_id == "wex-1"
    assert [field.name for field, _ in report.status.ListFields()] == ["callback_token"]
    assert report.status.callback_token == TOKEN
    assert start.tokens == [TOKEN]


TRANSIENT = [
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
]
PERMANENT = [c for c in grpc.StatusCode if c not in (*TRANSIENT, grpc.StatusCode.OK)]


@pytest.mark.parametrize("code", TRANSIENT)
def test_storing_and_starting_are_repeated_after_transient_failures(
    code: grpc.StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    commands = Commands(storing=[Refusal(code), Refusal(code)])
    start = Starts(problems=[Refusal(code)])
    assert external(commands, start) is None
    assert len(commands.stored) == 1
    assert len(start.tokens) == 2
    assert commands.created == 1
    assert "again in" in caplog.text
    assert_shows_no_token(Exception(), caplog)


@pytest.mark.parametrize("code", PERMANENT)
@pytest.mark.parametrize("step", ["creating", "storing", "starting"])
def test_a_refusal_fails_the_activity_at_once_and_for_good(
    step: str, code: grpc.StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    problem: list[BaseException] = [Refusal(code), Refusal(code)]
    commands, start = Commands(), Starts()
    setattr(
        *{
            "creating": (commands, "creating"),
            "storing": (commands, "storing"),
            "starting": (start, "problems"),
        }[step],
        problem,
    )
    error = external(commands, start)

    assert isinstance(error, ApplicationError)
    assert error.type == "ExecutionNotStarted"
    assert error.non_retryable
    assert code.name in error.message
    assert len(problem) == 1, "it was repeated"
    assert_shows_no_token(error, caplog)


def test_create_is_not_repeated_and_is_left_to_the_retry_of_the_activity() -> None:
    commands = Commands(creating=[Refusal(grpc.StatusCode.UNAVAILABLE)])
    error = external(commands, Starts())
    assert isinstance(error, ApplicationError)
    assert not error.non_retryable
    assert commands.created == 1


def test_patience_ends_and_leaves_the_rest_to_the_retry_of_the_activity(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{__name__}.QUICK", dataclasses.replace(QUICK, limit=timedelta(0)))
    commands = Commands(storing=[Refusal(grpc.StatusCode.UNAVAILABLE)] * 9)
    error = external(commands, Starts())
    assert isinstance(error, ApplicationError)
    assert not error.non_retryable
    assert_shows_no_token(error, caplog)


def test_a_run_that_is_there_after_a_transient_failure_is_our_own() -> None:
    unavailable = RPCError("", RPCStatusCode.UNAVAILABLE, b"")
    there = WorkflowAlreadyStartedError("run-wex-1", "Run")
    assert external(Commands(), Starts(problems=[unavailable, there])) is None

    error = external(Commands(), Starts(problems=[there]))
    assert isinstance(error, ApplicationError)
    assert error.non_retryable


def test_another_error_of_start_passes_unchanged() -> None:
    problem = LookupError("no such queue")
    assert external(Commands(), Starts(problems=[problem])) is problem


@pytest.mark.parametrize("problem", [grpc.aio.UsageError("closed"), asyncio.CancelledError()])
def test_whatever_stops_the_storing_shows_no_token(
    problem: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    problem.args = (TOKEN,)
    error = external(Commands(storing=[problem]), Starts())
    assert isinstance(error, (ApplicationError, asyncio.CancelledError))
    assert_shows_no_token(error, caplog)


def test_outside_an_activity_no_token_is_taken_or_stored() -> None:
    commands, start = Commands(), Starts()
    execution = asyncio.run(execute(commands, WorkflowExecution(), start))
    assert execution.metadata.id == "wex-1"
    assert commands.stored == []
    assert start.tokens == [b""]


def test_a_token_can_be_stored_in_an_activity_only() -> None:
    with pytest.raises(RuntimeError, match="activity"):
        asyncio.run(store_callback_token(Commands(), WorkflowExecution()))
