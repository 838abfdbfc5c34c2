"""What the system writes is in a status and nowhere else, and every field says who writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema_rules.field_kinds import Slot, slots
from schema_rules.finding import Finding
from schema_rules.schema import AUDIT, COMPUTED, METADATA, Field, Message, Schema
from schema_rules.token_rules import is_task_token
from schema_rules.words import sentences, words

_SYSTEM = (
    r"((the (platform|system|server|service|backend|scheduler|controller|orchestrator|"
    r"([\w-]+ )?(runner|worker)))|Stigmer|Temporal|us)"
)
_DONE = (
    r"(written|set|filled( in)?|assigned|generated|computed|maintained|managed|populated|recorded|"
    r"updated|issued|derived|determined|owned|controlled|calculated|kept|increased|incremented)"
)
_DOES = (
    r"(writes|sets|fills|assigns|generates|computes|records|populates|maintains|updates|overwrites|"
    r"determines|calculates|increments|increases|(fills|keeps|flips|works out|stamps) (it|this))"
)
_WRITTEN_BY_THE_SYSTEM = re.compile(
    rf"\b{_DONE} ((only|automatically|solely) )?by {_SYSTEM}\b"
    rf"|\b{_DONE} ([\w-]+ ){{1,4}}by {_SYSTEM}[.,;]|\b{_DONE} (at|on) the server\b"
    rf"|\b(that|which) {_SYSTEM} (gave|gives|works out|counts|measures|observes)\b"
    r"|\bas (reported|measured|counted|observed) (by|on)\b|\bso far[.,;]"
    rf"|\b{_DONE} automatically\b|\bautomatically {_DONE}\b"
    rf"|\b{_SYSTEM} ((\w+ly|alone|then) )?{_DOES}\b"
    rf"|\b(output[- ]|read[- ]?)only\b|\breturned by {_SYSTEM} only\b|\bnot settable\b"
    r"|\b(server|system|platform|auto)[- ](generated|assigned|set|written|managed|computed)\b"
    r"|\bignored in (requests|what|create|update|any)\b"
    r"|\bignored (when|if) (a |the )?(user|caller|client)s? s"
    r"|\bno (user|caller|client) (writes|sets)\b"
    r"|\b(user|caller|client)s? (never|cannot|must not|may not|do not) (write|set)\b"
    r"|\b(user|caller|client)s? (never|cannot|must not|may not|do not) (provide|send|supply|fill "
    r"in|change) (it|this)\b|^do not (set|write|fill in|provide)( it| this)?([.:;]|$)"
    r"|\b(user|caller|client)s? leave (it|this) empty\b|\b(sends|sets) is (ignored|dropped)\b",
    re.IGNORECASE,
)
_ON_CONDITION = re.compile(
    r"^(whether|if)\b|\bif (it is )?(empty|absent|omitted|unset|left|not)\b"
    r"|\b(unless|otherwise|by default|sets up)\b",
    re.IGNORECASE,
)
"""Who says so lets the user write the field first, or speaks of something else."""
_OBSERVED = frozenset(words("observed computed generated detected"))
_TIMES = frozenset(words("at time timestamp"))
_MOMENTS = frozenset(words("create update delete creation modification completion"))
_WISHES = frozenset(words("scheduled desired expected planned requested preferred needed"))
_AUTHORS = frozenset(words("created updated modified deleted changed"))
_QUERIES = ("Get", "List", "Find", "Search", "Query", "Count", "Subscribe", "Watch", "Check")


def status_only_field(schema: Schema) -> Iterator[Finding]:
    """STATUS_ONLY_FIELD: a field that the system writes stands only in a status.

    Such a field is `computed`, or a task token, or owned by Temporal, or the audit block. A message
    that only statuses reach counts as a part of them; an extension counts as none.
    """
    outside = _reached_without_status(schema)
    for slot in slots(schema):
        how = outside.get(slot.message.name) if slot.message else "it is an extension"
        reason = _why_system_owned(schema, slot) if how else None
        if reason:
            yield Finding(
                "STATUS_ONLY_FIELD",
                slot.field,
                f'Field "{slot.short_name}" {reason}, so it belongs to a status, but {how}; move '
                "it into the status of its resource",
            )


def status_writer(schema: Schema) -> Iterator[Finding]:
    """STATUS_WRITER: every field of a status is `computed`, except its audit block."""
    for message in schema.messages.values():
        if not is_status(message):
            continue
        for field in message.fields:
            is_stated = field.options.get(COMPUTED) or field.type_name == AUDIT
            # TOKEN_SHAPE asks the same of a task token.
            if not is_stated and not is_task_token(schema, Slot(field, message)):
                yield Finding(
                    "STATUS_WRITER",
                    field,
                    f'Field "{_short(field)}" of a status must be marked computed: the system '
                    "writes it, and ignores what users send in it",
                )


def spec_writer(schema: Schema) -> Iterator[Finding]:
    """SPEC_WRITER: no field of a spec or a request is written by the system, in name or comment."""
    for message in _asked_of_users(schema):
        for field in message.fields:
            if field.options.get(COMPUTED) or field.type_name == AUDIT:
                continue  # STATUS_ONLY_FIELD reports it
            why = why_system_written(message, field)
            if why:
                yield Finding(
                    "SPEC_WRITER",
                    field,
                    f'Field "{_short(field)}" is written by the system according to its {why}, but '
                    f'"{message.descriptor.name}" is what users request; move it to the status',
                )


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
                    f'Field "{_short(field)}" of a spec contains the status {status}; '
                    "users cannot request what the system observes",
                )


def spec_repeats_status(schema: Schema) -> Iterator[Finding]:
    """SPEC_REPEATS_STATUS: no field is in both the spec and the status of a resource."""
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
                    f'Field "{_short(field)}" is also in {status.descriptor.name}; only one party '
                    "writes it, so keep it on that side, or use a different name",
                )


def is_status(message: Message) -> bool:
    """Whether a message is the status of a resource."""
    return message.name.endswith("Status")


def _short(field: Field) -> str:
    return ".".join(field.name.split(".")[-2:])


def _why_system_owned(schema: Schema, slot: Slot) -> str | None:
    if slot.field.options.get(COMPUTED):
        return "is computed"
    if is_task_token(schema, slot):
        return "is a task token"
    if any(map(_is_id_of_temporal, slot.names)):
        return "is written by Temporal's side"
    if slot.field.type_name == AUDIT:
        return "is an audit block"
    return None


def _is_id_of_temporal(name: tuple[str, ...]) -> bool:
    return {"temporal", "id"} <= {*name} and bool({"workflow", "run", "activity"} & {*name})


def why_system_written(message: Message, field: Field) -> str | None:
    """Return what says that the system writes a field: its comment or its name."""
    if any(map(_says_system_written, sentences(field.comment))):
        return "comment"
    is_query = message.descriptor.name.startswith(_QUERIES)
    name = words(field.descriptor.name)
    # A query asks for what was written: created_by keeps what that account created.
    return "name" if not is_query and _is_observed(message, name) else None


def _says_system_written(sentence: str) -> bool:
    return bool(_WRITTEN_BY_THE_SYSTEM.search(sentence)) and not _ON_CONDITION.search(sentence)


def _is_observed(message: Message, name: tuple[str, ...]) -> bool:
    if message.name.endswith("Spec") and name in {("phase",), ("status",), ("current", "phase")}:
        return True
    if name[0] in _OBSERVED:
        return True
    *_, past, last = ("", *name)
    if last in _TIMES:
        is_past = (past.endswith("ed") and past not in _WISHES) or past in _MOMENTS
        return is_past or name[0] == "last"
    return last == "by" and past in _AUTHORS


def _asked_of_users(schema: Schema) -> Iterator[Message]:
    """Yield what users write: specs, inputs, requests, and what they hold."""
    requests = {rpc.request for service in schema.services.values() for rpc in service.rpcs}
    pending = [
        message.name
        for message in schema.messages.values()
        if _is_asked_for(message) or message.name in requests
    ]
    seen: set[str] = set()
    while pending:
        message = schema.messages.get(pending.pop())
        if message is None or message.name in seen or is_status(message):
            continue
        seen.add(message.name)
        if message.name == METADATA or (message.field("metadata") and message.field("spec")):
            continue  # identity is shared: the user chooses the name, the platform the ID
        if not message.descriptor.options.map_entry:
            yield message
        pending += [field.type_name for field in message.fields if field.type_name]


def _reached_without_status(schema: Schema) -> dict[str, str]:
    """Every message that something other than a status leads to, and how, in words."""
    # Whatever no field refers to is a root: an input, a response, a resource, or a loose message.
    referred = {f.type_name for m in schema.messages.values() for f in m.fields}
    requested = {rpc.request for service in schema.services.values() for rpc in service.rpcs}
    reached: dict[str, str] = {}
    pending = [
        (message.name, "it is in a message of its own")
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
    # Messages on a ring refer to each other, and nothing else may refer to them.
    parts = _parts_of_statuses(schema)
    alone = {name for name in schema.messages if name not in reached and name not in parts}
    return {**reached, **dict.fromkeys(alone, "it is in a message of its own")}


def _parts_of_statuses(schema: Schema) -> set[str]:
    parts: set[str] = set()
    pending = [name for name, message in schema.messages.items() if is_status(message)]
    while pending:
        message = schema.messages.get(pending.pop())
        if message is not None and message.name not in parts:
            parts.add(message.name)
            pending += [field.type_name for field in message.fields if field.type_name]
    return parts


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
