"""The message classes of a descriptor image, created at run time in their own pool.

This is how the tests read and write with a release that is not installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


class ImageTypes(Mapping[str, type[Message]]):
    """Return the classes of all contract messages in an image by full name, not map entries."""

    def __init__(self, image: FileDescriptorSet) -> None:
        self._pool = DescriptorPool()
        for file in image.file:  # each file comes after its imports
            self._pool.AddSerializedFile(file.SerializeToString())
        self._names = sorted(
            name
            for file in image.file
            if file.package.startswith("ai.stigmer.")
            for name, message in walk_messages(file.package, file.message_type)
            if not message.options.map_entry
        )

    def __getitem__(self, name: str) -> type[Message]:
        if name not in self._names:
            raise KeyError(name)
        return GetMessageClass(self._pool.FindMessageTypeByName(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def walk_messages(
    scope: str, messages: Iterable[DescriptorProto]
) -> Iterator[tuple[str, DescriptorProto]]:
    """Yield each message with its full name, including nested messages and map entries."""
    for message in messages:
        name = f"{scope}.{message.name}"
        yield name, message
        yield from walk_messages(name, message.nested_type)
