"""JSON values as the values of fields that hold no message: exactly what ProtoJSON allows."""

from __future__ import annotations

import binascii
import contextlib
import functools
import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

Convert = Callable[[object], object]
"""Turns a JSON value into the value of a field, or into `UNKNOWN`."""

UNKNOWN = object()
"""An enum name that this package does not know."""

_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})
_URL_SAFE = str.maketrans("-_", "+/")
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_NUMBER_OF_ENUM = re.compile("-?(0|[1-9][0-9]{0,9})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class UnfitError(Exception):
    """A JSON value does not fit. It holds the expected shape and the path, and never the value."""

    def __init__(self, expected: str) -> None:
        self.expected = expected
        self.path: list[str] = []
        """The way to the value, the innermost step first."""

    def below(self, step: str) -> UnfitError:
        """Add the step that leads to what does not fit."""
        self.path.append(step)
        return self


def key_converter(field: FieldDescriptor) -> Convert:
    """Return what turns the name of a member of an object into the key of a map."""
    return _bool_key if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else converter(field)


def converter(field: FieldDescriptor) -> Convert:
    """Return what turns a JSON value into a value of a field that holds no message."""
    if field.enum_type is not None:
        return _enum_converter(field.enum_type)
    if bounds := _INTEGERS.get(field.cpp_type):
        return functools.partial(_integer, *bounds)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    return _SCALARS[field.cpp_type]


def _integer(low: int, high: int, value: object) -> int:
    whole: object = value
    if type(value) is str and len(value) < 50 and _NUMBER.fullmatch(value):
        if abs(float(value)) <= 2.0**64:  # an exponent may be of any size
            exact = Decimal(value)
            whole = int(exact) if exact == int(exact) else None
    elif type(value) is float and value.is_integer():
        whole = int(value)
    if type(whole) is int and low <= whole <= high:
        return whole
    raise UnfitError(f"an integer from {low} to {high}")


def to_double(value: object) -> float:
    """Return the value of a double field."""
    if type(value) is str and (value in _NOT_FINITE or _NUMBER.fullmatch(value)):
        number = float(value)
        if value in _NOT_FINITE or math.isfinite(number):
            return number
    elif type(value) is float or type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise UnfitError('a number in the range of a double, "NaN", "Infinity" or "-Infinity"')


def _float(value: object) -> float:
    # Rounded here: some runtimes take what is above the largest float, but rounds to it, for more.
    try:
        rounded: float | None = struct.unpack("<f", struct.pack("<f", to_double(value)))[0]
    except OverflowError:
        rounded = None
    if rounded is None:
        raise UnfitError('a number in the range of a float, "NaN", "Infinity" or "-Infinity"')
    return rounded


def _bool_key(value: object) -> bool:
    if value not in ("true", "false"):
        raise UnfitError('"true" or "false"')
    return value == "true"


def _bool(value: object) -> bool:
    if type(value) is not bool:
        raise UnfitError("true or false")
    return value


def to_text(value: object) -> str:
    """Return the value of a string field."""
    if type(value) is not str:
        raise UnfitError("a string")
    if not value.isascii() and _SURROGATE.search(value):
        raise UnfitError("a string without lone surrogates")
    return value


def _bytes(value: object) -> bytes:
    if type(value) is str:
        # ProtoJSON takes the URL-safe alphabet too, and text without padding.
        bare = value.translate(_URL_SAFE).rstrip("=")
        padded = bare + "=" * (-len(bare) % 4)
        if len(value) in (len(bare), len(padded)):
            with contextlib.suppress(ValueError):
                return binascii.a2b_base64(padded, strict_mode=True)
    raise UnfitError("a string in base64")


def _enum_converter(enum: EnumDescriptor) -> Convert:
    numbers = {name: value.number for name, value in enum.values_by_name.items()}
    takes_null = enum.full_name == "google.protobuf.NullValue"

    def convert(value: object) -> object:
        if value is None and takes_null:
            return 0
        number: object = value
        if type(value) is str:
            if value in numbers or _NAME.fullmatch(value):
                return numbers.get(value, UNKNOWN)
            number = int(value) if _NUMBER_OF_ENUM.fullmatch(value) else None
        elif type(value) is float and value.is_integer():
            number = int(value)
        if type(number) is not int or not -(2**31) <= number < 2**31:
            raise UnfitError(f"a name or number of {enum.full_name}")
        return UNKNOWN if enum.is_closed and number not in enum.values_by_number else number

    return convert


_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_SCALARS: dict[int, Convert] = {
    FieldDescriptor.CPPTYPE_BOOL: _bool,
    FieldDescriptor.CPPTYPE_DOUBLE: to_double,
    FieldDescriptor.CPPTYPE_FLOAT: _float,
    FieldDescriptor.CPPTYPE_STRING: to_text,
}
