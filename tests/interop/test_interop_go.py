"""Go: the code generated for it, and calls between its clients and servers and ours."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from stigmer_apis.agentic.agentexecution.v1 import (
    AgentExecutionSpec,
    add_AgentExecutionCommandControllerServicer_to_server,
    add_AgentExecutionQueryControllerServicer_to_server,
)
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    ListWorkflowExecutionsRequest,
    WorkflowExecutionQueryControllerStub,
    WorkflowExecutionSpec,
    add_WorkflowExecutionCommandControllerServicer_to_server,
    add_WorkflowExecutionQueryControllerServicer_to_server,
)
from tests.interop import peer_go, peers
from tests.interop.peers import PeerError, run
from tests.services.execution_services import (
    AGENT_EXECUTION,
    CHANNEL_OPTIONS,
    EACH_RESOURCE,
    TIMEOUT,
    WORKFLOW_EXECUTION,
    AgentExecutions,
    Resource,
    Store,
    WorkflowExecutions,
    loopback,
)

ALL_BYTES = bytes(range(256))
PHASES = ["EXECUTION_PENDING", "EXECUTION_IN_PROGRESS", "EXECUTION_COMPLETED"]
EACH_TOKEN = pytest.mark.parametrize(
    "token",
    [
        pytest.param(ALL_BYTES, id="every byte value"),
        pytest.param(b"\0", id="one zero byte"),
        pytest.param(b"\xff\xfe\r\n ", id="no text"),
    ],
)


@pytest.fixture(scope="module")
def programs() -> Path:
    """Return the folder with the programs of tests/interop/go."""
    [peer] = peer_go.PEERS
    try:
        return Path(peer.command()[0]).parent
    except PeerError as error:
        pytest.fail(str(error), pytrace=False)


@contextmanager
def python_server(store: Store) -> Generator[str]:
    """Serve the executions in `store` from Python, and return the address."""
    ports: list[int] = []

    def register(server: grpc.Server) -> None:
        # The type stubs require every RPC of a servicer; the omitted ones show the default
        # response.
        workflow_executions = WorkflowExecutions(store)  # pyright: ignore[reportAbstractUsage]
        agent_executions = AgentExecutions(store)  # pyright: ignore[reportAbstractUsage]
        add_WorkflowExecutionCommandControllerServicer_to_server(workflow_executions, server)
        add_WorkflowExecutionQueryControllerServicer_to_server(workflow_executions, server)
        add_AgentExecutionCommandControllerServicer_to_server(agent_executions, server)
        add_AgentExecutionQueryControllerServicer_to_server(agent_executions, server)
        ports.append(server.add_insecure_port("127.0.0.1:0"))

    with loopback(register):
        yield f"127.0.0.1:{ports[0]}"


@contextmanager
def go_server(programs: Path) -> Generator[grpc.Channel]:
    """Start the Go server and connect to it; it ends with its standard input."""
    with subprocess.Popen(
        [programs / "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port.isdigit(), "the Go server did not start; what it said stands above"
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
                yield channel
        finally:
            server.stdin.close()
            assert server.wait(TIMEOUT) == 0, "the Go server failed"


# -- what is generated


def test_go_vet_finds_nothing_in_the_stubs_nor_in_what_uses_them(programs: Path) -> None:
    try:
        peer_go.go("vet", "./...", "stigmer.example/stubs/...")
    except PeerError as error:
        pytest.fail(str(error), pytrace=False)


def test_code_from_the_proto_files_refers_to_the_module_of_protovalidate(tmp_path: Path) -> None:
    page = (peers.ROOT / "docs" / "interop.md").read_text()
    template = page.partition("```yaml\n")[2].partition("```")[0]
    assert "local: protoc-gen-go\n" in template
    template = template.replace("local: protoc-gen-go\n", "local: [go, tool, protoc-gen-go]\n")
    (tmp_path / "buf.gen.yaml").write_text(template)
    options = ["--template", tmp_path / "buf.gen.yaml", "--output", tmp_path]
    # The working tree instead of the git URL of the example.
    run([peers.BUF, "generate", *options, peers.ROOT / "apis"], cwd=peer_go.SOURCES)
    imports = {
        line.split('"')[1]
        for file in (tmp_path / "stubs").rglob("*.pb.go")
        for line in file.read_text().splitlines()
        if line.startswith('\t_ "')
    }
    options_package = "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
    assert {name for name in imports if "validate" in name} == {options_package}
    assert f"`{options_package}`" in page


def test_the_token_is_a_byte_slice_under_its_number_and_name(programs: Path) -> None:
    try:
        printed = peer_go.go("test", "-count=1", "-v", ".")
    except PeerError as error:
        pytest.fail(str(error), pytrace=False)
    assert "--- PASS: TestCallbackTokenIsBytesUnderItsNumberAndName" in printed


# -- a Go client, a Python server


@pytest.fixture(scope="module")
def store() -> Store:
    """Return the store of the Python server."""
    return Store()


@pytest.fixture(scope="module")
def seen_by_go(programs: Path, store: Store) -> dict[str, Any]:
    """Return what the Go client saw of one execution of each kind, by resource name."""
    with python_server(store) as address:
        try:
            return json.loads(run([programs / "client", address]))
        except PeerError as error:
            pytest.fail(str(error), pytrace=False)


def name_of(resource: Resource) -> str:
    return resource.execution.DESCRIPTOR.name


@EACH_RESOURCE
def test_a_token_from_go_reaches_a_python_server_and_comes_back(
    resource: Resource, seen_by_go: dict[str, Any], store: Store
) -> None:
    seen = seen_by_go[name_of(resource)]
    stored = store.get(resource.execution, seen["id"])
    assert stored.metadata.name == "from Go"
    assert stored.status.callback_token == ALL_BYTES
    assert base64.b64decode(seen["token_answered"]) == ALL_BYTES
    assert base64.b64decode(seen["token_stored"]) == ALL_BYTES


@EACH_RESOURCE
def test_a_go_client_follows_an_execution_at_a_python_server(
    resource: Resource, seen_by_go: dict[str, Any]
) -> None:
    seen = seen_by_go[name_of(resource)]
    assert seen["phases_followed"] == PHASES
    tokens = [base64.b64decode(token or "") for token in seen["tokens_followed"]]
    assert tokens == [b"", ALL_BYTES, ALL_BYTES]


@EACH_RESOURCE
def test_a_go_client_sees_the_status_with_which_a_python_server_refuses(
    resource: Resource, seen_by_go: dict[str, Any]
) -> None:
    seen = seen_by_go[name_of(resource)]
    no_such = f"no {name_of(resource)} none-1"
    assert seen["unknown_id"] == {"code": "NotFound", "message": no_such}
    assert seen["not_served"]["code"] == "Unimplemented"


# -- a Python client, a Go server


@pytest.fixture(scope="module")
def go_channel(programs: Path) -> Generator[grpc.Channel]:
    """Return a connection to a Go server."""
    with go_server(programs) as channel:
        yield channel


@EACH_RESOURCE
@EACH_TOKEN
def test_a_token_from_python_reaches_a_go_server_and_comes_back(
    resource: Resource, token: bytes, go_channel: grpc.Channel
) -> None:
    commands, queries = resource.commands(go_channel), resource.queries(go_channel)
    created = commands.create(resource.request(), timeout=TIMEOUT)
    execution_id = created.metadata.id

    answer = commands.updateStatus(
        resource.report(execution_id, callback_token=token), timeout=TIMEOUT
    )
    stored = queries.get(resource.key(execution_id), timeout=TIMEOUT)

    assert created.spec == resource.spec
    assert created.status.callback_token == b""
    assert answer.status.callback_token == token
    assert stored == answer
    assert stored.status.phase == ExecutionPhase.EXECUTION_PENDING, "the report set no phase"


@EACH_RESOURCE
def test_a_python_client_follows_an_execution_at_a_go_server(
    resource: Resource, go_channel: grpc.Channel
) -> None:
    commands, queries = resource.commands(go_channel), resource.queries(go_channel)
    execution_id = commands.create(resource.request(), timeout=TIMEOUT).metadata.id
    stream = queries.subscribe(resource.subscription(execution_id), timeout=TIMEOUT)
    followed = [next(stream)]
    for report in (
        {"phase": ExecutionPhase.EXECUTION_IN_PROGRESS, "callback_token": ALL_BYTES},
        {"phase": ExecutionPhase.EXECUTION_COMPLETED},
    ):
        commands.updateStatus(resource.report(execution_id, **report), timeout=TIMEOUT)
    followed += stream

    phases = [ExecutionPhase.Name(execution.status.phase) for execution in followed]
    assert phases == PHASES
    tokens = [execution.status.callback_token for execution in followed]
    assert tokens == [b"", ALL_BYTES, ALL_BYTES]


@EACH_RESOURCE
def test_a_python_client_sees_the_status_with_which_a_go_server_refuses(
    resource: Resource, go_channel: grpc.Channel
) -> None:
    report = resource.report("none-1", callback_token=ALL_BYTES)
    with pytest.raises(grpc.RpcError) as caught:
        resource.commands(go_channel).updateStatus(report, timeout=TIMEOUT)

    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == f"no {name_of(resource)} none-1"


def test_a_python_client_is_told_which_rpcs_a_go_server_lacks(go_channel: grpc.Channel) -> None:
    queries = WorkflowExecutionQueryControllerStub(go_channel)
    with pytest.raises(grpc.RpcError) as caught:
        queries.list(ListWorkflowExecutionsRequest(), timeout=TIMEOUT)

    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_large_report_travels_in_both_directions(go_channel: grpc.Channel) -> None:
    """Near gRPC's limit of 4 MiB, which is the default on both sides."""
    text = "ü" * 2_000_000
    for resource, spec in (
        (WORKFLOW_EXECUTION, WorkflowExecutionSpec(trigger_message=text)),
        (AGENT_EXECUTION, AgentExecutionSpec(message=text)),
    ):
        request = resource.request()
        request.spec.CopyFrom(spec)
        created = resource.commands(go_channel).create(request, timeout=TIMEOUT)
        assert created.spec == spec
