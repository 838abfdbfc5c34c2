"""Task tokens, whatever they are called: what completes an external activity has one shape."""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.field_kinds import Slot, holds_text, is_number, slots, value_of
from schema_rules.finding import Finding
from schema_rules.schema import COMPUTED, Field, Schema
from schema_rules.words import singular, words

_HOLDERS = re.compile("(token|handle|ticket)s?$")
_OF_AN_ACTIVITY = re.compile(
    "callback|task|activit(y|ies)|complet(e|ion|ing)|resum(e|ption|ing)|async|wait(er|ing)?"
)
"""What a token or a handle belongs to if it is a task token."""
_ABOUT_A_TOKEN = frozenset(
    words(
        "hint count length size expiry expires expired ttl hash digest fingerprint name status "
        "state type kind prefix version issued at limit"
    )
)
"""Words after a token that say something of it."""
_TIMES = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
_ENDS = r"(complet|resum|wak|finish|unblock|releas)"
_SAID = re.compile(
    r"\b(task|callback|completion|activity)[ -](token|handle)s?\b"
    r"|\b(token|handle)s? of (the|an?|that) ([\w'-]+ ){0,2}activit(y|ies)\b"
    r"|(^|[.:;] |\b(to|can|may|that|which|it|token|handle|lets \w+) )(be used to )?"
    rf"{_ENDS}\w*( (?!by\b)[\w'-]+){{0,4}} activit(y|ies)\b"
    rf"|\b(by|with) which ([\w'-]+ ){{1,4}}{_ENDS}\w*( [\w'-]+){{0,4}} activit(y|ies)\b"
    rf"|\b(by|with) which ([\w'-]+ ){{0,4}}activit(y|ies) ([\w'-]+ ){{1,3}}{_ENDS}\w*",
    re.IGNORECASE,
)
"""What a comment says of a task token."""
_SAID_OF_BYTES = re.compile(
    r"\bactivit(y|ies)\b|\bTemporal\b|\b(unblock|resume)s?\b|\bthat waits?\b", re.IGNORECASE
)
"""What a comment says of bytes that are a task token unless they are stated to be no secret."""
_BYTES = re.compile("callback|complet(e|ion)|resum(e|ption)|async|wait(er|ing)?|external|pending")
"""What bytes are called that are a task token and nothing else."""
_SAID_OTHERWISE = re.compile(
    r"\b(no|not an?|never|without|instead of|hash of|digest of|length of|count of|whether|why|who|"
    r"how|when|name of|id of)\b[^.,;:]*$",
    re.IGNORECASE,
)


def token_shape(schema: Schema) -> Iterator[Finding]:
    """TOKEN_SHAPE: a task token is secret bytes that the system writes, absent if empty."""
    for slot in slots(schema):
        if is_task_token(schema, slot):
            for wanted in _missing(slot.field):
                yield Finding(
                    "TOKEN_SHAPE", slot.field, f'Task token "{slot.short_name}" must {wanted}'
                )


def is_task_token(schema: Schema, slot: Slot) -> bool:
    """Whether a field holds a task token, by one of its names or by what its comment says."""
    field = value_of(schema, slot.field)
    if is_number(field) or field.type_name in _TIMES or field.descriptor.type in _FLAGS:
        return False
    if any(map(_names_a_token, _names(slot))):
        return True
    comment = slot.field.comment
    if field.descriptor.type == FieldDescriptorProto.TYPE_BYTES and (
        all(map(_BYTES.fullmatch, words(slot.field.descriptor.name)))
        or (not _is_stated_plain(slot.field) and _is_said(_SAID_OF_BYTES, comment))
    ):
        return True
    return holds_text(schema, slot.field) and _is_said(_SAID, comment)


_FLAGS = {FieldDescriptorProto.TYPE_BOOL, FieldDescriptorProto.TYPE_ENUM}


def _is_stated_plain(field: Field) -> bool:
    options = field.descriptor.options
    return options.HasField("debug_redact") and not options.debug_redact


def _names(slot: Slot) -> Iterator[tuple[str, ...]]:
    yield from slot.names
    # A bare token belongs to what its message is about: CompleteActivityRequest.token.
    own = words(slot.field.descriptor.name)
    if slot.message is not None and len(own) == 1 and _HOLDERS.search(own[0]):
        yield (*words(slot.message.descriptor.name), *own)


def _names_a_token(name: tuple[str, ...]) -> bool:
    for i, word in enumerate(name):
        if singular(word) == "waiter" and i == len(name) - 1:
            return True
        holder = _HOLDERS.search(word)
        if holder is None or _ABOUT_A_TOKEN & {*name[i + 1 :]}:
            continue
        others = [*name[:i], word[: holder.start()], *name[i + 1 :]]
        if any(_OF_AN_ACTIVITY.fullmatch(other) for other in others if other):
            return True
    return False


def _is_said(pattern: re.Pattern[str], comment: str) -> bool:
    text = " ".join(comment.split())
    return any(
        not _SAID_OTHERWISE.search(text[: match.start()]) for match in pattern.finditer(text)
    )


def _missing(field: Field) -> Iterator[str]:
    descriptor = field.descriptor
    if descriptor.extendee:
        yield "be a field of a status: an option or extension can be set anywhere"
    if descriptor.type != FieldDescriptorProto.TYPE_BYTES:
        yield "be bytes, which carry every byte value"
    if descriptor.label == FieldDescriptorProto.LABEL_REPEATED:
        yield "be singular: one activity waits"
    if descriptor.HasField("oneof_index") or descriptor.proto3_optional:
        yield "have no explicit presence: empty means absent"
    if not descriptor.options.debug_redact:
        yield "be marked debug_redact: its holder can complete the activity"
    if not field.options.get(COMPUTED):
        yield "be marked computed: no user writes it"
    if descriptor.json_name != _default_json_name(descriptor.name):
        yield f'keep its default JSON name "{_default_json_name(descriptor.name)}"'


def _default_json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
