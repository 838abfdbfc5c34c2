"""Messages without their secrets, for logs and whoever else may not read them.

`str()`, `repr()`, the text format and JSON of Python's protobuf print every field in clear, also
those that the contract marks `debug_redact`. Here is what to use in their place:

    logger.info("stored %s", Redacted(execution))

or, once for all that a handler writes:

    handler.addFilter(RedactingFilter())

What is masked, wherever it stands: in messages within messages, repeated fields, maps, oneofs,
extensions, and in what a `google.protobuf.Any` holds, of our schema and of any other:

- **Fields that are `debug_redact`**, or annotated with an enum value that is. Text becomes
  `[REDACTED]`, in a bytes field as ASCII; a task token (`callback_token`) becomes
  `[REDACTED sha256:1f0c...]` with its `fingerprint`. Messages lose their content; a map becomes one
  masked entry; numbers, enums and bools have no room for a mask and become zero, or the enum's
  first value. A field that was set still shows as set, except numbers, enums and bools without
  presence.
- **Values that say so themselves**: the `value` of a message whose `is_secret` is true
  (`EnvironmentValue`, `ExecutionValue`).
- **What cannot be read**: fields that this process does not know, such as a newer peer's, are left
  out; of an Any of unknown type or with malformed content, its type and size are left.

What is not: secrets that nothing marks, in a `google.protobuf.Struct` or in free text such as
`error` or `trigger_message`; a value that was taken out of its message (use `fingerprint` for a
token); text made before it gets here, such as an f-string. Errors of protobuf may quote what they
refuse: `text_format.ParseError` does, and in the pure Python runtime a `TypeError` for a value of
the wrong type and the `repr()` of a `UnicodeDecodeError`. `DecodeError`, `json_format.ParseError`
for a bytes field, and protovalidate's `ValidationError` do not.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from stigmer_apis.redaction import _masking
from stigmer_apis.redaction._log_values import replace_messages

__all__ = [
    "Redacted",
    "RedactingFilter",
    "fingerprint",
    "redacted_copy",
    "to_dict",
    "to_json",
    "to_text",
]

_M = TypeVar("_M", bound=Message)

# What json_format makes of a mask in a bytes field. Nine bytes are twelve digits, whatever follows.
_MASK_IN_BASE64 = b64encode(b"[REDACTED").decode()
_PLAIN = (str, int, float, type(None))


def redacted_copy(message: _M) -> _M:
    """A deep copy of a message with every secret masked, for formatters of your own.

    The mask is part of the data: never store or send the copy in place of the message. An Any that
    cannot be read holds `[REDACTED 12 bytes]`, and `/[REDACTED]` after its type: stock JSON formats
    refuse it, `to_dict` does not.
    """
    copy = _masked(message)
    copy.DiscardUnknownFields()
    return copy


def to_text(message: Message) -> str:
    """What `str(message)` gives, with every secret masked."""
    # str() leaves unknown fields out of itself, in every runtime.
    if not _masking.may_hold_secrets(message.DESCRIPTOR):
        return str(message)
    return str(_masked(message))


def to_dict(message: Message, *, preserving_proto_field_name: bool = False) -> dict[str, Any]:
    """What `MessageToDict(message)` gives, with every secret masked, for structured logs.

    A masked bytes field is the mask as it reads, not its base64: no reader takes it for a token. An
    Any of unknown type, which `MessageToDict` refuses, is `{"@type": ..., "value": "[REDACTED 12
    bytes]"}`.

    Args:
        message: the message.
        preserving_proto_field_name: name fields as in the .proto file, not in lowerCamelCase.

    Raises:
        google.protobuf.json_format.SerializeToJsonError: ProtoJSON has no form for a value, such as
            an infinite number in a `google.protobuf.Value`.
        ValueError: the same, of a `google.protobuf.Timestamp` or `Duration` out of its range.
    """
    return cast("dict[str, Any]", _to_json_value(message, preserving_proto_field_name))


def to_json(
    message: Message, *, preserving_proto_field_name: bool = False, indent: int | None = None
) -> str:
    """`to_dict(message)` as JSON, on one line unless there is an indent.

    Args:
        message: the message.
        preserving_proto_field_name: name fields as in the .proto file, not in lowerCamelCase.
        indent: the spaces by which each level is indented; None for one line.

    Raises:
        google.protobuf.json_format.SerializeToJsonError: as in `to_dict`.
        ValueError: as in `to_dict`.
    """
    return json.dumps(_to_json_value(message, preserving_proto_field_name), indent=indent)


def fingerprint(token: bytes) -> str:
    """A short name of a task token, to match log lines without showing it.

    `sha256:` and the first 12 hexadecimal digits of the token's SHA-256; `none` for the empty
    token, which is absent. There is no key in it, so that services in every language and process
    write the same, and a shell can: `sha256sum | head -c 12`. That is safe for task tokens, which
    nobody can enumerate (they hold random UUIDs), and for nothing that a person chose: of a
    password, a digest without a key can be turned back by trying. Whatever is shorter than 16 bytes
    is therefore `[REDACTED]`, and no other secret is ever shown by its fingerprint.
    """
    return _masking.fingerprint(token)


class Redacted:
    """A view of a message whose text is masked, made when it is asked for.

        logger.debug("stored %s", Redacted(execution))

    `str()`, `repr()` and `format()` give `to_text(message)`, and cost nothing where the line is not
    logged. They raise nothing: a message that cannot be shown reads `[REDACTED <type>: <error>]`.
    The view is pickled as its text.
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
        """The text of the message without its secrets."""
        try:
            return to_text(self._message)
        except Exception as error:  # a line with less in it, rather than no line or a secret
            return f"[REDACTED {self._message.DESCRIPTOR.full_name}: {type(error).__name__}]"

    def __repr__(self) -> str:
        """The same as `str()`, as of every message."""
        return str(self)

    def __format__(self, format_spec: str) -> str:
        """The text, formatted as a string."""
        return format(str(self), format_spec)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Leave the message behind: pickles of log records are sent over networks."""
        return str, (str(self),)


class RedactingFilter(logging.Filter):
    """Puts a `Redacted` view in place of every message in a log record.

        for handler in logging.getLogger().handlers:
            handler.addFilter(RedactingFilter())

    or, in `logging.config.dictConfig`:
    `"filters": {"redact": {"()": "stigmer_apis.redaction.RedactingFilter"}}`.

    Add it to handlers: a filter of a logger does not see the records of loggers below it. It finds
    messages as the line itself, among its arguments, in `extra`, and in exceptions that are logged;
    and within those in dicts, lists, tuples, sets, repeated and map fields, dataclasses, and the
    arguments, attributes and causes of exceptions. The record is changed for handlers that come
    later too; the values of the caller are not. Text is made only where the record is written.

    It cannot help where text is made before: f-strings, `"..." % execution`, and errors like
    `ValueError(f"{execution}")`. Objects of other kinds that hold messages print as their own
    `repr()` does.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record, and let it pass if its logger is the filter's (`logging.Filter`)."""
        for name, value in list(vars(record).items()):
            if type(value) in _PLAIN:  # most of a record, on every line
                continue
            safe = _safe(value)
            if safe is not value:
                setattr(record, name, safe)
                if name == "exc_info":
                    record.exc_text = None  # what an earlier handler has made of the error
        return bool(super().filter(record))


