"""What travels between Go and Python into and out of the Temporal workflow that runs a workflow.

They are Go structs without JSON tags, so the JSON keys are the Go names. `data_converter` carries
them as `json/plain`, which is what the Go SDK reads and writes for a struct.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stigmer_apis.temporal._go_json import ANY, BYTES, MAP, STRING, GoStruct, go_field, pointer_to


@dataclass(frozen=True)
class WorkflowMetadata(GoStruct):
    """Which workflow is run."""

    name: str = go_field("Name", STRING, "")
    """The name of the workflow."""
    namespace: str = go_field("Namespace", STRING, "")
    """The namespace in its definition; not a namespace of Temporal."""
    version: str = go_field("Version", STRING, "")
    """The version of its definition."""


_METADATA = pointer_to(WorkflowMetadata)


@dataclass(frozen=True)
class TemporalWorkflowInput(GoStruct):
    """The input of the Temporal workflow that runs a workflow execution.

    `repr()` shows neither the task token nor the environment, which may hold secrets.
    """

    workflow_execution_id: str = go_field("WorkflowExecutionID", STRING, "")
    """The ID of the workflow execution ("wex-...")."""
    workflow_yaml: str = go_field("WorkflowYaml", STRING, "")
    """The workflow definition to run, in YAML."""
    metadata: WorkflowMetadata | None = go_field("Metadata", _METADATA, None)  # noqa: RUF009
    """Which workflow is run."""
    initial_data: Mapping[str, object] | None = go_field("InitialData", MAP, None)
    """The data that the workflow starts with."""
    env_vars: Mapping[str, object] | None = go_field("EnvVars", MAP, None, secret=True)
    """The environment that the workflow runs with, by name."""
    org_id: str = go_field("OrgId", STRING, "")
    """The ID of the organization that owns the execution ("org-...")."""
    callback_token: bytes = go_field("CallbackToken", BYTES, b"", secret=True)
    """The task token of the external activity that waits; empty if no external activity waits.

    Standard base64 in JSON. Missing, null and "" all read as empty, and empty is written as null,
    as Go writes a nil slice. See `WorkflowExecutionStatus.callback_token`.
    """


@dataclass(frozen=True)
class TemporalWorkflowOutput(GoStruct):
    """The output of the Temporal workflow that runs a workflow execution."""

    result: object = go_field("Result", ANY, None)
    """The result of the workflow, any JSON value."""
    final_state: Mapping[str, object] | None = go_field("FinalState", MAP, None)
    """The data of the workflow as its last task left it."""
    workflow_name: str = go_field("WorkflowName", STRING, "")
    """The name of the workflow."""
    execution_id: str = go_field("ExecutionID", STRING, "")
    """The ID of the workflow execution ("wex-...")."""
    execution_time: object = go_field("ExecutionTime", ANY, None)
    """When the run ended, as the runner writes it: usually text in RFC 3339."""
