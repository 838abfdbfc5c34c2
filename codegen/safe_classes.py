"""Decides which message classes print without their secrets: those that can hold one.

What is secret is told from descriptors, by the part of the package that masks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from codegen.project import PACKAGE, PROTO_ROOT

sys.path.append(str(PACKAGE.parent))  # the package is not installed where codegen runs
from stigmer_apis.redaction._secrets import may_hold_secrets


def safe_classes(image: FileDescriptorSet) -> dict[PurePosixPath, list[str]]:
    """Return the classes that can hold a secret, by their .proto file.

    Nested ones are named by their path in the generated module, such as `Outer.Inner`, and come
    with the entries of maps, which have classes too.
    """
    pool = DescriptorPool()
    for file in image.file:
        pool.AddSerializedFile(file.SerializeToString())
    found: dict[PurePosixPath, list[str]] = {}
    for file in image.file:
        if file.package.startswith(PROTO_ROOT + "."):
            for message in file.message_type:
                descriptor = pool.FindMessageTypeByName(f"{file.package}.{message.name}")
                found.setdefault(PurePosixPath(file.name), []).extend(_safe(descriptor, ""))
    return found


def _safe(descriptor: Descriptor, prefix: str) -> Iterator[str]:
    if may_hold_secrets(descriptor):
        yield prefix + descriptor.name
    for nested in descriptor.nested_types:
        yield from _safe(nested, f"{prefix}{descriptor.name}.")
