"""Fields named like Python keywords are usable, though not with a dot.

`message.in` is a syntax error. `getattr`, `setattr` and `**{"in": ...}` reach the field, and so
does everything that takes a field name as a string. Type checkers accept these, but cannot check
them: the stubs omit such fields, except in the parameters of `ClearField`. `typing/positive.py` and
`typing/negative.py` list what type checkers accept and reject.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import keyword
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf import json_format, text_format
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

from stigmer_apis.agentic.workflow.v1 import Export, WorkflowTask
from stigmer_apis.agentic.workflow.v1.tasks import CatchBlock, ForTaskConfig, TryTaskConfig


class KeywordField(NamedTuple):
    """A field whose name is a keyword, and a value for it."""

    message: type[Message]
    name: str
    number: int
    value: Any
    other: Any
    wire: bytes
    """The value on the wire, including the tag."""

    def in_a_message(self) -> Message:
        """Return a message with only this field set."""
        return self.message(**{self.name: self.value})


TASK = WorkflowTask(name="notify")

TEXTS = [
    KeywordField(Export, "as", 1, "${ . }", "${ .a }", b"\x0a\x06${ . }"),
    KeywordField(CatchBlock, "as", 1, "failure", "error", b"\x0a\x07failure"),
    KeywordField(ForTaskConfig, "in", 2, "${ .all }", "${ . }", b"\x12\x09${ .all }"),
]
LIST = KeywordField(
    TryTaskConfig, "try", 1, [TASK], [WorkflowTask(name="retry"), TASK], b"\x0a\x08\x0a\x06notify"
)
FIELDS = [*TEXTS, LIST]


def label(field: KeywordField) -> str:
    return f"{field.message.DESCRIPTOR.name}.{field.name}"


every_field = pytest.mark.parametrize("field", FIELDS, ids=label)
every_text = pytest.mark.parametrize("field", TEXTS, ids=label)


def value_of(message: Message, field: KeywordField) -> Any:
    """Return the value of the field, a repeated one as a list."""
    value = getattr(message, field.name)
    return value if isinstance(value, str) else list(value)


def all_names(image: FileDescriptorSet) -> Iterator[tuple[str, str]]:
    """Yield every name that Python code writes after a dot, with the full name of its element."""

    def of_message(owner: str, message: DescriptorProto) -> Iterator[tuple[str, str]]:
        full_name = f"{owner}.{message.name}"
        yield message.name, full_name
        for element in [*message.field, *message.oneof_decl]:
            yield element.name, f"{full_name}.{element.name}"
        for enum in message.enum_type:
            for named in [enum, *enum.value]:
                yield named.name, f"{full_name}.{enum.name}.{named.name}"
        for nested in message.nested_type:
            yield from of_message(full_name, nested)

    for file in image.file:
        if not file.package.startswith("ai.stigmer."):
            continue
        for part in file.package.split("."):
            yield part, file.package
        for message in file.message_type:
            yield from of_message(file.package, message)
        for extension in file.extension:
            yield extension.name, f"{file.package}.{extension.name}"
        for enum in file.enum_type:
            for named in [enum, *enum.value]:
                yield named.name, f"{file.package}.{enum.name}.{named.name}"
        for service in file.service:
            for named in [service, *service.method]:
                yield named.name, f"{file.package}.{service.name}.{named.name}"


def test_four_fields_and_nothing_else_are_named_by_a_keyword(contract: FileDescriptorSet) -> None:
    found = {full_name for name, full_name in all_names(contract) if keyword.iskeyword(name)}
    workflow = "ai.stigmer.agentic.workflow.v1"
    assert found == {
        f"{workflow}.Export.as",
        f"{workflow}.tasks.CatchBlock.as",
        f"{workflow}.tasks.ForTaskConfig.in",
        f"{workflow}.tasks.TryTaskConfig.try",
    }, "a new name that Python code cannot write after a dot: choose another"
    assert found == {f"{field.message.DESCRIPTOR.full_name}.{field.name}" for field in FIELDS}


@every_field
def test_a_keyword_field_cannot_be_written_after_a_dot(field: KeywordField) -> None:
    with pytest.raises(SyntaxError):
        ast.parse(f"message.{field.name}")


@every_field
def test_a_keyword_field_has_its_number_under_a_name_that_is_no_keyword(
    field: KeywordField,
) -> None:
    assert getattr(field.message, f"{field.name.upper()}_FIELD_NUMBER") == field.number
    assert field.message.DESCRIPTOR.fields_by_name[field.name].number == field.number


@every_field
def test_a_keyword_field_is_empty_at_first_and_set_by_two_stars(field: KeywordField) -> None:
    assert value_of(field.message(), field) == type(field.value)()
    assert value_of(field.in_a_message(), field) == field.value


@every_text
def test_a_keyword_field_is_set_by_setattr(field: KeywordField) -> None:
    message = field.message()
    setattr(message, field.name, field.value)
    assert getattr(message, field.name) == field.value
    assert message == field.in_a_message()


@every_text
def test_a_keyword_field_refuses_a_value_of_another_type(field: KeywordField) -> None:
    message = field.in_a_message()
    with pytest.raises(TypeError):
        setattr(message, field.name, 1)
    with pytest.raises(TypeError):
        field.message(**{field.name: 1})
    assert getattr(message, field.name) == field.value


def test_a_repeated_keyword_field_is_filled_through_getattr_and_not_assigned() -> None:
    config = TryTaskConfig()
    getattr(config, "try").append(TASK)
    getattr(config, "try").extend([WorkflowTask(name="two"), WorkflowTask(name="three")])
    getattr(config, "try").add(name="four")
    assert [task.name for task in getattr(config, "try")] == ["notify", "two", "three", "four"]
    del getattr(config, "try")[1:]
    assert config == LIST.in_a_message()
    with pytest.raises(AttributeError):
        setattr(config, "try", [TASK])


@every_field
def test_a_misspelled_keyword_field_is_refused(field: KeywordField) -> None:
    # The name with an underscore, which other generators use, is not an alias.
    for name in (f"{field.name}_", field.name.title()):
        with pytest.raises(ValueError, match=name):
            field.message(**{name: field.value})
        with pytest.raises(AttributeError):
            setattr(field.message(), name, field.value)
        assert not hasattr(field.message(), name)


@every_field
def test_a_keyword_field_is_cleared_by_its_name(field: KeywordField) -> None:
    message = field.in_a_message()
    message.ClearField(field.name)
    assert message == field.message()
    assert value_of(message, field) == type(field.value)()


@every_field
def test_a_keyword_field_has_no_presence_like_any_of_its_type(field: KeywordField) -> None:
    with pytest.raises(ValueError, match=rf"\b{field.name}\b|presence"):
        field.in_a_message().HasField(field.name)


@every_field
def test_a_keyword_field_is_listed_when_it_is_set(field: KeywordField) -> None:
    assert field.message().ListFields() == []
    assert [descriptor.name for descriptor, _ in field.in_a_message().ListFields()] == [field.name]


@every_field
def test_a_keyword_field_keeps_its_bytes(field: KeywordField) -> None:
    written = field.in_a_message().SerializeToString()
    assert written == field.wire
    assert value_of(field.message.FromString(written), field) == field.value


@every_field
def test_a_keyword_field_keeps_its_name_in_json(field: KeywordField) -> None:
    message = field.in_a_message()
    expected = field.value if isinstance(field.value, str) else [{"name": "notify"}]
    for keep_names in (False, True):
        as_dict = json_format.MessageToDict(message, preserving_proto_field_name=keep_names)
        assert as_dict == {field.name: expected}
    text = json_format.MessageToJson(message)
    assert json.loads(text) == {field.name: expected}
    assert json_format.Parse(text, field.message()) == message
    assert json_format.ParseDict({field.name: expected}, field.message()) == message


@every_field
def test_a_keyword_field_keeps_its_name_in_the_text_format(field: KeywordField) -> None:
    message = field.in_a_message()
    text = text_format.MessageToString(message)
    assert text.startswith(field.name)
    assert text_format.Parse(text, field.message()) == message
    assert str(message) == text


@every_field
def test_a_keyword_field_is_part_of_every_copy(field: KeywordField) -> None:
    message = field.in_a_message()
    copied = field.message()
    copied.CopyFrom(message)
    merged = field.message()
    merged.MergeFrom(message)
    for other in (copied, merged, copy.copy(message), copy.deepcopy(message)):
        assert value_of(other, field) == field.value
        assert other == message
    assert value_of(pickle.loads(pickle.dumps(message)), field) == field.value


@every_field
def test_messages_that_differ_in_a_keyword_field_are_not_equal(field: KeywordField) -> None:
    assert field.in_a_message() != field.message(**{field.name: field.other})
    assert field.in_a_message() == field.message(**{field.name: field.value})


def test_keyword_fields_are_reached_through_the_messages_that_hold_them() -> None:
    task = WorkflowTask(name="fetch", export=Export(**{"as": "${ . }"}))
    setattr(task.export, "as", "${ .orders }")
    assert getattr(WorkflowTask.FromString(task.SerializeToString()).export, "as") == "${ .orders }"
    config = TryTaskConfig(catch=CatchBlock(do=[TASK], **{"as": "failure"}))
    assert getattr(config.catch, "as") == "failure"


@pytest.mark.parametrize("module", ["for_pb2", "raise_pb2", "try_pb2"])
def test_a_module_named_after_a_keyword_is_imported_like_any_other(module: str) -> None:
    package = "stigmer_apis.agentic.workflow.v1.tasks"
    assert keyword.iskeyword(module.removesuffix("_pb2"))
    namespace: dict[str, Any] = {}
    exec(f"from {package} import {module}\nimport {package}.{module} as again", namespace)
    assert namespace[module] is namespace["again"] is importlib.import_module(f"{package}.{module}")
    assert namespace[module].DESCRIPTOR.name.endswith(f"/tasks/{module.removesuffix('_pb2')}.proto")


def test_no_other_module_is_named_after_a_keyword(contract: FileDescriptorSet) -> None:
    stems = {Path(file.name).stem for file in contract.file if file.name.startswith("ai/stigmer/")}
    assert {stem for stem in stems if keyword.iskeyword(stem)} == {"for", "raise", "try"}


def stub_of(message: type[Message]) -> ast.ClassDef:
    """Return the type stub's declaration of a message class."""
    file = importlib.import_module(message.__module__).__file__
    assert file is not None
    tree = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    [found] = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == message.__name__
    ]
    return found


@every_field
def test_a_type_stub_names_a_keyword_field_only_where_it_is_a_string(field: KeywordField) -> None:
    # The generator must omit names that Python cannot spell. If it or codegen learns to handle
    # them, state in typing/positive.py what then works.
    stub = stub_of(field.message)
    annotated = {
        ast.unparse(node.target): node for node in stub.body if isinstance(node, ast.AnnAssign)
    }
    [constructor] = [
        node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    assert f"{field.name.upper()}_FIELD_NUMBER" in annotated
    assert repr(field.name) in ast.unparse(annotated["_ClearFieldArgType"])
    assert field.name not in {argument.arg for argument in constructor.args.kwonlyargs}
