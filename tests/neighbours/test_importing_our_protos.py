"""docs/importing-our-protos.md works as written, with an old and a new protoc."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.markdown import shown_files
from tests.neighbours.neighbour_packages import environment_without_python

PAGE = "docs/importing-our-protos.md"

TYPE_URL = "type.googleapis.com/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"

PRINTED = [
    "",
    f"WorkflowExecution {TYPE_URL}",
    "WorkflowExecution",
    '{"kind": "WorkflowExecution"}',
    "",
]
"""The expected output of each command on the page."""


class Page(NamedTuple):
    """Return the files on the page, and its commands."""

    files: dict[str, str]
    commands: list[str]


def page(root: Path) -> Page:
    text = (root / PAGE).read_text()
    return Page(shown_files(text), re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


def sh(command: str, folder: Path) -> str:
    """Run a command with this environment's Python in a folder, with warnings as errors."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    finished = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**environment_without_python(), "PATH": path, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (finished.returncode, finished.stderr) == (0, ""), f"{command}\n{finished.stderr}"
    return finished.stdout.strip()


@pytest.fixture(params=["the newest protoc", "our protoc"])
def written(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Path:
    """Return a folder with the files of the page, and the code that a protoc generated from them.

    One protoc is that of this environment, the newest that its protobuf allows. The other is that
    of the code generator, grpcio-tools 1.62.3.
    """
    for name, content in page(root).files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "gen").mkdir()
    compile_it = page(root).commands[0]
    if request.param == "our protoc":
        ours = root / ".venv-codegen/bin/python"
        compile_it = compile_it.replace("python -m grpc_tools", f"'{ours}' -W ignore -m grpc_tools")
        assert str(ours) in compile_it
    assert sh(compile_it, tmp_path) == PRINTED[0]
    return tmp_path


def test_every_command_of_the_page_does_what_it_says(root: Path, written: Path) -> None:
    commands = page(root).commands[1:]
    assert [sh(command, written) for command in commands] == PRINTED[1:]


def test_every_program_of_the_page_is_run(root: Path) -> None:
    found = page(root)
    programs = [name for name in found.files if name.endswith(".py")]
    assert len(programs) == 4
    assert [name for name in programs if name not in "".join(found.commands)] == []


def in_process(code: str, written: Path) -> str:
    (written / "check.py").write_text(code)
    return sh("PYTHONPATH=gen python check.py", written)


NESTED = """
import copy, pickle
from stigmer_apis import alias
alias.install()
from google.protobuf import json_format
from acme.reports.v1 import report_pb2
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from stigmer_apis.commons.apiresource import ApiResourceMetadata

token = bytes(range(256))
report = report_pb2.Report(metadata=ApiResourceMetadata(name="Weekly"))
report.executions.add().status.callback_token = token
inner = report.executions[0]

# Theirs in ours, where ours has a place for any JSON, and ours in theirs again.
inner.spec.trigger_metadata["report"] = json_format.MessageToJson(report_pb2.Report())
report.attachment.Pack(report_pb2.Report(executions=[inner]))

for there_and_back in (
    lambda m: type(m).FromString(m.SerializeToString()),
    lambda m: json_format.Parse(json_format.MessageToJson(m), type(m)()),
    lambda m: pickle.loads(pickle.dumps(m)),
    copy.deepcopy,
):
    arrived = there_and_back(report)
    assert arrived == report
    assert type(arrived.executions[0]) is WorkflowExecution
    within = report_pb2.Report()
    assert arrived.attachment.Unpack(within)
    assert within.executions[0].status.callback_token == token
    assert within.executions[0] == inner
field = report_pb2.Report.DESCRIPTOR.fields_by_name["executions"]
assert field.message_type is WorkflowExecution.DESCRIPTOR
print("nested")
"""

CALL = """
from concurrent import futures
import grpc
from stigmer_apis import alias
alias.install()
from acme.reports.v1 import report_pb2, report_pb2_grpc
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution

class Controller(report_pb2_grpc.ReportControllerServicer):
    def latest(self, request, context):
        return request.executions[-1]

server = grpc.server(futures.ThreadPoolExecutor(1))
report_pb2_grpc.add_ReportControllerServicer_to_server(Controller(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    stub = report_pb2_grpc.ReportControllerStub(channel)
    sent = report_pb2.Report(executions=[WorkflowExecution(kind="a"), WorkflowExecution(kind="b")])
    answer = stub.latest(sent, timeout=30)
assert type(answer) is WorkflowExecution
print(answer.kind)
server.stop(None)
"""

WITHOUT_ALIAS = """
try:
    from acme.reports.v1 import report_pb2
except ModuleNotFoundError as error:
    print(error)
"""


def test_messages_of_both_nest_in_each_other(written: Path) -> None:
    assert in_process(NESTED, written) == "nested"


def test_a_service_of_theirs_returns_a_message_of_ours(written: Path) -> None:
    assert in_process(CALL, written) == "b"


def test_without_the_alias_their_code_does_not_find_ours(written: Path) -> None:
    assert in_process(WITHOUT_ALIAS, written) == "No module named 'ai'"
