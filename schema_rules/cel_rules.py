"""The CEL expressions of the validation rules: that they compile, and mean what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from schema_rules.finding import Finding
from schema_rules.schema import MESSAGE_RULES, RULES, Element, Enum, Field, Message, Schema

_NEGATED = re.compile(r"\b(not|no|never|except)\b")
_NO_VALUE = 2**31 - 1
"""An enum number that no enum of ours has."""

Path = tuple[FieldDescriptor, ...]
"""The fields that lead from a message to a value in it."""


def cel_compiles(schema: Schema) -> Iterator[Finding]:
    """CEL_COMPILES: every rule compiles, and can be asked of its message.

    protovalidate compiles what stands in a message when it first validates one, and finds a field
    that there is not only when it asks a rule about a value.
    """
    validator = protovalidate.Validator()
    for message in schema.messages.values():
        if message.descriptor.options.map_entry:
            continue
        for field in (None, *(field for field in message.fields if RULES in field.options)):
            instance: Any = schema.prototype(message.name)
            if field is not None:
                _put(instance, (instance.DESCRIPTOR.fields_by_name[field.descriptor.name],))
            try:
                list(validator.collect_violations(instance))
            except (protovalidate.CompilationError, protovalidate.EvaluationError) as error:
                yield Finding(
                    "CEL_COMPILES",
                    field or _named_in(str(error), message),
                    f'Message "{message.descriptor.name}" has a rule that does not compile: '
                    + " ".join(str(error).split()),
                )
                break


def cel_enum_number(schema: Schema) -> Iterator[Finding]:
    """CEL_ENUM_NUMBER: a rule on an enum lets pass the values that its message names.

    CEL here knows enum values by number only, and a wrong number compiles as well as the right one.
    So each rule is asked about every value, and its answers are held against its message.
    """
    validator = protovalidate.Validator()
    for message in schema.messages.values():
        if message.descriptor.options.map_entry:
            continue
        for element, rule in _rules(message):
            asked = _Asked(validator, schema.prototype(message.name), rule)
            for path in _enum_paths(element, asked):
                of_values = _value_of(path[-1]).enum_type
                enum = schema.enums.get(of_values.full_name) if of_values else None
                try:
                    complaints = list(_of_enum(asked, path, enum)) if enum else []
                except (protovalidate.CompilationError, protovalidate.EvaluationError):
                    continue  # CEL_COMPILES tells of it
                for complaint in complaints:
                    yield Finding("CEL_ENUM_NUMBER", element, f'Rule "{rule.id}" {complaint}')


class _Asked(NamedTuple):
    """A rule, and what it takes to ask it."""

    validator: protovalidate.Validator
    empty: Any
    """An empty instance of the message in which the rule stands."""
    rule: Any

    def passes(self, path: Path, number: int) -> bool:
        """Whether the rule lets a message pass that has an enum number at a path, and no more."""
        instance = type(self.empty)()
        _put(instance, path, number)
        found = self.validator.collect_violations(instance)
        return all(violation.proto.rule_id != self.rule.id for violation in found)


def _rules(message: Message) -> Iterator[tuple[Message | Field, Any]]:
    """The CEL rules of a message and of its fields, and where each stands."""
    whole = message.options.get(MESSAGE_RULES)
    for rule in whole.cel if whole is not None else ():
        yield message, rule
    for field in message.fields:
        for rule in _cel(field):
            yield field, rule


def _cel(field: Field) -> Iterator[Any]:
    rules = field.options.get(RULES)
    if rules is not None:
        yield from rules.cel
        for of_elements in (rules.repeated.items, rules.map.keys, rules.map.values):
            yield from of_elements.cel


def _enum_paths(element: Message | Field, asked: _Asked) -> Iterator[Path]:
    """Where the enums stand that a rule reads: it names the fields that lead there."""
    descriptor: Descriptor = asked.empty.DESCRIPTOR
    if isinstance(element, Field):
        field = descriptor.fields_by_name[element.descriptor.name]
        yield from _below(field, (field,), asked.rule.expression)
    else:
        yield from _named_below(descriptor, (), asked.rule.expression)


def _below(field: FieldDescriptor, path: Path, expression: str) -> Iterator[Path]:
    value = _value_of(field)
    if value.enum_type is not None:
        yield path
    elif value.message_type is not None:
        yield from _named_below(value.message_type, path, expression)


def _named_below(message: Descriptor, path: Path, expression: str) -> Iterator[Path]:
    for field in message.fields:
        if field not in path and re.search(rf"\.{field.name}\b", expression):
            yield from _below(field, (*path, field), expression)


def _value_of(field: FieldDescriptor) -> FieldDescriptor:
    """The field itself, or that of the values if it is a map."""
    entry = _entry_of(field)
    return entry.fields_by_name["value"] if entry else field


def _entry_of(field: FieldDescriptor) -> Descriptor | None:
    of_values = field.message_type
    return of_values if of_values and of_values.GetOptions().map_entry else None


def _put(instance: Any, path: Path, number: int | None = None) -> None:
    """Put one value at a path, empty if it is not an enum, so that rules on it are asked."""
    field, *rest = path
    value = _value_of(field)
    held = getattr(instance, field.name)
    if entry := _entry_of(field):
        key = entry.fields_by_name["key"].default_value
        if value.message_type is None:
            held[key] = _empty(value) if number is None else number
            return
        inner = held[key]
    elif hasattr(held, "extend"):
        if value.message_type is None:
            held.append(_empty(value) if number is None else number)
            return
        inner = held.add()
    elif value.message_type is None:
        if number is not None:
            setattr(instance, field.name, number)
        return
    else:
        inner = held
    inner.SetInParent()
    if rest:
        _put(inner, tuple(rest), number)


def _empty(field: FieldDescriptor) -> str | bytes | int:
    if field.type == FieldDescriptor.TYPE_STRING:
        return ""
    return b"" if field.type == FieldDescriptor.TYPE_BYTES else 0


def _named_in(text: str, message: Message) -> Element:
    """The field that an error of protovalidate is about, by its name or by the ID of its rule."""
    for field in message.fields:
        ids = [f"expression {rule.id}:" for rule in _cel(field)]
        if field.name in text or any(known in text for known in ids):
            return field
    return message


def _of_enum(asked: _Asked, path: Path, enum: Enum) -> Iterator[str]:
    names = {value.descriptor.number: value.descriptor.name for value in enum.values}
    of_none = asked.passes(path, _NO_VALUE)
    written = {int(number) for number in re.findall(r"\b\d+\b", asked.rule.expression)}
    odd = {n for n in written - names.keys() if asked.passes(path, n) != of_none}
    for number in sorted(odd):
        yield f"tests {number}, which is no value of {enum.descriptor.name}"
    passed = {number for number in names if asked.passes(path, number)}
    if len(passed) in (0, len(names)):
        if not odd:
            yield f"reads {path[-1].name} and tests no value of it; give it a rule of its own"
        return
    text = asked.rule.message
    for field in path:  # a name such as agent_refs says nothing of what it may hold
        if "_" in field.name:
            text = text.replace(field.name, " ")
    named = {n for n, name in names.items() if _is_named(name, n, names, text)}
    tested = names.keys() - passed if _NEGATED.search(text) else passed
    if named != tested:
        meant, got = (
            ", ".join(names[n] for n in sorted(numbers)) or "none" for numbers in (named, tested)
        )
        yield f"says {meant} in its message, and tests {got}"


def _is_named(name: str, number: int, names: dict[int, str], text: str) -> bool:
    """Whether a text names an enum value, as it is spelled or in words."""
    words = " ".join(re.findall(r"[a-z]+", text.lower().replace("_", " ")))
    wanted = name.lower().rpartition("_")[2] if number == 0 else name.lower().replace("_", " ")
    if not re.search(rf"\b{wanted}\b", words):
        return False
    # "agent instance" does not name "agent": of names that hold each other the longest counts.
    longer = [
        other.replace("_", " ")
        for n, other in names.items()
        if n != number and wanted in other.replace("_", " ") and other != name
    ]
    for phrase in longer:
        words = words.replace(phrase, "")
    return re.search(rf"\b{wanted}\b", words) is not None
