"""Helpers for the tables of validation cases.

The tables are in `validation_cases_<area>.py`. `test_validation.py` runs them and checks that every
rule of the contract has a case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import Message

from stigmer_apis.commons.apiresource import (
    ApiResourceMetadata,
    ApiResourceOwnerScope,
    ApiResourceReference,
)
from stigmer_apis.commons.apiresource.apiresourcekind import ApiResourceKind

M = TypeVar("M", bound=Message)

Valid = Callable[..., Message]
"""A message type, or a partial of one, which creates valid messages except for the given fields."""

UNDEFINED: Any = 99
"""A number that no enum of the contract defines, as a newer peer may send it."""

INT32_MAX = 2**31 - 1

LETTER = "é"
"""One character of two bytes: counting bytes would make every length below wrong."""


class Case(NamedTuple):
    """A rule, with messages that satisfy it, and messages that break it and no other."""

    path: str
    """The path of the broken field, as protovalidate writes it."""
    rule: str
    """The ID of the rule, which clients match on."""
    passes: Sequence[Message]
    fails: Sequence[Message]


def resource(
    kind: type[M],
    scope: ApiResourceOwnerScope.ValueType = ApiResourceOwnerScope.organization,
) -> partial[M]:
    """A function that creates valid resources of a kind: `resource(Agent)(spec=...)`."""
    _, _, group, *_ = kind.DESCRIPTOR.full_name.split(".")
    make: Callable[..., M] = kind
    return partial(
        make,
        api_version=f"{group}.stigmer.ai/v1",
        kind=kind.DESCRIPTOR.name,
        metadata=ApiResourceMetadata(name="Nightly", slug="nightly", owner_scope=scope),
    )


def field_case(
    valid: Valid, name: str, rule: str, *, passes: Iterable[Any], fails: Iterable[Any]
) -> Case:
    """Return the case of a rule from values of its field. None leaves the field unset."""

    def messages(values: Iterable[Any]) -> list[Message]:
        return [valid(**{name: value}) for value in values]

    return Case(name, rule, messages(passes), messages(fails))


def required(valid: Valid, name: str, value: Any = LETTER) -> Case:
    return field_case(valid, name, "required", passes=[value], fails=[None])


def min_len(valid: Valid, name: str, length: int) -> Case:
    return field_case(
        valid,
        name,
        "string.min_len",
        passes=[LETTER * length, LETTER * (length + 1)],
        fails=[None, LETTER * (length - 1)],
    )


def max_len(valid: Valid, name: str, length: int) -> Case:
    return field_case(
        valid,
        name,
        "string.max_len",
        passes=[LETTER, LETTER * length],
        fails=[LETTER * (length + 1), LETTER * (2 * length)],
    )


def min_items(valid: Valid, name: str, count: int, item: Message) -> Case:
    return field_case(
        valid,
        name,
        "repeated.min_items",
        passes=[[item] * count, [item] * (count + 1)],
        fails=[[item] * fewer for fewer in range(count)],
    )


def int_range(valid: Valid, name: str, low: int, high: int) -> Case:
    # Unset is 0, and checked as 0: a range from 1 makes the field required.
    assert low > 0
    fails = [None, low - 1, high + 1, -1, INT32_MAX]
    return field_case(valid, name, "int32.gte_lte", passes=[low, high], fails=fails)


def int_minimum(valid: Valid, name: str, low: int) -> Case:
    # As with a range.
    assert low > 0
    fails = [None, low - 1, -1, -INT32_MAX - 1]
    return field_case(valid, name, "int32.gte", passes=[low, INT32_MAX], fails=fails)


def defined_only(valid: Valid, name: str) -> Case:
    enum = valid().DESCRIPTOR.fields_by_name[name].enum_type
    assert enum is not None, f"{name} is no enum"
    values = [value.number for value in enum.values]
    return field_case(valid, name, "enum.defined_only", passes=values, fails=[UNDEFINED, -1])


def header_cases(valid: Valid) -> list[Case]:
    """Return the rules of `api_version` and `kind`, which every resource has."""
    right: Any = valid()
    version, kind = right.api_version, right.kind
    others = [None, "v1", version + "beta1", version.replace("v1", "v2"), version.upper()]
    return [
        field_case(valid, "api_version", "string.const", passes=[version], fails=others),
        field_case(
            valid, "kind", "string.const", passes=[kind], fails=[None, kind.lower(), kind + "List"]
        ),
    ]


def metadata_required(valid: Valid) -> Case:
    right: Any = valid()
    return required(valid, "metadata", right.metadata)


def owner_scopes(valid: Valid, rule: str, *allowed: ApiResourceOwnerScope.ValueType) -> Case:
    """Return the rule that limits the owner scopes of a resource, for all scopes."""
    every = {
        scope: ApiResourceMetadata(owner_scope=scope) for scope in ApiResourceOwnerScope.values()
    }
    return field_case(
        valid,
        "metadata",
        rule,
        passes=[every[scope] for scope in allowed],
        fails=[metadata for scope, metadata in every.items() if scope not in allowed],
    )


def references_except(kind: ApiResourceKind.ValueType) -> list[ApiResourceReference]:
    """Return references to every kind of resource except one, and to an undefined kind."""
    others = [*ApiResourceKind.values(), UNDEFINED]
    return [ApiResourceReference(kind=other) for other in others if other != kind]


def reference_kind(valid: Valid, name: str, rule: str, kind: ApiResourceKind.ValueType) -> Case:
    """Return the rule that a list refers to one kind of resource; the second item breaks it."""
    right = ApiResourceReference(kind=kind)
    return Case(
        f"{name}[1]",
        rule,
        passes=[valid(**{name: [right, right]})],
        fails=[valid(**{name: [right, wrong]}) for wrong in references_except(kind)],
    )
