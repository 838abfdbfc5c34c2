"""The shape that every API resource has, and the registry of their kinds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.finding import Finding
from schema_rules.schema import (
    APIRESOURCE,
    AUDIT,
    KINDS,
    RULES,
    EnumValue,
    Field,
    Message,
    Schema,
)

AUDIT_NUMBER = 99


class Kind(NamedTuple):
    """An entry of the registry, ApiResourceKind."""

    value: EnumValue
    name: str
    api_version: str
    """Group and version, such as `agentic.stigmer.ai/v1`; empty if either is not given."""
    id_prefix: str


def kinds(schema: Schema) -> list[Kind]:
    """The registry, as far as its entries say what they are."""
    groups = schema.enums.get(f"{KINDS}.ApiResourceGroup")
    versions = schema.enums.get(f"{KINDS}.ApiResourceVersion")
    registry = schema.enums.get(f"{KINDS}.ApiResourceKind")
    if groups is None or versions is None or registry is None:
        return []
    domain = {
        value.descriptor.number: value.options[f"{KINDS}.group_meta"].domain
        for value in groups.values
        if f"{KINDS}.group_meta" in value.options
    }
    version = {v.descriptor.number: v.descriptor.name for v in versions.values}
    found: list[Kind] = []
    for value in registry.values:
        meta = value.options.get(f"{KINDS}.kind_meta")
        if meta is not None:
            both = (domain.get(meta.group), version.get(meta.version) if meta.version else None)
            api_version = "/".join(filter(None, both)) if all(both) else ""
            found.append(Kind(value, meta.name, api_version, meta.id_prefix))
    return found


def resource_shape(schema: Schema) -> Iterator[Finding]:
    """RESOURCE_SHAPE: a resource has the five fields of one, with the right constants and types."""
    by_name = {kind.name: kind for kind in kinds(schema)}
    for message in schema.messages.values():
        if message.descriptor.name in by_name or _looks_like_resource(message):
            for complaint, element in _of_resource(schema, message, by_name):
                yield Finding("RESOURCE_SHAPE", element, complaint)


def _looks_like_resource(message: Message) -> bool:
    """Whether a message has what only resources have: their metadata, or a spec and a status."""
    message_type = FieldDescriptorProto.TYPE_MESSAGE
    types = {f.type_name for f in message.fields if f.descriptor.type == message_type}
    ends = {suffix for suffix in ("Spec", "Status") for name in types if name.endswith(suffix)}
    return f"{APIRESOURCE}.ApiResourceMetadata" in types or len(ends) == 2


def number_gap(schema: Schema) -> Iterator[Finding]:
    """NUMBER_GAP: every number below the highest of a message is used or reserved.

    99 is left aside: it is the audit block, far from the rest so that a status can grow.
    """
    for message in schema.messages.values():
        gaps = ", ".join(_gaps(message))
        if gaps:
            yield Finding(
                "NUMBER_GAP",
                message,
                f'Message "{message.descriptor.name}" leaves {gaps} open; reserve it, so that '
                "it is not assigned by accident",
            )


def _gaps(message: Message) -> Iterator[str]:
    """What is neither used nor reserved below the highest number, such as "3" or "3 to 7"."""
    numbers = [f.descriptor.number for f in message.fields if not _is_audit_block(f)]
    taken = [range(number, number + 1) for number in numbers]
    taken += [range(gap.start, gap.end) for gap in message.descriptor.reserved_range]
    following = 1
    for each in sorted(taken, key=lambda each: each.start):
        if each.start > max(numbers, default=0):
            return
        if each.start > following:
            last = each.start - 1
            yield str(following) if last == following else f"{following} to {last}"
        following = max(following, each.stop)


def _is_audit_block(field: Field) -> bool:
    return field.type_name == AUDIT and field.descriptor.number == AUDIT_NUMBER


def kind_registry(schema: Schema) -> Iterator[Finding]:
    """KIND_REGISTRY: the entries of ApiResourceKind are complete and cannot be confused."""
    registry = kinds(schema)
    described = {kind.value.name for kind in registry}
    every = schema.enums.get(f"{KINDS}.ApiResourceKind")
    for entry in every.values if every else ():
        if entry.descriptor.number != 0 and entry.name not in described:
            yield Finding(
                "KIND_REGISTRY", entry, f'Kind "{entry.descriptor.name}" needs the option kind_meta'
            )
    names = Counter(kind.name for kind in registry)
    prefixes = Counter(kind.id_prefix for kind in registry)
    for kind in registry:
        value = kind.value.descriptor.name
        if not kind.name or not kind.id_prefix or not kind.api_version:
            yield Finding(
                "KIND_REGISTRY",
                kind.value,
                f'Kind "{value}" needs a name, a group, a version and an id_prefix',
            )
        if kind.id_prefix and not re.fullmatch("[a-z]+", kind.id_prefix):
            yield Finding(
                "KIND_REGISTRY",
                kind.value,
                f'Kind "{value}" needs an id_prefix of lower-case letters, not "{kind.id_prefix}"',
            )
        for other in registry:
            if _begins_with(other.id_prefix, kind.id_prefix):
                yield Finding(
                    "KIND_REGISTRY",
                    kind.value,
                    f'Kind "{value}" has the id_prefix "{kind.id_prefix}", and '
                    f'"{other.id_prefix}" starts with it; no prefix may start with another',
                )
        if names[kind.name] > 1 or prefixes[kind.id_prefix] > 1:
            yield Finding(
                "KIND_REGISTRY", kind.value, f'Kind "{value}" has the name or id_prefix of another'
            )
        if kind.name and _snake(kind.name) != value:
            yield Finding(
                "KIND_REGISTRY",
                kind.value,
                f'Kind "{value}" must be the snake_case form of its name, "{kind.name}"',
            )


def _begins_with(prefix: str, other: str) -> bool:
    """Whether an ID prefix begins with another one, whatever the case; the same one is shared."""
    return bool(other) and prefix != other and prefix.lower().startswith(other.lower())


def _of_resource(
    schema: Schema, message: Message, by_name: dict[str, Kind]
) -> Iterator[tuple[str, Message | Field]]:
    name = message.descriptor.name
    kind = by_name.get(name)
    if kind is None:
        yield f'Resource "{name}" has no entry in ApiResourceKind; add one', message
    wanted = {
        "api_version": (1, ""),
        "kind": (2, ""),
        "metadata": (3, f"{APIRESOURCE}.ApiResourceMetadata"),
        "spec": (4, f"{message.package}.{name}Spec"),
        "status": (5, None),
    }
    for field_name, (number, type_name) in wanted.items():
        field = message.field(field_name)
        if field is None or field.descriptor.number != number:
            yield f'Resource "{name}" needs the field {field_name} = {number}', message
        elif field.descriptor.label == FieldDescriptorProto.LABEL_REPEATED:
            yield f'Field "{name}.{field_name}" must not be repeated', field
        elif type_name is not None and field.type_name != type_name:
            yield f'Field "{name}.{field_name}" must be {type_name or "a string"}', field
    for field_name, constant in (
        ("api_version", _api_version(kind, message.package) if kind else None),
        ("kind", name),
    ):
        field = message.field(field_name)
        if field is not None and constant is not None and _const(field) != constant:
            yield (
                f'Field "{name}.{field_name}" must have the rule string.const = "{constant}"',
                field,
            )
    for field in message.fields:
        if field.descriptor.name not in wanted:
            yield f'Field "{field.descriptor.name}" does not belong next to spec and status', field
    status = message.field("status")
    if status is not None:
        yield from _of_status(schema, message, status)


def _api_version(kind: Kind, package: str) -> str:
    """Return what `api_version` says: the group of the kind and the version of the package."""
    group, _, version = kind.api_version.partition("/")
    last = package.rpartition(".")[2]
    return f"{group}/{last if re.fullmatch(r'v[0-9]+', last) else version}"


def _of_status(
    schema: Schema, message: Message, field: Field
) -> Iterator[tuple[str, Message | Field]]:
    name = message.descriptor.name
    allowed = {f"{message.package}.{name}Status", f"{APIRESOURCE}.ApiResourceAuditStatus"}
    if field.type_name not in allowed:
        yield f'Field "{name}.status" must be {name}Status or ApiResourceAuditStatus', field
        return
    status = schema.messages.get(field.type_name)
    if status is None:
        return
    audit = status.field("audit")
    if audit is None or audit.type_name != AUDIT or audit.descriptor.number != AUDIT_NUMBER:
        where = audit or status
        yield f'Status "{status.descriptor.name}" needs the audit block as number 99', where


def _const(field: Field) -> str | None:
    rules = field.options.get(RULES)
    singular = field.descriptor.label != FieldDescriptorProto.LABEL_REPEATED
    return rules.string.const if rules is not None and singular else None


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
