"""Mutations that put what the system writes where a caller could write it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from schema_rules.schema import APIRESOURCE
from tests.mutation.changes import (
    SAID,
    Mutation,
    free_number,
    instance,
    json_name,
    make,
    remove_and_reserve,
)
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import Target, fields_of, messages_in


def of_what_the_system_writes(contract: Contract) -> Iterator[Mutation]:
    messages = {message.name: message for message in messages_in(contract)}
    computed = contract.option(f"{APIRESOURCE}.computed")
    for name, message in messages.items():
        short = message.element.name
        if short.endswith(("Input", "Request", "Spec")):
            token = _new_field(contract, message, "callback_token", FieldDescriptorProto.TYPE_BYTES)
            yield _adding(message, "status: add a callback_token to what is sent", token)
            marked = _new_field(
                contract, message, "computed_value", FieldDescriptorProto.TYPE_STRING
            )
            marked.options.Extensions[computed] = True
            yield _adding(message, "status: add a computed field to what is sent", marked)
            audit = _new_field(contract, message, "audit", FieldDescriptorProto.TYPE_MESSAGE)
            audit.type_name = f".{APIRESOURCE}.ApiResourceAudit"
            yield _adding(message, "status: add an audit block to what is sent", audit)
        spec = messages.get(f"{name.removesuffix('Status')}Spec")
        if short.endswith("Status") and spec is not None:
            for field in fields_of(message):
                copied = _new_field(contract, spec, field.element.name, 0)
                number = copied.number
                copied.CopyFrom(field.element)
                copied.number = number
                copy = partial(_add_field, spec, copied)
                yield make(field, "status: copy a field into the spec", copy)
                move = partial(_move, message, field, spec, copied)
                yield make(field, "status: move a field into the spec", move)


def _new_field(contract: Contract, message: Target, name: str, kind: int) -> Any:
    descriptor = contract.pool.FindMessageTypeByName("google.protobuf.FieldDescriptorProto")
    return instance(
        descriptor,
        name=name,
        json_name=json_name(name),
        number=free_number(message.element),
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        **({"type": kind} if kind else {}),
    )


def _adding(message: Target, kind: str, field: Any) -> Mutation:
    change = partial(_add_field, message, field)
    return make(message, kind, change)


def _add_field(message: Target, field: Any, draft: Draft) -> None:
    if field.type_name:
        draft.imports(message.file, draft.contract.home[field.type_name[1:]])
    if any(option.is_extension for option, _ in field.options.ListFields()):
        draft.imports(message.file, "ai/stigmer/commons/apiresource/field_options.proto")
    draft.add(message.file, message.path, DescriptorProto.FIELD_FIELD_NUMBER, field, SAID)


def _move(status: Target, field: Target, spec: Target, copied: Any, draft: Draft) -> None:
    remove_and_reserve(status, field, draft)
    _add_field(spec, copied, draft)
