"""Where secrets can be in the contract, messages that hold them, and the forms a secret can take.

Told from the shipped image, not by the code under test.
"""

from __future__ import annotations

import base64
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.message import Message

import stigmer_apis
from stigmer_apis import schema

# Text that is told apart in every escape, and every byte value.
TOKEN = b"task-token-" + bytes(range(256))
SECRET = 'hunter2 "é\\'
MASK = "[REDACTED]"
# `printf` of the token into `sha256sum`.
TOKEN_MASK = b"[REDACTED sha256:7f3f0a50c0bd]"

FILES = [f for f in schema.file_descriptor_set().file if f.name.startswith("ai/stigmer/")]


def _declared(scope: str, messages: Iterable[DescriptorProto]) -> Iterator[DeclaredField]:
    for message in messages:
        name = f"{scope}.{message.name}"
        for field in message.field:
            yield DeclaredField(name, field)
        yield from _declared(name, message.nested_type)


class DeclaredField(NamedTuple):
    """A field as the image declares it, and the full name of its message type."""

    message: str
    field: FieldDescriptorProto


DECLARED = [found for file in FILES for found in _declared(file.package, file.message_type)]

REDACTED_FIELDS = {f"{d.message}.{d.field.name}" for d in DECLARED if d.field.options.debug_redact}
"""The fields of the contract that are `debug_redact`."""

MARKED_TYPES = {
    d.message
    for d in DECLARED
    if d.field.type == FieldDescriptorProto.TYPE_BOOL
    and any(word in d.field.name for word in ("secret", "sensitive", "confidential", "redact"))
}
"""The messages of the contract that say by a bool whether they are secret."""


class Path(NamedTuple):
    """A way from a message type down to a secret."""

    message_type: type[Message]
    fields: tuple[FieldDescriptor, ...]

    def __str__(self) -> str:
        """The type and the names of the fields."""
        return ".".join([self.message_type.DESCRIPTOR.name, *(f.name for f in self.fields)])


def repeated(field: FieldDescriptor) -> bool:
    """Whether a field is repeated; how to tell has changed over the releases of protobuf."""
    known: bool | None = getattr(field, "is_repeated", None)
    return known if known is not None else getattr(field, "label") == 3  # noqa: B009


def is_secret(field: FieldDescriptor) -> bool:
    """Whether what the field holds must not be shown, provided that a marker beside it is true."""
    if field.full_name in REDACTED_FIELDS:
        return True
    within = field.containing_type
    return field.name == "value" and within is not None and within.full_name in MARKED_TYPES


def _message_types() -> Iterator[type[Message]]:
    for module in pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis."):
        if module.name.endswith("_pb2"):
            importlib.import_module(module.name)
    for file in FILES:
        for message in file.message_type:
            found = descriptor_pool.Default().FindMessageTypeByName(
                f"{file.package}.{message.name}"
            )
            yield from _with_nested(found)


def _with_nested(descriptor: Descriptor) -> Iterator[type[Message]]:
    if not descriptor.GetOptions().map_entry:
        yield message_factory.GetMessageClass(descriptor)
    for nested in descriptor.nested_types:
        yield from _with_nested(nested)


MESSAGE_TYPES = list(_message_types())
"""Every message class of the contract."""


def _paths(descriptor: Any, above: frozenset[str]) -> Iterator[tuple[FieldDescriptor, ...]]:
    above |= {descriptor.full_name}
    for field in descriptor.fields:
        if is_secret(field):
            yield (field,)
        elif field.message_type is not None and field.message_type.full_name not in above:
            for rest in _paths(field.message_type, above):
                yield (field, *rest)


PATHS = [
    Path(message_type, fields)
    for message_type in MESSAGE_TYPES
    for fields in _paths(message_type.DESCRIPTOR, frozenset())
]
"""Every path from every message type to every secret within it."""


