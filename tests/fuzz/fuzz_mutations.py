"""Damage to samples: each input is made from a sample with a few format-aware edits.

An input depends only on the source of randomness, so the same seed gives the same inputs in every
run and on every runtime.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from tests.wire.message_types import encode_varint

LIMIT = 64 * 1024
"""The maximum length of an input. Time and memory are measured against it."""

NUMBERS = [0, 1, 127, 128, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
FIELD_NUMBERS = [0, 1, 2, 3, 11, 99, 19000, 2**29 - 1, 2**29]
DEPTHS = [2, 30, 99, 101, 1000]


class Field(NamedTuple):
    """One field in serialized bytes: the start of its tag, and the start and end of its value."""

    start: int
    tag: int
    value: int
    end: int


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the varint at a position and its end. Raises IndexError if the bytes end before it."""
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def fields(data: bytes) -> list[Field]:
    """Return the fields of a message, as far as the bytes look like one."""
    found: list[Field] = []
    at = 0
    try:
        while at < len(data):
            tag, value = _varint(data, at)
            match tag & 7:
                case 0:
                    end = _varint(data, value)[1]
                case 1:
                    end = value + 8
                case 2:
                    length, value = _varint(data, value)
                    end = value + length
                case 5:
                    end = value + 4
                case _:
                    break
            if end > len(data):
                break
            found.append(Field(at, tag, value, end))
            at = end
    except IndexError:
        pass
    return found


def _tagged(tag: int, value: bytes) -> bytes:
    return encode_varint(tag) + (encode_varint(len(value)) if tag & 7 == 2 else b"") + value


def _stretched(number: int, length: int) -> bytes:
    """Return a varint with more bytes than it needs; with more than ten, it is invalid."""
    short = encode_varint(number)
    if len(short) >= length:
        return short
    return short[:-1] + bytes([short[-1] | 0x80]) + b"\x80" * (length - len(short) - 1) + b"\x00"


def _edit_field(data: bytes, other: bytes, source: Random) -> bytes:
    """Change one field and keep the rest."""
    found = fields(data)
    if not found:
        return data + source.randbytes(4)
    field = source.choice(found)
    before, whole, after = (
        data[: field.start],
        data[field.start : field.end],
        data[field.end :],
    )
    value = data[field.value : field.end]
    match source.randrange(12):
        case 0 | 1 | 2 if field.tag & 7 == 2 and value:  # inside, with consistent lengths
            whole = _tagged(field.tag, mutate_binary(value, other, source))
        case 3:  # only the length
            length = source.choice([len(value) + 1, max(len(value) - 1, 0), *NUMBERS])
            whole = encode_varint(field.tag) + encode_varint(length) + value
        case 4:  # a different wire type, including groups and invalid ones
            whole = encode_varint(field.tag & ~7 | source.randrange(8)) + value
        case 5:
            number = source.choice(FIELD_NUMBERS)
            whole = _tagged(number << 3 | field.tag & 7, value)
        case 6:
            longer = _stretched(field.tag, source.randrange(2, 12))
            rest = data[field.value : field.end]
            if field.tag & 7 == 2:
                rest = _stretched(len(value), source.randrange(2, 12)) + rest
            whole = longer + rest
        case 7:  # a number of any size, in place of one
            whole = encode_varint(field.tag & ~7) + encode_varint(source.choice(NUMBERS))
        case 8:  # one more time, or many times
            whole *= source.choice([2, 3, 50])
        case 9:  # the message inside itself
            for _ in range(source.choice(DEPTHS)):
                whole = _tagged(field.tag & ~7 | 2, whole)
                if len(whole) > LIMIT:
                    break
        case 10:  # in a group, which proto3 does not have, possibly without an end
            group = field.tag & ~7
            depth = source.choice(DEPTHS)
            whole = encode_varint(group | 3) * depth + whole
            whole += encode_varint(group | 4) * source.choice([0, depth - 1, depth])
        case _:  # a field of another message
            theirs = fields(other)
            if theirs:
                chosen = source.choice(theirs)
                whole += other[chosen.start : chosen.end]
    return before + whole + after


def _edit_bytes(data: bytes, other: bytes, source: Random) -> bytes:
    """Change bytes regardless of their meaning."""
    changed = bytearray(data)
    at = source.randrange(len(changed) + 1)
    match source.randrange(5):
        case 0 if at < len(changed):
            changed[at] ^= 1 << source.randrange(8)
        case 1:
            changed[at : at + source.randrange(4)] = source.randbytes(source.randrange(4))
        case 2:
            del changed[at:]
        case 3:
            cut = source.randrange(len(other) + 1)
            changed[at:] = other[cut:]
        case _:
            changed[at:at] = bytes([source.choice(b"\x00\x7f\x80\xff\xc0\xed")])
    return bytes(changed)


def mutate_binary(data: bytes, other: bytes, source: Random) -> bytes:
    """Damage a serialized message, with another one from which to take parts."""
    for _ in range(source.choice([1, 1, 2, 3])):
        edit = _edit_field if source.random() < 0.7 else _edit_bytes
        data = edit(data, other, source)[:LIMIT]
    return data


TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[-+]?[\w.]+|\s+|.', re.DOTALL)

ANYWHERE = ["", "{", "}", "[", "]", ",", ":", '"', "'", "\\", "-", "\x00", "\ud800", "\ufeff", "𝄞"]
VALUES = [
    *map(str, NUMBERS),
    *(
        "-1",
        "-0",
        "-0.0",
        "1e308",
        "1e400",
        "-1e400",
        "1.5",
        "0x7f",
        "017",
        "1_0",
        "1e",
        "9" * 4000,
    ),
    *("9" * 4000, "9" * 5000, "0x" + "f" * 4000, "true", "null", "NaN", "nan", "inf", "-Infinity"),
    *("{}", "[]", "[{}]", "[null]", '""', '"\\u0000"', '"\\ud800"', '"\\377"', '"\\x"', '"é𝄞"'),
    *('"1"', '"NaN"', '"AQ=="', '"9999-12-31T23:59:59.999999999Z"', '"0001-01-01T00:00:00+23:59"'),
    *('"@type"', '"2020-02-30T00:00:00Z"', "<>", "{[a.b/c]: {}}", "99999999999: 1"),
]
ESCAPES = [
    "\\u0000",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\n",
    "\\x",
    "\\400",
    "\\377",
    "\\U00110000",
    "é",
    "T",
    "Z",
]
# The tokens that open and close a level, for JSON and for the text format.
LEVELS = [("[", "]"), ('{"a":', "}"), ("list_value{values{", "}}"), ("x{", "}"), ("<", ">")]


def mutate_text(data: bytes, other: bytes, source: Random) -> bytes:
    """Damage JSON or the text format, token by token, with another document from which to take
    parts.
    """
    for _ in range(source.choice([1, 1, 2, 3])):
        chance = source.random()
        if chance < 0.1:
            data = _edit_bytes(data, other, source)[:LIMIT]
        else:
            tokens = TOKEN.findall(data.decode("utf-8", "surrogateescape"))
            if chance < 0.65:
                _edit_value(tokens, source)
            else:
                _edit_tokens(tokens, other, source)
            joined = "".join(tokens)
            # Invalid UTF-8 bytes are restored; other surrogates stay surrogates.
            data = _encoded(joined)[:LIMIT]
    return data


def _encoded(text: str) -> bytes:
    return b"".join(
        char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass")
        for char in re.findall(r"[\ud800-\udfff]|[^\ud800-\udfff]+", text)
    )


def _edit_value(tokens: list[str], source: Random) -> None:
    """Change a name, a string or a number, and keep the document well-formed if it was."""
    found = [at for at, token in enumerate(tokens) if token[0] == '"' or token[0].isalnum()]
    if not found:
        return
    at = source.choice(found)
    token = tokens[at]
    quoted = token[0] == '"' and len(token) > 1
    match source.randrange(5 if quoted else 2):
        case 0:
            tokens[at] = source.choice(VALUES)
        case 1:  # a token from elsewhere, possibly of another type
            tokens[at] = tokens[source.choice(found)]
        case 2:
            tokens[at] = '"' + source.choice(ESCAPES) + token[1:]
        case 3:
            tokens[at] = token[:-1] * source.choice([1, 2, 50]) + source.choice(ESCAPES) + '"'
        case _:
            inner = source.randrange(1, len(token))
            tokens[at] = token[:inner] + token[inner + 1 : -1] + '"'


def _edit_tokens(tokens: list[str], other: bytes, source: Random) -> None:
    at = source.randrange(len(tokens) + 1)
    end = min(len(tokens), at + source.choice([1, 1, 3, 8]))
    match source.randrange(7):
        case 0:
            del tokens[at:end]
        case 1:  # a key or a value, twice or many times
            tokens[end:end] = [*tokens[at:end], ","] * source.choice([1, 1, 2, 50])
        case 2 | 3:
            tokens[at : at + 1] = [source.choice(VALUES)]
        case 4:
            tokens[at:at] = [source.choice(ANYWHERE)]
        case 5:
            opening, closing = source.choice(LEVELS)
            depth = source.choice(DEPTHS)
            tokens[at:end] = [opening * depth, *tokens[at:end], closing * source.choice([0, depth])]
        case _:  # part of another document, or a token from elsewhere in this one
            theirs = TOKEN.findall(other.decode("utf-8", "surrogateescape")) or [""]
            start = source.randrange(len(theirs))
            tokens[at:end] = theirs[start : start + source.choice([1, 3, 20])]


Mutate = Callable[[bytes, bytes, Random], bytes]
MUTATIONS: dict[str, Mutate] = {
    "binary": mutate_binary,
    "json": mutate_text,
    "text": mutate_text,
}


def mutated(kind: str, seeds: Sequence[bytes], source: Random) -> bytes:
    """Return one damaged input of a format, made from the seeds of a message type."""
    return MUTATIONS[kind](source.choice(seeds), source.choice(seeds), source)
