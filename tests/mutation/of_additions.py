"""What pull requests add: to every message, enum, service and file, wrong things and right ones.

Wrong additions are mistakes that people make with new elements; a gate must stop each. Right ones
must pass every gate: a finding on one of them is a false alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)

from schema_rules.schema import APIRESOURCE, AUTHORIZATION, KINDS
from tests.mutation.changes import Mutation, free_number, instance, json_name
from tests.mutation.draft import Contract, Draft
from tests.mutation.elements import Target, enums_in, messages_in, rpcs_of, services_in

_SENT = ("Spec", "Input", "Request", "Req")
_VALIDATION = "[buf.validate.field]"
_COMPUTED = f"[{APIRESOURCE}.computed]: true"


class Addition(NamedTuple):
    """An element to add."""

    kind: str
    text: str
    """The element as its descriptor, in the text format."""
    comment: str = "The weight by which the platform orders what is shown."


_STRING, _BYTES = "type: TYPE_STRING", "type: TYPE_BYTES"
_ANY = 'type: TYPE_MESSAGE type_name: ".google.protobuf.Any"'
_WAITS = "The task token of the Temporal activity that waits for the run."

_WRONG_ANYWHERE = [
    *(
        Addition(f"add: a task token, {name}", f'name: "{name}" {kind}', _WAITS)
        for name, kind in {
            "completion_token": _BYTES,
            "activity_token": _STRING,
            "resume_handle": _STRING,
            "waiter": _BYTES,
            "correlation": _ANY,
            "waiters": f"label: LABEL_REPEATED {_BYTES}",
        }.items()
    ),
    *(
        Addition(f"add: a secret that does not say so, {name}", f'name: "{name}" {_STRING}')
        for name in (
            *("password", "db_passphrase", "client_secret", "accesstoken", "apikey", "bearer"),
            *("private_key_pem", "aws_credentials", "session_cookie", "hook_signature", "webhook"),
        )
    ),
    Addition(
        "add: secrets that do not say so, api_keys",
        f'name: "api_keys" label: LABEL_REPEATED {_STRING}',
    ),
    Addition("add: a marker of secrets that does not say so", 'name: "secret" type: TYPE_BOOL'),
    Addition("add: a field without a comment", f'name: "weight" {_STRING}', ""),
    Addition(
        "add: a field whose comment says only its name",
        f'name: "max_weight" {_STRING}',
        "The max weight.",
    ),
    Addition("add: a field to be described", f'name: "weight" {_STRING}', "TODO: say what it is."),
    Addition("add: a field with half a comment", f'name: "weight" {_STRING}', "what it weighs"),
    Addition(
        "add: a deprecated field without a reason",
        f'name: "weight" {_STRING} options {{ deprecated: true }}',
    ),
    *(
        Addition(
            f"add: a field that yesterday's messages lack, {what}",
            f'name: "weight" {kind} options {{ {_VALIDATION} {{ {rule} }} }}',
        )
        for what, kind, rule in (
            ("required", _STRING, "required: true"),
            ("min_len", _STRING, "string { min_len: 1 }"),
            ("min_items", f"label: LABEL_REPEATED {_STRING}", "repeated { min_items: 1 }"),
            ("gte", "type: TYPE_INT32", "int32 { gte: 1 }"),
            ("CEL", _STRING, 'cel { id: "w" message: "w" expression: "size(this) > 0" }'),
        )
    ),
    *(
        Addition(
            f"add: a rule that {what}",
            f'name: "weight" {_STRING} options {{ {_VALIDATION} {{ {rule} }} }}',
        )
        for what, rule in (
            (
                "contradicts itself, lengths",
                "string { min_len: 5 max_len: 3 } ignore: IGNORE_IF_ZERO_VALUE",
            ),
            (
                "contradicts itself, lists",
                'string { in: "a" not_in: "a" } ignore: IGNORE_IF_ZERO_VALUE',
            ),
            (
                "never passes",
                'cel { id: "w" message: "w" expression: "size(this) > 5 && size(this) < 3" } '
                "ignore: IGNORE_IF_ZERO_VALUE",
            ),
            ("never fails", 'cel { id: "w" message: "w" expression: "size(this) >= 0" }'),
            ("fails at run time", 'cel { id: "w" message: "w" expression: "1 / size(this) < 2" }'),
            ("has no ID", 'cel { message: "w" expression: "size(this) < 9" }'),
            (
                "depends on the time",
                'cel { id: "w" message: "w" expression: "this == \'\' '
                "|| now > timestamp('2020-01-01T00:00:00Z')\" }",
            ),
        )
    ),
]
_WRONG_SENT = [
    Addition(
        "add: what the system writes to what is sent",
        f'name: "weight" {_STRING}',
        "The weight of the run. The system sets it when the run ends.",
    ),
    Addition("add: a callback_token to what is sent", f'name: "callback_token" {_BYTES}', _WAITS),
    Addition(
        "add: a computed field to what is sent",
        f'name: "weight" {_STRING} options {{ {_COMPUTED} }}',
    ),
]
_WRONG_IN_STATUS = [
    Addition("add: a field of a status that nobody writes", f'name: "weight" {_STRING}'),
    Addition(
        "add: a callback token that is no secret",
        f'name: "other_callback_token" {_BYTES} options {{ {_COMPUTED} }}',
        _WAITS,
    ),
]

_RIGHT_IN_STATUS = [
    Addition(
        "right: an observation in a status",
        f'name: "weight" {_STRING} options {{ {_COMPUTED} }}',
        "The weight that the system measured. Empty until the run ends.",
    ),
    Addition(
        "right: a callback token in a status",
        f'name: "other_callback_token" {_BYTES} options {{ {_COMPUTED} debug_redact: true }}',
        "The task token of another external activity. The system writes it; empty means that none "
        "waits.",
    ),
]
_RIGHT_SECRET = Addition(
    "right: a secret that says so",
    f'name: "password" {_STRING} options {{ debug_redact: true }}',
    "The password that opens the archive. Empty means that it is open.",
)
_RIGHT_ELSEWHERE = [
    Addition(
        "right: an optional field",
        f'name: "weight" {_STRING}',
        "The weight by which lists are ordered, such as 5. Empty means that order does not matter.",
    ),
    Addition(
        "right: a field with a rule that empty values pass",
        f'name: "weight" {_STRING} options {{ {_VALIDATION} {{ string {{ max_len: 100 }} }} }}',
    ),
    Addition(
        "right: a name like a secret's that says it is none",
        'name: "token_count" type: TYPE_INT32 options { debug_redact: false }',
        "How many model tokens the prompt has at most. Zero means no limit.",
    ),
    Addition(
        "right: a deprecated field with a reason",
        f'name: "weight" {_STRING} options {{ deprecated: true }}',
        "The weight by which lists are ordered. Deprecated: lists are ordered by name.",
    ),
]


def of_new_fields(contract: Contract) -> Iterator[Mutation]:
    """Fields that a pull request adds to a message, wrong and right."""
    requested = {
        rpc.element.input_type[1:] for service in services_in(contract) for rpc in rpcs_of(service)
    }
    for i, message in enumerate(messages_in(contract)):
        short = message.element.name
        is_status = short.endswith("Status")
        wrong = list(_WRONG_ANYWHERE)
        if is_status:
            wrong += _WRONG_IN_STATUS
        elif short.endswith(_SENT) or message.name in requested:
            wrong += _WRONG_SENT
        for addition in wrong:
            yield _new_field(contract, message, addition)
        if {"metadata", "spec"} <= {field.name for field in message.element.field}:
            continue  # a resource has its fields, and no more
        # One for each message: all of them pass every gate, which takes the longest.
        right = _RIGHT_IN_STATUS if is_status else _RIGHT_ELSEWHERE
        # What answers may hold no secret, unless only those who may see it can ask.
        addition = _RIGHT_SECRET if short.endswith(_SENT) else right[i % len(right)]
        yield _new_field(contract, message, addition, is_right=True)


def _new_field(
    contract: Contract, message: Target, addition: Addition, *, is_right: bool = False
) -> Mutation:
    field = _parsed(contract, "FieldDescriptorProto", addition.text)
    field.json_name = json_name(field.name)
    field.number = free_number(message.element)
    if not field.label:
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
    number = DescriptorProto.FIELD_FIELD_NUMBER
    change = partial(_add, message, number, field, addition.comment)
    return Mutation(addition.kind, message.name, "", change, is_right)


def of_new_values(contract: Contract) -> Iterator[Mutation]:
    """Values that a pull request adds to an enum, wrong and right."""
    meta = contract.option(f"{KINDS}.kind_meta")
    for enum in enums_in(contract):
        last = enum.element.value[-1]
        name = f"{last.name.rpartition('_')[0]}_weighed".lstrip("_")
        name = name.upper() if last.name.isupper() else name
        number = max(value.number for value in enum.element.value) + 1
        kinds = [value for value in enum.element.value if value.options.Extensions[meta].id_prefix]
        for what, comment, is_right in (
            ("add: an enum value without a comment", "", False),
            ("add: an enum value to be described", "TODO: say what it is.", False),
            ("right: an enum value", "Seen by people who weigh what they do.", True),
        ):
            value = _parsed(
                contract, "EnumValueDescriptorProto", f'name: "{name}" number: {number}'
            )
            if kinds:
                value.options.Extensions[meta].CopyFrom(kinds[0].options.Extensions[meta])
                called = name.title().replace("_", "")
                value.options.Extensions[meta].name = called
                value.options.Extensions[meta].display_name = called
                value.options.Extensions[meta].id_prefix = "zqx"
            part = EnumDescriptorProto.VALUE_FIELD_NUMBER
            yield Mutation(what, enum.name, "", partial(_add, enum, part, value, comment), is_right)
            for prefix in (
                ("Zqx", "zq-x", "", kinds[0].options.Extensions[meta].id_prefix + "x")
                if kinds and is_right
                else ()
            ):
                wrong = type(value)()
                wrong.CopyFrom(value)
                wrong.options.Extensions[meta].id_prefix = prefix
                change = partial(_add, enum, part, wrong, comment)
                yield Mutation("add: a kind with a wrong ID prefix", enum.name, prefix, change)


def of_new_rpcs(contract: Contract) -> Iterator[Mutation]:
    """RPCs that a pull request adds to a service, like a neighbour but for one thing."""
    config = contract.option(f"{AUTHORIZATION}.config")
    for service in services_in(contract):
        # Not one whose authorization is an exception.
        authorized = ((rpc, rpc.element.options.Extensions[config]) for rpc in rpcs_of(service))
        for model in [rpc for rpc, found in authorized if found.field_path][:1]:
            writes = "Command" in service.element.name
            at = partial(_new_rpc, service, model, "weigh" if writes else "getWeighed")
            yield at("right: an RPC like its neighbour", _nothing)
            yield at("add: an RPC without a comment", _nothing, comment="")
            yield at("add: an RPC whose name Python cannot take", _nothing, name="None")
            yield at("add: an RPC without authorization", partial(_clear, config))
            both = partial(_configure, config, "resource_kind_path", "kind")
            yield at("add: an RPC with two kinds of resource", both)
            lost = partial(_configure, config, "field_path", "no_such_field")
            yield at("add: an RPC with an unknown path", lost)
            other = _permission(config, "can_view" if writes else "can_delete")
            of_other_side = partial(_configure, config, "permission", other)
            yield at("add: an RPC with a permission for the other side", of_other_side)
            if writes:
                for name in ("is_public", "is_skip_authorization"):
                    option = contract.option(f"{AUTHORIZATION}.{name}")
                    yield at(f"add: an RPC that writes, {name}", partial(_swap, config, option))
                yield at("add: an RPC that writes without side effects", _without_side_effects)


def _new_rpc(
    service: Target,
    model: Target,
    usual_name: str,
    kind: str,
    edit: Callable[[Any], None],
    *,
    name: str = "",
    comment: str = "Weighs a resource against the others of its owner, and returns it.",
) -> Mutation:
    rpc = type(model.element)()
    rpc.CopyFrom(model.element)
    rpc.name = name or usual_name
    edit(rpc.options)
    number = ServiceDescriptorProto.METHOD_FIELD_NUMBER
    change = partial(_add, service, number, rpc, comment)
    return Mutation(kind, service.name, "", change, kind.startswith("right"))


def _nothing(_: Any) -> None:
    pass


def _clear(option: Any, options: Any) -> None:
    options.ClearExtension(option)


def _configure(option: Any, part: str, value: Any, options: Any) -> None:
    setattr(options.Extensions[option], part, value)


def _swap(old: Any, new: Any, options: Any) -> None:
    options.ClearExtension(old)
    options.Extensions[new] = True


def _without_side_effects(options: Any) -> None:
    options.idempotency_level = 1


def _permission(config: Any, name: str) -> int:
    enum = config.message_type.fields_by_name["permission"].enum_type
    return enum.values_by_name[name].number


def of_new_types(contract: Contract) -> Iterator[Mutation]:
    """Messages that a pull request adds to a file, wrong and right."""
    for name in contract.ours:
        file = contract.files[name]
        target = Target(name, name, (), file)
        for what, message_name, field, said in (
            ("right: a message", "Weighing", 'name: "weight" type: TYPE_STRING', _OF_MESSAGE),
            ("add: a message whose name Python cannot take", "None", "", _OF_MESSAGE),
            (
                "add: a loose message with a task token",
                "Resumption",
                f'name: "waiter" {_BYTES}',
                _OF_MESSAGE,
            ),
            ("add: a message without a comment", "Weighing", "", ""),
        ):
            message = _message(contract, message_name, field)
            change = partial(
                _add_message, target, message, said, _WAITS if "token" in what else _OF_FIELD
            )
            yield Mutation(what, name, "", change, what.startswith("right"))
        for service in file.service:
            message = _parsed(contract, "DescriptorProto", f'name: "{service.name}Stub"')
            change = partial(_add_message, target, message, _OF_MESSAGE, "")
            yield Mutation(
                "add: a message that takes the name of a stub", name, service.name, change
            )
        option = _parsed(
            contract,
            "FieldDescriptorProto",
            f'name: "resume_token" json_name: "resumeToken" number: 90999 label: LABEL_OPTIONAL '
            f'{_BYTES} extendee: ".google.protobuf.MessageOptions"',
        )
        held = partial(_add_option, target, option)
        yield Mutation("add: an option that holds a task token", name, "", held)


def of_new_files(contract: Contract) -> Iterator[Mutation]:
    """Files that a pull request adds, wrong and right."""
    for kind, name, syntax in (
        ("right: a package", "ai/stigmer/agentic/mcpserver/v1/spec.proto", "proto3"),
        ("add: a file outside the contract", "acme/weighing/v1/spec.proto", "proto3"),
        ("add: a proto2 file", "ai/stigmer/agentic/mcpserver/v1/spec.proto", "proto2"),
        ("add: an editions file", "ai/stigmer/agentic/mcpserver/v1/spec.proto", "editions"),
        (
            "add: a package for a hand-written module",
            "ai/stigmer/redaction/v1/spec.proto",
            "proto3",
        ),
        ("add: a package that is a keyword", "ai/stigmer/agentic/class/v1/spec.proto", "proto3"),
    ):
        package = name.rpartition("/")[0].replace("/", ".")
        file = _parsed(contract, "FileDescriptorProto", f'name: "{name}" package: "{package}"')
        file.syntax = syntax
        if syntax == "editions":
            file.edition = 1000  # EDITION_2023
        yield Mutation(kind, name, "", partial(_add_file, contract, file), kind.startswith("right"))


def _add_file(contract: Contract, file: Any, draft: Draft) -> None:
    draft.changed[file.name] = file
    location = file.source_code_info.location.add(leading_comments=" What is weighed, and when.\n")
    location.path.append(FileDescriptorProto.SYNTAX_FIELD_NUMBER)
    location.span.extend([0, 0, 0])
    message = _message(contract, "WeighingSpec", 'name: "weight" type: TYPE_STRING')
    _add_message(Target(file.name, file.name, (), file), message, _OF_MESSAGE, _OF_FIELD, draft)


_OF_MESSAGE = "One weighing of a resource, as people see it in lists."
_OF_FIELD = "The weight in grams, such as 5. Empty means that nobody has weighed it."


def _add_message(target: Target, message: Any, said: str, said_of_field: str, draft: Draft) -> None:
    number = FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER
    _add(target, number, message, said, draft)
    at = len(draft.file(target.file).message_type) - 1
    for i, _ in enumerate(message.field):
        location = draft.file(target.file).source_code_info.location.add()
        location.path.extend([number, at, DescriptorProto.FIELD_FIELD_NUMBER, i])
        location.span.extend([0, 0, 0])
        location.leading_comments = f" {said_of_field}\n"


def _message(contract: Contract, name: str, field: str) -> Any:
    message = _parsed(contract, "DescriptorProto", f'name: "{name}"')
    if field:
        text = f"{field} number: 1 label: LABEL_OPTIONAL"
        message.field.add().CopyFrom(_parsed(contract, "FieldDescriptorProto", text))
        message.field[0].json_name = json_name(message.field[0].name)
    return message


def _add_option(target: Target, option: Any, draft: Draft) -> None:
    draft.imports(target.file, "google/protobuf/descriptor.proto")
    _add(target, FileDescriptorProto.EXTENSION_FIELD_NUMBER, option, _WAITS, draft)


def _add(target: Target, number: int, element: Any, comment: str, draft: Draft) -> None:
    """Add an element with its comment, and import what it needs."""
    draft.add(target.file, target.path, number, element, comment)
    if not comment:
        location = draft.file(target.file).source_code_info.location
        del location[-1]
    for option, _ in element.options.ListFields():
        if option.is_extension:
            draft.imports(target.file, option.file.name)
    if getattr(element, "type_name", ""):
        draft.imports(target.file, _home(draft, element.type_name[1:]))


def _home(draft: Draft, name: str) -> str:
    if name == "google.protobuf.Any":
        return "google/protobuf/any.proto"
    return draft.contract.home[name]


def _parsed(contract: Contract, kind: str, text: str) -> Any:
    element = instance(contract.pool.FindMessageTypeByName(f"google.protobuf.{kind}"))
    return text_format.Parse(text, element, descriptor_pool=contract.pool)
