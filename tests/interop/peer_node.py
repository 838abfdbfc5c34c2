"""The peers of Node: protobuf-es and protobufjs, which share no code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.interop.peers import INTEROP, PROTOC, Peer, is_up_to_date, mark_up_to_date, run

_SOURCES = INTEROP / "node"
_LOCK = _SOURCES / "package-lock.json"


def _build(program: str, *options: str, image: Path, work: Path) -> list[str]:
    """Install the pinned packages, generate, and compile the TypeScript, unless it is up to date.

    All of this uses copies in the work folder, because Node looks for packages next to the program.
    """
    started_by = ["node", str(work / f"{program}.js"), *options]
    installed, built = work / ".installed", work / ".built"
    sources = (image, _SOURCES, Path(__file__))
    if is_up_to_date(built, *sources):
        return started_by
    shutil.copytree(_SOURCES, work, dirs_exist_ok=True)
    if not is_up_to_date(installed, _LOCK):
        run(["npm", "ci"], cwd=work)
        mark_up_to_date(installed, _LOCK)
    _generate(image, work)
    run([work / "node_modules" / ".bin" / "tsc", "--project", work])
    mark_up_to_date(built, *sources)
    return started_by


def _generate(image: Path, work: Path) -> None:
    generated = work / "gen"
    shutil.rmtree(generated, ignore_errors=True)
    bin_folder = work / "node_modules" / ".bin"
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    ours = [file.name for file in files if file.name.startswith("ai/stigmer/")]
    for plugin, folder, options in (
        ("es", "protobuf_es", "target=ts,import_extension=js"),
        ("pbjs", "protobufjs", "file=static.js,dts"),
        # Each gets its own root; otherwise both would use the default one.
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


def _version(package: str) -> str:
    return json.loads(_LOCK.read_bytes())["packages"][f"node_modules/{package}"]["version"]


def _peer(library: str, package: str, *, keeps_unknown: bool, program: str, notes: str) -> Peer:
    return Peer(
        language="node",
        library=library,
        version=_version(package),
        tools=("node", "npm"),
        build=lambda image, work: _build(*program.split(), image=image, work=work),
        reads_json=True,
        # Maps are objects, written in the order in which JavaScript lists their keys.
        is_deterministic=False,
        keeps_unknown=keeps_unknown,
        notes=notes,
    )


PEERS = [
    _peer(
        "protobuf-es",
        "@bufbuild/protobuf",
        keeps_unknown=True,
        program="protobuf_es",
        notes=(
            "No deterministic mode: in a map, integer keys come first. Loses a map entry with the "
            "key `__proto__` "
            "([protobuf-es#1451](https://github.com/bufbuild/protobuf-es/pull/1451)). Writes "
            "-0.0 as 0 in JSON."
        ),
    ),
    _peer(
        "protobufjs",
        "protobufjs",
        keeps_unknown=False,
        program="protobufjs --drop-unknown",
        notes=(
            "Drops unknown fields by default (see the next row). No deterministic mode: in a map, "
            "integer keys come first. Supports ProtoJSON with its extension `protojson`, which "
            "needs reflection; `toJSON` and `toObject` produce other formats. Loses -0.0 in JSON, "
            "in fields without presence."
        ),
    ),
    _peer(
        "protobufjs-discardUnknown-false",
        "protobufjs",
        keeps_unknown=True,
        program="protobufjs --keep-unknown",
        notes="protobufjs with `Reader.discardUnknown = false`, which keeps unknown fields.",
    ),
]
