"""Mutations of validation rules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from schema_rules.schema import RULES
from tests.mutation.changes import Mutation, clear_option, edit, make, set_in_option
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import Target, fields_of, has_option, messages_in

_IGNORE_ALWAYS = 3
"""`buf.validate.IGNORE_ALWAYS`."""


def of_rules(contract: Contract) -> Iterator[Mutation]:
    option = contract.option(RULES)
    for message in messages_in(contract):
        unruled = (field for field in fields_of(message) if not has_option(field, option))
        for field in unruled:
            required = edit(field, set_in_option, option, ("required",), True)
            yield make(field, "rule: add required where there was no rule", required)
        for field in fields_of(message):
            if has_option(field, option):
                at = partial(make, field)
                yield at("rule: drop all rules of a field", edit(field, clear_option, option))
                rules = field.element.options.Extensions[option]
                if rules.ignore != _IGNORE_ALWAYS:
                    ignored = edit(field, set_in_option, option, ("ignore",), _IGNORE_ALWAYS)
                    yield at("rule: ignore always", ignored)
                for kind, detail, path, value in _of_rule(rules, ()):
                    yield at(kind, edit(field, set_in_option, option, path, value), detail)
        whole = contract.option("buf.validate.message")
        yield make(
            message,
            "rule: add a rule to a message",
            partial(_add_message_rule, message, whole),
        )


def _of_rule(rules: Any, above: tuple[str, ...]) -> Iterator[tuple[str, str, Any, Any]]:
    """For each part of a field's rules: the kind of mutation, a detail, where, and what then.

    A value of None drops the part.
    """
    for part, value in rules.ListFields():
        path = (*above, part.name)
        name = part.name
        if part.name == "cel":
            for i, cel in enumerate(value):
                others = [other for j, other in enumerate(value) if j != i]
                yield "rule: drop a CEL rule", cel.id, path, others
                for changed, now in (
                    ("id", f"{cel.id}.renamed"),
                    ("expression", f"({cel.expression}) || true"),
                ):
                    new = type(cel)()
                    new.CopyFrom(cel)
                    setattr(new, changed, now)
                    changed_rules = [new if j == i else other for j, other in enumerate(value)]
                    yield f"rule: change the {changed} of a CEL rule", cel.id, path, changed_rules
        elif part.message_type is not None:
            yield from _of_rule(value, path)
        elif part.is_repeated:
            yield f"rule: drop {name}", "", path, []
            yield f"rule: shorten {name}", "", path, list(value)[:-1]
            yield f"rule: extend {name}", "", path, [*value, "extended"]
        else:
            yield f"rule: drop {name}", "", path, None
            if isinstance(value, bool) or part.enum_type is not None:
                continue
            if isinstance(value, str):
                yield f"rule: change {name}", "", path, f"{value}x"
            else:
                yield f"rule: raise {name}", "", path, value + 1
                if value > 0 or name != "min_len":
                    yield f"rule: lower {name}", "", path, value - 1


def _add_message_rule(message: Target, option: Any, draft: Draft) -> None:
    options = draft.at(message.file, message.path).options
    options.Extensions[option].cel.add(id="never", message="never", expression="false")
    draft.imports(message.file, "buf/validate/validate.proto")
