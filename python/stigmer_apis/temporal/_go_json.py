"""Dataclasses that read and write the JSON of a Go struct without tags, as `encoding/json` does.

The keys are the names of the Go fields, every field is written, `[]byte` is standard base64 with
padding, and a nil slice, map or pointer is null. Reading takes keys in any case, ignores those that
it does not know, and leaves a field that is null or missing at its zero value.
"""

import binascii
import dataclasses
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self, TypeGuard, TypeVar, cast

T = TypeVar("T")

# encoding/json escapes these, so that JSON can be embedded in HTML and JavaScript. They can
# only occur within strings.
_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})

_KEY = "stigmer_apis.go"


class GoType(NamedTuple):
    """How values of one Go type are written to JSON values and read from them."""

    write: Callable[[Any], object]
    read: Callable[[Any, str], object]
    """Read a JSON value other than null; the second argument names the field for errors."""


def go_field(name: str, go_type: GoType, zero: T, *, secret: bool = False) -> T:
    """A dataclass field that is `name` in Go; `repr()` leaves it out if it is secret."""
    return dataclasses.field(default=zero, repr=not secret, metadata={_KEY: (name, go_type)})


class GoStruct:
    """A Go struct without tags. Subclasses are dataclasses whose fields are made by `go_field`."""

    _stigmer_go_struct = True

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Read what `json.Marshal` wrote for the struct.

        Raises:
            ValueError: it is not JSON, or a field has a value of another type. The message names
                the field and never shows a value.
        """
        try:
            value: object = json.loads(data)
        except (ValueError, RecursionError):
            value = _NOT_JSON
        # Raised here and not above: the error of the JSON reader holds the whole text.
        if value is _NOT_JSON:
            raise ValueError(f"{cls.__name__} is not valid JSON; send what json.Marshal writes")
        return cls.from_json_value(value)

    def to_json(self) -> bytes:
        """Write what `json.Marshal` writes for the struct, except for the spelling of some numbers.

        Raises:
            ValueError: a value cannot be written as JSON, such as NaN or a lone surrogate.
        """
        try:
            text = json.dumps(
                self.to_json_value(), ensure_ascii=False, allow_nan=False, separators=(",", ":")
            )
            return text.translate(_ESCAPED).encode()
        except (TypeError, ValueError, RecursionError) as error:
            reason = type(error).__name__
        # Raised here and not above: the error of an encoder holds the whole text.
        raise ValueError(
            f"{type(self).__name__} holds a value that JSON cannot carry ({reason}); "
            "use only None, booleans, finite numbers, text, lists, and mappings by text"
        )

    @classmethod
    def from_json_value(cls, value: object, path: str = "") -> Self:
        """Read the struct from a parsed JSON value; null is the zero value.

        Args:
            value: the JSON value.
            path: what errors call it; the name of the struct if empty.

        Raises:
            ValueError: a field has a value of another type.
        """
        path = path or cls.__name__
        if value is None:
            return cls()
        if not is_json_object(value):
            raise _wrong(path, "an object", value)
        known = {name.casefold(): (attribute, t) for attribute, name, t in _fields(cls)}
        read: dict[str, Any] = {}
        for key, part in value.items():
            if part is not None and (found := known.get(key.casefold())):
                attribute, go_type = found
                read[attribute] = go_type.read(part, f"{path}.{key}")
        return cls(**read)

    def to_json_value(self) -> dict[str, object]:
        """The struct as a JSON value, to be written by a JSON encoder."""
        return {
            name: go_type.write(getattr(self, attribute))
            for attribute, name, go_type in _fields(type(self))
        }


_NOT_JSON = object()


def is_go_struct(kind: object) -> TypeGuard[type[GoStruct]]:
    """Whether a type is a Go struct of this package.

    Not `issubclass`: Temporal's workflow sandbox imports modules anew, so that the struct of a
    workflow may be another class than the one that the converter knows, under the same name.
    """
    return isinstance(kind, type) and getattr(kind, "_stigmer_go_struct", False) is True


def is_json_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a parsed JSON value is an object."""
    return isinstance(value, Mapping)


def _fields(struct: type[GoStruct]) -> list[tuple[str, str, GoType]]:
    return [
        (field.name, *field.metadata[_KEY])
        for field in dataclasses.fields(cast("Any", struct))
        if _KEY in field.metadata
    ]


def _wrong(path: str, wanted: str, value: object) -> ValueError:
    return ValueError(
        f"{path} must be {wanted} in JSON, not {_JSON_NAMES.get(type(value), 'another value')}"
    )


_JSON_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _read_string(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "a string", value)
    return value


def _read_bytes(value: object, path: str) -> bytes:
    if not isinstance(value, str):
        raise _wrong(path, "a string in standard base64", value)
    return read_base64(value, path)


def _read_map(value: object, path: str) -> Mapping[str, object]:
    if not is_json_object(value):
        raise _wrong(path, "an object", value)
    return value


def _any(value: object, _: str = "") -> object:
    return value


def _write_any(value: object) -> object:
    """Sort the keys of every map, as Go does, and write whole floats as Go does, without `.0`."""
    if is_go_struct(type(value)):
        return cast("GoStruct", value).to_json_value()
    if isinstance(value, Mapping):
        by_name = cast("Mapping[object, object]", value)
        if not all(isinstance(key, str) for key in by_name):
            raise TypeError("a key is not text")
        named = cast("Mapping[str, object]", by_name)
        return {key: _write_any(named[key]) for key in sorted(named, key=_utf8)}
    if isinstance(value, list | tuple):
        return [_write_any(part) for part in cast("list[object]", value)]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def read_base64(text: str, what: str) -> bytes:
    """Decode standard base64 with padding, and nothing else, so that no byte is lost or guessed.

    Raises:
        ValueError: it is not that. The message begins with `what` and does not show the text.
    """
    try:
        decoded = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    # Raised here and not above: the text that failed may be a token, and errors keep their context.
    if b64encode(decoded).decode() != text:
        raise ValueError(f"{what} is not standard base64 with padding; send the bytes whole")
    return decoded


def _write_bytes(value: bytes) -> object:
    return b64encode(value).decode() if value else None


STRING = GoType(write=_any, read=_read_string)
BYTES = GoType(write=_write_bytes, read=_read_bytes)
MAP = GoType(write=_write_any, read=_read_map)
ANY = GoType(write=_write_any, read=_any)


def pointer_to(struct: type[GoStruct]) -> GoType:
    """The Go type of a pointer to a struct; nil is None and null."""
    return GoType(write=_write_any, read=struct.from_json_value)
