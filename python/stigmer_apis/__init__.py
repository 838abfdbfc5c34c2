"""The API of the Stigmer agent platform: typed Protobuf messages and gRPC stubs.

A proto package `ai.stigmer.X` is the Python package `stigmer_apis.X`:

    from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution

Importing this package loads nothing else.
"""

__version__ = "0.3.0"
