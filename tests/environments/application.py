"""A small service that uses everything the package offers, and prints what it found as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent import futures
from typing import Any

import grpc

import stigmer_apis
from stigmer_apis import schema
from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionCommandControllerServicer,
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionStatus,
    WorkflowExecutionUpdateStatusInput,
    add_WorkflowExecutionCommandControllerServicer_to_server,
)
from stigmer_apis.temporal import TemporalWorkflowInput, data_converter

TOKEN = bytes(range(256))


class Controller(WorkflowExecutionCommandControllerServicer):
    """Answers a status update with the execution."""

    def updateStatus(self, request: Any, context: object) -> WorkflowExecution:  # noqa: N802
        """Answer with the status of the request."""
        return WorkflowExecution(kind="WorkflowExecution", status=request.status)


def call(token: bytes) -> WorkflowExecution:
    """Send a status update through a channel, and return the answer."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    controller: Any = Controller  # the methods that it omits are not called
    add_WorkflowExecutionCommandControllerServicer_to_server(controller(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    update = WorkflowExecutionUpdateStatusInput(
        execution_id="wex-1", status=WorkflowExecutionStatus(callback_token=token)
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = WorkflowExecutionCommandControllerStub(channel).updateStatus(update, timeout=30)
    server.stop(None)
    return answer


async def hand_over(token: bytes) -> bytes:
    """Return the token after a trip through the payload of a workflow's input."""
    given = TemporalWorkflowInput(workflow_execution_id="wex-1", callback_token=token)
    [received] = await data_converter.decode(
        await data_converter.encode([given]), [TemporalWorkflowInput]
    )
    return received.callback_token


def paths() -> str:
    """Return whether what needs a path has one, or the error that says why not."""
    try:
        return ", ".join([schema.image_path().name, schema.proto_root().name])
    except FileNotFoundError as error:
        return str(error)


def main() -> None:
    """Print what this application found."""
    answer = call(TOKEN)
    found = {
        "message": WorkflowExecution.FromString(answer.SerializeToString()) == answer,
        "stub": answer.status.callback_token == TOKEN,
        "handshake": asyncio.run(hand_over(TOKEN)) == TOKEN,
        "schema": len(schema.file_descriptor_set().file),
        "paths": paths(),
        "printed": str(answer),
        "version": stigmer_apis.__version__,
        "package": str(stigmer_apis.__file__),
        "path": sys.path,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
