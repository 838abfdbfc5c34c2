"""The contract as a mutation changes it: copies of the files that it touches.

Elements are named as `SourceCodeInfo` names them, by a file and the path of an element in it, so
that what is removed takes its comment along, and what is added brings one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen import image as images
from schema_rules.schema import ROOT, Schema

Path = tuple[int, ...]
File = Any
"""A FileDescriptorProto whose options are typed, by the definitions in the image itself."""


class Contract:
    """The unchanged contract: an image as buf writes it, comments and imports included."""

    def __init__(self, image: bytes) -> None:
        self.image = FileDescriptorSet.FromString(image)
        # Options are typed in the classes of the image's own pool only.
        schema = Schema(images.without_source_info(self.image))
        self.pool = schema.pool
        typed: Any = schema.prototype("google.protobuf.FileDescriptorSet")
        typed.MergeFromString(image)
        self.files: dict[str, File] = {file.name: file for file in typed.file}
        self.ours = [name for name in self.files if name.startswith(ROOT)]
        self.home: dict[str, str] = {}
        """The file of every message and enum, by full name."""
        for name, file in self.files.items():
            scope = f"{file.package}."
            self.home |= dict.fromkeys(types_in(scope, file.message_type, file.enum_type), name)

    def option(self, name: str) -> Any:
        """The extension with that full name, to index `options.Extensions` with."""
        return self.pool.FindExtensionByName(name)


def types_in(scope: str, messages: Any, enums: Any) -> Iterator[str]:
    """The full names of messages and enums in a scope, and of those in them."""
    for enum in enums:
        yield scope + enum.name
    for message in messages:
        yield scope + message.name
        yield from types_in(f"{scope}{message.name}.", message.nested_type, message.enum_type)


@dataclass
class Draft:
    """A change in the making. Files are copied when first asked for; None is a dropped file."""

    contract: Contract
    changed: dict[str, File | None] = field(default_factory=dict[str, "File | None"])

    def file(self, name: str) -> File:
        """The file of that name, to change at will."""
        if name not in self.changed:
            original = self.contract.files[name]
            copy = type(original)()
            copy.CopyFrom(original)
            self.changed[name] = copy
        return self.changed[name]

    def at(self, name: str, path: Path) -> Any:
        """The element at a path, to change at will."""
        return locate(self.file(name), path)

    def remove(self, name: str, path: Path) -> None:
        """Remove the element at a path, and its comment."""
        *above, number, index = path
        del _children(locate(self.file(name), tuple(above)), number)[index]
        locations: list[Any] = []
        for location in self.file(name).source_code_info.location:
            at = tuple(location.path)
            if at[: len(path)] == path:
                continue
            depth = len(above)
            if at[: depth + 1] == path[:-1] and len(at) > depth + 1 and at[depth + 1] > index:
                location.path[depth + 1] -= 1
            kept = type(location)()
            kept.CopyFrom(location)
            locations.append(kept)
        self._locate_anew(name, locations)

    def add(self, name: str, above: Path, number: int, element: Any, comment: str) -> None:
        """Add an element with a comment to a repeated field of its parent."""
        children = _children(locate(self.file(name), above), number)
        children.add().CopyFrom(element)
        location = self.file(name).source_code_info.location.add()
        location.path.extend([*above, number, len(children) - 1])
        location.span.extend([0, 0, 0])
        location.leading_comments = f" {comment}\n"

    def reorder(self, name: str, above: Path, number: int, order: list[int]) -> None:
        """Put the elements in a field of the element above into another order, comments included.

        The order says, from the first on, where each element stood before.
        """
        children = _children(locate(self.file(name), above), number)
        copies = [type(child)() for child in children]
        for copy, child in zip(copies, children, strict=True):
            copy.CopyFrom(child)
        del children[:]
        children.extend(copies[index] for index in order)
        depth = len(above)
        for location in self.file(name).source_code_info.location:
            at = tuple(location.path)
            if at[: depth + 1] == (*above, number) and len(at) > depth + 1:
                location.path[depth + 1] = order.index(at[depth + 1])

    def without_comment(self, name: str, path: Path) -> None:
        """Take away what is said about the element at a path."""
        for location in self.file(name).source_code_info.location:
            if tuple(location.path) == path:
                for part in ("leading_comments", "trailing_comments", "leading_detached_comments"):
                    location.ClearField(part)

    def imports(self, name: str, needed: str) -> None:
        """See to it that a file imports another one."""
        file = self.file(name)
        if needed != name and needed not in file.dependency:
            file.dependency.append(needed)

    def rename_types(self, names: Mapping[str, str]) -> None:
        """Refer to types by their new full names, wherever the contract refers to them."""
        wanted = {f".{old}": f".{new}" for old, new in names.items()}
        for name in self.contract.ours:
            current = self.changed.get(name, self.contract.files[name])
            if current is not None and any(ref in wanted for _, _, ref in references(current)):
                for element, part, ref in list(references(self.file(name))):
                    if ref in wanted:
                        setattr(element, part, wanted[ref])

    def _locate_anew(self, name: str, locations: list[Any]) -> None:
        info = self.file(name).source_code_info
        del info.location[:]
        info.location.extend(locations)


def locate(file: File, path: Path) -> Any:
    """The element at a path of a file."""
    element = file
    for number, index in zip(path[::2], path[1::2], strict=True):
        element = _children(element, number)[index]
    return element


def references(file: File) -> Iterator[tuple[Any, str, str]]:
    """Where a file refers to a type: the element, the name of its part, and the reference."""
    for extension in file.extension:
        yield extension, "type_name", extension.type_name
    pending = list(file.message_type)
    while pending:
        message = pending.pop()
        pending.extend(message.nested_type)
        for found in message.field:
            yield found, "type_name", found.type_name
    for service in file.service:
        for rpc in service.method:
            yield rpc, "input_type", rpc.input_type
            yield rpc, "output_type", rpc.output_type


def _children(element: Any, number: int) -> Any:
    return getattr(element, element.DESCRIPTOR.fields_by_number[number].name)
