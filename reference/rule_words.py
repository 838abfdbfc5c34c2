"""Validation rules in plain words, each with the ID that a violation of it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from schema_rules.validation import validation_options

_COMPARED = {"gt": "greater than", "gte": "at least", "lt": "less than", "lte": "at most"}
_NUMBERS = frozenset(
    f"{signed}{size}" for signed in ("int", "uint", "sint", "fixed", "sfixed") for size in (32, 64)
) | {"float", "double"}


class Rule(NamedTuple):
    """One rule: what must hold, the ID of a violation, and the CEL behind it, if it has some."""

    words: str
    id: str
    cel: str = ""


class UnknownRuleError(Exception):
    """A validation rule that has no words here, so that it would be missing from the reference."""


def rules_of(options: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield the validation rules in the options of an element.

    Raises:
        UnknownRuleError: A rule has no words here.
    """
    for value in validation_options(options):
        yield from _rules(value, "")


def _rules(holder: Any, prefix: str) -> Iterator[Rule]:
    for found, value in holder.ListFields():
        name = found.name
        if name == "required" and value:
            is_oneof = holder.DESCRIPTOR.name == "OneofRules"
            yield Rule(
                f"{prefix}{'exactly one field' if is_oneof else 'it'} must be set", "required"
            )
        elif name == "cel":
            for cel in value:
                words = cel.message or f"`{cel.expression}` must hold"
                yield Rule(prefix + words.rstrip("."), cel.id, cel.expression)
        elif name == "ignore" and value == found.enum_type.values_by_name["IGNORE_ALWAYS"].number:
            yield Rule(f"{prefix}what it holds is not validated", "")
        elif isinstance(value, Message):
            yield from _of_type(name, value, prefix)
        else:
            raise _unknown(name, value)


def _of_type(kind: str, rules: Any, prefix: str) -> Iterator[Rule]:
    bounds: dict[str, Any] = {}
    for found, value in rules.ListFields():
        name = found.name
        if kind == "repeated" and name == "items":
            yield from _rules(value, "in each element, ")
        elif kind == "map" and name in ("keys", "values"):
            yield from _rules(value, f"in each {name.removesuffix('s')}, ")
        elif kind in _NUMBERS and name in _COMPARED:
            bounds[name] = value
        else:
            yield Rule(prefix + _words(kind, name, value), f"{kind}.{name}")
    if bounds:
        words = " and ".join(
            f"{_COMPARED[side]} {bound:g}" for side, bound in sorted(bounds.items())
        )
        yield Rule(f"{prefix}{words}", f"{kind}.{'_'.join(sorted(bounds))}")


def _words(kind: str, name: str, value: Any) -> str:
    match kind, name:
        case _, "const":
            return f"always {_quoted(value)}"
        case _, "in" | "not_in":
            listed = ", ".join(map(_quoted, value))
            return f"{'one' if name == 'in' else 'none'} of {listed}"
        case "string" | "bytes", "min_len" | "max_len":
            return _bound(name, value, "character" if kind == "string" else "byte")
        case "string", "pattern":
            return f"matches `{value}`"
        case "repeated", "min_items" | "max_items":
            return _bound(name, value, "element")
        case "map", "min_pairs" | "max_pairs":
            return _bound(name, value, "entry")
        case "repeated", "unique":
            return "no two elements are equal"
        case "enum", "defined_only":
            return "a value that the enum defines"
        case _:
            raise _unknown(f"{kind}.{name}", value)


def _bound(name: str, number: int, what: str) -> str:
    plural = what if number == 1 else f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"at {'least' if name.startswith('min') else 'most'} {number} {plural}"


def _quoted(value: Any) -> str:
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _unknown(name: str, value: Any) -> UnknownRuleError:
    return UnknownRuleError(
        f"the validation rule {name} = {value} has no words in the reference; "
        "add them to reference/rule_words.py"
    )
