"""A protoc plugin that runs every generator: protoc's own, mypy-protobuf and that of grpc_tools.

grpc_tools offers its generators only inside its own protoc, so the plugin passes the descriptors of
the request to that protoc and returns the files that it writes. mypy-protobuf is called as a
library. One process for all of them starts Python and reads the descriptors once.

Two copy comments of the contract into string literals, and neither escapes all of them: the gRPC
generator of 1.62 escapes none, and mypy-protobuf escapes docstrings but not the message of
`@deprecated`. The plugin escapes those comments, so that no comment can become code.
"""

from __future__ import annotations

import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet


def escaped(comment: str) -> str:
    """Escape text so that Python reads it unchanged between triple double quotes.

    Only backslashes, and quotes that could close the literal, are special there.
    """
    text = comment.replace("\\", r"\\")
    return re.sub(r'"""|"\Z', lambda quotes: quotes[0].replace('"', r"\""), text)


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Return the modules and type stubs of every requested file, with those for its services."""
    features = plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    response = plugin_pb2.CodeGeneratorResponse(supported_features=features)
    _write_type_stubs(request, response)
    _write_modules(request, response)
    return response


def _write_type_stubs(
    request: plugin_pb2.CodeGeneratorRequest, response: plugin_pb2.CodeGeneratorResponse
) -> None:
    # Installed only in the code generator's environment, where no type checker runs.
    mypy_protobuf: Any = import_module("mypy_protobuf.main")
    comments_of = mypy_protobuf.PkgWriter._get_comments

    def escaped_comments_of(writer: object, location: list[int]) -> list[str]:
        return [escaped(line) for line in comments_of(writer, location)]

    # Read only for the messages of `@deprecated`.
    mypy_protobuf.PkgWriter._get_comments = escaped_comments_of
    descriptors = mypy_protobuf.Descriptors(request)
    options = {
        "quiet": True,
        "readable_stubs": False,
        "relax_strict_optional_primitives": False,
        "use_default_deprecation_warnings": False,
        "generate_concrete_servicer_stubs": False,
    }
    mypy_protobuf.generate_mypy_stubs(descriptors, response, **options)
    descriptors.to_generate = {
        name: file for name, file in descriptors.to_generate.items() if file.service
    }
    both = mypy_protobuf.GRPCType.BOTH
    mypy_protobuf.generate_mypy_grpc_stubs(descriptors, response, grpc_type=both, **options)


def _write_modules(
    request: plugin_pb2.CodeGeneratorRequest, response: plugin_pb2.CodeGeneratorResponse
) -> None:
    protoc: Any = import_module("grpc_tools.protoc")
    image = FileDescriptorSet(file=request.proto_file)
    with_service = {file.name: file for file in image.file if file.service}
    messages = list(request.file_to_generate)
    services = [name for name in messages if name in with_service]
    for name in services:
        _escape_comments(with_service[name])
    with tempfile.TemporaryDirectory() as scratch:
        descriptors, out = Path(scratch, "descriptors.binpb"), Path(scratch, "out")
        descriptors.write_bytes(image.SerializeToString())
        out.mkdir()
        for generator, wanted in (("python", messages), ("grpc_python", services)):
            options = [f"--descriptor_set_in={descriptors}", f"--{generator}_out={out}"]
            # It prints its own errors.
            if wanted and protoc.main(["protoc", *options, *wanted]) != 0:
                response.error = f"protoc's generator {generator} failed"
        for module in sorted(out.rglob("*.py")):
            text = module.read_text(encoding="utf-8")
            response.file.add(name=module.relative_to(out).as_posix(), content=text)


def _escape_comments(file: FileDescriptorProto) -> None:
    for location in file.source_code_info.location:
        if location.leading_detached_comments:
            detached = map(escaped, location.leading_detached_comments)
            location.leading_detached_comments[:] = list(detached)
        for side in ("leading_comments", "trailing_comments"):
            if location.HasField(side):
                setattr(location, side, escaped(getattr(location, side)))


if __name__ == "__main__":
    # `-B` in buf.gen.yaml keeps bytecode out of a folder of sources; make names another for it.
    sys.dont_write_bytecode = sys.pycache_prefix is None
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(request).SerializeToString())