def _safe(value: object) -> object:
    # One argument that cannot be searched must not cost the others.
    if type(value) is not tuple:
        return _safe_item(value)
    items = cast("tuple[object, ...]", value)
    safe = tuple(_safe_item(item) for item in items)
    same = all(new is old for new, old in zip(safe, items, strict=True))
    return items if same else safe


def _safe_item(value: object) -> object:
    try:
        return replace_messages(value, Redacted)
    except Exception as error:  # whatever it is, it may hold a secret, and logging never raises
        shown = f"[REDACTED {type(value).__name__}: {type(error).__name__}]"
        return Exception(shown) if isinstance(value, BaseException) else shown


def _masked(message: _M, hide: _masking.HideOpaque | None = None) -> _M:
    copy = type(message)()
    copy.CopyFrom(message)
    if _masking.may_hold_secrets(message.DESCRIPTOR):
        _masking.mask(copy, hide or _masking.hide_opaque)
    return copy


def _to_json_value(message: Message, preserving_proto_field_name: bool) -> Any:
    # Loaded when needed: it costs as much as all else here, and text does without.
    from google.protobuf import json_format

    copy = _masked(message, _hide_opaque_for_json)
    pool = message.DESCRIPTOR.file.pool
    return _readable(
        json_format.MessageToDict(
            copy,
            preserving_proto_field_name=preserving_proto_field_name,
            descriptor_pool=cast("Any", _PoolForJson(pool)),
        )
    )


def _hide_opaque_for_json(found: Any, shown: str) -> None:
    """Put a mask in an unreadable Any so that json_format, which must read it, can."""
    from google.protobuf.wrappers_pb2 import StringValue

    found.value = StringValue(value=shown).SerializeToString()


class _PoolForJson:
    """A pool in which the content of an Any that was masked as a whole is text."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    def FindMessageTypeByName(self, full_name: str) -> Any:  # noqa: N802
        if full_name == _masking.MASK:
            from google.protobuf.wrappers_pb2 import StringValue

            return StringValue.DESCRIPTOR
        return self.pool.FindMessageTypeByName(full_name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)


def _readable(value: Any, key: str = "") -> Any:
    """The value with masks as they read."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {name: _readable(item, name) for name, item in entries.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        if key == "@type":
            return value.removesuffix(_masking.OPAQUE_SUFFIX)
        if value.startswith(_MASK_IN_BASE64):
            try:
                mask = b64decode(value, validate=True)
            except Base64Error:
                return value
            if _masking.A_MASK.fullmatch(mask):
                return mask.decode()
    return value
