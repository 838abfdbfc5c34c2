"""Every RPC of every service in the contract: path, messages, and the default response.

The descriptors drive these tests, so new services are covered as soon as they are generated.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.message import Message

from stigmer_apis import schema
from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecutionCommandControllerStub,
    AgentExecutionQueryControllerStub,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionQueryControllerStub,
)
from stigmer_apis.agentic.workflowrunner.v1 import WorkflowRunnerServiceControllerStub
from tests.each import for_each
from tests.services.execution_services import TIMEOUT, loopback, loopback_async

# Field 999, which no message has, distinguishes any message from an empty one.
CONTENT = b"\xba\x3e\x05hello"


class Service(NamedTuple):
    """A service of the contract, and the generated module and package that contain its classes."""

    file: FileDescriptorProto
    descriptor: ServiceDescriptorProto

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def package(self) -> Any:
        return importlib.import_module(
            "stigmer_apis" + self.file.package.removeprefix("ai.stigmer")
        )

    @property
    def module(self) -> Any:
        path = self.file.name.removeprefix("ai/stigmer/").removesuffix(".proto")
        return importlib.import_module(f"stigmer_apis.{path.replace('/', '.')}_pb2_grpc")

    @property
    def stub(self) -> Any:
        return getattr(self.module, f"{self.name}Stub")

    @property
    def servicer(self) -> Any:
        return getattr(self.module, f"{self.name}Servicer")

    @property
    def add_to_server(self) -> Callable[[Any, Any], None]:
        add: Callable[[Any, Any], None] = getattr(self.module, f"add_{self.name}Servicer_to_server")
        return add

    def path(self, method: MethodDescriptorProto) -> str:
        return f"/{self.file.package}.{self.name}/{method.name}"


on_every_service = for_each(
    {
        f"{file.package}.{descriptor.name}": Service(file, descriptor)
        for file in schema.file_descriptor_set().file
        for descriptor in file.service
    }
)


def message_class(type_name: str) -> type[Message]:
    """Return the generated class of a type, given as in descriptors: `.ai.stigmer.X`."""
    descriptor = descriptor_pool.Default().FindMessageTypeByName(type_name.removeprefix("."))
    return message_factory.GetMessageClass(descriptor)


def arity(method: MethodDescriptorProto) -> str:
    def word(streaming: bool) -> str:
        return "stream" if streaming else "unary"

    return f"{word(method.client_streaming)}_{word(method.server_streaming)}"


class Multicallable(NamedTuple):
    arity: str
    path: str
    request_serializer: Callable[[Message], bytes]
    response_deserializer: Callable[[bytes], Message]


class RecordingChannel:
    """A fake channel that records what a stub requests from it."""

    def __getattr__(self, name: str) -> Callable[..., Multicallable]:
        if name not in ("unary_unary", "unary_stream", "stream_unary", "stream_stream"):
            raise AttributeError(name)

        def multicallable(
            method: str, request_serializer: Any, response_deserializer: Any, **_: object
        ) -> Multicallable:
            return Multicallable(name, method, request_serializer, response_deserializer)

        return multicallable


class RecordingInterceptor(grpc.ServerInterceptor):
    """A handler that records the paths of calls."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        self.paths.append(handler_call_details.method)
        return continuation(handler_call_details)


def call(stub: Any, method: MethodDescriptorProto, request: Message) -> Message:
    """Call an RPC of any arity with one request, and return its one response."""
    multicallable = getattr(stub, method.name)
    argument = iter([request]) if method.client_streaming else request
    answer = multicallable(argument, timeout=TIMEOUT)
    if method.server_streaming:
        [answer] = list(answer)
    return answer


def answering_servicer(service: Service, requests: list[Message]) -> Any:
    """Return a servicer that records every request and responds with CONTENT in the right type."""

    def handler(method: MethodDescriptorProto) -> Callable[[object, Any, object], Any]:
        response = message_class(method.output_type).FromString(CONTENT)

        def handle(_self: object, request: Any, _context: object) -> Any:
            requests.extend(request if method.client_streaming else [request])
            return iter([response]) if method.server_streaming else response

        return handle

    handlers = {method.name: handler(method) for method in service.descriptor.method}
    return type(f"Answering{service.name}", (service.servicer,), handlers)()


def test_the_contract_has_the_services_that_an_execution_needs(contract: FileDescriptorSet) -> None:
    # The tests below discover services, and would silently pass if they found none.
    assert {
        "AgentExecutionCommandController",
        "AgentExecutionQueryController",
        "WorkflowExecutionCommandController",
        "WorkflowExecutionQueryController",
        "WorkflowRunnerServiceController",
    } <= {service.name for file in contract.file for service in file.service}


