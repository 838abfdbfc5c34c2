"""Messages at, around and beyond what validation rules mention, to ask protovalidate about.

Nothing here knows what a rule means. The text and numbers in rules are hints, from which values are
made in many combinations; protovalidate says which of them pass.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from schema_rules import hints
from schema_rules.hints import Hints
from schema_rules.scalars import LEGAL_SECONDS, scalars, seconds
from schema_rules.schema import MESSAGE_RULES, RULES, Field, Message, Schema
from schema_rules.validation import Oracle, Violation, validation_options

_IF_ZERO = 1
"""`buf.validate.IGNORE_IF_ZERO_VALUE`."""
_MOST_ELEMENTS = 2_000
_MOST_VALUES = 400
"""The most values of a field that are tried beside values of others."""
_MOST_COMBINED = 40
"""The most values of a field in a combination."""
_MOST_COMBINATIONS = 1_500
_MOST_VARIED = 100
"""The most values of a field in variations of a message."""
_DEEPEST = 3
"""How many messages within each other get values for what a rule names."""


class Samples:
    """Makes messages of a schema. A fragment is a message in which one field is set."""

    def __init__(self, schema: Schema, later: Schema | None = None) -> None:
        """Make messages of a schema, with hints also from what became of its rules later."""
        self.oracle = Oracle()
        self._schema = schema
        self._sources = [schema] if later is None else [schema, later]
        self._valid: dict[str, Any] = {}
        self._good: dict[str, Any] = {}
        self._open: set[str] = set()

    def empty(self, name: str) -> Any:
        """Return an empty message."""
        return self._schema.prototype(name)

    def fragments(self, message: Message, field: Field) -> Iterator[Any]:
        """Yield fragments of a field: its values, or lists or maps of them."""
        holder = self.empty(message.name)
        yield from self._fragments(
            _descriptor(holder, field),
            self._hints_of(message.name, field.descriptor.name),
            _DEEPEST,
        )

    def good(self, message: Message, field: Field) -> Any | None:
        """Return a fragment that passes every rule of a field, which were all asked, or None."""
        if field.name not in self._good:
            passing = (
                fragment
                for fragment in self.fragments(message, field)
                if is_asked(field, fragment) and not self.below(field, fragment)
            )
            self._good[field.name] = next(passing, None)
        return self._good[field.name]

    def below(self, field: Field, instance: Any) -> list[Violation]:
        """Return the violations of a field, in messages within it too."""
        found = self.oracle.violations(instance)
        return [v for v in found if v.path[:1] == (field.descriptor.name,) or not v.rule]

    def valid(self, name: str) -> Any | None:
        """Return a message that passes all its rules with few fields set, or None if none did."""
        if name not in self._valid:
            if name in self._open:
                return None  # it requires itself
            self._open.add(name)
            message = self._schema.messages.get(name)
            empty = self.empty(name)
            self._valid[name] = self._repaired(message, empty) if message else empty
            self._open.remove(name)
        return self._valid[name]

    def repaired(self, instance: Any) -> Any | None:
        """Return a message that passes, with as much of an instance as passes, or None."""
        message = self._schema.messages.get(instance.DESCRIPTOR.full_name)
        if message is None:
            return instance
        copy = _copy(instance)
        for field, value in copy.ListFields():
            if field.message_type is None:
                continue
            if entry_of(field) is not None:
                inner = value.values() if value_of(field).message_type else ()
            else:
                inner = value if field.is_repeated else [value]
            for part in inner:
                self._repair_in_place(part)
        return self._repaired(message, copy) or self.valid(message.name)

    def combinations(self, message: Message, base: Any) -> Iterator[Any]:
        """Yield copies of a message with values for the fields that the rules on it name."""
        mentioned = self._hints_of(message.name)
        fields = [field for field in message.fields if field.descriptor.name in mentioned.names]
        pools: list[list[Any]] = []
        for field in fields:
            known = mentioned | self._hints_of(message.name, field.descriptor.name)
            fragments = self._fragments(_descriptor(base, field), known, _DEEPEST)
            pools.append([None, *itertools.islice(fragments, _MOST_COMBINED)])
        for chosen in _chosen(pools):
            combined = _copy(base)
            for field, fragment in zip(fields, chosen, strict=True):
                combined.ClearField(field.descriptor.name)
                if fragment is not None:
                    combined.MergeFrom(fragment)
            yield combined

    def variations(self, message: Message, base: Any) -> Iterator[Any]:
        """Yield copies of a message with each value of each field, then combinations."""
        for field in message.fields:
            for fragment in itertools.islice(self.fragments(message, field), _MOST_VARIED):
                yield _replaced(base, fragment, field.descriptor.name)
        if self._hints_of(message.name).names:
            yield from self.combinations(message, base)

    def _hints_of(self, name: str, field: str = "") -> Hints:
        """Return what the validation rules of a message, or of a field of it, mention."""
        found = Hints()
        for source in self._sources:
            message = source.messages.get(name)
            element = message.field(field) if message is not None and field else message
            if element is not None:
                found |= _hints_in(element.options, source)
        return found

    def _repair_in_place(self, part: Any) -> None:
        better = self.repaired(part)
        if better is not None:
            part.CopyFrom(better)

    def _repaired(self, message: Message, instance: Any) -> Any | None:
        """Replace the fields that break a rule; then try what the rules on the message name."""
        for _ in range(len(message.fields) + 1):
            found = self.oracle.violations(instance)
            if not found:
                return instance
            names = {violation.path[0] for violation in found if violation.path}
            if not any([self._replace(message, instance, name) for name in sorted(names)]):
                break
        if MESSAGE_RULES in message.options:
            for tried in self.combinations(message, instance):
                if not self.oracle.violations(tried):
                    return tried
        return None

    def _replace(self, message: Message, instance: Any, name: str) -> bool:
        """Give a field, or one member of a oneof, a value that passes, and return whether."""
        field = message.field(name)
        if field is None:
            oneof = [o.name for o in message.descriptor.oneof_decl].index(name)
            members = [f for f in message.fields if _is_member(f, oneof)]
            return any(self._replace(message, instance, f.descriptor.name) for f in members)
        fragment = self.good(message, field)
        if fragment is None:
            return False
        merged = _copy(instance)
        merged.MergeFrom(fragment)
        if self.below(field, merged):
            merged = _replaced(instance, fragment, name)
        instance.CopyFrom(merged)
        return True

    def _fragments(self, field: FieldDescriptor, known: Hints, depth: int) -> Iterator[Any]:
        entry = entry_of(field)
        if entry is not None:
            keys = list(self._values(entry.fields_by_name["key"], known, depth))
            keys[:2] = sorted(keys[:2], key=lambda key: key == "")  # samples are shown to people
            values = list(self._values(entry.fields_by_name["value"], known, depth))
            yield from self._maps(field, keys, values, known)
        elif field.is_repeated:
            yield from self._lists(field, list(self._values(field, known, depth)), known)
        else:
            for value in self._values(field, known, depth):
                yield _fragment(field, value)

    def _lists(self, field: FieldDescriptor, values: list[Any], known: Hints) -> Iterator[Any]:
        yield _fragment(field, [])
        good: list[Any] = []
        for value in values:
            single = _fragment(field, [value])
            yield single
            if not self._broken(single, field, "repeated.items"):
                good.append(value)
        for size in _sizes(known):
            distinct = _distinct(good or values, size)
            yield _fragment(field, distinct)
            yield _fragment(field, distinct[:1] * size)

    def _maps(
        self, field: FieldDescriptor, keys: list[Any], values: list[Any], known: Hints
    ) -> Iterator[Any]:
        yield _fragment(field, {})
        good_keys, good_values = [
            [
                part
                for part, single in tried
                if not self._broken(single, field, f"map.{name}", whole=name == "values")
            ]
            for name, tried in (
                ("keys", [(key, _fragment(field, {key: values[0]})) for key in keys]),
                ("values", [(value, _fragment(field, {keys[0]: value})) for value in values]),
            )
        ]
        key, value = (good_keys or keys)[0], (good_values or values)[0]
        for size in _sizes(known):
            yield _fragment(field, dict.fromkeys(_distinct(good_keys or keys, size), value))
        for other in values:
            yield _fragment(field, {key: other})
        for other in keys:
            yield _fragment(field, {other: value})

    def _broken(
        self, fragment: Any, field: FieldDescriptor, rules: str, *, whole: bool = True
    ) -> bool:
        """Whether an element breaks a rule on elements, or if `whole` one within itself."""
        return any(
            violation.path[:1] == (field.name,)
            and (
                violation.rule.startswith(rules)
                or (whole and any(not step.startswith("[") for step in violation.path[1:]))
            )
            for violation in self.oracle.violations(fragment)
        )

    def _values(self, field: FieldDescriptor, known: Hints, depth: int) -> Iterator[Any]:
        """Yield values of a field, or of an element if it is repeated."""
        if field.message_type is not None:
            yield from self._messages(field.message_type, known, depth)
        else:
            yield from scalars(field, known)

    def _messages(self, descriptor: Descriptor, known: Hints, depth: int) -> Iterator[Any]:
        if descriptor.full_name in LEGAL_SECONDS:
            yield from _times(descriptor, known)
            return
        is_ours = descriptor.full_name in self._schema.messages
        base = self.valid(descriptor.full_name) if is_ours else None
        empty: Any = message_factory.GetMessageClass(descriptor)()
        if base is not None:
            yield base
        yield empty
        if depth == 0:
            return
        pools: list[list[Any]] = []
        for field in descriptor.fields:
            if is_ours and field.name not in known.names:
                continue
            fragments = self._fragments(
                field, known | self._hints_of(descriptor.full_name, field.name), depth - 1
            )
            pool = list(itertools.islice(fragments, _MOST_VALUES))
            pools.append([None, *pool[:_MOST_COMBINED]])
            for fragment in pool:
                yield fragment
                if base is not None:
                    yield _replaced(base, fragment, field.name)
        if len(pools) > 1:
            for chosen in _chosen(pools):
                for start in (empty, base):
                    if start is not None:
                        yield _merged(start, chosen)


def is_asked(field: Field, fragment: Any) -> bool:
    """Whether every rule of a field has something in a fragment to be asked about.

    Rules on elements need one, and nothing is asked of a zero value that is to be ignored.
    """
    rules: Any = field.options.get(RULES)
    if rules is None or fragment.ListFields():
        return True
    on_elements = rules.repeated.HasField("items"), rules.map.HasField("keys")
    return not (any(on_elements) or rules.map.HasField("values") or rules.ignore == _IF_ZERO)


def _hints_in(options: Mapping[str, Any], schema: Schema) -> Hints:
    found = Hints()
    for rules in validation_options(options):
        found |= hints.of_rules(rules)
        for name in _extensions_in(rules):
            predefined = schema.options.get(name)
            if predefined is not None:
                found |= _hints_in(predefined.options, schema)
    return found


def _extensions_in(rules: ProtoMessage) -> Iterator[str]:
    """Yield the full names of the predefined rules that rules use."""
    for field, value in rules.ListFields():
        if field.is_extension:
            yield field.full_name
        elif field.message_type is not None and not field.is_repeated:
            yield from _extensions_in(value)


def _times(descriptor: Descriptor, known: Hints) -> Iterator[Any]:
    """Yield durations or timestamps, which fail in every rule when they are out of range."""
    for total in seconds(descriptor.full_name, known):
        made: Any = message_factory.GetMessageClass(descriptor)()
        made.seconds = int(total)
        made.nanos = round((total - int(total)) * 1e9)
        if made.nanos >= 0 or descriptor.full_name.endswith("Duration"):
            yield made


def _sizes(known: Hints) -> list[int]:
    near = {int(n) + d for n in known.numbers if abs(n) < _MOST_ELEMENTS for d in (-1, 0, 1)}
    return sorted(n for n in near | {2, 3} if n > 1)


def _distinct(values: list[Any], size: int) -> list[Any]:
    """Return that many values, distinct ones if there are or can be as many."""
    found = values[:size]
    last = values[-1]
    if isinstance(last, str):
        found += [f"{last}{i}" for i in range(size - len(found))]
    return list(itertools.islice(itertools.cycle(found), size))


def _chosen(pools: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield one of each pool in turn: all combinations, or of too many some at random."""
    if math.prod(map(len, pools)) <= _MOST_COMBINATIONS:
        yield from itertools.product(*pools)
        return
    source = random.Random(0)  # the same in every run
    for _ in range(_MOST_COMBINATIONS):
        yield tuple(source.choice(pool) for pool in pools)


