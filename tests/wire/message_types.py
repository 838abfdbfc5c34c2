"""The message types of the contract, without pytest, because the fuzzer's processes import this."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message

from stigmer_apis import schema

# Before the image is parsed: an option that is unknown at that time stays an unknown field.
from stigmer_apis.commons.apiresource import field_options_pb2 as field_options_pb2


def encode_varint(number: int) -> bytes:
    """Encode seven bits per byte, lowest first; the high bit means that more bytes follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(0x80 | number & 0x7F)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


class Declared(NamedTuple):
    """A message type, as the image declares it and as the generated code provides it."""

    module: str
    path: tuple[str, ...]
    descriptor: DescriptorProto

    @property
    def message_type(self) -> type[Message]:
        """Return the generated class."""
        found: object = importlib.import_module(self.module)
        for name in self.path:
            found = getattr(found, name)
        assert isinstance(found, type), f"{self} is no class"
        assert issubclass(found, Message), f"{self} is no message class"
        return found


def _declared_messages() -> Iterator[tuple[str, Declared]]:
    for file in schema.file_descriptor_set().file:
        module = file.name.replace("ai/stigmer/", "stigmer_apis/").removesuffix(".proto") + "_pb2"
        for message in file.message_type:
            outermost = Declared(module.replace("/", "."), (message.name,), message)
            for declared in _with_nested(outermost):
                yield ".".join([file.package, *declared.path]), declared


def _with_nested(declared: Declared) -> Iterator[Declared]:
    yield declared
    for nested in declared.descriptor.nested_type:
        yield from _with_nested(Declared(declared.module, (*declared.path, nested.name), nested))


# By full name, including the well-known types that our messages refer to.
_DECLARED = dict(_declared_messages())
CONTRACT = {name: found for name, found in _DECLARED.items() if name.startswith("ai.stigmer.")}
"""Return every message type of the contract by full name, including map entries."""

MESSAGE_TYPES = {
    name: found.message_type
    for name, found in CONTRACT.items()
    if not found.descriptor.options.map_entry
}
"""Return every message class that users create, by the full name of its message type."""
