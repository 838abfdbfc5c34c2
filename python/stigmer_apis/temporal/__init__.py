"""The callback-token handshake for Python services on Temporal.

An activity of some calling workflow begins the run of an execution and waits for its end without
holding a worker; a system activity completes it by its task token. docs/handshake.md describes the
sequence; `WorkflowExecutionStatus.callback_token` in the contract is the reference.

- `data_converter`: for every client, so that messages and Go structs travel as other SDKs expect.
- `execute`, `store_callback_token`: for the external activity, which calls the platform by gRPC.
- `TemporalWorkflowInput`, `TemporalWorkflowOutput`: what the workflow takes and gives.
- `complete_external_activity`, `fail_external_activity`: for that workflow, when it ends.
- `SystemActivities`: for the worker that ends the wait.

Modules are loaded when they are first asked for, so a workflow loads no more than it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_apis._lazy import exports

if TYPE_CHECKING:
    from stigmer_apis.temporal.converter import StigmerPayloadConverter as StigmerPayloadConverter
    from stigmer_apis.temporal.converter import data_converter as data_converter
    from stigmer_apis.temporal.external_activity import ExecutionCommands as ExecutionCommands
    from stigmer_apis.temporal.external_activity import execute as execute
    from stigmer_apis.temporal.external_activity import store_callback_token as store_callback_token
    from stigmer_apis.temporal.in_workflow import (
        complete_external_activity as complete_external_activity,
    )
    from stigmer_apis.temporal.in_workflow import fail_external_activity as fail_external_activity
    from stigmer_apis.temporal.system_activities import ExternalError as ExternalError
    from stigmer_apis.temporal.system_activities import SystemActivities as SystemActivities
    from stigmer_apis.temporal.workflow_input import TemporalWorkflowInput as TemporalWorkflowInput
    from stigmer_apis.temporal.workflow_input import (
        TemporalWorkflowOutput as TemporalWorkflowOutput,
    )
    from stigmer_apis.temporal.workflow_input import WorkflowMetadata as WorkflowMetadata
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "converter": ["StigmerPayloadConverter", "data_converter"],
            "in_workflow": ["complete_external_activity", "fail_external_activity"],
            "external_activity": ["ExecutionCommands", "execute", "store_callback_token"],
            "system_activities": ["ExternalError", "SystemActivities"],
            "workflow_input": [
                "TemporalWorkflowInput",
                "TemporalWorkflowOutput",
                "WorkflowMetadata",
            ],
        },
    )

    def _static_imports() -> None:
        # Never called. Tools that freeze applications find the modules here.
        import stigmer_apis.temporal.converter
        import stigmer_apis.temporal.external_activity
        import stigmer_apis.temporal.in_workflow
        import stigmer_apis.temporal.system_activities
        import stigmer_apis.temporal.workflow_input  # noqa: F401
