"""What protovalidate says of the validation rules of a schema, asked once for all rules on them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schema_rules.samples import Samples, is_asked
from schema_rules.schema import MESSAGE_RULES, RULES, Field, Message, Schema
from schema_rules.validation import CelRule, cel_rules


class Undecided(NamedTuple):
    """A CEL rule that decides nothing, as far as generated values show."""

    element: Field | Message
    rule: CelRule
    what: str
    """`passes` or `fails`, which it never does."""


class Soundness(NamedTuple):
    """What generated messages show of the validation rules of a schema."""

    errors: list[tuple[Field | Message, str]]
    """Rules that do not compile, or fail on a value, and what protovalidate says."""
    undecided: list[Undecided]
    unsatisfied: list[Field | Message]
    """Fields and messages with rules that no generated value passes."""


class _Answers(NamedTuple):
    """What generated messages show of the rules of one message. Fields are named, itself empty."""

    errors: tuple[str, ...]
    undecided: tuple[tuple[str, CelRule, str], ...]
    unsatisfied: tuple[str, ...]
    is_satisfied: bool


_answers: dict[bytes, _Answers] = {}
"""What was asked before, by the digest of the message: most messages of two contracts are equal."""


@functools.lru_cache(maxsize=2)
def soundness(schema: Schema) -> Soundness:
    """Ask protovalidate about every validation rule of a schema."""
    samples = Samples(schema)
    found = Soundness([], [], [])
    placed: set[str] = set()
    left: dict[str, Message] = {}
    unsatisfied: dict[str, Message] = {}
    for message in schema.messages.values():
        if message.descriptor.options.map_entry:
            continue
        digest = schema.digest(message.name)
        if digest not in _answers:
            _answers[digest] = _ask(message, samples)
        answers = _answers[digest]
        elements: dict[str, Field | Message] = {"": message}
        elements.update((f.descriptor.name, f) for f in message.fields)
        for error in answers.errors:
            element = _named_in(error, message)
            if element is not None:
                placed.add(error)
                found.errors.append((element, error))
            else:  # the rule is in a message within this one
                left.setdefault(error, message)
        found.undecided.extend(
            [Undecided(elements[n], r, what) for n, r, what in answers.undecided]
        )
        found.unsatisfied.extend(elements[name] for name in answers.unsatisfied)
        if answers.unsatisfied or not answers.is_satisfied:
            unsatisfied[message.name] = message
    found.errors.extend(
        [(message, error) for error, message in left.items() if error not in placed]
    )
    found.unsatisfied.extend(_unsatisfied_as_a_whole(schema, unsatisfied, found))
    return found


def _ask(message: Message, samples: Samples) -> _Answers:
    samples.oracle.violations(samples.empty(message.name))
    with_rules = [element for element in message.fields if RULES in element.options]
    undecided = [
        (element.descriptor.name, rule, what)
        for element in with_rules
        for rule, what in _undecided(element, samples.fragments(message, element), samples)
    ]
    if MESSAGE_RULES in message.options:
        instances = _instances(message, samples)
        undecided += [("", rule, what) for rule, what in _undecided(message, instances, samples)]
    unsatisfied = [f.descriptor.name for f in with_rules if not _is_satisfied(message, f, samples)]
    is_satisfied = samples.valid(message.name) is not None
    errors = samples.oracle.errors_of(message.name)
    if errors:  # which hide what the other rules say
        return _Answers(errors, (), (), is_satisfied=True)
    return _Answers((), tuple(undecided), tuple(unsatisfied), is_satisfied)


def _instances(message: Message, samples: Samples) -> Iterator[Any]:
    empty = samples.empty(message.name)
    yield from samples.combinations(message, empty)
    base = samples.valid(message.name)
    if base is not None:
        yield from samples.combinations(message, base)


def _undecided(
    element: Field | Message, instances: Iterable[Any], samples: Samples
) -> Iterator[tuple[CelRule, str]]:
    """Ask every CEL rule of an element about instances; yield those that do not do both."""
    is_field = isinstance(element, Field)
    rules = {rule.path if is_field else rule.id: rule for rule in cel_rules(element.options)}
    if not rules:
        return
    passed: set[str] = set()
    failed: set[str] = set()
    for instance in instances:
        found = samples.oracle.violations(instance)
        broken = {v.rule for v in found if v.is_of(element)}
        # Nothing more is asked of a field that is required and missing.
        if any(not v.rule for v in found) or "required" in broken:
            continue
        failed |= broken & rules.keys()
        if not isinstance(element, Field) or is_asked(element, instance):
            passed |= rules.keys() - broken
    for key, rule in rules.items():
        if key in failed and key not in passed:
            yield rule, "passes"
        elif key not in failed:
            yield rule, "fails"


def _is_satisfied(message: Message, element: Field, samples: Samples) -> bool:
    """Whether some value passes the rules on a field; those of messages within it are theirs."""
    return samples.good(message, element) is not None or any(
        is_asked(element, fragment)
        and not any(v.is_of(element) for v in samples.oracle.violations(fragment))
        for fragment in samples.fragments(message, element)
    )


def _unsatisfied_as_a_whole(
    schema: Schema, unsatisfied: dict[str, Message], found: Soundness
) -> Iterator[Message]:
    """Yield messages that nothing satisfies, unless that is for a field or for what they hold."""
    wrong = {element.name.rpartition(".")[0] for element in found.unsatisfied}
    wrong |= {element.name.rpartition(".")[0] for element, _ in found.errors}
    wrong |= {element.name for element, _ in found.errors}
    for name, message in unsatisfied.items():
        if wrong.isdisjoint(schema.reachable(name)):
            wrong.add(name)
            yield message


def _named_in(text: str, message: Message) -> Field | Message | None:
    """The element of a message that an error is about, by its name or by the ID of its rule."""
    elements: list[Field | Message] = [message, *message.fields]
    for element in elements:
        for rule in cel_rules(element.options):
            if f"expression {rule.id}:" in text or f"evaluating {rule.id}:" in text:
                return element
    return next((f for f in message.fields if f'"{f.name}"' in text), None)
