"""Adds generated files to protobuf's descriptor pool, or names another copy that is in the way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.internal import api_implementation


def add_file(name: str, serialized: bytes) -> FileDescriptor:
    """Add the file of a generated module to the default pool.

    Raises:
        ImportError: Another package has loaded its own copy of the file. The message says which.
    """
    pool = descriptor_pool.Default()
    # Pure Python would return the other copy, whatever it contains.
    loaded = _found(pool.FindFileByName, name) if api_implementation.Type() == "python" else None
    if loaded is not None and _declared(loaded.serialized_pb) != _declared(serialized):
        raise _in_the_way(name, loaded)
    try:
        return pool.AddSerializedFile(serialized)
    except TypeError:
        other = _other_copy(name, serialized)
        if other is None:
            raise
        raise _in_the_way(name, other) from None


def _other_copy(name: str, serialized: bytes) -> FileDescriptor | None:
    """Return the file in the pool that has the same name, or declares one of the same elements."""
    pool, file = descriptor_pool.Default(), _declared(serialized)
    elements: list[Any] = [*file.message_type, *file.enum_type, *file.service, *file.extension]
    symbols = [f"{file.package}.{element.name}" for element in elements]
    found = [_found(pool.FindFileContainingSymbol, symbol) for symbol in symbols]
    return next(filter(None, [_found(pool.FindFileByName, name), *found]), None)


def _declared(serialized: bytes) -> Any:
    """Parse a file, without what compilers note about it."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto.FromString(serialized)
    file.DiscardUnknownFields()
    return file


def _found(find: Callable[[str], FileDescriptor], name: str) -> FileDescriptor | None:
    try:
        return find(name)
    except KeyError:
        return None


def _in_the_way(name: str, other: FileDescriptor) -> ImportError:
    for module in list(sys.modules.values()):
        descriptor = getattr(module, "__dict__", {}).get("DESCRIPTOR")
        if isinstance(descriptor, FileDescriptor) and descriptor.name == other.name:
            place = f"from {getattr(module, '__file__', None) or module.__name__}"
            break
    else:
        place = "through a descriptor pool"
    return ImportError(
        f"stigmer_apis cannot load {name}: this process has already loaded another copy of it, "
        f"{place}; remove the package that contains the other copy, as docs/migrating.md of "
        "stigmer-apis describes"
    )
