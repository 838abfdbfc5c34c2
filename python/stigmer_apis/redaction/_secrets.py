"""What is secret in a message type, told from its descriptor alone.

So messages of other people's schemas and dynamic messages are treated as ours are, in both
runtimes. Codegen asks here too when it decides which classes print masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

ANY: Final = "google.protobuf.Any"
MARKER: Final = "is_secret"
"""A field by which a message says that its `value` is secret."""
TYPES: Final = 4096
"""How many message types are remembered. Types of pools that come and go are forgotten in time."""

_OURS = "ai.stigmer."


@lru_cache(maxsize=TYPES)
def may_hold_secrets(descriptor: Descriptor) -> bool:
    """Whether messages of a type can hold a secret, in themselves or in messages within them."""
    return any(map(_holds_secrets, _reachable(descriptor)))


def holds_only_marked_text(descriptor: Descriptor) -> bool:
    """Whether a type holds no secrets but text in a `value` that prints right before its marker.

    If no `value` is printed, no other line that ends like one is before the marker.
    """
    return all(
        _is_marked_text(found) if MARKER in found.fields_by_name else not _holds_secrets(found)
        for found in _reachable(descriptor)
    )


def _is_marked_text(descriptor: Descriptor) -> bool:
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    names = [field.name for field in fields]
    place = names.index(MARKER)
    text, marker = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BOOL
    return (
        [(field.name, field.type, is_repeated(field)) for field in fields[place - 1 : place + 1]]
        == [("value", text, False), (MARKER, marker, False)]
        and sum(name.endswith("value") for name in names) == 1
        and not descriptor.is_extendable
        and not any(map(is_secret, fields))
    )


def _reachable(descriptor: Descriptor) -> Iterator[Descriptor]:
    """The type and those of messages within it."""
    reachable = [descriptor]
    names = {descriptor.full_name}
    for found in reachable:  # which grows on the way
        yield found
        for field in found.fields:
            inner: Descriptor | None = field.message_type
            if inner is not None and inner.full_name not in names:
                names.add(inner.full_name)
                reachable.append(inner)


def _holds_secrets(descriptor: Descriptor) -> bool:
    return (
        descriptor.full_name == ANY
        or descriptor.is_extendable  # an extension that is secret may be defined at any time
        or MARKER in descriptor.fields_by_name
        or any(is_secret(field) for field in descriptor.fields)
    )


def marked_fields(descriptor: Descriptor) -> Sequence[FieldDescriptor]:
    """The fields that are secret when `is_secret` is true: `value`, or else all others."""
    fields = descriptor.fields_by_name
    if MARKER not in fields:
        return ()
    return (
        [fields["value"]] if "value" in fields else [f for f in fields.values() if f.name != MARKER]
    )


def is_secret(field: FieldDescriptor) -> bool:
    """Whether a field is secret in every message."""
    if field.name == "task_token" and field.type == FieldDescriptor.TYPE_BYTES:
        return True  # Temporal's own messages do not say so
    if not field.has_options:
        return False
    options = field.GetOptions()
    return options.debug_redact or _annotates_secret(
        _in_pool(options, cast("Any", field).file.pool)
    )


def is_task_token(field: FieldDescriptor) -> bool:
    """Whether a secret bytes field holds a Temporal task token, which nobody can guess."""
    # schema_rules hold fields of ours with this name to that.
    return field.name == "task_token" or (
        field.name == "callback_token" and field.full_name.startswith(_OURS)
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
        elif option.message_type is None or is_map(option):
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


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map."""
    inner: Descriptor | None = field.message_type
    return inner is not None and inner.has_options and inner.GetOptions().map_entry
