"""Masks what is secret in a message, in place: the part of `redaction` that knows descriptors.

What is secret is decided from descriptors alone, so messages of other people's schemas, dynamic
messages and both runtimes are treated alike. Which fields of a message type can lead to a secret is
found once per type; a message is then searched only where one can be.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

MASK: Final = "[REDACTED]"
OPAQUE_SUFFIX: Final = f"/{MASK}"
"""Ends the type of an Any that was masked as a whole: nobody takes its content for that type."""
A_MASK: Final = re.compile(rb"\[REDACTED(?: (?:sha256:[0-9a-f]+|none|\d+ bytes))?\]")
"""Every mask that there is. What is masked already stays as it is."""

# A digest of a short secret can be turned back by trying all secrets that short.
_SHORTEST_TOKEN = 16
_DIGITS = 12
# Our contract has about 200 message types. Types of pools that come and go are forgotten in time.
_TYPES = 4096
# Each level is a parse of its own, which the limit of the parser does not count.
_DEEPEST_ANY = 16

# The two fields that hold a Temporal task token; schema_rules holds them to their shape.
_TASK_TOKENS = frozenset({"callback_token", "task_token"})
_OURS = "ai.stigmer."
_ANY = "google.protobuf.Any"

HideOpaque = Callable[[Any, str], None]
"""Puts a mask in place of the content of an Any that cannot be read."""


class _Inner(NamedTuple):
    """A field whose messages may hold a secret."""

    name: str
    repeated: bool
    map: bool


class _Plan(NamedTuple):
    """Where a message type may hold secrets."""

    any: bool
    extendable: bool
    marked: FieldDescriptor | None
    """The field that is secret when `is_secret` is true."""
    secret: tuple[FieldDescriptor, ...]
    inner: tuple[_Inner, ...]


def fingerprint(token: bytes) -> str:
    """See `redaction.fingerprint`."""
    if not token:
        return "none"
    if len(token) < _SHORTEST_TOKEN:
        return MASK
    return f"sha256:{hashlib.sha256(token).hexdigest()[:_DIGITS]}"


def hide_opaque(found: Any, shown: str) -> None:
    """Put the mask there as it reads."""
    found.value = shown.encode()


@lru_cache(maxsize=_TYPES)
def may_hold_secrets(descriptor: Descriptor) -> bool:
    """Whether messages of a type can hold a secret, in themselves or in messages within them."""
    reachable = [descriptor]
    names = {descriptor.full_name}
    for found in reachable:  # which grows on the way
        if _holds_secrets(found):
            return True
        for field in found.fields:
            inner: Descriptor | None = field.message_type
            if inner is not None and inner.full_name not in names:
                names.add(inner.full_name)
                reachable.append(inner)
    return False


def mask(message: Message, hide: HideOpaque = hide_opaque, depth: int = 0) -> None:
    """Mask every secret in a message, which is changed in place.

    Args:
        message: the message, a copy that nobody else has.
        hide: puts a mask in an Any whose type is unknown or whose content is malformed.
        depth: how many levels of Any the message is packed in.
    """
    plan = _plan(message.DESCRIPTOR)
    if plan.any:
        _mask_any(message, hide, depth)
        return
    if plan.marked is not None and message.is_secret:  # type: ignore[attr-defined]
        _hide(message, plan.marked)
    for field in plan.secret:
        _hide(message, field)
    for name, repeated, is_map in plan.inner:
        if is_map:
            for inner in getattr(message, name).values():
                mask(inner, hide, depth)
        elif repeated:
            for inner in getattr(message, name):
                mask(inner, hide, depth)
        elif message.HasField(name):
            mask(getattr(message, name), hide, depth)
    if plan.extendable:
        _mask_extensions(message, hide, depth)


def _mask_any(message: Any, hide: HideOpaque, depth: int) -> None:
    packed = _unpacked(message) if depth < _DEEPEST_ANY else None
    if packed is None:
        if message.value:
            _mask_opaque(message, hide)
        return
    if may_hold_secrets(packed.DESCRIPTOR):
        mask(packed, hide, depth + 1)
    packed.DiscardUnknownFields()
    message.value = packed.SerializePartialToString()


def _mask_opaque(message: Any, hide: HideOpaque) -> None:
    """Leave of an Any its type and the size of its content."""
    if message.type_url.endswith(OPAQUE_SUFFIX) and A_MASK.fullmatch(message.value):
        hide(message, message.value.decode())
        return
    shown = f"[REDACTED {len(message.value)} bytes]"
    # Where the type is known, the text format would insist on reading the mask as that.
    message.type_url += OPAQUE_SUFFIX
    hide(message, shown)


def _unpacked(message: Any) -> Message | None:
    """The message in an Any; None if its type is not in the pool or its content is malformed."""
    type_url: str = message.type_url
    if "/" not in type_url:
        return None
    pool = message.DESCRIPTOR.file.pool
    try:
        descriptor = pool.FindMessageTypeByName(type_url.rpartition("/")[2])
        packed = message_factory.GetMessageClass(descriptor)()
        packed.MergeFromString(message.value)
    # The pure Python parser lets the codec's error through when a string is not UTF-8.
    except (KeyError, DecodeError, UnicodeDecodeError):
        return None
    return packed


def _mask_extensions(message: Any, hide: HideOpaque, depth: int) -> None:
    # Not planned ahead: an extension may be defined after the message type was first seen.
    for field, value in message.ListFields():
        if not field.is_extension:
            continue
        if _is_secret(field):
            _hide(message, field)
        elif field.message_type is not None and may_hold_secrets(field.message_type):
            for inner in value if is_repeated(field) else (value,):
                mask(inner, hide, depth)


def _hide(message: Any, field: FieldDescriptor) -> None:
    """Mask a field that is set, and leave it set where its type lets it be."""
    if field.is_extension:  # which is set, for it was listed
        value = message.Extensions[field]
    elif field.has_presence and not message.HasField(field.name):
        return
    else:
        value = getattr(message, field.name)
    if field.message_type is not None and _is_map(field):
        _hide_map(value, field.message_type)
    elif is_repeated(field):
        if field.message_type is not None:
            for item in value:
                item.Clear()
        else:
            value[:] = [_masked(field, item) for item in value]
    elif field.message_type is not None:
        value.Clear()  # which leaves it set
    elif not field.has_presence and not value:
        message.ClearField(field.name)  # nothing to hide; but -0.0 is set and says something
    elif field.is_extension:
        message.Extensions[field] = _masked(field, value)
    else:
        setattr(message, field.name, _masked(field, value))


def _hide_map(entries: Any, entry: Descriptor) -> None:
    """Put one masked entry in place of all; their keys may be as secret as their values."""
    if not entries:
        return
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    key = _masked(key_field, next(iter(entries)))
    value = None if value_field.message_type else _masked(value_field, next(iter(entries.values())))
    entries.clear()
    if value is None:
        entries[key].SetInParent()
    else:
        entries[key] = value


def _masked(field: FieldDescriptor, value: Any) -> Any:
    """What stands for one value of a field: the mask where there is room for it, else zero."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return MASK
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _masked_bytes(field, value)
    if field.enum_type is not None:
        return field.enum_type.values[0].number
    return type(value)()


