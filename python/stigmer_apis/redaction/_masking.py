"""Masks what is secret in a message.

Which fields of a message type can lead to a secret is found once per type; a message is then
searched only where one can be.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, TypeVar

from google.protobuf import message_factory, text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.wrappers_pb2 import BoolValue, StringValue

from stigmer_apis import _printing
from stigmer_apis.redaction import _secrets
from stigmer_apis.redaction._secrets import is_map, is_repeated, may_hold_secrets

MASK: Final = "[REDACTED]"
OPAQUE_SUFFIX: Final = f"/{MASK}"
"""Ends the type of an Any that was masked as a whole, so that nothing reads it as that type."""
A_MASK: Final = re.compile(rb"\[REDACTED(?: (?:sha256:[0-9a-f]+|none|\d+ bytes))?\]")
"""Every mask that there is. What is masked already stays as it is."""

# A marked value is on the line before its marker. Strings are escaped: none has a line break, and a
# `value: "` that is not a field can only be the end of a string, with no other quote on its line.
_MARKED_LINE = re.compile(rf'value: ".*"(?=\n *{_secrets.MARKER}: true\n)')

# A release of protobuf that prints lines otherwise has its text masked in a copy.
_EXPECTED_LINES = 'value: "\\"\\n"\nvalue: true\n'

# A digest of a short secret can be turned back by trying all secrets that short.
_SHORTEST_TOKEN = 16
_DIGITS = 12
# Each level is a parse of its own, which the limit of the parser does not count.
_DEEPEST_ANY = 16

_base: Any = StringValue.__mro__[1]
NATIVE_BASE: Final[Any] = None if _base is Message else _base
"""The native class from which all message classes inherit their `str()`; None in pure Python."""
# If the class prints masked already, what it printed before.
OWN_STR: Final = NATIVE_BASE and getattr(NATIVE_BASE.__str__, "own", NATIVE_BASE.__str__)

_M = TypeVar("_M", bound=Message)
HideOpaque = Callable[[Any, str], None]
"""Puts a mask in place of the content of an Any that cannot be read."""
_Hide = Callable[[Any], None]
"""Masks one field of a message."""


class _Inner(NamedTuple):
    """A field whose messages may hold a secret."""

    name: str
    repeated: bool
    map: bool
    type: Descriptor


class _Plan(NamedTuple):
    """Where a message type may hold secrets."""

    any: bool
    extendable: bool
    marked: tuple[_Hide, ...]
    """What to hide when `is_secret` is true."""
    secret: tuple[_Hide, ...]
    inner: tuple[_Inner, ...]


def own_text(message: Message) -> str:
    """Return what `str(message)` gives by itself, whatever its class prints."""
    return text_format.MessageToString(message) if OWN_STR is None else OWN_STR(message)


def to_text(message: Message) -> str:
    """Return what protobuf's own `str(message)` gives, with every secret masked."""
    return _way_to_text(message.DESCRIPTOR)(message)


@lru_cache(maxsize=_secrets.TYPES)
def _way_to_text(descriptor: Descriptor) -> Callable[[Message], str]:
    # str() leaves unknown fields out of itself, in every runtime.
    if not may_hold_secrets(descriptor):
        return own_text
    lines = "".join(map(own_text, (StringValue(value='"\n'), BoolValue(value=True))))
    if lines == _EXPECTED_LINES and _secrets.holds_only_marked_text(descriptor):
        return _text_with_marked_lines_masked
    return lambda message: own_text(masked_copy(message))


def _text_with_marked_lines_masked(message: Message) -> str:
    """Mask in the text, which is faster than in a copy."""
    return _MARKED_LINE.sub(f'value: "{MASK}"', own_text(message))


def redacted_copy(message: _M) -> _M:
    """Return a deep copy of a message with every secret masked, for formatters of your own.

    The mask is part of the data: never store or send the copy in place of the message. An Any that
    cannot be read holds `[REDACTED 12 bytes]`, and `/[REDACTED]` after its type: stock JSON formats
    refuse it, `to_dict` does not.
    """
    copy = masked_copy(message)
    copy.DiscardUnknownFields()
    return copy


