"""Files that the generator can read, and names that the generated Python can take."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from codegen import names
from codegen.place import hand_written
from codegen.project import PROTO_ROOT
from schema_rules.finding import Finding
from schema_rules.resource_ids import Registry
from schema_rules.schema import ROOT, Element, Field, Oneof, Schema

_DESCRIPTOR = "DESCRIPTOR"
"""What every generated module and class calls the descriptor that it was made from."""


def file_place(schema: Schema) -> Iterator[Finding]:
    """FILE_PLACE: every file is below `apis/ai/stigmer/` and proto3, which is what we generate."""
    for file in schema.files.values():
        if not file.name.startswith(ROOT):
            yield Finding(
                "FILE_PLACE",
                file,
                f"File must be below apis/{ROOT}: other files do not become part of the package",
            )
        if file.descriptor.syntax != "proto3":
            yield Finding(
                "FILE_PLACE",
                file,
                f"File is {_syntax(file.descriptor)}, but the contract uses only proto3, and the "
                'generator supports no editions; write syntax = "proto3"',
            )


def python_name(schema: Schema) -> Iterator[Finding]:
    """PYTHON_NAME: every name can be imported from the generated package, and means one thing."""
    ours = [file.descriptor for file in schema.files.values() if file.name.startswith(ROOT)]
    for problem in names.problems(ours, hand_written()):
        element = Element(problem.file.name, problem.file, tuple(problem.path), {})
        yield Finding("PYTHON_NAME", element, _as_message(problem.sentence))
    for element in schema.elements():
        name = element.name.rpartition("/")[2].rpartition(".")[2]
        if _is_hidden(element) and keyword.iskeyword(name):
            yield Finding(
                "PYTHON_NAME",
                element,
                f'{type(element).__name__} "{name}" is a Python keyword; choose another name',
            )
        elif name == _DESCRIPTOR:
            yield Finding(
                "PYTHON_NAME",
                element,
                f'{type(element).__name__} "{name}" is the name of the descriptor in '
                "generated code; choose another name",
            )
    yield from _shadows(schema)


def _is_hidden(element: Element) -> bool:
    """Whether an element is not exported by its package, but an attribute of something that is.

    Fields are none: the contract has four that are keywords, which getattr and setattr reach.
    """
    is_field = isinstance(element, Field) and not element.descriptor.extendee
    return len(element.path) > 2 and not is_field and not isinstance(element, Oneof)


def _shadows(schema: Schema) -> Iterator[Finding]:
    """Find packages with the names of modules that come with Python, except after a kind."""
    kinds = {name.replace("_", "") for name in Registry(schema).names}
    for file in schema.files.values():
        for segment in file.package.removeprefix(f"{PROTO_ROOT}.").split("."):
            if segment in sys.stdlib_module_names and segment not in kinds:
                yield Finding(
                    "PYTHON_NAME",
                    Element(file.name, file.file, (FileDescriptorProto.PACKAGE_FIELD_NUMBER,), {}),
                    f'Package segment "{segment}" would shadow a module of the standard library; '
                    "choose another name, such as that of a kind",
                )


def _as_message(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _syntax(file: FileDescriptorProto) -> str:
    if file.syntax == "editions":
        return "of an edition"
    return file.syntax or "proto2"