def _masked_bytes(field: FieldDescriptor, value: bytes) -> bytes:
    if A_MASK.fullmatch(value):
        return value
    if field.name in _TASK_TOKENS and field.full_name.startswith(_OURS):
        shown = fingerprint(value)
        if shown != MASK:
            return f"[REDACTED {shown}]".encode()
    return MASK.encode()


@lru_cache(maxsize=_TYPES)
def _plan(descriptor: Descriptor) -> _Plan:
    fields = list(descriptor.fields)
    secret = tuple(field for field in fields if _is_secret(field))
    return _Plan(
        any=descriptor.full_name == _ANY,
        extendable=descriptor.is_extendable,
        marked=_marked_field(descriptor),
        secret=secret,
        inner=tuple(
            _Inner(field.name, is_repeated(field), _is_map(field))
            for field in fields
            if field not in secret
            and field.message_type is not None
            and may_hold_secrets(field.message_type)
        ),
    )


def _holds_secrets(descriptor: Descriptor) -> bool:
    return (
        descriptor.full_name == _ANY
        or descriptor.is_extendable
        or _marked_field(descriptor) is not None
        or any(_is_secret(field) for field in descriptor.fields)
    )


def _marked_field(descriptor: Descriptor) -> FieldDescriptor | None:
    """The field `value` of a message that says by `bool is_secret` whether it is a secret."""
    fields = descriptor.fields_by_name
    marker = fields.get("is_secret")
    if marker is None or marker.type != FieldDescriptor.TYPE_BOOL or is_repeated(marker):
        return None
    return fields.get("value")


def _is_secret(field: FieldDescriptor) -> bool:
    if not field.has_options:
        return False
    options = field.GetOptions()
    return options.debug_redact or _annotates_secret(
        _in_pool(options, cast("Any", field).file.pool)
    )


def _in_pool(options: Message, pool: Any) -> Message:
    """The options as the pool of their schema reads them, which knows what options there are."""
    try:
        descriptor = pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
    except KeyError:  # no file in the pool imports descriptor.proto, so none defines an option
        return options
    read = message_factory.GetMessageClass(descriptor)()
    read.MergeFromString(options.SerializeToString())
    return read


def _annotates_secret(options: Message) -> bool:
    """Whether an option is set to an enum value that is itself `debug_redact`.

    This is what descriptor.proto says of EnumValueOptions.debug_redact: a schema may have an option
    with classes of data, and name the secret ones once.
    """
    for option, value in options.ListFields():
        values = value if is_repeated(option) else (value,)
        if option.enum_type is not None:
            known = option.enum_type.values_by_number
            if any(known[v].GetOptions().debug_redact for v in values if v in known):
                return True
        elif option.message_type is None or _is_map(option):
            continue
        elif any(_annotates_secret(inner) for inner in values):
            return True
    return False


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is repeated, as every release of protobuf can tell it."""
    # `label` warns where `is_repeated` is known: protobuf 6 and later.
    known: bool | None = getattr(field, "is_repeated", None)
    if known is None:
        return bool(getattr(field, "label") == FieldDescriptor.LABEL_REPEATED)  # noqa: B009
    return known


def _is_map(field: FieldDescriptor) -> bool:
    inner: Descriptor | None = field.message_type
    return inner is not None and inner.has_options and inner.GetOptions().map_entry
