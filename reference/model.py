"""The contract as a reader of the reference meets it: pages, with the facts of every element."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from reference.rule_words import Rule, rules_of
from schema_rules.field_kinds import value_of
from schema_rules.resource_rules import kinds
from schema_rules.schema import (
    APIRESOURCE,
    AUTHORIZATION,
    COMPUTED,
    Element,
    Enum,
    EnumValue,
    Field,
    Oneof,
    Rpc,
    Schema,
)
from schema_rules.status_rules import why_system_written

PREFIX = "ai.stigmer."
UNRELEASED = "unreleased"
AREAS = {
    "agentic": "Agents and workflows",
    "iam": "Identity and access",
    "tenancy": "Tenancy",
    "commons": "Common types",
}
_KINDS: dict[type[Element], str] = {
    Field: "field",
    Oneof: "oneof",
    EnumValue: "value",
    Rpc: "rpc",
}
_IMMUTABLE = f"{APIRESOURCE}.immutable"
_SYSTEM_WRITES = "The system writes it."
_USERS_WRITE = "Users write it."
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"*])")


@dataclass(frozen=True)
class Entry:
    """An element as it is shown."""

    element: Element
    kind: str
    """message, enum, service, option, field, oneof, value or rpc."""
    name: str
    """The name within the package, or within the owner."""
    owner: Entry | None = field(repr=False)
    url: str
    """The page and anchor, from the root of the site."""
    since: str
    """The version of the first release that has it, or `unreleased`."""
    members: list[Entry] = field(default_factory=list["Entry"], repr=False)

    @property
    def anchor(self) -> str:
        """The id of its element on the page."""
        return self.url.partition("#")[2]

    @property
    def page(self) -> str:
        """The page, without the anchor."""
        return self.url.partition("#")[0]

    @property
    def package(self) -> str:
        """The proto package, without the prefix that all of ours share."""
        return short(self.element.package)

    @property
    def full_name(self) -> str:
        """The name as protobuf writes it; values of enums are in the scope of their enum."""
        return self.element.name.replace("/", ".") if self.kind == "value" else self.element.name

    @property
    def top(self) -> Entry:
        """The message, enum or service that has the page."""
        return self.owner or self

    @cached_property
    def comment(self) -> str:
        """The comment as Markdown: without the space that begins each of its lines."""
        return re.sub(r"^ ", "", self.element.comment, flags=re.MULTILINE).strip()

    @property
    def summary(self) -> str:
        """The first sentence of the comment."""
        paragraph = " ".join(self.comment.split("\n\n")[0].split())
        return _SENTENCE_END.split(paragraph, maxsplit=1)[0]

    @property
    def descriptor(self) -> Any:
        """The descriptor behind it."""
        found: Any = self.element
        return found.descriptor


@dataclass(frozen=True)
class Type:
    """The type of a field: `list of` Name, or `map from string to` Name."""

    label: str
    name: str
    """A scalar, or the full name of a message or enum."""


@dataclass(frozen=True)
class Authorization:
    """Who may call an RPC."""

    words: str
    permission: str = ""
    refusal: str = ""
    """What a caller without the permission is told."""


class Reference:
    """Everything that the pages show."""

    def __init__(self, image: FileDescriptorSet, releases: Mapping[str, Schema]) -> None:
        """Read an image with source info, and the schemas of the releases, oldest first."""
        self.schema = Schema(image)
        self.releases = tuple(releases)
        self._released = [
            (version, {element.name for element in schema.elements()})
            for version, schema in releases.items()
        ]
        self.entries: dict[str, Entry] = {}
        """Every element of the contract with a name, by that name."""
        self.packages: dict[str, list[Entry]] = defaultdict(list)
        """The messages, enums, services and options of each package, without the prefix."""
        for message in self.schema.messages.values():
            if not message.descriptor.options.map_entry:
                self._add("message", message, [*message.fields, *message.oneofs])
        for enum in self.schema.enums.values():
            self._add("enum", enum, enum.values)
        for service in self.schema.services.values():
            self._add("service", service, service.rpcs)
        for option in self.schema.options.values():
            self._add("option", option, ())
        self.packages = dict(sorted(self.packages.items()))
        self.uses = self._uses()
        self._roles = self._find_roles()

    def _add(self, kind: str, element: Element, members: Sequence[Element]) -> None:
        package = short(element.package)
        name = element.name.removeprefix(f"{element.package}.")
        page = "index" if kind == "option" else name
        url = f"reference/{package}/{page}.html#{name}"
        top = Entry(element, kind, name, None, url, self._since(element))
        self.entries[element.name] = top
        self.packages[package].append(top)
        for member in members:
            its_kind = _KINDS[type(member)]
            its_name = re.split(r"[./]", member.name)[-1]
            its_url = f"reference/{package}/{page}.html#{its_name}"
            entry = Entry(member, its_kind, its_name, top, its_url, self._since(member))
            self.entries[member.name] = entry
            top.members.append(entry)

    def _since(self, element: Element) -> str:
        return next((v for v, names in self._released if element.name in names), UNRELEASED)

    def tops(self, kind: str) -> list[Entry]:
        """Return all messages, enums, services or options."""
        return [
            entry for entries in self.packages.values() for entry in entries if entry.kind == kind
        ]

    def type_of(self, entry: Entry) -> Type:
        """Return the type of a field or an option."""
        declared: Any = entry.element
        value = value_of(self.schema, declared)
        descriptor = declared.descriptor
        name = value.type_name or _scalar(value.descriptor)
        if value is not declared:
            key = self.schema.messages[declared.type_name].fields[0]
            return Type(f"map from {_scalar(key.descriptor)} to", name)
        if descriptor.label == FieldDescriptorProto.LABEL_REPEATED:
            return Type("list of", name)
        return Type("optional" if descriptor.proto3_optional else "", name)

    def oneof_of(self, entry: Entry) -> str:
        """Return the name of the oneof that a field is in; empty if it is in none."""
        descriptor = entry.descriptor
        if (
            entry.owner is None
            or descriptor.proto3_optional
            or not descriptor.HasField("oneof_index")
        ):
            return ""
        name: str = entry.owner.descriptor.oneof_decl[descriptor.oneof_index].name
        return name

    def rules(self, entry: Entry) -> list[Rule]:
        """Return the validation rules of an element, in plain words."""
        return list(rules_of(entry.element.options))

    def is_secret(self, entry: Entry) -> bool:
        """Whether text and logs mask a field."""
        return entry.kind == "field" and bool(entry.descriptor.options.debug_redact)

    def is_immutable(self, entry: Entry) -> bool:
        """Whether a field is set at creation and never changes."""
        return bool(entry.element.options.get(_IMMUTABLE))

    def writer(self, entry: Entry) -> str:
        """Say who writes a field."""
        field, owner = entry.element, entry.owner
        assert isinstance(field, Field)
        assert owner is not None
        if field.options.get(COMPUTED):
            return "The system writes it; users cannot."
        message = self.schema.messages[owner.element.name]
        roles = self._roles[message.name]
        if {"spec", "status"} <= roles:
            return "Users write it in a spec, the system in a status."
        if {"request", "response"} <= roles and not roles & {"spec", "status"}:
            # A resource, or a part of its metadata, where the comment names the writer.
            is_status = entry.name == "status" or why_system_written(message, field)
            return _SYSTEM_WRITES if is_status else _USERS_WRITE
        words = {
            "status": _SYSTEM_WRITES,
            "spec": _USERS_WRITE,
            "request": "The caller sends it.",
            "response": "The service returns it.",
            "option": "The contract sets it, as an option.",
        }
        return next(
            (said for role, said in words.items() if role in roles),
            "No RPC carries this message by its type; see its comment.",
        )

    def side(self, entry: Entry) -> str:
        """Return `spec` or `status` if a message is part of nothing else; empty otherwise."""
        sides = self._roles[entry.element.name]
        return next(iter(sides)) if len(sides) == 1 and sides <= {"spec", "status"} else ""

    def _find_roles(self) -> dict[str, set[str]]:
        roles: dict[str, set[str]] = defaultdict(set)
        for service in self.schema.services.values():
            for rpc in service.rpcs:
                self._reach(rpc.request, "request", roles)
                self._reach(rpc.response, "response", roles)
        for option in self.schema.options.values():
            self._reach(option.type_name, "option", roles)
        return roles

    def _reach(self, name: str, role: str, roles: dict[str, set[str]]) -> None:
        message = self.schema.messages.get(name)
        if message is None or role in roles[name]:
            return
        roles[name].add(role)
        is_resource = message.field("metadata") is not None
        for found in message.fields:
            named = found.descriptor.name
            below = named if named == "status" or (named == "spec" and is_resource) else role
            self._reach(found.type_name, below, roles)

    def _uses(self) -> dict[str, list[Entry]]:
        uses: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries.values():
            if isinstance(entry.element, Field):
                uses[self.type_of(entry).name].append(entry)
            elif isinstance(entry.element, Rpc):
                for name in dict.fromkeys((entry.element.request, entry.element.response)):
                    uses[name].append(entry)
        return uses

    def authorization(self, entry: Entry) -> Authorization:
        """Say who may call an RPC."""
        options = entry.element.options
        if options.get(f"{AUTHORIZATION}.is_public"):
            return Authorization("Anyone may call it, signed in or not.")
        if options.get(f"{AUTHORIZATION}.is_skip_authorization"):
            return Authorization(
                "Any signed-in caller may call it. "
                "The handler returns only what the caller may view."
            )
        config: Any = options.get(f"{AUTHORIZATION}.config")
        if config is None:
            return Authorization("The handler decides who may call it, as the comment says.")
        permission = config.DESCRIPTOR.fields_by_name["permission"].enum_type
        kind = config.DESCRIPTOR.fields_by_name["resource_kind"].enum_type
        of_kind = (
            f"the resource whose kind is in `{config.resource_kind_path}`"
            if config.resource_kind_path
            else f"the `{kind.values_by_number[config.resource_kind].name}`"
        )
        if not (config.resource_kind or config.resource_kind_path):
            of_kind = "the resource"
        which = (
            f"`{config.resource_id}`"
            if config.resource_id
            else f"whose ID is in `{config.field_path}`"
            if config.field_path
            else "that the comment names"
        )
        return Authorization(
            f"on {of_kind} {which}.",
            f"{permission.full_name}/{permission.values_by_number[config.permission].name}",
            config.error_msg,
        )

    def resources(self) -> Iterator[tuple[Entry, str]]:
        """Yield the message of every kind of resource, with the prefix of its IDs."""
        for kind in kinds(self.schema):
            for message in self.tops("message"):
                if message.name == kind.name and any(m.name == "spec" for m in message.members):
                    yield message, kind.id_prefix

    def facts_of_value(self, entry: Entry) -> list[tuple[str, str]]:
        """Return what options say of a value of an enum: their fields and values."""
        return [
            (found.name.replace("_", " "), _shown(found, value))
            for options in entry.element.options.values()
            for found, value in options.ListFields()
        ]

    def source(self, entry: Entry) -> str:
        """Return the page of the source file, with the line of an element."""
        file = entry.element.file
        line = next(
            at.span[0] + 1
            for at in file.source_code_info.location
            if tuple(at.path) == entry.element.path
        )
        return f"source/apis/{file.name}.html#L-{line}"

    def files(self, package: str) -> list[tuple[str, str, str]]:
        """Return the names, paths and comments of the files of a package."""
        return [
            (PurePosixPath(name).name, name, re.sub(r"^ ", "", file.comment, flags=re.MULTILINE))
            for name, file in sorted(self.schema.files.items())
            if short(file.package) == package
        ]


def short(package: str) -> str:
    """Return the name of a package without the prefix that all of ours share."""
    return package.removeprefix(PREFIX)


def reserved(entry: Entry) -> list[str]:
    """Return the numbers and names that a message or an enum must never use again."""
    inclusive = isinstance(entry.element, Enum)
    ranges = entry.descriptor.reserved_range
    ends = [(r.start, r.end if inclusive else r.end - 1) for r in ranges]
    shown = [str(start) if start == end else f"{start} to {end}" for start, end in ends]
    return [*shown, *entry.descriptor.reserved_name]


def _scalar(descriptor: FieldDescriptorProto) -> str:
    return FieldDescriptorProto.Type.Name(descriptor.type).removeprefix("TYPE_").lower()


def _shown(descriptor: Any, value: Any) -> str:
    if descriptor.enum_type is not None:
        name: str = descriptor.enum_type.values_by_number[value].name
        return name
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
