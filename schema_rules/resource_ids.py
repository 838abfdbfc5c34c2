"""Which kind of resource an ID is the ID of, by all that the contract says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.resource_rules import kinds
from schema_rules.schema import (
    APIRESOURCE,
    KINDS,
    METADATA,
    RULES,
    Field,
    Message,
    Rpc,
    Schema,
    Service,
)
from schema_rules.words import words

_PREFIX_IN_COMMENT = re.compile(r'"([a-z]+)-')
_PREFIX_IN_PATTERN = re.compile(r"\^?\(?([a-z]+)-")
_ANY_KIND = frozenset({(), ("resource",), ("api", "resource")})
"""What comes before `id` in the name of a field that holds the ID of any kind of resource."""
PLATFORM = "platform"


class Registry:
    """The kinds of resources by what names them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        values = schema.enums.get(f"{KINDS}.ApiResourceKind")
        self.by_number = {
            value.descriptor.number: value.descriptor.name
            for value in (values.values if values else ())
            if value.descriptor.number
        }
        self.names = dict.fromkeys(self.by_number.values(), "")
        """The name of the resource message of every kind."""
        self.by_prefix: dict[str, str] = {}
        for kind in kinds(schema):
            name = kind.value.descriptor.name
            self.names[name] = kind.name
            self.by_prefix[kind.id_prefix] = name
        platform = schema.enums.get(f"{KINDS}.PlatformIdValue")
        self.platform_ids = {
            value.descriptor.name
            for value in (platform.values if platform else ())
            if value.descriptor.number
        }

    def of_service(self, service: Service) -> str:
        """The kind that a service serves; empty if it serves none."""
        return self.by_number.get(service.options.get(f"{APIRESOURCE}.api_resource_kind", 0), "")

    def of_message(self, message: Message) -> str:
        """The kind whose resource a message is; empty if it is none."""
        own = message.descriptor.name
        return next((kind for kind, name in self.names.items() if name == own), "")

    def ending_in(self, words_of_kind: tuple[str, ...]) -> set[str]:
        """The kinds that a name can mean: `execution` is that of an agent or of a workflow."""
        if words_of_kind in {("org",), ("organization",)}:
            return {"organization"} & self.names.keys()
        name = "_".join(words_of_kind)
        return {kind for kind in self.names if kind == name or kind.endswith(f"_{name}")}


class _Target(NamedTuple):
    """Where a path of field names ends: the message with the last field, and the one before."""

    field: Field
    message: Message
    above: Message | None


def complaints_about_paths(
    registry: Registry, service: Service, rpc: Rpc, config: Any
) -> Iterator[str]:
    """Yield what is wrong with the resource that a config names.

    A path that leads to no value and a resource that is not named once are RPC_AUTHORIZED's.
    """
    if bool(config.resource_id) == bool(config.field_path):
        return
    kind = registry.by_number.get(config.resource_kind, "")
    if config.resource_id:
        yield from _of_constant(registry, kind, config.resource_id)
    target = _follow(registry.schema, rpc.request, config.field_path)
    if target is not None:
        yield from _of_id(registry, service, kind, config.field_path, target)
    of_kind = _follow(registry.schema, rpc.request, config.resource_kind_path)
    if of_kind is not None:
        if not _is_kind(of_kind.field):
            yield f'takes the kind from "{config.resource_kind_path}", which does not hold a kind'
        elif config.field_path and _stem(config.resource_kind_path) != _stem(config.field_path):
            yield (
                f'takes the kind from "{config.resource_kind_path}" and the ID from '
                f'"{config.field_path}", which belong to different resources'
            )


def _follow(schema: Schema, message_name: str, path: str) -> _Target | None:
    above: Message | None = None
    names = path.split(".") if path else []
    for i, name in enumerate(names):
        message = schema.messages.get(message_name)
        field = message.field(name) if message else None
        if message is None or field is None:
            return None
        if i == len(names) - 1:
            if field.descriptor.type == FieldDescriptorProto.TYPE_MESSAGE:
                return None
            return _Target(field, message, above)
        above, message_name = message, field.type_name
    return None


def _of_constant(registry: Registry, kind: str, resource_id: str) -> Iterator[str]:
    if kind == PLATFORM:
        if resource_id not in registry.platform_ids:
            yield f'is about the platform, whose ID is not "{resource_id}"'
    elif registry.by_prefix.get(resource_id.partition("-")[0]) != kind:
        yield f'is about a resource of kind {kind or "unknown"}, whose ID is not "{resource_id}"'


def _of_id(
    registry: Registry, service: Service, kind: str, path: str, target: _Target
) -> Iterator[str]:
    if target.field.descriptor.type != FieldDescriptorProto.TYPE_STRING:
        yield f'takes the ID from "{path}", which is not a string'
        return
    evidence = list(_evidence(registry, service, target))
    if not evidence:
        yield (
            f'takes the ID from "{path}", which is not recognizable as an ID; name it after the '
            "kind, such as agent_id, or show the prefix of the ID in its comment"
        )
    for meant in evidence:
        if kind and kind not in meant:
            yield (
                f"requires a permission on a resource of kind {kind}, but takes the ID from "
                f'"{path}", which is that of {" or ".join(sorted(meant)) or "no kind"}'
            )
            return


def _evidence(registry: Registry, service: Service, target: _Target) -> Iterator[set[str]]:
    """Yield the kinds that an ID can belong to, once for each thing that says so."""
    own = words(target.field.descriptor.name)
    served = {registry.of_service(service)} - {""}
    if target.message.name == METADATA:
        yield from _in_metadata(registry, target, own)
        return
    if own == ("value",):
        own = words(target.message.descriptor.name)
    if own[-1:] == ("id",):
        if own[:-1] in _ANY_KIND:
            yield served
        elif meant := registry.ending_in(own[:-1]):
            yield meant & served or meant
    elif meant := registry.ending_in(own):
        yield meant
    prefixes = set(_prefixes(registry, target.field))
    if prefixes:
        yield {registry.by_prefix[prefix] for prefix in prefixes}


def _in_metadata(registry: Registry, target: _Target, own: tuple[str, ...]) -> Iterator[set[str]]:
    if own == ("org",):
        yield registry.ending_in(own)
    elif own == ("id",) and target.above is not None:
        yield {registry.of_message(target.above)} - {""}


def _prefixes(registry: Registry, field: Field) -> Iterator[str]:
    """The known ID prefixes that the comment and the validation of a field show."""
    texts = _PREFIX_IN_COMMENT.findall(field.comment)
    rules = field.options.get(RULES)
    if rules is not None:
        texts += _PREFIX_IN_PATTERN.findall(f"{rules.string.prefix} {rules.string.pattern}")
    return (text for text in texts if text in registry.by_prefix)


def _is_kind(field: Field) -> bool:
    descriptor = field.descriptor
    if descriptor.type == FieldDescriptorProto.TYPE_ENUM:
        return field.type_name == f"{KINDS}.ApiResourceKind"
    is_string = descriptor.type == FieldDescriptorProto.TYPE_STRING
    return is_string and words(descriptor.name)[-1:] == ("kind",)


def _stem(path: str) -> str:
    """A path without the word that says whether it is the kind or the ID."""
    above, _, name = path.rpartition(".")
    return f"{above}.{'_'.join(words(name)[:-1])}"
