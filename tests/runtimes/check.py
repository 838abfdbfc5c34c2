"""The check of one runtime: `check.py <folder with the releases' fixtures>`.

It runs by its own path in the environment under test, with warnings as errors, and prints a JSON
object: whether each check passed, and how the runtime behaves where runtimes differ.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import json
import pickle
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, NamedTuple

Check = Callable[[Path], str]


class Fixture(NamedTuple):
    """A message of a release, in binary and JSON, and the class that reads it."""

    name: str
    binary: bytes
    text: str
    message_type: Any


def fixtures(releases: Path) -> Iterator[Fixture]:
    """Yield every fixture of every release. A file is named after a message, or a member of its
    oneof.
    """
    from google.protobuf import descriptor_pool, message_factory

    pool = descriptor_pool.Default()
    for path in sorted(releases.glob("*/ai.stigmer.*.binpb")):
        name = path.name.removesuffix(".binpb")
        try:
            descriptor = pool.FindMessageTypeByName(name)
        except KeyError:
            descriptor = pool.FindMessageTypeByName(name.rpartition(".")[0])
        yield Fixture(
            f"{path.parent.name}/{name}",
            path.read_bytes(),
            path.with_suffix(".json").read_text(encoding="utf-8"),
            message_factory.GetMessageClass(descriptor),
        )


def imports(releases: Path) -> str:
    """Import every module of the package; a warning is an error."""
    import stigmer_apis

    modules = pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis.")
    # The SDK has its own protobuf range; `make matrix` tests the two together.
    found = [m.name for m in modules if not m.name.startswith("stigmer_apis.temporal")]
    for name in found:
        importlib.import_module(name)
    assert len(found) > 100, f"only {len(found)} modules"
    return f"{len(found)} modules"


def binary(releases: Path) -> str:
    """Check that every fixture gives the same bytes again."""
    count = 0
    for fixture in fixtures(releases):
        message = fixture.message_type.FromString(fixture.binary)
        again = message.SerializeToString(deterministic=True)
        assert again == fixture.binary, f"{fixture.name}: other bytes"
        assert message.ByteSize() == len(again), f"{fixture.name}: another size"
        count += 1
    assert count > 100, f"only {count} fixtures"
    return f"{count} fixtures"


def json_both_ways(releases: Path) -> str:
    """Check that every fixture gives the same JSON again, and that the JSON gives the message."""
    from google.protobuf import json_format

    for fixture in fixtures(releases):
        message = fixture.message_type.FromString(fixture.binary)
        printed = json_format.MessageToJson(message)
        assert json.loads(printed) == json.loads(fixture.text), f"{fixture.name}: other JSON"
        parsed = json_format.Parse(fixture.text, fixture.message_type())
        assert parsed == message, f"{fixture.name}: another message from JSON"
    return "fixtures"


def pickled_and_copied(releases: Path) -> str:
    """Check that every fixture survives pickle and a deep copy, which share nothing with it."""
    for fixture in fixtures(releases):
        message = fixture.message_type.FromString(fixture.binary)
        for what, other in (
            ("pickled", pickle.loads(pickle.dumps(message))),
            ("copied", copy.deepcopy(message)),
        ):
            assert type(other) is type(message), f"{fixture.name}: {what} to another type"
            assert other == message, f"{fixture.name}: {what} to another message"
            other.Clear()
            assert message.SerializeToString(deterministic=True) == fixture.binary, (
                f"{fixture.name}: changed with what was {what}"
            )
    return "fixtures"


def validated(releases: Path) -> str:
    """Check that validation finds the same violations in every fixture as elsewhere."""
    import protovalidate

    from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionId

    protovalidate.validate(WorkflowExecutionId(value="wex-1"))
    found: list[str] = []
    for fixture in fixtures(releases):
        message = fixture.message_type.FromString(fixture.binary)
        for violation in protovalidate.collect_violations(message):
            field = [
                f"{element.field_name}[{element.subscript}]"
                for element in (violation.proto.field.elements if violation.proto.field else [])
            ]
            found.append(f"{fixture.name} {'.'.join(field)} {violation.proto.rule_id}")
    broken = protovalidate.collect_violations(WorkflowExecutionId())
    assert [violation.proto.rule_id for violation in broken] == ["required"]
    digest = hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
    return f"{len(found)} violations, {digest[:12]}"


def called(releases: Path) -> str:
    """Check that a status update passes through a gRPC channel, and that its token arrives."""
    import grpc

    from stigmer_apis.agentic.workflowexecution.v1 import (
        WorkflowExecution,
        WorkflowExecutionCommandControllerServicer,
        WorkflowExecutionCommandControllerStub,
        WorkflowExecutionStatus,
        WorkflowExecutionUpdateStatusInput,
        add_WorkflowExecutionCommandControllerServicer_to_server,
    )

    class Controller(WorkflowExecutionCommandControllerServicer):
        def updateStatus(self, request: Any, context: object) -> WorkflowExecution:  # noqa: N802
            return WorkflowExecution(status=request.status)

    controller: Any = Controller  # the methods that it omits are not called
    token = bytes(range(256))
    server = grpc.server(futures.ThreadPoolExecutor(1))
    add_WorkflowExecutionCommandControllerServicer_to_server(controller(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            update = WorkflowExecutionUpdateStatusInput(
                execution_id="wex-1", status=WorkflowExecutionStatus(callback_token=token)
            )
            stub = WorkflowExecutionCommandControllerStub(channel)
            answer = stub.updateStatus(update, timeout=30)
    finally:
        server.stop(None)
    assert answer.status.callback_token == token, "another token"
    return "one call"


CHECKS: dict[str, Check] = {
    "import": imports,
    "binary": binary,
    "JSON": json_both_ways,
    "pickle and copy": pickled_and_copied,
    "validate": validated,
    "gRPC": called,
}


def answer_to(message_type: Any, data: bytes) -> str:
    """Return the name of the exception that rejects the data, or "taken"."""
    try:
        message_type.FromString(data)
    except Exception as error:
        return type(error).__name__
    return "taken"


def growth_of_nesting() -> str:
    """Describe how the work to serialize a Struct grows with its depth, in function calls."""
    from google.protobuf.struct_pb2 import Struct

    def calls(depth: int) -> int:
        struct = inner = Struct()
        for _ in range(depth):
            inner = inner.get_or_create_struct("a")
        inner["a"] = "b"
        data = struct.SerializeToString()
        fresh = Struct.FromString(data)
        count = 0

        def profile(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(profile)
        try:
            fresh.SerializeToString(deterministic=True)
        finally:
            sys.setprofile(None)
        return count

    few, more = calls(4), calls(8)
    if few < 2:
        return "in C"
    return "doubles with each level" if more > few * 8 else "in proportion"


def behaviour() -> dict[str, str]:
    """Return the behavior of the runtime where runtimes are known to differ."""
    from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus

    status = WorkflowExecutionStatus
    error = status.DESCRIPTOR.fields_by_name["error"].number << 3 | 2
    return {
        "a string that is not UTF-8": answer_to(status, bytes([error, 2, 0xFF, 0xFE])),
        "a length padded to 6 bytes": answer_to(
            status, bytes([error, 0x82, 0x80, 0x80, 0x80, 0x80, 0x00]) + b"xx"
        ),
        "a tag padded to 6 bytes": answer_to(
            status, bytes([error | 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 2]) + b"xx"
        ),
        "a group closed with another number": answer_to(status, b"\xa3\x06\xac\x06"),
        "nested groups without end": answer_to(status, b"\xa3\x06" * 1000),
        "to serialize a nested Struct": growth_of_nesting(),
    }


def main() -> int:
    """Run the checks and print the results."""
    from google.protobuf.internal import api_implementation

    releases = Path(sys.argv[1])
    failed: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            found[name] = check(releases)
        except Exception:
            failed[name] = traceback.format_exc()
    report = {
        "implementation": api_implementation.Type(),
        "found": found,
        "failed": failed,
        "behaviour": behaviour() if "import" in found else {},
    }
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
