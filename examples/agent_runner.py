"""One turn of an agent runner: fetch what the agent needs, do the work, and report progress.

For developers who write an agent runner. It shows how resources refer to each other, and how to
report with `updateStatus`: empty fields keep their stored values, and set fields replace them as a
whole. A report therefore contains only the fields that changed, and a list or map in it contains
all of its entries, old and new.

Needs: pip install "stigmer-apis[grpc]"
Run:   python examples/agent_runner.py
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import NamedTuple

import grpc
import local_platform
from google.protobuf.struct_pb2 import Struct

from stigmer_apis.agentic.agent.v1 import Agent, AgentId, AgentQueryControllerStub
from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecution,
    AgentExecutionCommandControllerStub,
    AgentExecutionId,
    AgentExecutionQueryControllerStub,
    AgentExecutionStatus,
    AgentExecutionUpdateStatusInput,
    AgentMessage,
    ExecutionPhase,
    MessageType,
    TodoItem,
    TodoStatus,
    ToolCall,
    ToolCallStatus,
)
from stigmer_apis.agentic.agentinstance.v1 import (
    AgentInstance,
    AgentInstanceId,
    AgentInstanceQueryServiceStub,
)
from stigmer_apis.agentic.environment.v1 import EnvironmentQueryControllerStub, EnvironmentValue

# agentexecution.v1 also has a SessionId, and session.v1 an AgentId. Import each from the package
# whose RPC takes it.
from stigmer_apis.agentic.session.v1 import Session, SessionId, SessionQueryControllerStub
from stigmer_apis.agentic.skill.v1 import Skill, SkillQueryControllerStub

TIMEOUT = 10.0
"""The timeout of one call, in seconds. A report without an answer is safe to send again."""


class Setup(NamedTuple):
    """The resources that the agent works with."""

    session: Session
    instance: AgentInstance
    agent: Agent
    skills: list[Skill]
    environment: dict[str, EnvironmentValue]


def fetch(channel: grpc.Channel, session_id: str) -> Setup:
    """Fetch the session and everything that it refers to, directly or indirectly."""
    session = SessionQueryControllerStub(channel).get(SessionId(value=session_id), timeout=TIMEOUT)
    instance = AgentInstanceQueryServiceStub(channel).get(
        AgentInstanceId(value=session.spec.agent_instance_id), timeout=TIMEOUT
    )
    agent = AgentQueryControllerStub(channel).get(
        AgentId(value=instance.spec.agent_id), timeout=TIMEOUT
    )
    skills = SkillQueryControllerStub(channel)
    environments = EnvironmentQueryControllerStub(channel)
    merged: dict[str, EnvironmentValue] = {}
    for reference in instance.spec.environment_refs:
        # Values of later environments replace those of earlier ones. Secrets are masked here. The
        # ExecutionContext has them in plain text, merged with the values of the execution.
        merged.update(environments.getByReference(reference, timeout=TIMEOUT).spec.data)
    return Setup(
        session,
        instance,
        agent,
        [skills.getByReference(reference, timeout=TIMEOUT) for reference in agent.spec.skill_refs],
        merged,
    )


class Turn:
    """The state of a turn. It keeps all entries, because reports replace lists as a whole."""

    def __init__(self, channel: grpc.Channel, execution: AgentExecution) -> None:
        self._commands = AgentExecutionCommandControllerStub(channel)
        self._execution_id = execution.metadata.id
        self.messages = list(execution.status.messages)
        self.todos = dict(execution.status.todos)

    def say(self, speaker: MessageType.ValueType, content: str, *calls: ToolCall) -> AgentMessage:
        """Add a message to the conversation and return it."""
        message = AgentMessage(type=speaker, content=content, timestamp=now(), tool_calls=calls)
        self.messages.append(message)
        return message

    def plan(self, *contents: str) -> None:
        """Add entries to the to-do list."""
        for content in contents:
            entry = f"todo-{len(self.todos) + 1}"
            self.todos[entry] = TodoItem(
                id=entry, content=content, status=TodoStatus.TODO_PENDING, created_at=now()
            )

    def done(self, entry: str) -> None:
        """Mark an entry as completed."""
        self.todos[entry].status = TodoStatus.TODO_COMPLETED
        self.todos[entry].updated_at = now()

    @property
    def tool_calls(self) -> list[ToolCall]:
        """All tool calls, taken from the messages so that the two lists of the status agree."""
        return [call for message in self.messages for call in message.tool_calls]

    def report(self, what: str, status: AgentExecutionStatus) -> AgentExecution:
        """Send a report, and print the status that the platform then has stored."""
        answer = self._commands.updateStatus(
            AgentExecutionUpdateStatusInput(execution_id=self._execution_id, status=status),
            timeout=TIMEOUT,
        )
        print(f"{what:<20} {summary(answer.status)}")
        return answer


def work(turn: Turn, execution: AgentExecution, setup: Setup) -> AgentExecution:
    """Act as the model, and report each step."""
    turn.report(
        "began",
        AgentExecutionStatus(phase=ExecutionPhase.EXECUTION_IN_PROGRESS, started_at=now()),
    )

    turn.say(MessageType.MESSAGE_HUMAN, execution.spec.message)
    turn.report("user's message", AgentExecutionStatus(messages=turn.messages))

    turn.plan("Get the figures", "Write the report")
    turn.report("two to-dos", AgentExecutionStatus(todos=turn.todos))

    args = Struct()
    args.update({"region": setup.environment["REGION"].value, "days": 7})
    asked = turn.say(
        MessageType.MESSAGE_AI,
        "",
        ToolCall(
            id="call-1", name="query_warehouse", args=args, status=ToolCallStatus.TOOL_CALL_PENDING
        ),
    )
    # A message copies its submessages, so from here on use the call in the message.
    call = asked.tool_calls[0]
    turn.report(
        "tool call asked for",
        AgentExecutionStatus(messages=turn.messages, tool_calls=turn.tool_calls),
    )

    call.status = ToolCallStatus.TOOL_CALL_RUNNING
    call.started_at = now()
    turn.report(
        "tool call started",
        AgentExecutionStatus(messages=turn.messages, tool_calls=turn.tool_calls),
    )

    time.sleep(0.1)
    call.status = ToolCallStatus.TOOL_CALL_COMPLETED
    call.completed_at = now()
    call.result = "1204 orders, up 8 %"
    turn.say(MessageType.MESSAGE_TOOL, call.result)
    turn.done("todo-1")
    turn.report(
        "tool call ended",
        AgentExecutionStatus(messages=turn.messages, tool_calls=turn.tool_calls, todos=turn.todos),
    )

    turn.say(MessageType.MESSAGE_AI, "A good week: 1204 orders, 8 % more than the week before.")
    turn.done("todo-2")
    turn.report("answer", AgentExecutionStatus(messages=turn.messages, todos=turn.todos))

    return turn.report(
        "ended",
        AgentExecutionStatus(phase=ExecutionPhase.EXECUTION_COMPLETED, completed_at=now()),
    )


def now() -> str:
    """Return the current time in the format of the contract: ISO 8601 with a UTC offset."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary(status: AgentExecutionStatus) -> str:
    """Return a one-line summary of a status."""
    calls = [ToolCallStatus.Name(call.status) for call in status.tool_calls]
    done = sum(todo.status == TodoStatus.TODO_COMPLETED for todo in status.todos.values())
    return (
        f"{ExecutionPhase.Name(status.phase)}, messages: {len(status.messages)}, "
        f"to-dos: {done}/{len(status.todos)}, tool calls: {', '.join(calls) or 'none'}"
    )


