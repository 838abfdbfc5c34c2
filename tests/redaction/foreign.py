"""A message of somebody else's schema that holds one of ours, and a task token of its own."""

from __future__ import annotations

import dataclasses
from typing import Any

from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from stigmer_apis.agentic.executioncontext.v1 import ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from tests.redaction.redaction_cases import SECRET, TOKEN

_FILE = """
name: "theirs/v1/envelope.proto" package: "theirs.v1" syntax: "proto3"
dependency: "ai/stigmer/agentic/workflowexecution/v1/api.proto"
message_type {
  name: "Envelope"
  field {
    name: "execution" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE
    type_name: ".ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"
  }
  field { name: "task_token" number: 2 label: LABEL_OPTIONAL type: TYPE_BYTES }
  field { name: "topic" number: 3 label: LABEL_OPTIONAL type: TYPE_STRING }
}
"""

_POOL: Any = descriptor_pool.Default()
_POOL.AddSerializedFile(text_format.Parse(_FILE, FileDescriptorProto()).SerializeToString())
Envelope: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("theirs.v1.Envelope"))


def an_execution() -> WorkflowExecution:
    """An execution with a task token and a secret value."""
    execution = WorkflowExecution(kind="WorkflowExecution")
    execution.status.callback_token = TOKEN
    execution.spec.runtime_env["KEY"].CopyFrom(ExecutionValue(value=SECRET, is_secret=True))
    return execution


def an_envelope() -> Any:
    """An envelope with an execution; the class prints secrets unless something is installed."""
    return Envelope(execution=an_execution(), task_token=TOKEN, topic="executions")


def an_activity_info() -> Any:
    """What the Temporal SDK tells a running activity of itself, with its task token."""
    from temporalio.activity import Info

    values: dict[str, Any] = {field.name: None for field in dataclasses.fields(Info)}
    values |= {"task_token": TOKEN, "activity_id": "an-id"}
    return Info(**values)