def _holder(field: FieldDescriptor) -> Descriptor:
    holder = field.containing_type
    assert holder is not None, f"{field.full_name} is an extension"
    return holder


def _fragment(field: FieldDescriptor, value: Any) -> Any:
    """Return a message in which one field has a value."""
    made: Any = message_factory.GetMessageClass(_holder(field))()
    held = getattr(made, field.name)
    if entry_of(field) is not None:
        for key, inner in value.items():
            if value_of(field).message_type is not None:
                held[key].CopyFrom(inner)
            else:
                held[key] = inner
    elif field.is_repeated:
        held.extend(value)
    elif field.message_type is not None:
        held.CopyFrom(value)
        held.SetInParent()
    else:
        setattr(made, field.name, value)
    return made


def _merged(base: Any, fragments: Iterable[Any]) -> Any:
    merged = _copy(base)
    for fragment in fragments:
        if fragment is not None:
            merged.MergeFrom(fragment)
    return merged


def _replaced(base: Any, fragment: Any, name: str) -> Any:
    replaced = _copy(base)
    replaced.ClearField(name)
    replaced.MergeFrom(fragment)
    return replaced


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _descriptor(message: Any, field: Field) -> FieldDescriptor:
    found: FieldDescriptor = message.DESCRIPTOR.fields_by_name[field.descriptor.name]
    return found


def _is_member(field: Field, oneof: int) -> bool:
    return field.descriptor.HasField("oneof_index") and field.descriptor.oneof_index == oneof


def value_of(field: FieldDescriptor) -> FieldDescriptor:
    """The field itself, or the values if it is a map."""
    entry = entry_of(field)
    return entry.fields_by_name["value"] if entry else field


def entry_of(field: FieldDescriptor) -> Descriptor | None:
    """The entry message of a map, or None for any other field."""
    of_values = field.message_type
    return of_values if of_values and of_values.GetOptions().map_entry else None
