"""Mutations of messages, enums and the registry of kinds, and of what is said about anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from schema_rules.schema import KINDS
from tests.mutation.changes import (
    Mutation,
    clear_option,
    edit,
    make,
    remove,
    remove_and_reserve,
    rename_type,
    set_in_option,
    set_parts,
    something_else,
)
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import (
    Target,
    enums_in,
    fields_of,
    has_option,
    messages_in,
    rpcs_of,
    services_in,
    values_of,
)

_RESERVED = (
    DescriptorProto.RESERVED_RANGE_FIELD_NUMBER,
    DescriptorProto.RESERVED_NAME_FIELD_NUMBER,
)


def of_messages(contract: Contract) -> Iterator[Mutation]:
    for message in messages_in(contract):
        yield make(message, "message: delete", partial(remove, message))
        yield make(message, "message: rename", partial(rename_type, message))


def of_reservations(contract: Contract) -> Iterator[Mutation]:
    for message in messages_in(contract):
        for number, what in zip(_RESERVED, ("number", "name"), strict=True):
            part = DescriptorProto.DESCRIPTOR.fields_by_number[number].name
            for i, reserved in enumerate(getattr(message.element, part)):
                target = Target(message.name, message.file, (*message.path, number, i), reserved)
                detail = reserved if what == "name" else str(reserved.start)
                yield make(target, f"reservation: drop a {what}", partial(remove, target), detail)
                if what == "number" and reserved.end - reserved.start > 1:
                    shorter = set_parts(target, end=reserved.end - 1)
                    yield make(target, "reservation: shorten a range", shorter, detail)


def of_enums(contract: Contract) -> Iterator[Mutation]:
    for enum in enums_in(contract):
        yield make(enum, "enum: delete", partial(remove, enum))
        yield make(enum, "enum: rename", partial(rename_type, enum))
        free = max(value.number for value in enum.element.value) + 1
        for value in values_of(enum):
            at = partial(make, value)
            yield at("enum value: delete", partial(remove, value))
            yield at("enum value: delete and reserve", partial(remove_and_reserve, enum, value))
            yield at("enum value: renumber", set_parts(value, number=free))
            spelled = "_RENAMED" if value.element.name.isupper() else "_renamed"
            yield at("enum value: rename", set_parts(value, name=value.element.name + spelled))


def of_kinds(contract: Contract) -> Iterator[Mutation]:
    for name in ("kind_meta", "group_meta"):
        option = contract.option(f"{KINDS}.{name}")
        for enum in enums_in(contract):
            for value in values_of(enum):
                if not has_option(value, option):
                    continue
                at = partial(make, value)
                yield at(f"kind: drop {name}", edit(value, clear_option, option))
                for part in option.message_type.fields:
                    old = getattr(value.element.options.Extensions[option], part.name)
                    new = something_else(part, old)
                    change = edit(value, set_in_option, option, (part.name,), new)
                    yield at(f"kind: change {name}", change, part.name)


def of_comments(contract: Contract) -> Iterator[Mutation]:
    for name in contract.ours:
        file = contract.files[name]
        yield _uncommented(
            Target(name, name, (FileDescriptorProto.SYNTAX_FIELD_NUMBER,), file), "file"
        )
        for i, extension in enumerate(file.extension):
            path = (FileDescriptorProto.EXTENSION_FIELD_NUMBER, i)
            target = Target(f"{file.package}.{extension.name}", name, path, extension)
            yield _uncommented(target, "extension")
    for message in messages_in(contract):
        yield _uncommented(message, "message")
        for field in fields_of(message):
            yield _uncommented(field, "field")
        for i, oneof in enumerate(message.element.oneof_decl):
            path = (*message.path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, i)
            target = Target(f"{message.name}.{oneof.name}", message.file, path, oneof)
            yield _uncommented(target, "oneof")
    for enum in enums_in(contract):
        yield _uncommented(enum, "enum")
        for value in values_of(enum):
            yield _uncommented(value, "enum value")
    for service in services_in(contract):
        yield _uncommented(service, "service")
        for rpc in rpcs_of(service):
            yield _uncommented(rpc, "RPC")


def _uncommented(target: Target, what: str) -> Mutation:
    return make(target, f"comment: drop that of {_article(what)}", partial(_uncomment, target))


def _article(what: str) -> str:
    return f"{'an' if what[0] in 'aeioR' else 'a'} {what}"


def _uncomment(target: Target, draft: Draft) -> None:
    draft.without_comment(target.file, target.path)
