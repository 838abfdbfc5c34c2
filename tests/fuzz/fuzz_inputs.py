"""The inputs of a run, determined by the run's seed and the number of the input."""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path
from random import Random

from google.protobuf import json_format, text_format
from google.protobuf.message import Message

from tests.fuzz.fuzz_mutations import mutated
from tests.fuzz.fuzz_targets import FORMATS, Input
from tests.wire.filler import SMALL, filled
from tests.wire.message_types import MESSAGE_TYPES

FIXTURES = Path(__file__).resolve().parents[2] / "releases" / "HEAD"
"""Samples of every message type; each file name starts with the full name of its type."""

NAMES = sorted(MESSAGE_TYPES)


def make_input(seed: int, number: int) -> Input:
    """Return the input with that number. Formats and message types take turns."""
    kind = FORMATS[number % len(FORMATS)]
    name = NAMES[number // len(FORMATS) % len(NAMES)]
    source = Random(f"{seed}/{number}")
    return Input(name, kind, mutated(kind, seeds(name, kind), source))


@functools.cache
def seeds(name: str, kind: str) -> list[bytes]:
    """Return well-formed messages of a type in a format, to be damaged."""
    return [_encode(message, kind) for message in _samples(name)]


@functools.cache
def _samples(name: str) -> list[Message]:
    message_type = MESSAGE_TYPES[name]
    found = [filled(message_type, size=SMALL)]
    for path in sorted(FIXTURES.glob(f"{name}.*binpb")):
        # A longer name may start with this one; the part between the two is the name of a case.
        message = message_type()
        message.MergeFromString(path.read_bytes())
        if message.ByteSize() and not any(message == other for other in found):
            found.append(message)
    return found


def _encode(message: Message, kind: str) -> bytes:
    match kind:
        case "binary":
            return message.SerializeToString(deterministic=True)
        case "json":
            # Sorted, because the order of native maps differs between processes.
            return json_format.MessageToJson(message, indent=None, sort_keys=True).encode()
        case _:
            return text_format.MessageToBytes(message, as_utf8=True)


def save_input(given: Input, path: Path, **about: object) -> None:
    """Store an input and its details."""
    kept = {**given._asdict(), "data": base64.b64encode(given.data).decode(), **about}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def load_input(path: Path) -> Input:
    """Read a file that `save_input` has written.

    Raises:
        ValueError: The file is not a stored input, or its message type no longer exists.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        given = Input(kept["message"], kept["format"], base64.b64decode(kept["data"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a stored input ({error}); give a file from build/fuzz"
        ) from None
    if given.message not in MESSAGE_TYPES or given.format not in FORMATS:
        raise ValueError(
            f"{path}: unknown message {given.message} or format {given.format}; delete the file"
        )
    return given
