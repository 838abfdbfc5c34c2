"""Every element of the contract is documented. buf's COMMENTS leaves out files and extensions."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

_FILE = FileDescriptorProto
_Element = tuple[str, tuple[int, ...]]


def _elements(file: FileDescriptorProto) -> Iterator[_Element]:
    """The name and the source path of every element of a file, itself included."""
    yield file.name, (_FILE.SYNTAX_FIELD_NUMBER,)
    for i, message in enumerate(file.message_type):
        yield from _of_message(message, (_FILE.MESSAGE_TYPE_FIELD_NUMBER, i))
    for i, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, (_FILE.ENUM_TYPE_FIELD_NUMBER, i))
    for i, extension in enumerate(file.extension):
        yield extension.name, (_FILE.EXTENSION_FIELD_NUMBER, i)
    for i, service in enumerate(file.service):
        path = (_FILE.SERVICE_FIELD_NUMBER, i)
        yield service.name, path
        for j, method in enumerate(service.method):
            at = (*path, ServiceDescriptorProto.METHOD_FIELD_NUMBER, j)
            yield f"{service.name}.{method.name}", at


def _of_message(message: DescriptorProto, path: tuple[int, ...]) -> Iterator[_Element]:
    if message.options.map_entry:
        return
    yield message.name, path
    for i, field in enumerate(message.field):
        at = (*path, DescriptorProto.FIELD_FIELD_NUMBER, i)
        yield f"{message.name}.{field.name}", at
    for i, oneof in enumerate(message.oneof_decl):
        at = (*path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, i)
        yield f"{message.name}.{oneof.name}", at
    for i, nested in enumerate(message.nested_type):
        yield from _of_message(nested, (*path, DescriptorProto.NESTED_TYPE_FIELD_NUMBER, i))
    for i, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, (*path, DescriptorProto.ENUM_TYPE_FIELD_NUMBER, i))


def _of_enum(enum: EnumDescriptorProto, path: tuple[int, ...]) -> Iterator[_Element]:
    yield enum.name, path
    for i, value in enumerate(enum.value):
        at = (*path, EnumDescriptorProto.VALUE_FIELD_NUMBER, i)
        yield f"{enum.name}.{value.name}", at


def _comments(file: FileDescriptorProto) -> dict[str, str]:
    leading = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
    return {name: leading.get(path, "").strip() for name, path in _elements(file)}


def test_every_element_has_a_comment(commented_image: FileDescriptorSet) -> None:
    missing = [
        f"{file.name}: {name}"
        for file in commented_image.file
        for name, comment in _comments(file).items()
        if not comment
    ]
    assert not missing


def test_every_comment_is_made_of_sentences(commented_image: FileDescriptorSet) -> None:
    unfinished = [
        f"{file.name}: {name}: {comment!r}"
        for file in commented_image.file
        for name, comment in _comments(file).items()
        if not comment.endswith((".", ":", "?")) or comment[0].islower()
    ]
    assert not unfinished


def test_no_comment_is_left_unwritten(commented_image: FileDescriptorSet) -> None:
    marks = ("TODO", "FIXME", "XXX", "TBD")
    unwritten = [
        f"{file.name}: {name}"
        for file in commented_image.file
        for name, comment in _comments(file).items()
        if any(mark in comment for mark in marks)
    ]
    assert not unwritten


def test_no_comment_says_only_what_the_name_says(commented_image: FileDescriptorSet) -> None:
    def words(text: str) -> set[str]:
        letters = "".join(c if c.isalnum() else " " for c in text.lower())
        return set(letters.split()) - {"the", "a", "an", "of", "this"}

    empty = [
        f"{file.name}: {name}: {comment!r}"
        for file in commented_image.file
        for name, comment in _comments(file).items()
        if words(comment) <= words(name.replace("_", " "))
    ]
    assert not empty
