"""What a mutation is, and the changes that many are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory

from tests.mutation.draft import Draft
from tests.mutation.elements import Target

SAID = "What a mutation added."

Change = Callable[[Draft], None]


@dataclass(frozen=True)
class Mutation:
    """One change."""

    kind: str
    """What is done, such as "field: delete"."""
    subject: str
    """The full name of what is changed; what is added has its own."""
    detail: str
    """What tells apart several changes of that kind to one subject."""
    change: Change = dataclasses.field(repr=False)
    is_right: bool = False
    """Whether every gate must let it pass: a right change, which stands against false alarms."""

    @property
    def name(self) -> str:
        """What identifies the mutation, beside its kind."""
        return f"{self.subject} {self.detail}".strip()


def make(target: Target, kind: str, change: Change, detail: str = "") -> Mutation:
    return Mutation(kind, target.name, detail, change)


def remove(target: Target, draft: Draft) -> None:
    draft.remove(target.file, target.path)


def set_parts(target: Target, **parts: Any) -> Change:
    def change(draft: Draft) -> None:
        element = draft.at(target.file, target.path)
        for name, value in parts.items():
            setattr(element, name, value)

    return change


def edit(target: Target, edit: Callable[..., None], *arguments: Any) -> Change:
    """A change that edits the options of an element."""

    def change(draft: Draft) -> None:
        edit(draft, target, draft.at(target.file, target.path).options, *arguments)

    return change


def clear_part_of_options(draft: Draft, target: Target, options: Any, name: str) -> None:
    options.ClearField(name)


def clear_option(draft: Draft, target: Target, options: Any, option: Any) -> None:
    options.ClearExtension(option)


def set_option(draft: Draft, target: Target, options: Any, option: Any, value: Any) -> None:
    options.Extensions[option] = value
    draft.imports(target.file, option.file.name)


def swap_option(draft: Draft, target: Target, options: Any, old: Any, new: Any) -> None:
    options.ClearExtension(old)
    options.Extensions[new] = True


def set_in_option(
    draft: Draft, target: Target, options: Any, option: Any, path: tuple[str, ...], value: Any
) -> None:
    *above, name = path
    holder = options.Extensions[option]
    for step in above:
        holder = getattr(holder, step)
    if value is None:
        holder.ClearField(name)
    elif isinstance(value, list):
        holder.ClearField(name)
        getattr(holder, name).extend(value)
    else:
        setattr(holder, name, value)
    draft.imports(target.file, option.file.name)


def set_plain_option(target: Target, name: str, value: Any, draft: Draft) -> None:
    setattr(draft.at(target.file, target.path).options, name, value)


def something_else(part: Any, old: Any) -> Any:
    if isinstance(old, bool):
        return not old
    if part.enum_type is not None:
        others = [v.number for v in part.enum_type.values if v.number not in (0, old)]
        return others[0] if others else 0
    return f"{old}x" if isinstance(old, str) else old + 1


def remove_and_reserve(message: Target, field: Target, draft: Draft) -> None:
    """Remove a field of a message, or a value of an enum, in the way that is thought to be safe."""
    draft.remove(field.file, field.path)
    parent = draft.at(message.file, message.path)
    number = field.element.number
    # The end of a range is part of it in an enum, and not in a message.
    end = number + (message.element.DESCRIPTOR.name == "DescriptorProto")
    parent.reserved_range.add(start=number, end=end)
    parent.reserved_name.append(field.element.name)


def retype(field: Target, kind: int, name: str, draft: Draft) -> None:
    proto = draft.at(field.file, field.path)
    proto.type = kind
    proto.ClearField("type_name")
    if name:
        proto.type_name = name
        draft.imports(field.file, draft.contract.home[name[1:]])


def rename_type(target: Target, draft: Draft) -> None:
    scope, _, short = target.name.rpartition(".")
    # In front, so that what a rule reads from the end of a name, such as Status, stays.
    new = f"{scope}.Renamed{short}"
    inside = [name for name in draft.contract.home if f"{name}.".startswith(f"{target.name}.")]
    # Map entries are no types of their own, and are referred to all the same.
    draft.rename_types({name: new + name.removeprefix(target.name) for name in inside})
    draft.at(target.file, target.path).name = f"Renamed{short}"


def free_number(message: Any) -> int:
    taken = {field.number for field in message.field}
    for gap in message.reserved_range:
        taken |= set(range(gap.start, gap.end))
    # The next free one below the audit block, which is where an addition goes.
    return max((number for number in taken if number < 99), default=0) + 1


def json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def instance(descriptor: Any, **parts: Any) -> Any:
    return message_factory.GetMessageClass(descriptor)(**parts)
