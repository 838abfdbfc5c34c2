"""The peer of C++: the library on which protoc itself is built, as the distribution packages it."""

from __future__ import annotations

import re
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.interop.peers import INTEROP, Peer, run

_PROJECT = INTEROP / "cpp"


def _version() -> str:
    project = (_PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.findall(r"set\(PROTOBUF_VERSION (.+)\)", project)[0]


def _build(image: Path, work: Path) -> list[str]:
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    # The image also contains the well-known types, whose classes the library has.
    ours = [file.name for file in files if file.name.startswith("ai/stigmer/")]
    (work / "protos.txt").write_text("\n".join(ours), encoding="utf-8")
    run(["cmake", "-S", _PROJECT, "-B", work, "--log-level=WARNING", f"-DIMAGE={image}"])
    run(["cmake", "--build", work, "--parallel", "2"])
    return [str(work / "peer")]


PEERS = [
    Peer(
        language="cpp",
        library="protobuf-cpp",
        version=_version(),
        tools=("cmake", "make", "c++"),
        build=_build,
        reads_json=True,
        is_deterministic=True,
        keeps_unknown=True,
    )
]