class Redacted:
    """A view of a message of any schema that prints without its secrets.

        logger.debug("stored %s", Redacted(their_message))

    The text is made when it is asked for, so it costs nothing where the line is not logged. Making
    it raises nothing: a message that cannot be shown reads `[REDACTED <type>: <error>]`. The view
    is pickled as its text. Messages of this package need none.
    """

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        """Make a view; the message is read when its text is asked for.

        Raises:
            TypeError: it is not a message.
        """
        # What has no descriptor would come out as `[REDACTED ...]` only when it is logged.
        if not isinstance(message, Message):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Redacted takes a message, not {type(message).__name__}")
        self._message = message

    def __str__(self) -> str:
        """Return the text of the message without its secrets."""
        return _printing.masked_text(self._message)

    __repr__ = __str__

    def __format__(self, format_spec: str) -> str:
        """Return the text, formatted as a string."""
        return format(str(self), format_spec)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Leave the message behind: pickles of log records are sent over networks."""
        return str, (str(self),)


def fingerprint(token: bytes) -> str:
    """Return a short name for a task token, to match log lines without showing the token.

    It is `sha256:` and the first 12 hexadecimal digits of the token's SHA-256; `none` for the empty
    token, which is absent. It has no key, so services in every language and process write the same,
    and a shell can: `sha256sum | head -c 12`. That is safe for task tokens, which nobody can
    enumerate because they hold random UUIDs. It is not safe for anything that a person chose: a
    digest of a password without a key can be reversed by trying. So anything shorter than 16 bytes
    is `[REDACTED]`, and no other secret is ever shown by its fingerprint.
    """
    if not token:
        return "none"
    if len(token) < _SHORTEST_TOKEN:
        return MASK
    return f"sha256:{hashlib.sha256(token).hexdigest()[:_DIGITS]}"


def masked_token(token: bytes) -> str:
    """The mask of a task token, with its fingerprint if it has one."""
    shown = fingerprint(token)
    return shown if shown == MASK else f"[REDACTED {shown}]"


def hide_opaque(found: Any, shown: str) -> None:
    """Put the mask there as it reads."""
    found.value = shown.encode()


def masked_copy(message: _M, hide: HideOpaque = hide_opaque) -> _M:
    """Return a copy of a message in which every secret that is known as a field is masked.

    Args:
        message: the message.
        hide: puts a mask in an Any whose type is unknown or whose content is malformed.
    """
    copy = type(message)()
    copy.CopyFrom(message)
    _mask_one(copy, hide, 0)
    return copy


def _mask_one(message: Any, hide: HideOpaque, depth: int) -> None:
    _mask((message,), message.DESCRIPTOR, hide, depth)


def _mask(messages: Iterable[Any], kind: Descriptor, hide: HideOpaque, depth: int) -> None:
    """Mask every secret in messages of one type, which lie in `depth` levels of Any."""
    is_any, extendable, marked, secret, inner = _plan(kind)
    if len(marked) == 1 and not (is_any or extendable or secret or inner):
        (hide_value,) = marked  # by the dozen, and nothing else to look for
        for message in messages:
            if message.is_secret:
                hide_value(message)
        return
    for message in messages:
        if is_any:
            _mask_any(message, hide, depth)
            continue
        if marked and message.is_secret:
            for hide_field in marked:
                hide_field(message)
        for hide_field in secret:
            hide_field(message)
        for name, repeated, is_map_field, inner_type in inner:
            if not repeated:
                if message.HasField(name):
                    _mask_one(getattr(message, name), hide, depth)
                continue
            items = getattr(message, name)
            # Not items.values(), which protobuf has in Python and slowly.
            found = map(items.__getitem__, items) if is_map_field else items
            _mask(found, inner_type, hide, depth)
        if extendable:
            _mask_extensions(message, hide, depth)


def _mask_any(message: Any, hide: HideOpaque, depth: int) -> None:
    packed = _unpacked(message) if depth < _DEEPEST_ANY else None
    if packed is None:
        if message.value:
            _mask_opaque(message, hide)
        return
    if may_hold_secrets(packed.DESCRIPTOR):
        _mask_one(packed, hide, depth + 1)
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
        if _secrets.is_secret(field):
            _hide(field, message)
        elif field.message_type is not None and may_hold_secrets(field.message_type):
            _mask(value if is_repeated(field) else (value,), field.message_type, hide, depth)


def _hider(field: FieldDescriptor) -> _Hide:
    name = field.name
    if field.type != FieldDescriptor.TYPE_STRING or is_repeated(field) or field.has_presence:
        return partial(_hide, field)

    def hide_text(message: Any) -> None:
        """Do as `_hide` does, faster: this is how a value by the dozen is secret."""
        if getattr(message, name):
            setattr(message, name, MASK)

    return hide_text


def _hide(field: FieldDescriptor, message: Any) -> None:
    """Mask a field that is set, and leave it set where its type lets it be."""
    if field.is_extension:  # which is set, for it was listed
        value = message.Extensions[field]
    elif field.has_presence and not message.HasField(field.name):
        return
    else:
        value = getattr(message, field.name)
    if field.message_type is not None and is_map(field):
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
    """What is shown for one value of a field: the mask where there is room for it, else zero."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return MASK
    if field.type == FieldDescriptor.TYPE_BYTES:
        if A_MASK.fullmatch(value):
            return value
        return (masked_token(value) if _secrets.is_task_token(field) else MASK).encode()
    if field.enum_type is not None:
        return field.enum_type.values[0].number
    return type(value)()


@lru_cache(maxsize=_secrets.TYPES)
def _plan(descriptor: Descriptor) -> _Plan:
    secret = [field for field in descriptor.fields if _secrets.is_secret(field)]
    return _Plan(
        any=descriptor.full_name == _secrets.ANY,
        extendable=descriptor.is_extendable,
        marked=tuple(map(_hider, _secrets.marked_fields(descriptor))),
        secret=tuple(map(_hider, secret)),
        inner=tuple(
            found
            for field in descriptor.fields
            if field not in secret and (found := _inner(field)) is not None
        ),
    )


def _inner(field: FieldDescriptor) -> _Inner | None:
    held: Descriptor | None = field.message_type
    if held is None or not may_hold_secrets(held):
        return None
    if not is_map(field):
        return _Inner(field.name, is_repeated(field), False, held)
    held = held.fields_by_name["value"].message_type
    # A map of scalars is secret as a whole or not at all.
    return None if held is None else _Inner(field.name, True, True, held)