def digest(token: bytes) -> str:
    """Return a digest of a token, which is safe to print and correlates lines."""
    return f"sha256 {hashlib.sha256(token).hexdigest()[:16]}" if token else "none"


def main() -> None:
    with local_platform.serving() as channel:
        execution = AgentExecutionQueryControllerStub(channel).get(
            AgentExecutionId(value=local_platform.AGENT_EXECUTION_ID), timeout=TIMEOUT
        )
        setup = fetch(channel, execution.spec.session_id)
        print(f"session:       {setup.session.metadata.id}, {setup.session.spec.subject}")
        print(f"instance:      {setup.instance.metadata.id} of agent {setup.agent.metadata.id}")
        print(f"instructions:  {setup.agent.spec.instructions}")
        print(f"skills:        {', '.join(skill.metadata.slug for skill in setup.skills)}")
        for name, value in sorted(setup.environment.items()):
            print(f"environment:   {name} = {'(secret)' if value.is_secret else value.value}")
        print(f"\n{'found':<20} {summary(execution.status)}")

        ended = work(Turn(channel, execution), execution, setup)

        # An external activity waits for this execution. No report has changed its token.
        before, after = execution.status.callback_token, ended.status.callback_token
        print(f"\ncallback token before: {digest(before)}\ncallback token after:  {digest(after)}")
        took = datetime.fromisoformat(ended.status.completed_at) - datetime.fromisoformat(
            ended.status.started_at
        )
        print(f"ended after {took.total_seconds():.1f} s: {ended.status.messages[-1].content}")


if __name__ == "__main__":
    main()
