"""Another copy of our files in the process, such as code generated from the same .proto files.

protobuf's descriptor pool takes each file and each full name once. One sentence says which copy is
in the way, and what to do about it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NAME = "ai/stigmer/commons/rpc/pagination.proto"

OTHER_COPY = """
from google.protobuf import descriptor_pool, descriptor_pb2
message = descriptor_pb2.DescriptorProto(name="PageInfo")
field = message.field.add(name="total", number=9, type=9, label=1)
DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(
    descriptor_pb2.FileDescriptorProto(
        name="{name}", package="ai.stigmer.commons.rpc", message_type=[message]
    ).SerializeToString()
)
"""


def outcome(code: str, folder: Path, implementation: str) -> subprocess.CompletedProcess[str]:
    variables = {"PYTHONPATH": str(folder)}
    if implementation == "python":
        variables["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = implementation
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(code: str, folder: Path, implementation: str) -> str:
    """Return the last line of the error that the code ends with."""
    finished = outcome(code, folder, implementation)
    assert finished.returncode == 1, finished.stdout
    assert finished.stderr.count("Traceback") == 1, "the error of the descriptor pool shows"
    return finished.stderr.splitlines()[-1]


def sentence(place: str) -> str:
    return (
        f"ImportError: stigmer_apis cannot load {NAME}: this process has already loaded another "
        f"copy of it, {place}; remove the package that contains the other copy, as "
        "docs/migrating.md of stigmer-apis describes"
    )


either_implementation = pytest.mark.parametrize("implementation", ["upb", "python"])


@either_implementation
@pytest.mark.parametrize("name", [NAME, "rpc/pagination.proto"])
@pytest.mark.parametrize("module", ["", ".pagination_pb2"], ids=["package", "module"])
def test_the_module_of_the_other_copy_is_named(
    tmp_path: Path, name: str, module: str, implementation: str
) -> None:
    (tmp_path / "pagination_pb2.py").write_text(OTHER_COPY.format(name=name))
    code = f"import pagination_pb2\nfrom stigmer_apis.commons.rpc{module} import PageInfo"

    error = refused(code, tmp_path, implementation)

    assert error == sentence(f"from {tmp_path}/pagination_pb2.py")


@either_implementation
def test_a_copy_without_a_module_is_named_too(tmp_path: Path, implementation: str) -> None:
    code = OTHER_COPY.replace("DESCRIPTOR = ", "").format(name=NAME)

    error = refused(
        f"{code}\nfrom stigmer_apis.commons.rpc import PageInfo", tmp_path, implementation
    )

    assert error == sentence("through a descriptor pool")


@either_implementation
def test_the_same_file_in_the_pool_is_not_in_the_way(tmp_path: Path, implementation: str) -> None:
    code = """
from google.protobuf import descriptor_pool
from stigmer_apis import schema
for file in schema.file_descriptor_set().file:
    if file.name.startswith("ai/stigmer/commons/rpc/"):
        descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
from stigmer_apis.commons.rpc import PageInfo
"""
    finished = outcome(code, tmp_path, implementation)

    assert finished.returncode == 0, finished.stderr


def test_what_else_a_pool_refuses_is_its_own_error(tmp_path: Path) -> None:
    code = """
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from stigmer_apis import _pool
file = FileDescriptorProto(name="a.proto", dependency=["missing.proto"])
_pool.add_file("a.proto", file.SerializeToString())
"""
    assert refused(code, tmp_path, "upb").startswith("TypeError: ")
