"""The peers of Node: protobuf-es, and protobufjs, which has no line of code in common with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from peers import INTEROP, PROTOC, Peer, is_up_to_date, run

_SOURCES = INTEROP / "node"
_LOCK = _SOURCES / "package-lock.json"


def _build(program: str, *options: str, image: Path, work: Path) -> list[str]:
    """Install what is pinned, generate, and compile the TypeScript, each if it is not up to date.

    All of it happens in copies in the work folder: Node looks for packages beside the program.
    """
    modules = work / "node_modules"
    started_by = ["node", str(work / f"{program}.js"), *options]
    if is_up_to_date(work / f"{program}.js", _SOURCES, image):
        return started_by
    shutil.copytree(_SOURCES, work, dirs_exist_ok=True)
    if not is_up_to_date(modules / ".package-lock.json", _LOCK):
        run(["npm", "ci"], cwd=work)
    _generate(image, work)
    run([modules / ".bin" / "tsc", "--project", work])
    return started_by


def _generate(image: Path, work: Path) -> None:
    generated = work / "gen"
    stamp = generated / ".generated"
    if is_up_to_date(stamp, image, _LOCK):
        return
    shutil.rmtree(generated, ignore_errors=True)
    bin_folder = work / "node_modules" / ".bin"
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    ours = [file.name for file in files if file.name.startswith("ai/stigmer/")]
    for plugin, folder, options in (
        ("es", "protobuf_es", "target=ts,import_extension=js"),
        ("pbjs", "protobufjs", "file=static.js,dts"),
        # With a root of its own, since the two would otherwise meet in the default one.
        ("pbjs", "protobufjs", "file=reflection.js,target=json-module,root=reflection"),
    ):
        (generated / folder).mkdir(parents=True, exist_ok=True)
        run(
            [
                *PROTOC,
                f"--descriptor_set_in={image}",
                f"--plugin=protoc-gen-{plugin}={bin_folder / f'protoc-gen-{plugin}'}",
                f"--{plugin}_out={generated / folder}",
                f"--{plugin}_opt={options}",
                *ours,
            ]
        )
    stamp.touch()


def _version(package: str) -> str:
    return json.loads(_LOCK.read_bytes())["packages"][f"node_modules/{package}"]["version"]


PEERS = [
    Peer(
        language="node",
        library="protobuf-es",
        version=_version("@bufbuild/protobuf"),
        tools=("node", "npm"),
        build=lambda image, work: _build("protobuf_es", image=image, work=work),
        reads_json=True,
        is_deterministic=False,
        keeps_unknown=True,
        notes="Has no deterministic mode; writes maps in the order in which JavaScript lists keys.",
    ),
    Peer(
        language="node",
        library="protobufjs",
        version=_version("protobufjs"),
        tools=("node", "npm"),
        build=lambda image, work: _build("protobufjs", "--drop-unknown", image=image, work=work),
        reads_json=True,
        is_deterministic=False,
        keeps_unknown=False,
        notes="x",
    ),
    Peer(
        language="node",
        library="protobufjs-discardUnknown-false",
        version=_version("protobufjs"),
        tools=("node", "npm"),
        build=lambda image, work: _build("protobufjs", "--keep-unknown", image=image, work=work),
        reads_json=True,
        is_deterministic=False,
        keeps_unknown=True,
        notes="x",
    ),
]
