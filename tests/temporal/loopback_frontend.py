"""A small Temporal frontend in this process, made of the servicer that the SDK itself generates.

It is enough for the real SDK client and worker where no Temporal server is at hand: it starts
workflows, keeps their histories, hands out workflow and activity tasks, retries activities, and
takes answers by task token. It is no Temporal server: no timers, signals, cancellation, timeouts or
storage. What only a server can show is in tests/handshake.
"""
# RPC names are those of Temporal.
# ruff: noqa: N802

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import GrpcStatus, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import (
    CommandType,
    EventType,
    NamespaceState,
    WorkflowExecutionStatus,
)
from temporalio.api.errordetails.v1 import NotFoundFailure
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.namespace.v1 import NamespaceInfo
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import request_response_pb2 as rpc
from temporalio.api.workflowservice.v1 import service_pb2_grpc

CLOSED = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
)
LONG_POLL = 2.0
"""Seconds after which a poll without a task is answered."""


@dataclass
class Run:
    """One workflow and its history."""

    execution: WorkflowExecution
    started: rpc.StartWorkflowExecutionRequest
    events: list[HistoryEvent] = field(default_factory=list[HistoryEvent])
    task_is_scheduled: bool = False
    task_is_started: bool = False
    deferred: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])
    """What happened since the task was started; it enters the history after the task."""

    @property
    def is_closed(self) -> bool:
        return bool(self.events) and self.events[-1].event_type in CLOSED

    def add(self, kind: EventType.ValueType, **attributes: Any) -> HistoryEvent:
        now = Timestamp()
        now.GetCurrentTime()
        event = HistoryEvent(event_id=len(self.events) + 1, event_type=kind, event_time=now)
        name = EventType.Name(kind).removeprefix("EVENT_TYPE_").lower() + "_event_attributes"
        target = getattr(event, name)
        target.SetInParent()
        target.MergeFrom(type(target)(**attributes))
        self.events.append(event)
        return event


@dataclass
class Activity:
    """An activity that is scheduled; it lives until it is answered."""

    run: Run
    scheduled: HistoryEvent
    attempt: int = 1
    token: bytes = b""
    not_before: float = 0.0
    handed_out: bool = False

    @property
    def attributes(self) -> Any:
        return self.scheduled.activity_task_scheduled_event_attributes


