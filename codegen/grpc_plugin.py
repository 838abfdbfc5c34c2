"""A protoc plugin for the gRPC Python generator, which grpc_tools offers only inside its protoc.

buf communicates with plugins over standard input and output, and grpc_tools has no executable that
does so. This plugin passes the descriptors of the request to that protoc as a descriptor set, and
returns the files that protoc writes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Return the `*_pb2_grpc.py` of every requested file that declares a service.

    grpc_tools also writes a module for files without services. Those modules are empty, so they
    are omitted.
    """
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    with_service = {file.name for file in request.proto_file if file.service}
    wanted = [name for name in request.file_to_generate if name in with_service]
    if not wanted:
        return response
    with tempfile.TemporaryDirectory() as scratch:
        descriptors = Path(scratch, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(scratch, "out")
        out.mkdir()
        protoc = [sys.executable, "-m", "grpc_tools.protoc"]
        run = subprocess.run(
            [*protoc, f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}", *wanted],
            capture_output=True,
            text=True,
        )
        if run.returncode != 0:
            response.error = run.stderr.strip() or f"grpc_tools.protoc exited with {run.returncode}"
            return response
        for module in sorted(out.rglob("*.py")):
            response.file.add(name=module.relative_to(out).as_posix(), content=module.read_text())
    return response


if __name__ == "__main__":
    sys.stdout.buffer.write(
        generate(
            plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
        ).SerializeToString()
    )
