"""JSON of messages without their secrets."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any, cast

from google.protobuf.message import Message

from stigmer_apis.redaction import _masking

# What json_format makes of a mask in a bytes field. Nine bytes are twelve digits, whatever follows.
_MASK_IN_BASE64 = b64encode(b"[REDACTED").decode()


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


def _to_json_value(message: Message, preserving_proto_field_name: bool) -> Any:
    # Loaded when needed: it costs as much as all else here, and text does without.
    from google.protobuf import json_format

    copy = _masking.masked_copy(message, _hide_opaque_for_json)
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
