"""What the ratios compare: each function prepares the contenders of one, or of a few."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import Validator
from temporalio.converter import DataConverter

from benchmarks.big_contract import big_contract, count
from benchmarks.sampler import Contender, calls, child
from codegen.place import RECORD
from codegen.project import APIS, BUILD, ROOT, VALIDATION
from stigmer_apis.agentic.executioncontext.v1 import ExecutionContext, ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowTask
from stigmer_apis.temporal import data_converter

IMAGE = BUILD / "contract.binpb"
"""The contract with its comments, as `make compile` writes it."""
CODEGEN = ROOT / ".venv-codegen" / "bin" / "python"
BIG = 1083
_RULES = (
    "import sys; from pathlib import Path; from schema_rules.check import contract, findings\n"
    "for image in sys.argv[1:]: list(findings(contract(Path(image))))"
)


def execution() -> Message:
    """Return an execution of 20 tasks with outputs, a token and a secret."""
    message = WorkflowExecution(kind="WorkflowExecution", api_version="agentic.stigmer.ai/v1")
    message.metadata.name = "Nightly report"
    message.metadata.org = "org-01jd0kz4yw"
    message.status.callback_token = bytes(range(256))[-150:]
    value = ExecutionValue(value="eu-central-1", is_secret=True)
    message.spec.runtime_env["API_KEY"].CopyFrom(value)
    for number in range(20):
        task = WorkflowTask(task_id=f"task-{number}", task_name=f"step{number}")
        task.output.update({"rows": number, "file": f"report-{number}.csv", "ok": True})
        message.status.tasks.append(task)
    return message


def context() -> Message:
    """Return 50 values, half of them secret."""
    message = ExecutionContext()
    for number in range(50):
        value = ExecutionValue(value=f"value-{number}", is_secret=number % 2 == 0)
        message.spec.data[f"VARIABLE_{number}"].CopyFrom(value)
    return message


def imports(statement: str, base: str) -> Callable[[], Sequence[Contender]]:
    """Compare two import statements in fresh interpreters."""
    return lambda: [child(sys.executable, "-c", text) for text in (statement, base)]


def texts(
    of: Callable[[], Message], text: Callable[[Message], object], base: Callable[[Message], object]
) -> Callable[[], Sequence[Contender]]:
    """Compare two ways to turn a message into text or a copy."""

    def contenders() -> Sequence[Contender]:
        message = of()
        return [calls(partial(text, message)), calls(partial(base, message))]

    return contenders


def converters() -> Sequence[Contender]:
    """Compare reading a payload with Temporal's own converter."""
    stock = DataConverter.default.payload_converter
    payloads = stock.to_payloads([execution()])
    hints: list[type] = [WorkflowExecution]
    ways = (data_converter.payload_converter, stock)
    return [calls(partial(way.from_payloads, payloads, hints)) for way in ways]


def validation() -> Sequence[Contender]:
    """Compare validation with the same contract whose `Struct` fields are visited."""
    pool = DescriptorPool()
    for file in _image().file:
        for field in (field for message in file.message_type for field in message.field):
            if field.type_name == ".google.protobuf.Struct":
                field.ClearField("options")  # They have no rule but `ignore`.
        pool.AddSerializedFile(file.SerializeToString())
    ignored = execution()
    visiting = GetMessageClass(pool.FindMessageTypeByName(ignored.DESCRIPTOR.full_name))
    visited = visiting.FromString(ignored.SerializeToString())
    found = [Validator().collect_violations(message) for message in (ignored, visited)]
    if str(found[0]) != str(found[1]):
        raise RuntimeError("validation differs if it visits the Structs")
    return [calls(partial(Validator().collect_violations, each)) for each in (ignored, visited)]


def generators() -> Sequence[Contender]:
    """Compare generation from scratch with one protoc that writes the same kinds of files."""
    out = BUILD / "benchmarks"
    out.mkdir(parents=True, exist_ok=True)
    plugin = CODEGEN.parent
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")
    protoc = child(
        CODEGEN,
        *["-m", "grpc_tools.protoc", f"-I{APIS}", f"-I{VALIDATION}"],
        *[f"--plugin=protoc-gen-{kind}={plugin}/protoc-gen-{kind}" for kind in kinds[2:]],
        *[f"--{kind}_out={out}" for kind in kinds],
        *["--include_imports", f"--descriptor_set_out={out}/schema.binpb"],
        *sorted(APIS.rglob("*.proto")),
    )
    codegen = child(CODEGEN, "-m", "codegen", before=lambda: RECORD.unlink(missing_ok=True))
    return [codegen, protoc]


def schema_rules() -> Sequence[Contender]:
    """Run the rules on nothing, on the contract and on a large one."""
    big = BUILD / "benchmarks" / "big.binpb"
    big.parent.mkdir(parents=True, exist_ok=True)
    big.write_bytes(big_contract(_image(), BIG).SerializeToString())
    runs: list[list[Path]] = [[], [IMAGE], [big]]
    return [child(CODEGEN, "-c", _RULES, *images) for images in runs]


def exponent(costs: Sequence[float]) -> float:
    """Return how the time of the rules grows with the number of messages: 1 is in proportion."""
    nothing, contract, big = costs
    sizes = count(big_contract(_image(), BIG).file) / count(_image().file)
    return math.log((big - nothing) / (contract - nothing)) / math.log(sizes)


def wheel() -> Sequence[Contender]:
    """Return the bytes of the wheel, and the number of messages in it."""
    (path,) = (BUILD / "dist").glob("*.whl")
    return [lambda: path.stat().st_size, lambda: count(_image().file)]


def _image() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(IMAGE.read_bytes())
