"""The validation rules: that they compile, decide something, and mean what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from schema_rules import hints
from schema_rules.field_kinds import holds_json
from schema_rules.finding import Finding
from schema_rules.samples import entry_of, value_of
from schema_rules.schema import RULES, Enum, Field, Message, Schema
from schema_rules.soundness import soundness
from schema_rules.validation import CelRule, Oracle, cel_rules, standard_rules, without_wording

_NEGATED = re.compile(r"\b(not|no|never|except)\b")
_NO_VALUE = 2**31 - 1
"""An enum number that no enum of ours has."""
_IGNORE_ALWAYS = 3
"""`buf.validate.IGNORE_ALWAYS`."""
_CLOCK = ("lt_now", "gt_now", "within")
"""The standard rules that compare with the present time."""

Path = tuple[FieldDescriptor, ...]
"""The fields that lead from a message to a value in it."""


def cel_compiles(schema: Schema) -> Iterator[Finding]:
    """CEL_COMPILES: every rule compiles, and gives an answer for every value.

    protovalidate compiles the rules of a message when it first validates one, and notices a missing
    field, a missing map key or a division by zero only when a value leads there. A caller then gets
    an internal error instead of a violation.
    """
    for element, error in soundness(schema).errors:
        kind = "Message" if isinstance(element, Message) else "Field"
        yield Finding(
            "CEL_COMPILES",
            element,
            f'{kind} "{element.descriptor.name}" has a rule that does not compile or fails on some '
            f"value: {error}",
        )


def cel_decides(schema: Schema) -> Iterator[Finding]:
    """CEL_DECIDES: every CEL rule passes on some values and fails on others."""
    for element, rule, what in soundness(schema).undecided:
        yield Finding(
            "CEL_DECIDES",
            element,
            f'Rule "{rule.id}" never {what} on generated values; correct its expression, or remove '
            "the rule",
        )


def validation_satisfiable(schema: Schema) -> Iterator[Finding]:
    """VALIDATION_SATISFIABLE: some value passes all validation rules of a field or a message."""
    for element in soundness(schema).unsatisfied:
        kind = "Message" if isinstance(element, Message) else "Field"
        yield Finding(
            "VALIDATION_SATISFIABLE",
            element,
            f'{kind} "{element.descriptor.name}" has validation rules that no generated value '
            "satisfies; resolve the contradiction, or add a value that satisfies them as an "
            "example",
        )


def struct_ignored(schema: Schema) -> Iterator[Finding]:
    """STRUCT_IGNORED: validation skips free-form JSON, unless the field has rules of its own.

    A validator visits every value in a message, even where no rule can apply.
    """
    for message in schema.messages.values():
        for field in message.fields:
            if message.descriptor.options.map_entry or not holds_json(schema, field):
                continue
            rules = without_wording(field.options[RULES]) if RULES in field.options else None
            stated = {each.name: value for each, value in rules.ListFields()} if rules else {}
            if stated.pop("ignore", 0) != _IGNORE_ALWAYS and not stated:
                yield Finding(
                    "STRUCT_IGNORED",
                    field,
                    f'Field "{field.descriptor.name}" holds free-form JSON without rules, which '
                    "validation would visit value by value; set (buf.validate.field).ignore to "
                    "IGNORE_ALWAYS",
                )


def cel_id(schema: Schema) -> Iterator[Finding]:
    """CEL_ID: every CEL rule has an ID, which no other rule of its package has."""
    known: dict[tuple[str, str], CelRule] = {}
    for element in _elements(schema):
        for rule in cel_rules(element.options):
            first = known.setdefault((element.package, rule.id), rule)
            if not rule.id:
                complaint = "needs an ID, which clients match on"
            elif (rule.expression, rule.message) != (first.expression, first.message):
                complaint = "has the same ID as another rule of its package; give it a unique one"
            else:
                continue
            yield Finding("CEL_ID", element, f'Rule "{rule.id or rule.expression}" {complaint}')


def cel_clock(schema: Schema) -> Iterator[Finding]:
    """CEL_CLOCK: no rule reads the clock, so that a valid message stays valid."""
    for element in _elements(schema):
        if any(hints.reads_clock(rule.expression) for rule in cel_rules(element.options)) or any(
            rule in _CLOCK for rule in standard_rules(element.options)
        ):
            yield Finding(
                "CEL_CLOCK",
                element,
                f'"{element.descriptor.name}" has a rule that depends on the time of the check, so '
                "a stored message can become invalid; check this in the service instead",
            )


def cel_enum_number(schema: Schema) -> Iterator[Finding]:
    """CEL_ENUM_NUMBER: a rule on an enum lets pass the values that its message names.

    CEL here knows enum values by number only, and a wrong number compiles as well as the right one.
    So each rule is asked about every value, and its answers are held against its message.
    """
    oracle = Oracle()
    for message in schema.messages.values():
        if message.descriptor.options.map_entry:
            continue
        elements: list[Message | Field] = [message, *message.fields]
        for element, rule in ((e, rule) for e in elements for rule in cel_rules(e.options)):
            asked = _Asked(oracle, schema.prototype(message.name), rule)
            for path in _enum_paths(element, asked):
                of_values = value_of(path[-1]).enum_type
                enum = schema.enums.get(of_values.full_name) if of_values else None
                complaints = list(_of_enum(asked, path, enum)) if enum else []
                if oracle.errors_of(message.name):
                    break  # CEL_COMPILES reports it
                for complaint in complaints:
                    yield Finding("CEL_ENUM_NUMBER", element, f'Rule "{rule.id}" {complaint}')


def _elements(schema: Schema) -> Iterator[Message | Field]:
    """Yield everything that can have validation rules, predefined ones included."""
    yield from schema.options.values()
    for message in schema.messages.values():
        yield message
        yield from message.fields


class _Asked(NamedTuple):
    """A rule, and what it takes to ask it."""

    oracle: Oracle
    empty: Any
    """An empty instance of the message in which the rule stands."""
    rule: CelRule

    def passes(self, path: Path, number: int) -> bool:
        """Whether the rule lets a message pass that has an enum number at a path, and no more."""
        instance = type(self.empty)()
        _put(instance, path, number)
        return all(v.id != self.rule.id for v in self.oracle.violations(instance))


def _enum_paths(element: Message | Field, asked: _Asked) -> Iterator[Path]:
    """Where the enums stand that a rule reads: it names the fields that lead there."""
    descriptor: Descriptor = asked.empty.DESCRIPTOR
    if isinstance(element, Field):
        field = descriptor.fields_by_name[element.descriptor.name]
        yield from _below(field, (field,), asked.rule.expression)
    else:
        yield from _named_below(descriptor, (), asked.rule.expression)


def _below(field: FieldDescriptor, path: Path, expression: str) -> Iterator[Path]:
    value = value_of(field)
    if value.enum_type is not None:
        yield path
    elif value.message_type is not None:
        yield from _named_below(value.message_type, path, expression)


def _named_below(message: Descriptor, path: Path, expression: str) -> Iterator[Path]:
    for field in message.fields:
        if field not in path and re.search(rf"\.{field.name}\b", expression):
            yield from _below(field, (*path, field), expression)


def _put(instance: Any, path: Path, number: int | None = None) -> None:
    """Put one value at a path, empty if it is not an enum, so that rules on it are asked."""
    field, *rest = path
    value = value_of(field)
    held = getattr(instance, field.name)
    if entry := entry_of(field):
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


def _of_enum(asked: _Asked, path: Path, enum: Enum) -> Iterator[str]:
    names = {value.descriptor.number: value.descriptor.name for value in enum.values}
    of_none = asked.passes(path, _NO_VALUE)
    written = {int(number) for number in re.findall(r"\b\d+\b", asked.rule.expression)}
    odd = {n for n in written - names.keys() if asked.passes(path, n) != of_none}
    for number in sorted(odd):
        yield f"tests {number}, which is not a value of {enum.descriptor.name}"
    passed = {number for number in names if asked.passes(path, number)}
    if len(passed) in (0, len(names)):
        if not odd:
            yield f"reads {path[-1].name} but tests none of its values; use a separate rule for it"
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
        yield f"names {meant} in its message but tests {got}"


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
