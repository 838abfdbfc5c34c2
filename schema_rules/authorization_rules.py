"""Authorization makes sense: permission, resource and ID fit each other and the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import MethodOptions

from schema_rules.finding import Finding
from schema_rules.resource_ids import Registry, complaints_about_paths
from schema_rules.schema import AUTHORIZATION, Rpc, Schema, Service
from schema_rules.words import sentences, words

_COMMAND, _QUERY = "command", "query"
_READS = re.compile(
    "(can_)?(view|read|list|get|search|find|watch|follow|subscribe|export|download|inspect)"
)
"""How a permission begins that lets nobody change anything."""
_READING_VERBS = frozenset(
    words(
        "get list find search subscribe watch check count who read query describe stream follow "
        "lookup look resolve validate preview export download ping is has can fetch diff compare "
        "estimate tail head exists batch stat explain show"
    )
)
_CREATING_VERBS = frozenset(words("create clone copy import register"))
_CHANGING_VERBS = frozenset(words("update patch set rename replace change edit modify"))
_DELETING_VERBS = frozenset(words("delete remove purge destroy drop erase wipe"))
_UNFIT_VERBS = {
    "create": _CHANGING_VERBS | _DELETING_VERBS,
    "execute": _CHANGING_VERBS | _DELETING_VERBS,
    "delete": _CREATING_VERBS | _CHANGING_VERBS,
}
"""RPCs that a permission does not speak of, by the verb of the permission."""
_JOINING = frozenset({"or", "and", "then"})
"""What joins another verb to the first, as in `getOrCreate` and `getAndMarkSeen`."""
_WRITES = re.compile(
    r"(^|\b(and|then) (also )?)(creates|clones|copies|updates|changes|sets|renames|replaces|edits|"
    r"deletes|removes|purges|archives|marks|stores|saves|records|clears|resets|revokes|publishes)\b"
    r"(?! (of|in|from|by|for|with|to)\b)",
    re.IGNORECASE,
)
"""What a comment says of an RPC that changes something."""
_OPEN = {
    "is_public": "to anybody",
    "is_skip_authorization": "to every signed-in caller",
}
_PLAIN_SECRETS = re.compile(
    r"\b(decrypt\w*|(real|actual) values|as the (user|caller|owner) (wrote|sent) them|unmask\w*|"
    r"reveal\w*|unredacted|plain[- ]?text|in (the )?clear|cleartext)\b",
    re.IGNORECASE,
)
_NOT_MASKED = re.compile(r"\bnot (masked|redacted|encrypted)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(no|not|never|only|without|masks?|masked|instead of)\b", re.IGNORECASE)


def service_role(schema: Schema) -> Iterator[Finding]:
    """SERVICE_ROLE: the name of a service says whether it is for commands or for queries."""
    for service in schema.services.values():
        if _role(service) is None:
            yield Finding(
                "SERVICE_ROLE",
                service,
                f'The name of service "{service.descriptor.name}" must end in CommandController if '
                "it writes, or in QueryController if it only reads",
            )


def permission_fits(schema: Schema) -> Iterator[Finding]:
    """PERMISSION_FITS: a command asks for a permission to write, a query for one to read."""
    registry = Registry(schema)
    for service, rpc in _rpcs(schema):
        config = rpc.options.get(f"{AUTHORIZATION}.config")
        if config is not None and config.permission:
            for complaint in _of_permission(registry, service, rpc, config):
                yield _finding("PERMISSION_FITS", rpc, complaint)


def query_only_reads(schema: Schema) -> Iterator[Finding]:
    """QUERY_ONLY_READS: a query changes nothing, and only a query has no side effects."""
    for service, rpc in _rpcs(schema):
        level = rpc.descriptor.options.idempotency_level
        has_no_side_effects = level == MethodOptions.NO_SIDE_EFFECTS
        if _role(service) == _QUERY:
            if any(map(_WRITES.search, sentences(rpc.comment))):
                yield _finding(
                    "QUERY_ONLY_READS",
                    rpc,
                    "writes according to its comment; move it to the command controller",
                )
            elif not has_no_side_effects and not _begins_to_read(rpc):
                yield _finding(
                    "QUERY_ONLY_READS",
                    rpc,
                    "does not start with a reading verb; move it to the command controller if "
                    "it writes, or mark it idempotency_level = NO_SIDE_EFFECTS if it only reads",
                )
        elif has_no_side_effects:
            yield _finding(
                "QUERY_ONLY_READS",
                rpc,
                "is marked NO_SIDE_EFFECTS in a service that writes, so clients may retry and "
                "cache it; remove the option, or move the RPC to the query controller",
            )


def authorized_id(schema: Schema) -> Iterator[Finding]:
    """AUTHORIZED_ID: the paths of a config lead to the ID, and the kind, of the same resource."""
    registry = Registry(schema)
    for service, rpc in _rpcs(schema):
        config = rpc.options.get(f"{AUTHORIZATION}.config")
        if config is not None:
            for complaint in complaints_about_paths(registry, service, rpc, config):
                yield _finding("AUTHORIZED_ID", rpc, complaint)


def open_command(schema: Schema) -> Iterator[Finding]:
    """OPEN_COMMAND: a command that asks for no permission has a reason."""
    for service, rpc in _rpcs(schema):
        way = _open_way(rpc)
        if way and _role(service) != _QUERY:
            yield _finding(
                "OPEN_COMMAND",
                rpc,
                f"writes but is open {_OPEN[way]}; authorize it with a config, or give the reason "
                "in exceptions.toml",
            )


def secret_answer(schema: Schema) -> Iterator[Finding]:
    """SECRET_ANSWER: an RPC that answers with secrets in plain text is not open to everybody."""
    answers = _Answers(schema)
    for _, rpc in _rpcs(schema):
        way = _open_way(rpc)
        if way and answers.are_secret(rpc):
            yield _finding(
                "SECRET_ANSWER",
                rpc,
                f"returns secrets in plain text but is open {_OPEN[way]}; authorize it with a "
                "config",
            )


def _rpcs(schema: Schema) -> Iterator[tuple[Service, Rpc]]:
    for service in schema.services.values():
        for rpc in service.rpcs:
            yield service, rpc


def _begins_to_read(rpc: Rpc) -> bool:
    name = words(rpc.descriptor.name)
    return name[0] in _READING_VERBS and not _JOINING & {*name}


def _finding(rule: str, rpc: Rpc, complaint: str) -> Finding:
    return Finding(rule, rpc, f'RPC "{rpc.descriptor.name}" {complaint}')


def _role(service: Service) -> str | None:
    roles = {_COMMAND, _QUERY} & {*words(service.descriptor.name)}
    return roles.pop() if len(roles) == 1 else None


def _open_way(rpc: Rpc) -> str | None:
    return next((way for way in _OPEN if rpc.options.get(f"{AUTHORIZATION}.{way}")), None)


def _of_permission(registry: Registry, service: Service, rpc: Rpc, config: Any) -> Iterator[str]:
    permission = _permission(config)
    role = _role(service)
    is_right = permission.startswith("can_") or permission == "create"  # others are relations
    if role != _QUERY and _READS.match(permission):
        yield f"writes, but {permission} is a permission to read"
    if role == _QUERY and is_right and not _READS.match(permission):
        yield f"only reads, but {permission} is a permission to write"
    verb, *about = words(permission.removeprefix("can_"))
    if words(rpc.descriptor.name)[0] in _UNFIT_VERBS.get(verb, ()):
        yield f"requires {permission}, which is about other operations"
    if verb != "create" or not about:
        return
    kind = registry.of_service(service)
    created = "_".join(word for word in about if word != "in")
    if kind and created in registry.names and created != kind:
        yield f"requires {permission}, but its service serves {kind}"
    if kind and registry.by_number.get(config.resource_kind) == kind:
        yield f"requires {permission} on what it creates; name the resource that will contain it"


def _permission(config: Any) -> str:
    """The name of the permission; its number if the enum has no such value."""
    values = config.DESCRIPTOR.fields_by_name["permission"].enum_type.values_by_number
    value = values.get(config.permission)
    return value.name if value else str(config.permission)


class _Answers:
    """Which RPCs answer with secrets in plain text."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        registry = Registry(schema)
        plain = {
            registry.of_service(service)
            for service in schema.services.values()
            if _tells_secrets(service.comment)
        }
        self._plain = {registry.names[kind] for kind in plain if kind in registry.names}

    def are_secret(self, rpc: Rpc) -> bool:
        """Whether the comment or the name of an RPC says so, or what its answer holds."""
        name = " ".join(words(rpc.descriptor.name))
        return _tells_secrets(rpc.comment) or _tells_secrets(name) or self._holds(rpc.response)

    def _holds(self, response: str) -> bool:
        """Whether an answer holds a secret, or a resource that is answered in plain text.

        The platform masks the secrets of every other resource.
        """
        seen: set[str] = set()
        pending = [response]
        while pending:
            message = self._schema.messages.get(pending.pop())
            if message is None or message.name in seen:
                continue
            seen.add(message.name)
            if message.field("metadata") and message.field("spec"):
                if message.descriptor.name in self._plain:
                    return True
                continue
            if any(field.descriptor.options.debug_redact for field in message.fields):
                return True
            pending += [field.type_name for field in message.fields if field.type_name]
        return False


def _tells_secrets(text: str) -> bool:
    text = _NOT_MASKED.sub("unmasked", text)
    return any(
        _PLAIN_SECRETS.search(sentence) and not _DENIED.search(sentence)
        for sentence in sentences(text)
    )
