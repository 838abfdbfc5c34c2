"""What validation rules mention: the text, numbers and field names to make sample values from."""

from __future__ import annotations

import ast
import re
import string
import warnings
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from google.protobuf import json_format, timestamp_pb2
from google.protobuf.message import Message as ProtoMessage

_QUOTES = "'''|\"\"\"|'|\""
_NO_CODE = re.compile(
    # In a raw literal a backslash is a character like others.
    rf"(?:[bB]?[rR][bB]?)(?P<raw>{_QUOTES})(?P<text>.*?)(?P=raw)"
    rf"|[bB]?(?P<quote>{_QUOTES})(?:[^\\]|\\.)*?(?P=quote)"
    r"|//[^\n]*",
    re.DOTALL,
)
"""The literals and comments of CEL."""
_NUMBER = re.compile(r"(?<![\w.])(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")
# The parser of the standard library, which has no public name.
_PARSER: Any = import_module("re._parser")
_CHARACTERS = string.ascii_letters + string.digits + string.punctuation + " é"


class Hints(NamedTuple):
    """What validation rules mention."""

    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    names: frozenset[str] = frozenset()

    def __or__(self, other: object) -> Hints:
        """Return both hints in one, each text and number once."""
        if not isinstance(other, Hints):
            return NotImplemented
        texts, numbers = (*self.texts, *other.texts), (*self.numbers, *other.numbers)
        return Hints(
            tuple(dict.fromkeys(texts)), tuple(dict.fromkeys(numbers)), self.names | other.names
        )


def of_rules(rules: ProtoMessage) -> Hints:
    """Return what validation rules mention, all rules within them included."""
    hints = Hints()
    is_cel = rules.DESCRIPTOR.full_name == "buf.validate.Rule"
    for field, value in rules.ListFields():
        for part in value if field.is_repeated else [value]:
            if field.name in ("expression", "cel_expression"):
                hints |= of_expression(part)
            elif isinstance(part, bool) or is_cel:
                continue  # the ID and the wording of a rule decide nothing
            elif isinstance(part, str | bytes):
                text = part if isinstance(part, str) else part.decode("latin-1")
                hints |= Hints((text,), (float(len(part)),), frozenset({text}))
            elif isinstance(part, int | float):
                hints |= Hints(numbers=(part,))
            else:
                hints |= of_rules(part)
    return hints


def of_expression(expression: str) -> Hints:
    """Return what a CEL expression mentions."""
    parts = list(_NO_CODE.finditer(expression))
    texts = [_unquoted(part) for part in parts if not part[0].startswith("//")]
    code = _code(expression)
    numbers = [
        float(int(n, 16)) if n[:2] in ("0x", "0X") else float(n) for n in _NUMBER.findall(code)
    ]
    numbers += [float(len(text)) for text in texts]
    for text in texts:
        numbers += _seconds(text)
    names = frozenset(_NAME.findall(code)) | frozenset(texts)
    return Hints(tuple(texts), tuple(numbers), names)


def reads_clock(expression: str) -> bool:
    """Whether a CEL expression reads `now`, which is no field, string or function of that name."""
    code = re.sub(r"\s*\.\s*", ".", _code(expression))
    return re.search(r"(?<![\w.])now\b(?!\s*\()", code) is not None


def matching(pattern: str, repeat: int) -> str | None:
    """Return a text that matches a regular expression, open repetitions done `repeat` times.

    It is None if Python cannot read the pattern.
    """
    try:
        return "".join(_matching(_PARSER.parse(pattern), repeat))
    except (re.error, OverflowError, RecursionError):
        return None


def _matching(parsed: Iterable[tuple[Any, Any]], repeat: int) -> Iterator[str]:
    for operation, value in parsed:
        match str(operation):
            case "LITERAL":
                yield chr(value)
            case "NOT_LITERAL":
                yield next(c for c in _CHARACTERS if ord(c) != value)
            case "ANY":
                yield "a"
            case "IN":
                yield next((c for c in _CHARACTERS if _is_in(value, c)), "")
            case "BRANCH":
                branches = value[1]
                yield from _matching(branches[repeat % len(branches)], repeat)
            case "SUBPATTERN":
                yield from _matching(value[-1], repeat)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = value
                for _ in range(min(max(repeat, least), int(most))):
                    yield from _matching(inner, repeat)
            case _:  # anchors and the like have no text
                pass


def _is_in(items: list[tuple[Any, Any]], character: str) -> bool:
    found = is_negated = False
    for operation, value in items:
        match str(operation):
            case "NEGATE":
                is_negated = True
            case "LITERAL":
                found |= ord(character) == value
            case "RANGE":
                found |= value[0] <= ord(character) <= value[1]
            case _:
                name = str(value).removeprefix("CATEGORY_")
                is_of = {
                    "DIGIT": character.isdigit(),
                    "SPACE": character.isspace(),
                    "WORD": character.isalnum() or character == "_",
                }[name.removeprefix("NOT_")]
                found |= is_of != name.startswith("NOT_")
    return found != is_negated


def _code(expression: str) -> str:
    """The expression without its literals and its comments."""
    return _NO_CODE.sub(" ", expression)


def _unquoted(literal: re.Match[str]) -> str:
    if literal["raw"]:
        return literal["text"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CEL has escapes that Python does not know
        try:
            value: object = ast.literal_eval(literal[0])
        except (SyntaxError, ValueError):
            return literal[0].strip("'\"")
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _seconds(text: str) -> list[float]:
    """The seconds of a text that is a duration or a timestamp."""
    parts = _DURATION.findall(text)
    if parts and "".join(map("".join, parts)) == text.lstrip("+-"):
        return [sum(float(number) * _UNITS[unit] for number, unit in parts)]
    try:
        stamp = timestamp_pb2.Timestamp()
        stamp.FromJsonString(text)
    except (ValueError, json_format.ParseError):
        return []
    return [float(stamp.seconds)]