def filled(path: Path, token: bytes, secret: str) -> Message:
    """A message with every field set, and secrets where they belong.

    Of a oneof, the member that the path takes, or else the first. Repeated fields have two
    elements, maps two entries. A message within its own kind stays empty.
    """
    message = path.message_type()
    _fill(message, frozenset(path.fields), frozenset(), token, secret)
    return message


def _fill(
    message: Any,
    chosen: frozenset[FieldDescriptor],
    above: frozenset[str],
    token: bytes,
    secret: str,
) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    if descriptor.full_name in above:
        return
    above |= {descriptor.full_name}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None:
            member = next((f for f in oneof.fields if f in chosen), oneof.fields[0])
            if field is not member:
                continue
        value = getattr(message, field.name)
        inner: Descriptor | None = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            of = inner.fields_by_name["value"]
            if is_secret(field):  # masked, it is one entry, since keys may be as secret as values
                value.update({MASK: MASK} if secret == MASK else dict.fromkeys(_KEYS, secret))
                continue
            for key in _keys(inner.fields_by_name["key"]):
                if of.message_type is None:
                    value[key] = _sample(of, token, secret)
                else:
                    value[key].SetInParent()
                    _fill(value[key], chosen, above, token, secret)
        elif inner is not None:
            for item in (value.add(), value.add()) if repeated(field) else (value,):
                item.SetInParent()
                _fill(item, chosen, above, token, secret)
        elif repeated(field):
            value.extend([_sample(field, token, secret)] * 2)
        else:
            setattr(message, field.name, _sample(field, token, secret))


_KEYS = ["first", "second"]


def _keys(field: FieldDescriptor) -> list[Any]:
    return _KEYS if field.type == FieldDescriptor.TYPE_STRING else [1, 2]


def _sample(field: FieldDescriptor, token: bytes, secret: str) -> Any:
    """A secret, or a value other than the default of its type that tells which field it is."""
    if is_secret(field):
        return token if field.type == FieldDescriptor.TYPE_BYTES else secret
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return f"public {field.full_name} é"
        case FieldDescriptor.TYPE_BYTES:
            return f"public {field.full_name}".encode()
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_ENUM:
            assert field.enum_type is not None
            return field.enum_type.values[-1].number
        case FieldDescriptor.TYPE_FLOAT | FieldDescriptor.TYPE_DOUBLE:
            return field.number + 0.5
        case _:
            return 1000 + field.number


def forms(secret: bytes) -> dict[str, str]:
    """How a secret can show in text: each a piece of it in one encoding, by the encoding's name."""
    text = secret.decode("latin-1")
    found = {
        "raw": text[:7],
        "raw, its end": text[-4:],
        "escaped": "".join(f"\\{byte:03o}" for byte in secret[-4:]),
        "repr": repr(secret[-4:])[2:-1],
        "hex": secret.hex()[:20],
        "hex, its end": secret.hex()[-20:],
    }
    for before in range(3):  # what stands before it shifts the digits
        aligned = b"\0" * before + secret
        for name, encode in (
            ("base64", base64.b64encode),
            ("base64url", base64.urlsafe_b64encode),
        ):
            digits = encode(aligned).decode().rstrip("=")
            found[f"{name}, after {before}"] = digits[4:-4][:20]
            found[f"{name}, its end, after {before}"] = digits[4:-4][-20:]
    return found


def assert_hidden(secret: bytes, shown: str, where: str) -> None:
    """Fail with the first form in which the secret can be read."""
    for form, piece in forms(secret).items():
        assert piece not in shown, f"{where} shows the secret ({form}): {shown}"


def every_secret(message_type: type[Message], token: bytes, secret: str) -> list[Message]:
    """Messages of a type with a secret at the end of every path to one; none if it has no path."""
    return [filled(path, token, secret) for path in PATHS if path.message_type is message_type]


def assert_hides_secrets(shown: str, where: str) -> None:
    """Fail with the first form in which `TOKEN` or `SECRET` can be read."""
    assert_hidden(TOKEN, shown, where)
    assert_hidden(SECRET.encode(), shown, where)
