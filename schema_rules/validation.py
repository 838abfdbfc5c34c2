"""The validation rules of the contract, and what protovalidate says of a message by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import protovalidate
from google.protobuf.message import Message as ProtoMessage

from schema_rules.schema import Field, Message

_RULE = "buf.validate.Rule"
_EXPRESSIONS = "cel_expression"
_TYPES_PER_VALIDATOR = 100
"""A validator slows down with every message type that it has seen."""


class CelRule(NamedTuple):
    """A CEL rule, and where it is among the validation rules of its element."""

    path: str
    """As protovalidate names it in a violation: `repeated.items.cel[0]`."""
    id: str
    message: str
    expression: str


def cel_rules(options: Mapping[str, Any]) -> Iterator[CelRule]:
    """Yield every CEL rule in the options of an element, at any depth.

    Fields have them on the field, its items, keys and values; messages and predefined rules on
    themselves. A `cel_expression` has no ID of its own: protovalidate reports the expression.
    """
    for value in validation_options(options):
        for path, holder in _parts(value, ""):
            if holder.DESCRIPTOR.full_name == _RULE:
                rule: Any = holder
                yield CelRule(path, rule.id, rule.message, rule.expression)
            for i, expression in enumerate(getattr(holder, _EXPRESSIONS, ())):
                yield CelRule(f"{_below(path, _EXPRESSIONS)}[{i}]", expression, "", expression)


def standard_rules(options: Mapping[str, Any]) -> set[str]:
    """Return the names of the rules that are set in the options of an element, at any depth."""
    return {
        field.name
        for value in validation_options(options)
        for _, holder in _parts(value, "")
        for field, _ in holder.ListFields()
    }


def without_wording(rules: ProtoMessage) -> ProtoMessage:
    """Return a copy of validation rules without what decides nothing.

    That is wording, examples, and rules that are expressly off.
    """
    bare = type(rules)()
    bare.CopyFrom(rules)
    for _, part in reversed(list(_parts(bare, ""))):
        is_rule = part.DESCRIPTOR.full_name == _RULE
        for field, value in part.ListFields():
            is_off = value is False or (field.enum_type is not None and value == 0)
            if isinstance(value, ProtoMessage) and "buf.validate." in value.DESCRIPTOR.full_name:
                is_off = not value.ByteSize()
            if field.name == ("message" if is_rule else "example") or (
                is_off and field.name != "const"
            ):
                part.ClearField(field.name)
    return bare


def validation_options(options: Mapping[str, Any]) -> list[ProtoMessage]:
    """Return those options of an element that are validation rules."""
    return [value for name, value in options.items() if name.startswith("buf.validate.")]


def _parts(holder: ProtoMessage, path: str) -> Iterator[tuple[str, ProtoMessage]]:
    """Yield rules and all rules within them, with their paths."""
    yield path, holder
    for field, value in holder.ListFields():
        if field.message_type is None:
            continue
        at = _below(path, f"[{field.full_name}]" if field.is_extension else field.name)
        if field.is_repeated:
            for i, part in enumerate(value):
                yield from _parts(part, f"{at}[{i}]")
        else:
            yield from _parts(value, at)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class Violation(NamedTuple):
    """A rule that a message breaks, and the value in it that breaks the rule."""

    path: tuple[str, ...]
    """The names and subscripts that lead to the value; empty for the message itself."""
    rule: str
    """The path of the rule on its element, or the ID if protovalidate gives no path."""
    id: str

    def is_of(self, element: Field | Message) -> bool:
        """Whether the rule is one of an element, rather than of a message within it."""
        names = [step for step in self.path if not step.startswith("[")]
        return names == ([element.descriptor.name] if isinstance(element, Field) else [])


class Oracle:
    """Asks protovalidate about messages of any schema, and remembers the rules that failed."""

    def __init__(self) -> None:
        self.errors: dict[tuple[str, str], None] = {}
        """The message types asked about and what protovalidate raised, each pair once."""
        self._validator = protovalidate.Validator()
        self._seen: set[str] = set()

    def errors_of(self, name: str) -> tuple[str, ...]:
        """Return what protovalidate raised when it was asked about messages of a type."""
        return tuple(error for failed, error in self.errors if failed == name)

    def violations(self, message: ProtoMessage) -> list[Violation]:
        """Return the rules that a message breaks; a rule that fails is one, with an empty rule."""
        name = message.DESCRIPTOR.full_name
        if name not in self._seen and len(self._seen) == _TYPES_PER_VALIDATOR:
            self._validator = protovalidate.Validator()
            self._seen.clear()
        self._seen.add(name)
        try:
            found = self._validator.collect_violations(message)
        except (protovalidate.CompilationError, protovalidate.EvaluationError) as error:
            self.errors[name, " ".join(str(error).split())] = None
            return [Violation((), "", str(error))]
        return [_violation(violation.proto) for violation in found]


def _violation(proto: Any) -> Violation:
    path: list[str] = []
    for element in proto.field.elements if proto.field else ():
        path.append(element.field_name)
        if element.subscript is not None:
            path.append(f"[{element.subscript.value}]")
    rule = ".".join(map(_step, proto.rule.elements)) if proto.rule else proto.rule_id
    return Violation(tuple(path), rule, proto.rule_id)


def _step(element: Any) -> str:
    name: str = element.field_name
    return name if element.subscript is None else f"{name}[{element.subscript.value}]"
