"""The docstrings of messages, enums and gRPC stubs at run time: the comments of the contract.

Type checkers and editors read the same comments in the type stubs.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

_TYPES = {"message_type", "nested_type", "enum_type", "service"}
_MEMBERS = {"field", "value", "method"}


def docstrings(image: FileDescriptorSet) -> dict[PurePosixPath, dict[str, str]]:
    """Return the docstring of every message, enum and service, by the path of its module.

    Nested ones are named by their path in the module, such as `Outer.Inner`.
    """
    found: dict[PurePosixPath, dict[str, str]] = {}
    for file in image.file:
        path = PurePosixPath(file.name)
        for suffix, services in (("_pb2.py", False), ("_pb2_grpc.py", True)):
            found[path.with_name(path.stem + suffix)] = _of_file(file, services)
    return found


def _of_file(file: FileDescriptorProto, services: bool) -> dict[str, str]:
    comments: dict[str, str] = {}
    members: dict[str, list[str]] = defaultdict(list)
    for kinds, names, comment in _comments(file):
        if (kinds[0] == "service") != services:
            continue
        if kinds[-1] in _TYPES:
            comments[".".join(names)] = comment
        else:
            text = textwrap.indent(f"{names[-1]}: {comment}", " " * 8)
            members[".".join(names[:-1])].append(text[4:])
    return {
        name: "\n".join([comment, "", "Attributes:", *members[name]]) if members[name] else comment
        for name, comment in comments.items()
    }


def _comments(file: FileDescriptorProto) -> Iterator[tuple[list[str], list[str], str]]:
    """Yield the comments of elements of a file, with the kinds and names on the path to each."""
    for location in file.source_code_info.location:
        if not location.leading_comments:
            continue
        kinds, names = _elements(file, location.path)
        if kinds and len(kinds) * 2 == len(location.path):
            yield kinds, names, textwrap.dedent(location.leading_comments).strip()


def _elements(element: Any, path: Sequence[int]) -> tuple[list[str], list[str]]:
    """Return the kinds and names of the elements on a path, up to one that has no docstring."""
    kinds: list[str] = []
    names: list[str] = []
    for number, index in zip(path[::2], path[1::2], strict=False):
        kind = element.DESCRIPTOR.fields_by_number[number].name
        if kind not in _TYPES and kind not in _MEMBERS:
            break
        element = getattr(element, kind)[index]
        kinds.append(kind)
        names.append(element.name)
    return kinds, names
