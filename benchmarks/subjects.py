"""What the ratios compare: each function prepares the contenders of one, or of a few."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import Validator
from temporalio.converter import DataConverter

from benchmarks.big_contract import IMAGE, big_contract, contract, count
from benchmarks.peers import PLAIN, protoc
from benchmarks.sampler import CODEGEN, Contender, calls, child
from codegen.place import RECORD
from codegen.project import APIS, BUILD
from stigmer_apis.agentic.executioncontext.v1 import ExecutionContext, ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowTask
from stigmer_apis.temporal import data_converter

_CONVERTERS = (data_converter.payload_converter, DataConverter.default.payload_converter)
_RULES = (
    "import sys; from pathlib import Path; from schema_rules.check import contract, findings\n"
    "for image in sys.argv[1:]: list(findings(contract(Path(image))))"
)


def execution() -> WorkflowExecution:
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


def texts(
    of: Callable[[], Message], text: Callable[[Message], object], base: Callable[[Message], object]
) -> Callable[[], Sequence[Contender]]:
    """Compare two ways to turn a message into text or a copy."""

    def contenders() -> Sequence[Contender]:
        message = of()
        return [calls(partial(text, message)), calls(partial(base, message))]

    return contenders


def readers() -> Sequence[Contender]:
    """Compare reading a payload with Temporal's own converter."""
    payloads = _CONVERTERS[1].to_payloads([execution()])
    hints: list[type] = [WorkflowExecution]
    return [calls(partial(each.from_payloads, payloads, hints)) for each in _CONVERTERS]


def writers() -> Sequence[Contender]:
    """Compare writing a payload with Temporal's own converter."""
    return [calls(partial(each.to_payloads, [execution()])) for each in _CONVERTERS]


def parsers() -> Sequence[Contender]:
    """Compare parsing an execution with parsing as many bytes without a `Struct`."""
    nested, flat = execution(), execution()
    for task in flat.status.tasks:
        size = task.output.ByteSize()
        task.ClearField("output")
        task.error = "x" * size
    data = [message.SerializeToString() for message in (nested, flat)]
    return [calls(partial(WorkflowExecution.FromString, each)) for each in data]


def walks() -> Sequence[Contender]:
    """Compare validation of a `Struct`, which has no rules, with parsing it."""
    struct = execution().status.tasks[0].output
    data = struct.SerializeToString()
    validate = partial(Validator().collect_violations, struct)
    return [calls(validate), calls(partial(type(struct).FromString, data))]


def validation() -> Sequence[Contender]:
    """Compare validation with the same contract whose `Struct` fields are visited."""
    pool = DescriptorPool()
    for file in contract().file:
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
    out = BUILD / "benchmarks" / "bare"
    out.mkdir(parents=True, exist_ok=True)
    image = ["--include_imports", f"--descriptor_set_out={out}/schema.binpb"]
    bare = child(*protoc(out, PLAIN.outputs, APIS), *image)
    codegen = child(CODEGEN, "-m", "codegen", before=lambda: RECORD.unlink(missing_ok=True))
    return [codegen, bare]


def schema_rules(messages: int) -> Sequence[Contender]:
    """Run the rules on nothing, on the contract, and on one with that many messages."""
    images: list[list[Path]] = [[], [IMAGE], [_big(messages)]]
    return [child(CODEGEN, "-c", _RULES, *each) for each in images]


def buf_breaking(messages: int) -> Sequence[Contender]:
    """Run buf on nothing, and compare contracts of both sizes with themselves."""
    buf = CODEGEN.with_name("buf")
    images = (IMAGE, _big(messages))
    runs = [child(buf, "breaking", each, "--against", each) for each in images]
    return [child(buf, "--version"), *runs]


def _big(messages: int) -> Path:
    path = BUILD / "benchmarks" / f"{messages}.binpb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(big_contract(contract(), messages).SerializeToString())
    return path


def exponent(messages: int, costs: Sequence[float]) -> float:
    """Return the power of the number of messages with which time grows: 1 is in proportion."""
    nothing, small, big = costs
    times = messages / count(contract().file)
    return math.log((big - nothing) / (small - nothing), times)


def wheel() -> Sequence[Contender]:
    """Return the bytes of the wheel, and the number of messages in it."""
    (path,) = (BUILD / "dist").glob("*.whl")
    return [lambda: path.stat().st_size, lambda: count(contract().file)]
