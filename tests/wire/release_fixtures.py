"""The fixtures of releases: one message in binary and JSON for each message type and oneof member.

`python -m tests.wire.release_fixtures` writes those of HEAD from the current contract.
`releases/README.md` describes their content and their file names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message

from stigmer_apis import schema
from tests.wire.filler import filled, oneof_members
from tests.wire.image_types import ImageTypes

RELEASES = Path(__file__).resolve().parents[2] / "releases"
HEAD = RELEASES / "HEAD"
IMAGE = "schema.binpb"
BESIDE = frozenset({IMAGE, "corrections.toml"})
"""What a release holds besides its fixtures."""
BINARY = ".binpb"
JSON = ".json"


def image_of(release: Path) -> FileDescriptorSet:
    """Return the image of a release, which is next to its fixtures; for HEAD, the shipped image."""
    if release == HEAD:
        return schema.file_descriptor_set()
    return FileDescriptorSet.FromString((release / IMAGE).read_bytes())


def fixtures_of(types: Mapping[str, type[Message]]) -> dict[str, Message]:
    """Yield every message that has a fixture, by its file name without the extension.

    The name is the full name of a message or of a oneof member. A message and its fields share one
    scope, so names are unique.
    """
    found: dict[str, Message] = {}
    for name, message_type in types.items():
        found[name] = filled(message_type)
        for member in oneof_members(message_type):
            found[f"{name}.{member}"] = filled(message_type, member)
    return found


def to_binary(message: Message) -> bytes:
    """Return the canonical bytes: fields ordered by number, maps by key."""
    return message.SerializeToString(deterministic=True)


def to_json(message: Message) -> bytes:
    """Return ProtoJSON in UTF-8 with sorted keys and a newline at the end."""
    text = json_format.MessageToJson(message, indent=2, sort_keys=True, ensure_ascii=False)
    return text.encode() + b"\n"


def files_of(image: FileDescriptorSet) -> dict[str, bytes]:
    """Return the fixtures of a schema, as file names and contents."""
    files: dict[str, bytes] = {}
    for stem, message in fixtures_of(ImageTypes(image)).items():
        files[stem + BINARY] = to_binary(message)
        files[stem + JSON] = to_json(message)
    return files


def write(release: Path) -> int:
    """Write the fixtures of a release, remove stale files, and return the number of fixtures."""
    files = files_of(image_of(release))
    release.mkdir(parents=True, exist_ok=True)
    for stray in {path.name for path in release.iterdir()} - files.keys() - BESIDE:
        (release / stray).unlink()
    for name, content in files.items():
        (release / name).write_bytes(content)
    return len(files)


def main() -> int:
    """Write the fixtures of HEAD and print their number."""
    written = write(HEAD)
    print(f"fixtures: wrote {written} files in releases/{HEAD.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
