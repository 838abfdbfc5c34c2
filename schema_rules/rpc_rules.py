"""How RPCs are authorized, and which resources services serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.finding import Finding
from schema_rules.schema import APIRESOURCE, AUTHORIZATION, Rpc, Schema

_WAYS = ("config", "is_public", "is_skip_authorization")


def rpc_authorized(schema: Schema) -> Iterator[Finding]:
    """RPC_AUTHORIZED: every RPC says in one way how it is authorized, and says it completely.

    An RPC that is authorized in its handler says so in its comment and is listed as an exception.
    """
    for service in schema.services.values():
        for rpc in service.rpcs:
            for complaint in _of_rpc(schema, rpc):
                yield Finding("RPC_AUTHORIZED", rpc, f'RPC "{rpc.descriptor.name}" {complaint}')


def service_kind(schema: Schema) -> Iterator[Finding]:
    """SERVICE_KIND: every service names the kind of resource that it serves."""
    for service in schema.services.values():
        if not service.options.get(f"{APIRESOURCE}.api_resource_kind"):
            yield Finding(
                "SERVICE_KIND",
                service,
                f'Service "{service.descriptor.name}" needs the option api_resource_kind, by which '
                "the platform routes and audits",
            )


def _of_rpc(schema: Schema, rpc: Rpc) -> Iterator[str]:
    ways = [way for way in _WAYS if rpc.options.get(f"{AUTHORIZATION}.{way}")]
    if len(ways) != 1:
        found = " and ".join(ways) if ways else "nothing"
        yield f"must declare its authorization with one of {', '.join(_WAYS)}, but has {found}"
    elif ways == ["config"]:
        yield from _of_config(schema, rpc, rpc.options[f"{AUTHORIZATION}.config"])


def _of_config(schema: Schema, rpc: Rpc, config: Any) -> Iterator[str]:
    if not config.permission:
        yield "has an authorization config without a permission"
    if not config.error_msg:
        yield "has an authorization config without an error_msg for callers without the permission"
    if not config.resource_kind and not config.resource_kind_path:
        yield "has an authorization config that names no resource kind"
    if config.resource_kind and config.resource_kind_path:
        yield "has an authorization config that names the kind twice; keep one of the two"
    if bool(config.field_path) == bool(config.resource_id):
        yield "has an authorization config that must name a resource by field_path or resource_id"
    for path in filter(None, (config.field_path, config.resource_kind_path)):
        if not _resolves(schema, rpc.request, path):
            yield f'has an authorization config with the path "{path}", which {rpc.request} lacks'


def _resolves(schema: Schema, message_name: str, path: str) -> bool:
    """Whether a path of field names leads from a message to a singular value."""
    names = path.split(".")
    for i, name in enumerate(names):
        message = schema.messages.get(message_name)
        field = message.field(name) if message else None
        if field is None or field.descriptor.label == FieldDescriptorProto.LABEL_REPEATED:
            return False
        is_last = i == len(names) - 1
        if is_last:
            return field.descriptor.type != FieldDescriptorProto.TYPE_MESSAGE
        message_name = field.type_name
    return False
