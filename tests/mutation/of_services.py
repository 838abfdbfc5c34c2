"""Mutations of services and RPCs, and of how these are authorized."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.schema import APIRESOURCE, AUTHORIZATION
from tests.mutation.changes import (
    Mutation,
    clear_option,
    edit,
    make,
    remove,
    set_in_option,
    set_option,
    set_parts,
    set_plain_option,
    something_else,
    swap_option,
)
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import Target, has_option, messages_in, rpcs_of, services_in


def of_services(contract: Contract) -> Iterator[Mutation]:
    kind = contract.option(f"{APIRESOURCE}.api_resource_kind")
    for service in services_in(contract):
        at = partial(make, service)
        yield at("service: delete", partial(remove, service))
        yield at("service: rename", set_parts(service, name=f"Renamed{service.element.name}"))
        if has_option(service, kind):
            yield at("service: drop its kind", edit(service, clear_option, kind))
            other = _other_kind(service.element.options.Extensions[kind])
            yield at("service: change its kind", edit(service, set_option, kind, other))
        else:
            yield at("service: add a kind", edit(service, set_option, kind, 50))


def _other_kind(kind: int) -> int:
    return 50 if kind != 50 else 40


def of_rpcs(contract: Contract) -> Iterator[Mutation]:
    for service in services_in(contract):
        for rpc in rpcs_of(service):
            at = partial(make, rpc)
            proto = rpc.element
            yield at("RPC: delete", partial(remove, rpc))
            yield at("RPC: rename", set_parts(rpc, name=f"{proto.name}Renamed"))
            for side in ("client", "server"):
                flipped = set_parts(
                    rpc, **{f"{side}_streaming": not getattr(proto, f"{side}_streaming")}
                )
                yield at(f"RPC: flip {side} streaming", flipped)
            for part, what in (("input_type", "request"), ("output_type", "response")):
                other = "ai.stigmer.commons.apiresource.ApiResourceReference"
                if getattr(proto, part) == f".{other}":
                    other = "ai.stigmer.commons.apiresource.ApiResourceDeleteInput"
                change = partial(_change_rpc_type, rpc, part, other)
                yield at(f"RPC: change the {what}", change)
            level = 2 if proto.options.idempotency_level != 2 else 0
            change = partial(set_plain_option, rpc, "idempotency_level", level)
            yield at("RPC: change the idempotency level", change)


def _change_rpc_type(rpc: Target, part: str, other: str, draft: Draft) -> None:
    setattr(draft.at(rpc.file, rpc.path), part, f".{other}")
    draft.imports(rpc.file, draft.contract.home[other])


def of_authorization(contract: Contract) -> Iterator[Mutation]:
    config, is_public, is_skip = (
        contract.option(f"{AUTHORIZATION}.{name}")
        for name in ("config", "is_public", "is_skip_authorization")
    )
    for service in services_in(contract):
        for rpc in rpcs_of(service):
            at = partial(make, rpc)
            options = rpc.element.options
            if has_option(rpc, config):
                yield at("authorization: drop the config", edit(rpc, clear_option, config))
                public = edit(rpc, swap_option, config, is_public)
                yield at("authorization: make public in place of the config", public)
                for part in config.message_type.fields:
                    old = getattr(options.Extensions[config], part.name)
                    new = something_else(part, old)
                    if part.name != "error_msg":  # which may be reworded
                        change = edit(rpc, set_in_option, config, (part.name,), new)
                        yield at(f"authorization: change the {part.name}", change)
                    if old:
                        change = edit(rpc, set_in_option, config, (part.name,), None)
                        yield at(f"authorization: drop the {part.name}", change)
                for path in _request_paths(contract, rpc.element.input_type[1:]):
                    if path != options.Extensions[config].field_path:
                        change = edit(rpc, set_in_option, config, ("field_path",), path)
                        yield at("authorization: take another field of the request", change)
                        break
            for option, name in ((is_public, "is_public"), (is_skip, "is_skip_authorization")):
                if options.Extensions[option]:
                    yield at(f"authorization: drop {name}", edit(rpc, clear_option, option))
                else:
                    change = edit(rpc, set_option, option, True)
                    yield at(f"authorization: add {name}", change)
            if options.Extensions[is_skip]:
                change = edit(rpc, swap_option, is_skip, is_public)
                yield at("authorization: make public in place of is_skip_authorization", change)


def _request_paths(contract: Contract, name: str) -> Iterator[str]:
    message = next((m for m in messages_in(contract) if m.name == name), None)
    for field in message.element.field if message else ():
        if (
            field.label != FieldDescriptorProto.LABEL_REPEATED
            and field.type == FieldDescriptorProto.TYPE_STRING
        ):
            yield field.name
