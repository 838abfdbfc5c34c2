"""Mutations of fields, of their own options, of maps and of oneofs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from schema_rules.schema import APIRESOURCE
from tests.mutation.changes import (
    SAID,
    Mutation,
    clear_option,
    clear_part_of_options,
    edit,
    free_number,
    instance,
    json_name,
    make,
    remove,
    remove_and_reserve,
    retype,
    set_in_option,
    set_option,
    set_parts,
)
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import Target, entries_of, fields_of, is_map, messages_in


def of_fields(contract: Contract) -> Iterator[Mutation]:
    for message in messages_in(contract):
        for field in fields_of(message):
            at = partial(make, field)
            proto = field.element
            yield at("field: delete", partial(remove, field))
            yield at("field: delete and reserve", partial(remove_and_reserve, message, field))
            yield at("field: renumber", set_parts(field, number=free_number(message.element)))
            for gap in message.element.reserved_range[:1]:
                yield at("field: renumber to a reserved number", set_parts(field, number=gap.start))
            yield at("field: rename", partial(_rename_field, message, field))
            yield at(
                "field: rename in JSON", set_parts(field, json_name=f"{proto.json_name}Renamed")
            )
            for what, to in _other_types(contract, field):
                yield at(f"field: retype to {what}", partial(retype, field, *to))
            if proto.label == FieldDescriptorProto.LABEL_REPEATED:
                if not is_map(contract, proto):
                    singular = set_parts(field, label=FieldDescriptorProto.LABEL_OPTIONAL)
                    yield at("field: make singular", singular)
            elif not proto.HasField("oneof_index"):
                yield at(
                    "field: make repeated",
                    set_parts(field, label=FieldDescriptorProto.LABEL_REPEATED),
                )
                if proto.type != FieldDescriptorProto.TYPE_MESSAGE:
                    yield at("field: make optional", partial(_make_optional, message, field))
                yield at("field: move into a oneof", partial(_move_into_oneof, message, field))


def _rename_field(message: Target, field: Target, draft: Draft) -> None:
    proto = draft.at(field.file, field.path)
    entry = _entry_name(proto.name)
    proto.name += "_renamed"
    proto.json_name = json_name(proto.name)
    # A map names its entry type after itself.
    for nested in draft.at(message.file, message.path).nested_type:
        if nested.options.map_entry and nested.name == entry:
            nested.name = _entry_name(proto.name)
            proto.type_name = f".{message.name}.{nested.name}"


def _entry_name(field: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in field.split("_")) + "Entry"


def _other_types(contract: Contract, field: Target) -> Iterator[tuple[str, tuple[int, str]]]:
    proto = field.element
    if proto.type != FieldDescriptorProto.TYPE_MESSAGE:
        yield "a message", (FieldDescriptorProto.TYPE_MESSAGE, ".ai.stigmer.commons.rpc.PageInfo")
        # Of the same wire type, which is the retyping that seems to work.
        yield (
            "a scalar",
            (
                {
                    FieldDescriptorProto.TYPE_STRING: FieldDescriptorProto.TYPE_BYTES,
                    FieldDescriptorProto.TYPE_BYTES: FieldDescriptorProto.TYPE_STRING,
                    FieldDescriptorProto.TYPE_INT32: FieldDescriptorProto.TYPE_INT64,
                    FieldDescriptorProto.TYPE_INT64: FieldDescriptorProto.TYPE_INT32,
                    FieldDescriptorProto.TYPE_FLOAT: FieldDescriptorProto.TYPE_FIXED32,
                    FieldDescriptorProto.TYPE_DOUBLE: FieldDescriptorProto.TYPE_FIXED64,
                }.get(proto.type, FieldDescriptorProto.TYPE_INT32),
                "",
            ),
        )
    elif not is_map(contract, proto):
        yield "a scalar", (FieldDescriptorProto.TYPE_BYTES, "")
        other = ".ai.stigmer.commons.rpc.PageInfo"
        if proto.type_name == other:
            other = ".ai.stigmer.commons.apiresource.ApiResourceId"
        yield "another message", (FieldDescriptorProto.TYPE_MESSAGE, other)
    if proto.type == FieldDescriptorProto.TYPE_ENUM:
        other = ".ai.stigmer.commons.apiresource.ApiResourceEventType"
        yield "another enum", (FieldDescriptorProto.TYPE_ENUM, other)


def _make_optional(message: Target, field: Target, draft: Draft) -> None:
    proto = draft.at(field.file, field.path)
    proto.oneof_index = len(draft.at(message.file, message.path).oneof_decl)
    proto.proto3_optional = True
    oneof = type(draft.at(message.file, message.path).oneof_decl.add())(name=f"_{proto.name}")
    draft.at(message.file, message.path).oneof_decl[-1].CopyFrom(oneof)


def _move_into_oneof(message: Target, field: Target, draft: Draft) -> None:
    parent = draft.at(message.file, message.path)
    if not parent.oneof_decl:
        oneof = draft.contract.pool.FindMessageTypeByName("google.protobuf.OneofDescriptorProto")
        new = instance(oneof, name="choice")
        draft.add(field.file, message.path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, new, SAID)
    draft.at(field.file, field.path).oneof_index = 0
    # The fields of a oneof stand together.
    together = [i for i, other in enumerate(parent.field) if _is_in_first_oneof(other)]
    before = [i for i in range(together[0]) if i not in together]
    rest = [i for i in range(together[0], len(parent.field)) if i not in together]
    order = [*before, *together, *rest]
    draft.reorder(message.file, message.path, DescriptorProto.FIELD_FIELD_NUMBER, order)


def _is_in_first_oneof(field: Any) -> bool:
    return bool(field.HasField("oneof_index")) and field.oneof_index == 0


def of_options_of_fields(contract: Contract) -> Iterator[Mutation]:
    computed, immutable = (contract.option(f"{APIRESOURCE}.{n}") for n in ("computed", "immutable"))
    for message in messages_in(contract):
        for field in fields_of(message):
            at = partial(make, field)
            options = field.element.options
            if options.debug_redact:
                yield at(
                    "field: drop debug_redact", edit(field, clear_part_of_options, "debug_redact")
                )
            for option, name in ((computed, "computed"), (immutable, "immutable")):
                if options.Extensions[option]:
                    yield at(f"field: drop {name}", edit(field, clear_option, option))
                else:
                    yield at(f"field: add {name}", edit(field, set_option, option, True))


def of_maps(contract: Contract) -> Iterator[Mutation]:
    for message in messages_in(contract):
        entries = {entry.name: entry for entry in entries_of(message)}
        for field in fields_of(message):
            if not is_map(contract, field.element):
                continue
            at = partial(make, field)
            entry = entries[field.element.type_name[1:]]
            key, value = fields_of(entry)
            unmapped = partial(_clear_map_entry, entry)
            yield at("field: turn a map into a list of its entries", unmapped)
            for kind, to in _other_types(contract, value):
                yield at(
                    f"field: retype the values of a map to {kind}", partial(retype, value, *to)
                )
            integer = partial(retype, key, FieldDescriptorProto.TYPE_INT32, "")
            yield at("field: retype the keys of a map", integer)


def _clear_map_entry(entry: Target, draft: Draft) -> None:
    draft.at(entry.file, entry.path).options.ClearField("map_entry")
    # A list of entries needs a message with comments, where a map says all in one line.
    for path in (entry.path, *(field.path for field in fields_of(entry))):
        location = draft.file(entry.file).source_code_info.location.add()
        location.path.extend(path)
        location.span.extend([0, 0, 0])
        location.leading_comments = f" {SAID}\n"


def of_oneofs(contract: Contract) -> Iterator[Mutation]:
    for message in messages_in(contract):
        for i, oneof in enumerate(message.element.oneof_decl):
            path = (*message.path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, i)
            target = Target(f"{message.name}.{oneof.name}", message.file, path, oneof)
            yield make(target, "oneof: rename", set_parts(target, name=f"{oneof.name}_renamed"))
            yield make(target, "oneof: dissolve", partial(_dissolve, message, i))
            required = contract.option("buf.validate.oneof")
            change = edit(target, set_in_option, required, ("required",), True)
            if oneof.options.Extensions[required].required:
                change = edit(target, clear_option, required)
            yield make(target, "oneof: change whether one is required", change)
        for field in fields_of(message):
            if field.element.HasField("oneof_index"):
                change = partial(_move_out_of_oneof, message, field)
                yield make(field, "field: move out of a oneof", change)


def _dissolve(message: Target, index: int, draft: Draft) -> None:
    for field in draft.at(message.file, message.path).field:
        if field.HasField("oneof_index"):
            if field.oneof_index == index:
                field.ClearField("oneof_index")
            elif field.oneof_index > index:
                field.oneof_index -= 1
    draft.remove(message.file, (*message.path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, index))


def _move_out_of_oneof(message: Target, field: Target, draft: Draft) -> None:
    draft.at(field.file, field.path).ClearField("oneof_index")
    # Behind it: the fields of a oneof stand together.
    order = list(range(len(message.element.field)))
    order.remove(field.path[-1])
    order.append(field.path[-1])
    draft.reorder(message.file, message.path, DescriptorProto.FIELD_FIELD_NUMBER, order)
