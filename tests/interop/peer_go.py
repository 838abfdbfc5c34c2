"""The peer of Go: protobuf-go and grpc-go, with stubs generated from the shipped image.

`go/go.mod` and `go/go.sum` pin all downloads, including the code generators.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from google.protobuf.message import Message

from tests.interop.peers import (
    BUF,
    INTEROP,
    Peer,
    PeerError,
    is_up_to_date,
    mark_up_to_date,
    messages_within,
    run,
)

SOURCES = INTEROP / "go"

# Use only the installed toolchain: go would otherwise fetch the one that a newer go.mod requires.
_ENVIRONMENT = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def go(*arguments: str | Path) -> str:
    """Run the go command in the folder of our module.

    Raises:
        PeerError: The command fails.
    """
    return run(["go", *arguments], cwd=SOURCES, env=_ENVIRONMENT)


def generate(image: Path, work: Path) -> None:
    """Generate the stubs into `work/stubs`, a separate Go module to which `go.mod` points.

    Up-to-date stubs are left alone, because `go vet` may be reading them.

    Raises:
        PeerError: A code generator fails.
    """
    stubs = work / "stubs"
    stamp = stubs / "generated-from"
    named = map(SOURCES.joinpath, ("buf.gen.yaml", "go.mod", "go.sum"))
    sources = (image, Path(__file__), *named)
    if is_up_to_date(stamp, *sources):
        return
    shutil.rmtree(stubs, ignore_errors=True)
    stubs.mkdir(parents=True)
    # First of all, because our own module refers to it and does not load without it. The versions
    # for its build are those of our module.
    (stubs / "go.mod").write_text("module stigmer.example/stubs\n\ngo 1.26.0\n", encoding="utf-8")
    arguments = ["--template", SOURCES / "buf.gen.yaml", "--output", stubs, image]
    run([BUF, "generate", *arguments], cwd=SOURCES, env=_ENVIRONMENT)
    packages = sorted({file.parent for file in stubs.rglob("*.pb.go")})
    imports = [f'\t_ "stigmer.example/stubs/{p.relative_to(stubs).as_posix()}"' for p in packages]
    # Importing this package registers every message type.
    (stubs / "stubs.go").write_text(
        "\n".join(["package stubs", "", "import (", *imports, ")", ""]), encoding="utf-8"
    )
    mark_up_to_date(stamp, *sources)


def build(image: Path, work: Path) -> list[str]:
    """Build every program into `work/bin` and return the command line of the peer program.

    Raises:
        PeerError: A code generator or the compiler fails.
    """
    generate(image, work)
    binaries = work / "bin"
    go("build", "-o", f"{binaries}/", "./...")
    return [str(binaries / "roundtrip")]


def writes_oneof_late(message: Message) -> bool:
    """Whether the message, or one inside it, has a member of a oneof before another field.

    protobuf-go writes the fields of a message by number, and then the members of oneofs.
    """
    return any(map(_has_oneof_before_another, messages_within(message)))


def _has_oneof_before_another(message: Message) -> bool:
    fields = message.ListFields()
    last = max((field.number for field, _ in fields if not field.containing_oneof), default=0)
    return any(field.number < last for field, _ in fields if field.containing_oneof)


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
            "Writes the members of oneofs after all other fields, so the bytes differ if a oneof "
            "has a lower number than another field that is set, as in `McpServerDefinition`."
        ),
    )
]
