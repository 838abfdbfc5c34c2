"""Our declaration of the validation options is protovalidate's, as its pinned release has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import protovalidate
import pytest
from google.protobuf.descriptor_pb2 import (
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    FileOptions,
)
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from tests.toolchain import Run

_PREDEFINED = 1160
"""The number of `(buf.validate.predefined)`, which holds the CEL expression of a standard rule."""

_MANAGED_MODE = FileOptions(
    java_package="com.buf.validate",
    objc_class_prefix="BVX",
    csharp_namespace="Buf.Validate",
    php_namespace=r"Buf\Validate",
    php_metadata_namespace=r"Buf\Validate\GPBMetadata",
    ruby_package="Buf::Validate",
)
"""What buf's managed mode, which the Python release is generated with, writes over the options."""


@pytest.fixture(scope="module")
def ours(buf: Run, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorProto:
    """The declaration, compiled by buf as the contract is."""
    target = tmp_path_factory.mktemp("image") / "validation.binpb"
    options = ["--exclude-imports", "--exclude-source-info", "--as-file-descriptor-set"]
    built = buf("build", "validation", *options, "--output", target)
    assert built.returncode == 0, built.stderr
    (file,) = FileDescriptorSet.FromString(target.read_bytes()).file
    return file


@pytest.fixture(scope="module")
def theirs() -> FileDescriptorProto:
    """The file in the pinned release of protovalidate, without the CEL of its rules."""
    content = protovalidate.ViolationPb.desc().file.proto.to_binary()
    file = FileDescriptorProto.FromString(content)
    for message in file.message_type:
        for field in message.field:
            _remove_predefined_rule(field)
    return file


def test_it_declares_what_protovalidate_does_and_nothing_else(
    ours: FileDescriptorProto, theirs: FileDescriptorProto
) -> None:
    managed = FileDescriptorProto()
    managed.CopyFrom(ours)
    managed.options.MergeFrom(_MANAGED_MODE)
    declared, wanted = dict(_facts(managed)), dict(_facts(theirs))
    assert {k: v for k, v in declared.items() if k not in wanted} == {}, "protovalidate has not"
    assert {k: v for k, v in wanted.items() if k not in declared} == {}, "we have not"
    different = {k: (v, wanted[k]) for k, v in declared.items() if v != wanted[k]}
    assert different == {}, "ours, and protovalidate's"
    # Also what these names do not show, such as the order of the elements.
    assert managed == theirs


def test_generated_java_refers_to_the_package_of_protovalidate(ours: FileDescriptorProto) -> None:
    assert ours.options.java_package == "build.buf.validate"


def _facts(message: Message, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a descriptor, by the names of the elements that hold it."""
    for field, value in message.ListFields():
        at = f"{place}.{field.name}" if place else field.name
        if field.message_type is None:
            yield at, list(value) if field.is_repeated else value
        elif field.is_repeated:
            for index, entry in enumerate(value):
                name = getattr(entry, "name", "") or str(index)
                yield from _facts(entry, f"{at}[{name}]")
        else:
            yield from _facts(value, at)
    for unknown in UnknownFieldSet(message):
        yield f"{place}.({unknown.field_number})", unknown.data


def _remove_predefined_rule(field: FieldDescriptorProto) -> None:
    numbers = [unknown.field_number for unknown in UnknownFieldSet(field.options)]
    assert set(numbers) <= {_PREDEFINED}, f"{field.name} has another option"
    field.options.DiscardUnknownFields()
    if not field.options.ByteSize():
        field.ClearField("options")
