"""Mutations of files, and of the options that they define."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from tests.mutation.changes import (
    Mutation,
    clear_part_of_options,
    edit,
    json_name,
    make,
    remove,
    retype,
    set_parts,
    set_plain_option,
)
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import Target, has_option, with_options


def of_files(contract: Contract) -> Iterator[Mutation]:
    for name in contract.ours:
        file = contract.files[name]
        target = Target(name, name, (), file)
        yield make(target, "file: delete", partial(_delete_file, name))
        yield make(target, "file: rename the package", partial(_rename_package, name))
        yield make(
            target, "file: set go_package", partial(set_plain_option, target, "go_package", "x")
        )
        if file.options.HasField("java_outer_classname"):
            change = edit(target, clear_part_of_options, "java_outer_classname")
            yield make(target, "file: drop java_outer_classname", change)


def _delete_file(name: str, draft: Draft) -> None:
    draft.changed[name] = None


def _rename_package(name: str, draft: Draft) -> None:
    file = draft.contract.files[name]
    old, new = f"{file.package}.", f"{file.package}.elsewhere."
    types = [full for full, home in draft.contract.home.items() if home == name]
    draft.rename_types({full: new + full.removeprefix(old) for full in types})
    draft.file(name).package += ".elsewhere"


def of_extensions(contract: Contract) -> Iterator[Mutation]:
    for name in contract.ours:
        for i, extension in enumerate(contract.files[name].extension):
            full = f"{contract.files[name].package}.{extension.name}"
            target = Target(full, name, (FileDescriptorProto.EXTENSION_FIELD_NUMBER, i), extension)
            at = partial(make, target)
            yield at("extension: delete", partial(remove, target))
            yield at("extension: renumber", partial(_renumber_extension, target))
            renamed = f"{extension.name}_renamed"
            yield at(
                "extension: rename", set_parts(target, name=renamed, json_name=json_name(renamed))
            )
            yield at(
                "extension: make repeated",
                set_parts(target, label=FieldDescriptorProto.LABEL_REPEATED),
            )
            # The two varint types that go together: what is set stays readable.
            yield at(
                "extension: retype", partial(retype, target, FieldDescriptorProto.TYPE_INT64, "")
            )


def _renumber_extension(target: Target, draft: Draft) -> None:
    """Renumber an extension, and every use of it, as a compiler would."""
    number = target.element.number + 1000
    option = draft.contract.option(target.name)
    for used in list(with_options(draft.contract)):
        if used.element.options.DESCRIPTOR is option.containing_type and has_option(used, option):
            options = draft.at(used.file, used.path).options
            alone = type(options)()
            alone.MergeFrom(options)
            for other, _ in alone.ListFields():
                if other is not option:
                    _clear_part(alone, other)
            value = alone.SerializeToString()[len(_varint(target.element.number << 3)) :]
            wire_type = 2 if option.message_type is not None else 0
            options.ClearExtension(option)
            options.MergeFromString(_varint(number << 3 | wire_type) + value)
    draft.at(target.file, target.path).number = number


def _clear_part(message: Any, part: Any) -> None:
    if part.is_extension:
        message.ClearExtension(part)
    else:
        message.ClearField(part.name)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