class Frontend(service_pb2_grpc.WorkflowServiceServicer):
    """The frontend; `problems` says what it was told that it cannot do."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._activities: list[Activity] = []
        self._tasks: dict[bytes, Run] = {}
        self._changed = threading.Condition()
        self.problems: list[str] = []
        self.refusals: list[grpc.StatusCode] = []
        """How to answer the next answers by task token, before they are taken."""

    # -- what a client asks

    def GetSystemInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return rpc.GetSystemInfoResponse(server_version="1.29.1")

    def DescribeNamespace(self, request: Any, context: grpc.ServicerContext) -> Any:
        info = NamespaceInfo(
            name=request.namespace, state=NamespaceState.NAMESPACE_STATE_REGISTERED
        )
        return rpc.DescribeNamespaceResponse(namespace_info=info)

    def StartWorkflowExecution(
        self, request: rpc.StartWorkflowExecutionRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            run_id = str(uuid.uuid4())
            run = Run(WorkflowExecution(workflow_id=request.workflow_id, run_id=run_id), request)
            self._runs[request.workflow_id] = run
            run.add(
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
                workflow_type=request.workflow_type,
                task_queue=request.task_queue,
                input=request.input,
                attempt=1,
                original_execution_run_id=run_id,
                first_execution_run_id=run_id,
                workflow_id=request.workflow_id,
            )
            self._schedule_task(run)
            return rpc.StartWorkflowExecutionResponse(run_id=run_id, started=True)

    def GetWorkflowExecutionHistory(
        self, request: rpc.GetWorkflowExecutionHistoryRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            run = self._runs[request.execution.workflow_id]
            if request.wait_new_event:
                self._changed.wait_for(lambda: run.is_closed, timeout=LONG_POLL)
                events = run.events[-1:] if run.is_closed else []
                more = b"" if run.is_closed else b"more"
                return rpc.GetWorkflowExecutionHistoryResponse(
                    history=History(events=events), next_page_token=more
                )
            return rpc.GetWorkflowExecutionHistoryResponse(history=History(events=run.events))

    def DescribeWorkflowExecution(
        self, request: rpc.DescribeWorkflowExecutionRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            run = self._runs[request.execution.workflow_id]
            answer = rpc.DescribeWorkflowExecutionResponse()
            answer.workflow_execution_info.execution.CopyFrom(run.execution)
            answer.workflow_execution_info.status = (
                WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED
                if run.is_closed
                else WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
            )
            return answer

    # -- what a worker asks

    def PollWorkflowTaskQueue(
        self, request: rpc.PollWorkflowTaskQueueRequest, context: grpc.ServicerContext
    ) -> Any:
        def waiting() -> Run | None:
            for run in self._runs.values():
                if run.task_is_scheduled and _queue(run.started) == request.task_queue.name:
                    return run
            return None

        with self._changed:
            self._changed.wait_for(waiting, timeout=LONG_POLL)
            run = waiting()
            if run is None or not context.is_active():
                return rpc.PollWorkflowTaskQueueResponse()
            run.task_is_scheduled, run.task_is_started = False, True
            started = run.add(
                EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
                scheduled_event_id=len(run.events),
                identity=request.identity,
            )
            token = uuid.uuid4().bytes
            self._tasks[token] = run
            return rpc.PollWorkflowTaskQueueResponse(
                task_token=token,
                workflow_execution=run.execution,
                workflow_type=run.started.workflow_type,
                started_event_id=started.event_id,
                attempt=1,
                history=History(events=run.events),
                workflow_execution_task_queue=run.started.task_queue,
                scheduled_time=started.event_time,
                started_time=started.event_time,
            )

    def RespondWorkflowTaskCompleted(
        self, request: rpc.RespondWorkflowTaskCompletedRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            run = self._tasks.pop(request.task_token)
            count = len(run.events)
            done = run.add(
                EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
                scheduled_event_id=count - 1,
                started_event_id=count,
                identity=request.identity,
            )
            for command in request.commands:
                self._obey(run, command, done.event_id)
            run.task_is_started = False
            while run.deferred:
                run.deferred.pop(0)()
            self._changed.notify_all()
            return rpc.RespondWorkflowTaskCompletedResponse()

    def RespondWorkflowTaskFailed(
        self, request: rpc.RespondWorkflowTaskFailedRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            run = self._tasks.pop(request.task_token)
            self.problems.append(f"a workflow task failed: {request.failure.message}")
            run.add(
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
                failure=Failure(message=request.failure.message),
            )
            self._changed.notify_all()
            return rpc.RespondWorkflowTaskFailedResponse()

    def PollActivityTaskQueue(
        self, request: rpc.PollActivityTaskQueueRequest, context: grpc.ServicerContext
    ) -> Any:
        def waiting() -> Activity | None:
            for one in self._activities:
                on_queue = one.attributes.task_queue.name == request.task_queue.name
                if on_queue and not one.handed_out and one.not_before <= time.monotonic():
                    return one
            return None

        deadline = time.monotonic() + LONG_POLL
        with self._changed:
            # A retry comes due without anybody's notice.
            while waiting() is None and time.monotonic() < deadline:
                self._changed.wait(timeout=0.05)
            one = waiting()
            if one is None or not context.is_active():
                return rpc.PollActivityTaskQueueResponse()
            one.handed_out, one.token = True, b"loopback-" + uuid.uuid4().bytes
            given = one.attributes
            return rpc.PollActivityTaskQueueResponse(
                task_token=one.token,
                workflow_namespace="default",
                workflow_type=one.run.started.workflow_type,
                workflow_execution=one.run.execution,
                activity_type=given.activity_type,
                activity_id=given.activity_id,
                input=given.input,
                attempt=one.attempt,
                schedule_to_close_timeout=given.schedule_to_close_timeout,
                start_to_close_timeout=given.start_to_close_timeout,
                heartbeat_timeout=given.heartbeat_timeout,
                retry_policy=given.retry_policy,
                scheduled_time=one.scheduled.event_time,
                current_attempt_scheduled_time=one.scheduled.event_time,
                started_time=one.scheduled.event_time,
            )

    def RespondActivityTaskCompleted(
        self, request: rpc.RespondActivityTaskCompletedRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            one = self._answered(request.task_token, context)
            self._end(one, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, result=request.result)
            return rpc.RespondActivityTaskCompletedResponse()

    def RespondActivityTaskFailed(
        self, request: rpc.RespondActivityTaskFailedRequest, context: grpc.ServicerContext
    ) -> Any:
        with self._changed:
            one = self._answered(request.task_token, context)
            policy = one.attributes.retry_policy
            again = not request.failure.application_failure_info.non_retryable
            if again and not 0 < policy.maximum_attempts <= one.attempt:
                pause = policy.initial_interval.ToTimedelta().total_seconds() or 1.0
                one.attempt, one.handed_out = one.attempt + 1, False
                one.token, one.not_before = b"", time.monotonic() + pause
            else:
                self._end(one, EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED, failure=request.failure)
            return rpc.RespondActivityTaskFailedResponse()

    def ShutdownWorker(self, request: Any, context: grpc.ServicerContext) -> Any:
        return rpc.ShutdownWorkerResponse()

    # -- what follows

    def _schedule_task(self, run: Run) -> None:
        run.add(
            EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
            task_queue=TaskQueue(name=_queue(run.started)),
            attempt=1,
        )
        run.task_is_scheduled = True
        self._changed.notify_all()

    def _obey(self, run: Run, command: Command, task: int) -> None:
        if command.command_type == CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
            wanted = command.schedule_activity_task_command_attributes
            scheduled = run.add(
                EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
                activity_id=wanted.activity_id,
                activity_type=wanted.activity_type,
                task_queue=wanted.task_queue,
                input=wanted.input,
                start_to_close_timeout=wanted.start_to_close_timeout,
                schedule_to_close_timeout=wanted.schedule_to_close_timeout,
                retry_policy=wanted.retry_policy,
                workflow_task_completed_event_id=task,
            )
            self._activities.append(Activity(run, scheduled))
        elif command.command_type == CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
            result: Payloads = command.complete_workflow_execution_command_attributes.result
            run.add(
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
                result=result,
                workflow_task_completed_event_id=task,
            )
        elif command.command_type == CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
            run.add(
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
                failure=command.fail_workflow_execution_command_attributes.failure,
                workflow_task_completed_event_id=task,
            )
        else:
            self.problems.append(f"no {CommandType.Name(command.command_type)} in this frontend")

    def _answered(self, token: bytes, context: grpc.ServicerContext) -> Activity:
        if not token.startswith(b"loopback-"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Invalid TaskToken.")
        for one in self._activities:
            if one.token == token:
                # A worker answers at once for itself; who answers for another waits for refusals.
                if self.refusals and one.attributes.activity_type.name == "External":
                    context.abort(self.refusals.pop(0), "as the test wants it")
                return one
        status = GrpcStatus(code=grpc.StatusCode.NOT_FOUND.value[0], message="activity not found")
        status.details.add().Pack(NotFoundFailure())
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        return context.abort(grpc.StatusCode.NOT_FOUND, status.message)

    def _end(self, one: Activity, kind: EventType.ValueType, **outcome: Any) -> None:
        self._activities.remove(one)
        run = one.run

        def enter() -> None:
            scheduled = one.scheduled.event_id
            started = run.add(
                EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
                scheduled_event_id=scheduled,
                attempt=one.attempt,
            ).event_id
            run.add(kind, scheduled_event_id=scheduled, started_event_id=started, **outcome)
            if not run.task_is_scheduled:
                self._schedule_task(run)

        if run.task_is_started:
            run.deferred.append(enter)
        elif not run.is_closed:
            enter()

    def history(self, workflow_id: str) -> list[HistoryEvent]:
        """The events of a workflow, as they are."""
        with self._changed:
            return list(self._runs[workflow_id].events)


def _queue(started: rpc.StartWorkflowExecutionRequest) -> str:
    return started.task_queue.name


@contextmanager
def loopback() -> Generator[tuple[str, Frontend]]:
    """Serve a frontend; yield its address and itself."""
    # The other RPCs answer that they are not implemented.
    frontend = Frontend()  # pyright: ignore[reportAbstractUsage]
    server = grpc.server(ThreadPoolExecutor(max_workers=64))
    service_pb2_grpc.add_WorkflowServiceServicer_to_server(frontend, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", frontend
    finally:
        server.stop(grace=0).wait(10)
    assert frontend.problems == []