@pytest.mark.parametrize(
    ("stub_class", "service", "rpcs"),
    [
        (
            AgentExecutionCommandControllerStub,
            "ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController",
            ["create", "update", "updateStatus", "delete"],
        ),
        (
            AgentExecutionQueryControllerStub,
            "ai.stigmer.agentic.agentexecution.v1.AgentExecutionQueryController",
            ["get", "list", "listBySession", "subscribe"],
        ),
        (
            WorkflowExecutionCommandControllerStub,
            "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController",
            ["create", "update", "updateStatus", "delete"],
        ),
        (
            WorkflowExecutionQueryControllerStub,
            "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController",
            ["get", "list", "listByWorkflow", "subscribe"],
        ),
        (
            WorkflowRunnerServiceControllerStub,
            "ai.stigmer.agentic.workflowrunner.v1.WorkflowRunnerServiceController",
            ["executeAsync", "cancelExecution", "pauseExecution", "resumeExecution"],
        ),
    ],
)
def test_the_paths_are_those_that_deployed_clients_call(
    stub_class: Any, service: str, rpcs: list[str]
) -> None:
    # Spelled out, because the descriptors that the tests below use would follow a rename.
    stub = stub_class(RecordingChannel())
    assert {rpc: getattr(stub, rpc).path for rpc in rpcs} == {
        rpc: f"/{service}/{rpc}" for rpc in rpcs
    }


@on_every_service
def test_a_stub_has_every_rpc_with_its_path_and_messages(service: Service) -> None:
    stub = service.stub(RecordingChannel())
    assert list(stub.__dict__) == [method.name for method in service.descriptor.method]
    for method in service.descriptor.method:
        made: Multicallable = getattr(stub, method.name)
        assert made.path == service.path(method)
        assert made.arity == arity(method), made.path
        request = message_class(method.input_type).FromString(CONTENT)
        assert made.request_serializer(request) == CONTENT, made.path
        response = made.response_deserializer(CONTENT)
        assert type(response) is message_class(method.output_type), made.path
        assert response.SerializeToString() == CONTENT, made.path


@on_every_service
def test_the_package_of_a_service_exports_what_its_module_defines(service: Service) -> None:
    for name in (
        f"{service.name}Stub",
        f"{service.name}Servicer",
        f"add_{service.name}Servicer_to_server",
    ):
        assert getattr(service.package, name) is getattr(service.module, name)


@on_every_service
def test_every_rpc_reaches_its_handler_over_its_path(service: Service) -> None:
    requests: list[Message] = []
    interceptor = RecordingInterceptor()
    servicer = answering_servicer(service, requests)
    with loopback(lambda server: service.add_to_server(servicer, server), interceptor) as channel:
        stub = service.stub(channel)
        for method in service.descriptor.method:
            request = message_class(method.input_type).FromString(CONTENT)

            response = call(stub, method, request)

            assert interceptor.paths.pop() == service.path(method)
            received = requests.pop()
            assert type(received) is type(request), method.name
            assert received.SerializeToString() == CONTENT, method.name
            assert type(response) is message_class(method.output_type), method.name
            assert response.SerializeToString() == CONTENT, method.name
    assert not interceptor.paths
    assert not requests


@on_every_service
def test_an_rpc_that_the_servicer_leaves_out_is_answered_with_unimplemented(
    service: Service,
) -> None:
    servicer = service.servicer()
    with loopback(lambda server: service.add_to_server(servicer, server)) as channel:
        stub = service.stub(channel)
        for method in service.descriptor.method:
            with pytest.raises(grpc.RpcError) as caught:
                call(stub, method, message_class(method.input_type)())
            error: Any = caught.value
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED, method.name


@on_every_service
def test_an_rpc_that_the_servicer_leaves_out_is_answered_with_unimplemented_over_asyncio(
    service: Service,
) -> None:
    async def answered_code(stub: Any, method: MethodDescriptorProto) -> grpc.StatusCode:
        request = message_class(method.input_type)()
        argument: Message | Iterator[Message]
        argument = iter([request]) if method.client_streaming else request
        code: grpc.StatusCode = await getattr(stub, method.name)(argument, timeout=TIMEOUT).code()
        return code

    async def scenario() -> None:
        servicer = service.servicer()
        async with loopback_async(
            lambda server: service.add_to_server(servicer, server)
        ) as channel:
            stub = service.stub(channel)
            for method in service.descriptor.method:
                code = await answered_code(stub, method)
                assert code is grpc.StatusCode.UNIMPLEMENTED, method.name

    asyncio.run(scenario())
