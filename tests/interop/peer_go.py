"""protobuf-go and grpc-go: the stubs from the shipped image, and the programs built on them.

What is downloaded, the code generators included, is pinned by `go/go.mod` and `go/go.sum`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from peers import BUF, INTEROP, Peer, PeerError, run

SOURCES = INTEROP / "go"

# One toolchain, the one that is there: go would otherwise fetch what a newer go.mod asks for.
_ENVIRONMENT = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def go(*arguments: str | Path) -> str:
    """Run the go command in the folder of our module.

    Raises:
        PeerError: it fails.
    """
    return run(["go", *arguments], cwd=SOURCES, env=_ENVIRONMENT)


def generate(image: Path, work: Path) -> None:
    """Generate the stubs into `work/stubs`, a Go module of its own that `go.mod` points to.

    They are left alone when they are up to date, since `go vet` may be reading them.

    Raises:
        PeerError: a code generator fails.
    """
    stubs = work / "stubs"
    stamp = stubs / "generated-from"
    inputs = _digest(image, *map(SOURCES.joinpath, ("buf.gen.yaml", "go.mod", "go.sum")))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == inputs:
        return
    shutil.rmtree(stubs, ignore_errors=True)
    stubs.mkdir(parents=True)
    # Before anything else: without it our own module, which names it, does not load either. The
    # versions that it builds with are those of our module.
    (stubs / "go.mod").write_text("module stigmer.example/stubs\n\ngo 1.26.0\n", encoding="utf-8")
    arguments = ["--template", SOURCES / "buf.gen.yaml", "--output", stubs, image]
    run([BUF, "generate", *arguments], cwd=SOURCES, env=_ENVIRONMENT)
    packages = sorted({file.parent for file in stubs.rglob("*.pb.go")})
    imports = [f'\t_ "stigmer.example/stubs/{p.relative_to(stubs).as_posix()}"' for p in packages]
    # Importing this one registers every message type.
    (stubs / "stubs.go").write_text(
        "\n".join(["package stubs", "", "import (", *imports, ")", ""]), encoding="utf-8"
    )
    stamp.write_text(inputs, encoding="utf-8")


def build(image: Path, work: Path) -> list[str]:
    """Build every program into `work/bin` and return the command line of the peer program.

    Raises:
        PeerError: a code generator or the compiler fails.
    """
    generate(image, work)
    binaries = work / "bin"
    go("build", "-o", f"{binaries}/", "./...")
    return [str(binaries / "roundtrip")]


def writes_oneof_late(message: Message) -> bool:
    """Whether the message, or one within it, has a member of a oneof before another field.

    protobuf-go writes the fields of a message by number, and then those that belong to oneofs.
    """
    fields = message.ListFields()
    last = max((field.number for field, _ in fields if not field.containing_oneof), default=0)
    if any(field.number < last for field, _ in fields if field.containing_oneof):
        return True
    return any(
        writes_oneof_late(inner) for field, value in fields for inner in _inner(field, value)
    )


def _digest(*files: Path) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _inner(field: FieldDescriptor, value: Any) -> Iterable[Message]:
    if field.message_type is None:
        return []
    if field.message_type.GetOptions().map_entry:
        is_message = field.message_type.fields_by_name["value"].message_type is not None
        return value.values() if is_message else []
    return [value] if isinstance(value, Message) else value


def _version(module: str) -> str:
    required = re.search(rf"^\s*{module} (v\S+)", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    if required is None:
        raise PeerError(f"{SOURCES.name}/go.mod requires no {module}")
    return required[1]


PEERS = [
    Peer(
        language="go",
        library="protobuf-go",
        version=_version("google.golang.org/protobuf").removeprefix("v"),
        tools=("go",),
        build=build,
        reads_json=True,
        is_deterministic=True,
        keeps_unknown=True,
        reorders=writes_oneof_late,
        notes=(
            "Writes the members of oneofs after all other fields, so the bytes are others where a "
            "oneof has a lower number than a field that is set, as in `McpServerDefinition`."
        ),
    )
]
