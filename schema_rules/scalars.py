"""Text, bytes and numbers at, around and beyond what validation rules mention."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from schema_rules import hints
from schema_rules.hints import Hints

_FIELD = FieldDescriptor
_BITS = {
    _FIELD.TYPE_INT32: (-(2**31), 2**31 - 1),
    _FIELD.TYPE_SINT32: (-(2**31), 2**31 - 1),
    _FIELD.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    _FIELD.TYPE_INT64: (-(2**63), 2**63 - 1),
    _FIELD.TYPE_SINT64: (-(2**63), 2**63 - 1),
    _FIELD.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    _FIELD.TYPE_UINT32: (0, 2**32 - 1),
    _FIELD.TYPE_FIXED32: (0, 2**32 - 1),
    _FIELD.TYPE_UINT64: (0, 2**64 - 1),
    _FIELD.TYPE_FIXED64: (0, 2**64 - 1),
    _FIELD.TYPE_ENUM: (-(2**31), 2**31 - 1),
}
# One for each format that protovalidate knows; others are for `example` in the rules.
_FORMATS = (
    *("a@example.com", "example.com", "192.0.2.1", "2001:db8::1", "https://example.com/a", "/a"),
    *("192.0.2.0/24", "192.0.2.1/24", "2001:db8::/32", "2001:db8::1/32", "example.com:443"),
    *("123e4567-e89b-42d3-a456-426614174000", "123e4567e89b42d3a456426614174000"),
    *("01ARZ3NDEKTSV4RRFFQ69G5FAV", "192.0.2.1:443", "a.b.C", ".a.b.C", "Accept", ":authority"),
)
LEGAL_SECONDS = {
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
}
"""The lowest and the highest seconds of what holds seconds and nanoseconds."""
_LONGEST = 100_000
"""The longest text made, in characters."""
_MOST_REPEATED = 300
"""The most often that a part of a regular expression is repeated."""
_MOST_PATTERNED = 400
_MOST_JOINED = 20


def scalars(field: FieldDescriptor, known: Hints) -> Iterator[Any]:
    """Yield values of a scalar or an enum."""
    match field.type:
        case _FIELD.TYPE_BOOL:
            yield from (True, False)
        case _FIELD.TYPE_STRING:
            yield from _texts(known)
        case _FIELD.TYPE_BYTES:
            for text in _texts(known):
                yield text.encode()
            yield from (bytes(4), bytes(16), b"\xff")
        case _FIELD.TYPE_FLOAT | _FIELD.TYPE_DOUBLE:
            yield from _numbers(known)
            yield from (0.5, -0.5, float("inf"), float("-inf"), float("nan"))
        case _:
            if field.enum_type is not None:
                yield from (value.number for value in field.enum_type.values)
            least, most = _BITS[field.type]
            whole = (int(n) for n in _numbers(known) if math.isfinite(n))
            yield from dict.fromkeys(n for n in (*whole, least, most) if least <= n <= most)


def seconds(name: str, known: Hints) -> Iterator[float]:
    """Yield the seconds of durations or timestamps."""
    least, most = LEGAL_SECONDS[name]
    yield from (n for n in (*_numbers(known), least, most) if least <= n <= most)


def _texts(known: Hints) -> list[str]:
    lengths = sorted({int(n) + d for n in known.numbers if abs(n) < _LONGEST for d in (-1, 0, 1)})
    repeats = sorted(
        {0, 1, 2, 3} | {n - d for n in lengths if n < _MOST_REPEATED for d in range(9)}
    )
    made = [hints.matching(text, n) for text in known.texts for n in repeats if n >= 0]
    patterned = [text for text in dict.fromkeys(made) if text is not None]
    own = [*patterned[:_MOST_PATTERNED], *known.texts]
    pairs = [a + b for a, b in itertools.permutations(known.texts[:6], 2)]
    around = [text for t in known.texts for text in (f"{t}a", f"a{t}", f"a{t}a")]
    wholes = [n for n in lengths if n >= 0]
    sized = [(t + "a" * n)[: max(n, len(t))] for n in wholes for t in ("", *known.texts[:6])]
    sized += [
        a + "a" * (n - len(a + b)) + b
        for a, b in itertools.permutations(known.texts[:4], 2)
        for n in wholes
    ]
    sized += [t.join(["a"] * n) for t in known.texts[:6] for n in wholes if n < _MOST_JOINED]
    plain = ["a", "", "A", "0", "-", " ", "é", "a1 _B.", "日本🚀"]
    return list(dict.fromkeys([*own, *plain, *sized, *pairs, *around, *_FORMATS]))


def _numbers(known: Hints) -> list[float]:
    mentioned = [n for n in known.numbers if math.isfinite(n)]
    near = [n + d for n in mentioned for d in (0, 1, -1, 0.5, -0.5)]
    made = [
        n
        for a, b in itertools.combinations(mentioned[:6], 2)
        for n in (a + b, a * b, a - b, (a + b) / 2)
    ]
    return list(dict.fromkeys([1, 0, -1, *near, *made, *range(2, 21), 100, 1_000]))
