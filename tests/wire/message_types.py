"""The message types of the contract, without pytest: the processes of the fuzzer import this."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message

from stigmer_apis import schema

# Before the image is parsed: an option that is not known by then stays an unknown field in it.
from stigmer_apis.commons.apiresource import field_options_pb2 as field_options_pb2


def encode_varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(0x80 | number & 0x7F)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


class Declared(NamedTuple):
    """A message type as the image declares it and as the gencode provides it."""

    module: str
    path: tuple[str, ...]
    descriptor: DescriptorProto

    @property
    def message_type(self) -> type[Message]:
        """The generated class."""
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


# By full name, the well-known types that ours refer to included.
_DECLARED = dict(_declared_messages())
CONTRACT = {name: found for name, found in _DECLARED.items() if name.startswith("ai.stigmer.")}
"""Every message type of the contract by its full name, the entries of map fields included."""

MESSAGE_TYPES = {
    name: found.message_type
    for name, found in CONTRACT.items()
    if not found.descriptor.options.map_entry
}
"""Every message class that users create, by the full name of its message type."""
