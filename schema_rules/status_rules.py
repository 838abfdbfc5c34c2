"""What the system writes stands in a status, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.finding import Finding
from schema_rules.schema import APIRESOURCE, Field, Message, Schema

COMPUTED = f"{APIRESOURCE}.computed"
AUDIT = f"{APIRESOURCE}.ApiResourceAudit"
_TOKEN = re.compile(r"(^|_)(callback|task)_tokens?$")
_TEMPORAL = re.compile(r"(^|_)temporal_(workflow|run)_id$")


def status_only_field(schema: Schema) -> Iterator[Finding]:
    """STATUS_ONLY_FIELD: a field that the system writes stands only in a status.

    Such a field is `computed`, or owned by Temporal, or the audit block. A message that only
    statuses reach counts as a part of them.
    """
    outside = _reached_without_status(schema)
    for message in schema.messages.values():
        if message.name not in outside:
            continue
        for field in message.fields:
            reason = _why_system_owned(field)
            if reason:
                yield Finding(
                    "STATUS_ONLY_FIELD",
                    field,
                    f'Field "{_short(field)}" {reason}, so it belongs to a status, but '
                    f"{outside[message.name]}; move it into the status of its resource",
                )


def token_shape(schema: Schema) -> Iterator[Finding]:
    """TOKEN_SHAPE: a task token is secret bytes that the system writes, absent if empty."""
    for message in schema.messages.values():
        for field in message.fields:
            if not _TOKEN.search(field.descriptor.name):
                continue
            for wanted in _missing_of_token(field):
                yield Finding("TOKEN_SHAPE", field, f'Task token "{_short(field)}" must {wanted}')


def spec_without_status(schema: Schema) -> Iterator[Finding]:
    """SPEC_WITHOUT_STATUS: no spec refers to a status, directly or through other messages."""
    for message in schema.messages.values():
        if not message.name.endswith("Spec"):
            continue
        for field in message.fields:
            status = _status_below(schema, field)
            if status:
                yield Finding(
                    "SPEC_WITHOUT_STATUS",
                    field,
                    f'Field "{_short(field)}" of a spec leads to the status {status}; '
                    "a user cannot ask for what the system observes",
                )


def spec_repeats_status(schema: Schema) -> Iterator[Finding]:
    """SPEC_REPEATS_STATUS: no field stands in the spec and in the status of one resource."""
    for status in schema.messages.values():
        spec = schema.messages.get(f"{status.name.removesuffix('Status')}Spec")
        if spec is None or not is_status(status):
            continue
        observed = {field.descriptor.name for field in status.fields}
        for field in spec.fields:
            if field.descriptor.name in observed:
                yield Finding(
                    "SPEC_REPEATS_STATUS",
                    field,
                    f'Field "{_short(field)}" stands in {status.descriptor.name} too; one party '
                    "writes it, so keep it on that side or give it a name of its own",
                )


def is_status(message: Message) -> bool:
    """Whether a message is the status of a resource."""
    return message.name.endswith("Status")


def _short(field: Field) -> str:
    return ".".join(field.name.split(".")[-2:])


def _why_system_owned(field: Field) -> str | None:
    if field.options.get(COMPUTED):
        return "is computed"
    if _TOKEN.search(field.descriptor.name):
        return "is a task token"
    if _TEMPORAL.search(field.descriptor.name):
        return "is written by Temporal's side"
    if field.type_name == AUDIT:
        return "is an audit block"
    return None


def _reached_without_status(schema: Schema) -> dict[str, str]:
    """Every message that something other than a status leads to, and how, in words."""
    # Whatever no field refers to is a root: an input, a response, a resource, or a loose message.
    referred = {f.type_name for m in schema.messages.values() for f in m.fields}
    requested = {rpc.request for service in schema.services.values() for rpc in service.rpcs}
    reached: dict[str, str] = {}
    pending = [
        (message.name, "it stands in a message of its own")
        for message in schema.messages.values()
        if not is_status(message)
        and (message.name not in referred or message.name in requested or _is_asked_for(message))
    ]
    while pending:
        name, how = pending.pop()
        message = schema.messages.get(name)
        if message is None or name in reached or is_status(message):
            continue
        reached[name] = how
        root = how if how.startswith("it is reached") else f"it is reached from {name}"
        pending += [(field.type_name, root) for field in message.fields if field.type_name]
    return reached


def _is_asked_for(message: Message) -> bool:
    return message.name.endswith(("Spec", "Input", "Request", "Req"))


def _status_below(schema: Schema, field: Field) -> str | None:
    seen: set[str] = set()
    pending = [field.type_name]
    while pending:
        message = schema.messages.get(pending.pop())
        if message is None or message.name in seen:
            continue
        if is_status(message):
            return message.name
        seen.add(message.name)
        pending += [inner.type_name for inner in message.fields]
    return None


def _missing_of_token(field: Field) -> Iterator[str]:
    descriptor = field.descriptor
    if descriptor.type != FieldDescriptorProto.TYPE_BYTES:
        yield "be bytes, which carry every byte value"
    if descriptor.label == FieldDescriptorProto.LABEL_REPEATED:
        yield "be singular: one activity waits"
    if descriptor.HasField("oneof_index") or descriptor.proto3_optional:
        yield "have no presence of its own: empty is absent"
    if not descriptor.options.debug_redact:
        yield "be marked debug_redact: whoever holds it can complete the activity"
    if not field.options.get(COMPUTED):
        yield "be marked computed: no user writes it"
    if descriptor.json_name != _default_json_name(descriptor.name):
        yield f'keep its default JSON name "{_default_json_name(descriptor.name)}"'


def _default_json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
