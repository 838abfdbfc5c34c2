"""The CEL expressions of the validation rules: that they compile, and mean what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import protovalidate

from schema_rules.finding import Finding
from schema_rules.schema import RULES, Enum, Field, Schema

_COMPARED = re.compile(r"this\.(\w+)\s*(?:==|!=|in)\s*(\[[\d,\s]*\]|\d+)")


def cel_compiles(schema: Schema) -> Iterator[Finding]:
    """CEL_COMPILES: every rule compiles against its message.

    protovalidate compiles what stands in a message when it first validates one.
    """
    validator = protovalidate.Validator()
    for message in schema.messages.values():
        if message.descriptor.options.map_entry:
            continue
        try:
            list(validator.collect_violations(schema.prototype(message.name)))
        except protovalidate.CompilationError as error:
            reason = " ".join(str(error).split())
            yield Finding(
                "CEL_COMPILES",
                _culprit(schema, message.fields) or message,
                f'Message "{message.descriptor.name}" has a rule that does not compile: {reason}',
            )


def cel_enum_number(schema: Schema) -> Iterator[Finding]:
    """CEL_ENUM_NUMBER: a rule that compares an enum tests the values that its message names.

    CEL here knows enum values by number only, and a wrong number compiles as well as the right one.
    """
    for message in schema.messages.values():
        for field in message.fields:
            for rule in _cel(field):
                for complaint in _of_rule(schema, field, rule):
                    yield Finding("CEL_ENUM_NUMBER", field, f'Rule "{rule.id}" {complaint}')


def _culprit(schema: Schema, fields: tuple[Field, ...]) -> Field | None:
    return next((field for field in fields if next(_cel(field), None) is not None), None)


def _cel(field: Field) -> Iterator[Any]:
    rules = field.options.get(RULES)
    if rules is not None:
        yield from rules.cel
        yield from rules.repeated.items.cel


def _of_rule(schema: Schema, field: Field, rule: Any) -> Iterator[str]:
    message = schema.messages.get(field.type_name)
    for name, literal in _COMPARED.findall(rule.expression):
        compared = message.field(name) if message else None
        enum = schema.enums.get(compared.type_name) if compared else None
        if enum is not None:
            tested = {int(number) for number in re.findall(r"\d+", literal)}
            yield from _of_numbers(enum, tested, rule.message)


def _of_numbers(enum: Enum, tested: set[int], text: str) -> Iterator[str]:
    names = {value.descriptor.number: value.descriptor.name for value in enum.values}
    for number in sorted(tested - names.keys()):
        yield f"tests {number}, which is no value of {enum.descriptor.name}"
    named = {n for n, name in names.items() if _is_named(name, n, names, text)}
    if named != tested & names.keys():
        meant = ", ".join(names[n] for n in sorted(named)) or "none"
        got = ", ".join(names[n] for n in sorted(tested & names.keys())) or "none"
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
