"""Compatibility rules: what `buf breaking` does not compare with a baseline.

Each rule takes the contract of a baseline, such as the last release, and the present one. New
elements are unrestricted; existing ones must keep their options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from schema_rules.finding import Finding
from schema_rules.samples import Samples
from schema_rules.schema import (
    APIRESOURCE,
    AUTHORIZATION,
    IMPORTED,
    KINDS,
    RULES,
    EnumValue,
    Field,
    Message,
    Oneof,
    Rpc,
    Schema,
    Service,
)
from schema_rules.validation import Oracle, Violation, validation_options, without_wording

E = TypeVar("E")
Validated = Field | Message | Oneof
"""What can have validation rules."""


def baseline_schema(
    baseline: FileDescriptorSet,
    present: FileDescriptorSet,
    fixtures: Mapping[str, bytes] | None = None,
) -> Schema:
    """The contract of a baseline image, which may lack the definitions of the validation rules.

    They are taken from the present image: the rules are theirs, and only ever grow. The fixtures
    are messages of the baseline, by the names of their files without the ending.
    """
    imported = {file.name: file for file in present.file if file.name in IMPORTED}
    rest = [file for file in baseline.file if file.name not in imported]
    schema = Schema(FileDescriptorSet(file=[*imported.values(), *rest]))
    for name, fixture in (fixtures or {}).items():
        kind = name if name in schema.messages else name.rpartition(".")[0]
        schema.fixtures.setdefault(kind, []).append(fixture)
    return schema


def redaction_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """REDACTION_KEPT: a field that was secret stays secret."""
    for old, field in _in_both(_fields(before), _fields(now)):
        if old.descriptor.options.debug_redact and not field.descriptor.options.debug_redact:
            yield Finding(
                "REDACTION_KEPT",
                field,
                f'Field "{field.descriptor.name}" was debug_redact; without it, logs show a secret',
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
                    f'Field "{field.descriptor.name}" was {"" if was else "not "}{name}, and its '
                    "writers rely on that",
                )


def validation_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """VALIDATION_KEPT: a field or message accepts what it accepted, and refuses what it refused.

    The words of a rule's message may change, its ID may not: clients match on it.
    """
    for old, element in _in_both(_validated(before), _validated(now)):
        if _bare_rules(old, before) != _bare_rules(element, now):
            yield Finding(
                "VALIDATION_KEPT",
                element,
                f'{type(element).__name__} "{element.descriptor.name}" changed its validation '
                "rules since the baseline; callers rely on what they accept, and readers on what "
                "they reject",
            )


def old_stays_valid(before: Schema, now: Schema) -> Iterator[Finding]:
    """OLD_STAYS_VALID: a message of the baseline breaks no rule now that it did not break then.

    Asked of protovalidate, about fixtures, the valid messages nearest to them, and variations.
    """
    old_samples, oracle = Samples(before, now), Oracle()
    found: dict[tuple[str, str], Finding] = {}
    for old, message in _in_both(before.messages, now.messages):
        if old.descriptor.options.map_entry or before.digest(old.name) == now.digest(old.name):
            continue
        is_changed = before.own_digest(old.name) != now.own_digest(old.name)
        fixtures = before.fixtures.get(old.name, [])
        for sample in _old_messages(old, old_samples, fixtures, vary=is_changed):
            received: Any = now.prototype(message.name)
            received.ParseFromString(sample.SerializeToString())
            refused = {violation.path for violation in old_samples.oracle.violations(sample)}
            for violation in oracle.violations(received):
                if violation.path in refused:
                    continue
                element = _element_at(now, message, violation)
                finding = Finding(
                    "OLD_STAYS_VALID",
                    element,
                    f'Rule "{violation.id}" on "{element.descriptor.name}" rejects messages that '
                    "callers of the baseline send; accept what they send or omit",
                )
                found.setdefault((element.name, violation.id), finding)
    yield from found.values()


def authorization_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """AUTHORIZATION_KEPT: an RPC is authorized as it was; only the refusal may be reworded."""
    for old, rpc in _in_both(_rpcs(before), _rpcs(now)):
        if _bare_authorization(old) != _bare_authorization(rpc):
            yield Finding(
                "AUTHORIZATION_KEPT",
                rpc,
                f'RPC "{rpc.descriptor.name}" changed its authorization since the baseline; add a '
                "new RPC instead",
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
                    f'"{element.name.rpartition(".")[2]}" changed its {option.rpartition(".")[2]} '
                    "since the baseline; stored resources and their IDs depend on it",
                )


def option_kept(before: Schema, now: Schema) -> Iterator[Finding]:
    """OPTION_KEPT: an option of ours keeps its number, by which compiled contracts carry it."""
    for old, option in _in_both(before.options, now.options):
        if option.descriptor.number != old.descriptor.number:
            yield Finding(
                "OPTION_KEPT",
                option,
                f'Option "{option.descriptor.name}" was number {old.descriptor.number}, by which '
                "readers of compiled contracts find it",
            )


def _in_both(before: Mapping[str, E], now: Mapping[str, E]) -> Iterator[tuple[E, E]]:
    """What a baseline had and the present contract has: as it was, and as it is."""
    return ((old, now[name]) for name, old in before.items() if name in now)


def _old_messages(
    message: Message, samples: Samples, fixtures: list[bytes], *, vary: bool
) -> Iterator[Any]:
    """Yield messages of a baseline: empty, kept as fixtures, valid, and with each value of each."""
    yield samples.empty(message.name)
    bases = [samples.valid(message.name)]
    for fixture in fixtures:
        filled = samples.empty(message.name)
        filled.ParseFromString(fixture)
        yield filled
        bases.append(samples.repaired(filled))
    for base in bases:
        if base is not None:
            yield base
            if vary:
                yield from samples.variations(message, base)


def _element_at(schema: Schema, message: Message, violation: Violation) -> Validated:
    """The element whose rule a message breaks: a field, a oneof, or a message on the way there."""
    found: Validated = message
    for name in violation.path:
        if name.startswith("["):
            continue
        holder = _held_by(schema, found) if isinstance(found, Field) else found
        if isinstance(holder, Message):
            found = next((e for e in _parts(holder) if e.descriptor.name == name), found)
    return found


def _held_by(schema: Schema, field: Field) -> Message | None:
    """The message that a field holds, or that the values of a map hold."""
    held = schema.messages.get(field.type_name)
    if held is not None and held.descriptor.options.map_entry:
        return schema.messages.get(held.fields[1].type_name)
    return held


def _fields(schema: Schema) -> dict[str, Field]:
    return {field.name: field for message in schema.messages.values() for field in message.fields}


def _validated(schema: Schema) -> dict[str, Validated]:
    """Everything that can have validation rules, predefined rules included."""
    found: dict[str, Validated] = {**schema.messages, **schema.options}
    for message in schema.messages.values():
        found.update((element.name, element) for element in _parts(message))
    return found


def _parts(message: Message) -> list[Field | Oneof]:
    return [*message.fields, *message.oneofs]


def _rpcs(schema: Schema) -> dict[str, Rpc]:
    return {rpc.name: rpc for service in schema.services.values() for rpc in service.rpcs}


def _kinds_and_services(schema: Schema) -> dict[str, EnumValue | Service]:
    found: dict[str, EnumValue | Service] = {**schema.services}
    found.update((value.name, value) for enum in schema.enums.values() for value in enum.values)
    return found


def _bare_rules(element: Validated, schema: Schema) -> list[bytes]:
    """The validation rules of an element without their wording, in a form that compares."""
    bare = [without_wording(rules) for rules in validation_options(element.options)]
    if isinstance(element, Field) and bare and not _has_rules_to_ignore(element, schema):
        bare[0].ClearField("ignore")
    return [rules.SerializeToString(deterministic=True) for rules in bare if rules.ByteSize()]


def _has_rules_to_ignore(field: Field, schema: Schema) -> bool:
    """Whether there are rules, on a field or in what it holds, that `ignore` turns off."""
    rules = without_wording(field.options[RULES]) if RULES in field.options else None
    if rules is None or len(rules.ListFields()) > 1:
        return True
    held = (schema.messages[name] for name in schema.reachable(field.type_name))
    return any(
        validation_options(message.options)
        or any(validation_options(part.options) for part in _parts(message))
        for message in held
    )


def _bare_authorization(rpc: Rpc) -> dict[str, str]:
    """Return how an RPC is authorized, without the wording of its error message."""
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
