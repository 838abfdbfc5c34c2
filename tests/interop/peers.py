"""Peer programs, which read and write our messages with Protobuf libraries of other languages.

A language adds a module `peer_<language>.py` with `PEERS: list[Peer]`, and a folder `<language>/`
with the hand-written sources of its programs. Generated and built files stay in
`build/interop/<language>/`.

A program is called with an input and an output folder. For each line
`<full message name><tab><stem>` of `<input>/manifest.txt` it

- parses `<input>/<stem>.binpb` with the generated class of that message and writes the message to
  `<output>/<stem>.binpb`, in the library's deterministic mode if it has one;
- if the library supports ProtoJSON and `<input>/<stem>.json` exists, writes the message as JSON to
  `<output>/<stem>.json`, and the message that it reads from the input JSON to
  `<output>/<stem>.from_json.binpb`.

Then it builds the messages of `own_messages.py` through its typed API and writes each to
`<output>/own.<full message name>.binpb`, and to `.json` if it supports ProtoJSON. If anything
fails, it prints the error to stderr and exits with a code other than 0.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from stigmer_apis import schema

INTEROP = Path(__file__).resolve().parent
ROOT = INTEROP.parent.parent
WORK = ROOT / "build" / "interop"

PROTOC = [str(ROOT / ".venv-codegen" / "bin" / "python"), "-m", "grpc_tools.protoc"]
"""The protoc that generates the Python package, for languages that work with any protoc."""

BUF = str(ROOT / ".venv-codegen" / "bin" / "buf")

# Only a hang takes this long; a first build fetches and compiles a library.
_TIMEOUT = 1800.0


class PeerError(Exception):
    """A peer cannot be built or run. The message states the cause and what to do about it."""


@dataclass(frozen=True)
class Peer:
    """A Protobuf library of another language, and the program that tests it."""

    language: str
    """The name of the folders for its sources and build output: `go`."""

    library: str
    """The name of the library in its registry: `protobuf-go`."""

    version: str
    """The exact version, read from the file that pins it, so that the two cannot differ."""

    tools: tuple[str, ...]
    """The commands that must be on PATH."""

    build: Callable[[Path, Path], list[str]]
    """Build the program from the shipped image in a work folder, unless it is up to date.

    Returns the command line that starts it, and raises PeerError.
    """

    reads_json: bool
    """Whether the library supports ProtoJSON."""

    is_deterministic: bool
    """Whether the library has a mode in which equal messages have equal bytes."""

    keeps_unknown: bool
    """Whether fields that its gencode does not know survive a binary round trip."""

    reorders: Callable[[Message], bool] = lambda message: False
    """For a deterministic library: whether it writes this message in a different order than Python.

    The bytes must then differ, and Python must read the same message from them.
    """

    notes: str = ""
    """A note for the table in docs/interop.md, if one is needed."""

    def __str__(self) -> str:
        return f"{self.language}-{self.library}"

    def command(self) -> list[str]:
        """Build the program from the shipped image if necessary, and return its command line.

        Raises:
            PeerError: A tool is missing, or the program does not build.
        """
        require(self.language, self.tools)
        work = WORK / self.language
        work.mkdir(parents=True, exist_ok=True)
        # pytest may run in several processes (`-n 2`), and peers of one language share a folder.
        with (WORK / f"{self.language}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self.build(schema.image_path(), work)

    def run(self, inputs: Path, outputs: Path) -> None:
        """Run the program on the files in `inputs`.

        Raises:
            PeerError: A tool is missing, or the program does not build or fails.
        """
        run([*self.command(), inputs, outputs])


def all_peers() -> list[Peer]:
    """Return the peers of every language."""
    modules = sorted(f"{__package__}.{path.stem}" for path in INTEROP.glob("peer_*.py"))
    return [peer for module in modules for peer in importlib.import_module(module).PEERS]


def require(language: str, tools: Sequence[str]) -> None:
    """Raise PeerError if one of the commands is not on PATH."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise PeerError(
            f"the {language} peer needs {' and '.join(missing)} on PATH; install the {language} "
            "toolchain and run make interop again"
        )


def run(
    command: Sequence[str | Path], cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> str:
    """Run a command, with `env` added to the environment, and return what it printed.

    Raises:
        PeerError: The command is missing, exits with a code other than 0, or hangs.
    """
    shown = " ".join(map(str, command))
    try:
        finished = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
        )
    except FileNotFoundError:
        raise PeerError(f"{command[0]} is missing; run make deps") from None
    except subprocess.TimeoutExpired:
        raise PeerError(f"{shown} did not end within {_TIMEOUT:.0f} s") from None
    if finished.returncode != 0:
        raise PeerError(
            f"{shown} exited with {finished.returncode}:\n{finished.stdout}{finished.stderr}"
        )
    return finished.stdout


def is_up_to_date(stamp: Path, *sources: Path) -> bool:
    """Whether `stamp` was made from these sources in their current state, including folders."""
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _digest(sources)


def mark_up_to_date(stamp: Path, *sources: Path) -> None:
    """Record in `stamp` the current state of these sources."""
    stamp.write_text(_digest(sources), encoding="utf-8")


def _digest(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file():
                digest.update(f"{file.relative_to(source.parent)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def messages_within(message: Message) -> Iterator[Message]:
    """Yield the message itself and every message inside it, at any depth."""
    yield message
    for _, inner in fields_of(message):
        for value in inner:
            if isinstance(value, Message):
                yield from messages_within(value)


def fields_of(message: Message) -> Iterator[tuple[FieldDescriptor, list[Any]]]:
    """Yield the set fields with their values; for a map, the values of its entries."""
    fields = cast(Iterable[tuple[FieldDescriptor, Any]], message.ListFields())
    for field, value in fields:
        if is_map(field):
            yield field, [value[key] for key in value]
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            yield field, list(cast(Sequence[Any], value))
        else:
            yield field, [value]


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry
