"""Server reflection with grpcio-reflection: a client discovers all our services from a server."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from stigmer_apis import schema

SERVICES = {
    f"{file.package}.{service.name}": file.name
    for file in schema.file_descriptor_set().file
    for service in file.service
}
"""Return the file of every service of the contract, by the full name of the service."""

QUERIES = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"


def module_of(file: str) -> str:
    return file.replace("ai/stigmer/", "stigmer_apis/").removesuffix(".proto").replace("/", ".")


@pytest.fixture(scope="module")
def stub() -> Iterator[Any]:
    """Return a reflection client of a server that has all our services."""
    names = [reflection.SERVICE_NAME]
    for name, file in SERVICES.items():
        descriptor: Any = importlib.import_module(f"{module_of(file)}_pb2").DESCRIPTOR
        names.append(descriptor.services_by_name[name.rpartition(".")[2]].full_name)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    reflection.enable_server_reflection(names, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield reflection_pb2_grpc.ServerReflectionStub(channel)
    server.stop(None)


def ask(stub: Any, **question: Any) -> Any:
    request = reflection_pb2.ServerReflectionRequest(**question)
    [answer] = stub.ServerReflectionInfo(iter([request]), timeout=30)
    assert not answer.HasField("error_response"), f"{question}: {answer.error_response}"
    return answer


def files(answer: Any) -> list[FileDescriptorProto]:
    return [
        FileDescriptorProto.FromString(data)
        for data in answer.file_descriptor_response.file_descriptor_proto
    ]


def with_imports(
    stub: Any, file: FileDescriptorProto, pool: DescriptorPool, done: set[str]
) -> None:
    """Add a file to a pool after its imports, requesting all of them from the server."""
    if file.name in done:
        return
    done.add(file.name)
    for name in file.dependency:
        [imported] = [f for f in files(ask(stub, file_by_filename=name)) if f.name == name]
        with_imports(stub, imported, pool, done)
    pool.AddSerializedFile(file.SerializeToString())


def test_the_server_lists_every_service(stub: Any) -> None:
    listed = ask(stub, list_services="").list_services_response.service
    assert {service.name for service in listed} == {*SERVICES, reflection.SERVICE_NAME}


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_can_call_a_service_with_what_reflection_tells_alone(
    stub: Any, service: str
) -> None:
    found = files(ask(stub, file_containing_symbol=service))
    [file] = [file for file in found if file.name == SERVICES[service]]
    pool = DescriptorPool()
    with_imports(stub, file, pool, set())
    methods: Any = pool.FindServiceByName(service).methods
    assert methods
    for method in methods:
        assert GetMessageClass(method.input_type)().SerializeToString() == b"", method.full_name
        assert GetMessageClass(method.output_type)().SerializeToString() == b"", method.full_name


BY_NAME = f"""
from google.protobuf import descriptor_pool
from {module_of(SERVICES[QUERIES])}_pb2_grpc import WorkflowExecutionQueryControllerStub
try:
    print(descriptor_pool.Default().FindServiceByName({QUERIES!r}).full_name)
except KeyError:
    print("unknown")
"""


def test_a_module_of_stubs_alone_does_not_make_its_service_known() -> None:
    # This is gRPC's behavior, for which docs/importing-our-protos.md has a workaround. If this test
    # fails, update that page.
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", BY_NAME], capture_output=True, text=True
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "unknown\n", "")
