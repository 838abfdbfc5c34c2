"""Make a contract of any size: the real one, and copies of its agentic packages under other names.

    .venv/bin/python benchmarks/big_contract.py 5061 build/contract.binpb build/big.binpb

The copies reach the same shapes, rules and comments as the real contract. Their resources are in no
registry of kinds, so the rules on kinds report them; the work is the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from codegen.project import BUILD

IMAGE = BUILD / "contract.binpb"
"""The contract with its comments, as `make compile` writes it."""
_COPIED = "ai/stigmer/agentic/"
_PACKAGE = "ai.stigmer.agentic"


def contract() -> FileDescriptorSet:
    """Return the contract."""
    return FileDescriptorSet.FromString(IMAGE.read_bytes())


def big_contract(image: FileDescriptorSet, messages: int) -> FileDescriptorSet:
    """Return an image with at least that many of our messages, made of copies of an image's files.

    An image that has as many already is returned as it is.
    """
    big = FileDescriptorSet()
    big.CopyFrom(image)
    copied = [file for file in image.file if file.name.startswith(_COPIED)]
    found = count(image.file)
    number = 0
    while found < messages:
        number += 1
        copies = [_renamed(file, number) for file in copied]
        big.file.extend(copies)
        found += count(copies)
    return big


def _renamed(file: FileDescriptorProto, number: int) -> FileDescriptorProto:
    """Return a copy of a file in packages of its own, in which names have equal lengths."""
    data = file.SerializeToString()
    # The new name has as many letters as the old one, which keeps every length in the encoding.
    tag = f"a{number:06d}"
    for old in (_COPIED, f"{_PACKAGE}."):
        data = data.replace(old.encode(), old.replace("agentic", tag).encode())
    return FileDescriptorProto.FromString(data)


def count(files: Iterable[FileDescriptorProto]) -> int:
    """Return the number of our messages in the files."""
    ours = (file for file in files if file.package.startswith("ai.stigmer"))
    return sum(_messages(message) for file in ours for message in file.message_type)


def _messages(message: DescriptorProto) -> int:
    is_counted = not message.options.map_entry  # An entry of a map is no message of its own.
    return is_counted + sum(map(_messages, message.nested_type))


def main(messages: str, source: str, target: str) -> None:
    """Write a contract made of the image in a file."""
    image = FileDescriptorSet.FromString(Path(source).read_bytes())
    Path(target).write_bytes(big_contract(image, int(messages)).SerializeToString())


if __name__ == "__main__":
    main(*sys.argv[1:])
