"""Compatibility rules: what `buf breaking` does not compare with a baseline.

Each rule takes the contract of a baseline, such as the last release, and the present one. New
elements are unrestricted; existing ones must keep their options.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message as ProtoMessage

from schema_rules.finding import Finding
from schema_rules.schema import (
    APIRESOURCE,
    AUTHORIZATION,
    KINDS,
    MESSAGE_RULES,
    ROOT,
    RULES,
    EnumValue,
    Field,
    Message,
    Rpc,
    Schema,
    Service,
)

E = TypeVar("E")


def baseline_schema(baseline: FileDescriptorSet, present: FileDescriptorSet) -> Schema:
    """The contract of a baseline image, which may lack the definitions of the validation rules.

    They are taken from the present image: the rules are theirs, and only ever grow.
    """
    ours = [file for file in baseline.file if file.name.startswith(ROOT)]
    theirs = [file for file in present.file if not file.name.startswith(ROOT)]
    return Schema(FileDescriptorSet(file=[*theirs, *ours]))


def redaction_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """REDACTION_KEPT: a field that was secret stays secret."""
    for old, field in _in_both(_fields(before), _fields(now)):
        if old.descriptor.options.debug_redact and not field.descriptor.options.debug_redact:
            yield Finding(
                "REDACTION_KEPT",
                field,
                f'Field "{field.descriptor.name}" was debug_redact; without it logs show a secret',
            )


def writer_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """WRITER_KEPT: who may set a field, and when, does not change."""
    for old, field in _in_both(_fields(before), _fields(now)):
        for name in ("computed", "immutable"):
            option = f"{APIRESOURCE}.{name}"
            was, is_now = bool(old.options.get(option)), bool(field.options.get(option))
            if was != is_now:
                yield Finding(
                    "WRITER_KEPT",
                    field,
                    f'Field "{field.descriptor.name}" was {"" if was else "not "}{name}, and '
                    "whoever writes it relies on that",
                )


def validation_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """VALIDATION_KEPT: a field or message accepts what it accepted, and refuses what it refused.

    The words of a rule's message may change, its ID may not: clients match on it.
    """
    changed: list[Field | Message] = [
        field
        for old, field in _in_both(_fields(before), _fields(now))
        if _bare_rules(old.options) != _bare_rules(field.options)
    ]
    changed += [
        message
        for old, message in _in_both(before.messages, now.messages)
        if _of_message(old) != _of_message(message)
    ]
    for element in changed:
        yield Finding(
            "VALIDATION_KEPT",
            element,
            f'{type(element).__name__} "{element.descriptor.name}" has other validation rules than '
            "it had; callers rely on what passes, and readers on what does not",
        )


def authorization_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """AUTHORIZATION_KEPT: an RPC is authorized as it was; only the refusal may be reworded."""
    for old, rpc in _in_both(_rpcs(before), _rpcs(now)):
        if _bare_authorization(old) != _bare_authorization(rpc):
            yield Finding(
                "AUTHORIZATION_KEPT",
                rpc,
                f'RPC "{rpc.descriptor.name}" is authorized in another way than it was; who may '
                "call it must not change by the way",
            )


def kind_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """KIND_KEPT: a service serves the same kind, and a kind keeps what is known of it."""
    options = [f"{APIRESOURCE}.api_resource_kind", f"{KINDS}.kind_meta", f"{KINDS}.group_meta"]
    for old, element in _in_both(_kinds_and_services(before), _kinds_and_services(now)):
        for option in options:
            if str(old.options.get(option)) != str(element.options.get(option)):
                yield Finding(
                    "KIND_KEPT",
                    element,
                    f'"{element.name.rpartition(".")[2]}" has another {option.rpartition(".")[2]} '
                    "than it had; stored resources and their IDs go by it",
                )


def option_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """OPTION_KEPT: an option of ours keeps its number, by which compiled contracts carry it."""
    for old, option in _in_both(before.options, now.options):
        if option.descriptor.number != old.descriptor.number:
            yield Finding(
                "OPTION_KEPT",
                option,
                f'Option "{option.descriptor.name}" was number {old.descriptor.number}; whoever '
                "reads compiled contracts finds it by that",
            )


def _in_both(before: Mapping[str, E], now: Mapping[str, E]) -> Iterator[tuple[E, E]]:
    """What a baseline had and the present contract has: as it was, and as it is."""
    return ((old, now[name]) for name, old in before.items() if name in now)


def _fields(schema: Schema) -> dict[str, Field]:
    return {field.name: field for message in schema.messages.values() for field in message.fields}


def _rpcs(schema: Schema) -> dict[str, Rpc]:
    return {rpc.name: rpc for service in schema.services.values() for rpc in service.rpcs}


def _kinds_and_services(schema: Schema) -> dict[str, EnumValue | Service]:
    found: dict[str, EnumValue | Service] = {**schema.services}
    found.update((value.name, value) for enum in schema.enums.values() for value in enum.values)
    return found


def _bare_rules(options: Mapping[str, Any]) -> bytes:
    """The validation rules of a field without their wording, in a form that compares."""
    rules = options.get(RULES)
    if rules is None:
        return b""
    bare = type(rules)()
    bare.CopyFrom(rules)
    worded = list(cast("Iterable[ProtoMessage]", bare.cel))
    if bare.HasField("repeated"):
        worded += bare.repeated.items.cel
    for rule in worded:
        rule.ClearField("message")
    serialized: bytes = bare.SerializeToString(deterministic=True)
    return serialized


def _of_message(message: Message) -> dict[str, bytes]:
    """The validation rules of a message and, by name, of its oneofs, without their wording."""
    # Nothing but validation sets options on a oneof.
    found = {
        oneof.name: oneof.options.SerializeToString(deterministic=True)
        for oneof in message.descriptor.oneof_decl
        if oneof.options.ByteSize()
    }
    rules = message.options.get(MESSAGE_RULES)
    if rules is not None:
        bare = type(rules)()
        bare.CopyFrom(rules)
        for rule in bare.cel:
            rule.ClearField("message")
        found[""] = bare.SerializeToString(deterministic=True)
    return found


def _bare_authorization(rpc: Rpc) -> dict[str, str]:
    """How an RPC is authorized, but for the words of the sentence for whoever is refused."""
    bare = {
        way: str(bool(rpc.options.get(f"{AUTHORIZATION}.{way}")))
        for way in ("is_public", "is_skip_authorization")
    }
    value = rpc.options.get(f"{AUTHORIZATION}.config")
    if value is not None:
        config = type(value)()
        config.CopyFrom(value)
        config.error_msg = "given" if config.error_msg else ""
        bare["config"] = str(config)
    return bare
