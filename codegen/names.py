"""The check for names that the package cannot use, which runs before anything is generated.

The schema rule PYTHON_NAME reports the same problems earlier, and more. This is the last line of
defense: every name in the generated code has one meaning, and no generated module replaces a
hand-written one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from keyword import iskeyword
from pathlib import PurePosixPath
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from codegen.exports import STATIC_IMPORTS, service_names
from codegen.project import PROTO_ROOT, SHIPPED_PROTOS, StepError
from codegen.relocate import relocate_path

_MODULE_SUFFIXES = (".py", ".pyi", ".so", ".pyd")

_Key = tuple[str, ...]
"""Return a module or folder name as Python and a case-insensitive file system see it."""


class Problem(NamedTuple):
    """A name that the package cannot use, and the element that has it."""

    file: FileDescriptorProto
    path: Sequence[int]
    """The path of the element, as in `SourceCodeInfo.Location.path`."""
    sentence: str


def check(image: FileDescriptorSet, hand_written: Iterable[PurePosixPath]) -> None:
    """Check that everything in `image` can be generated under its name.

    Args:
        image: Our files, with source locations, and their imports.
        hand_written: The files in the package that generation did not write.

    Raises:
        StepError: A name is impossible or taken. The message starts with its .proto file and line.
    """
    for problem in problems(image.file, hand_written):
        raise _error(problem)


def problems(
    files: Iterable[FileDescriptorProto], hand_written: Iterable[PurePosixPath]
) -> Iterator[Problem]:
    """Yield every name in our files of an image that the package cannot use."""
    ours = [file for file in files if not file.name.startswith("google/protobuf/")]
    for file in ours:
        yield from _check_path(file)
    yield from _check_modules(ours, hand_written)
    yield from _check_exports(ours)


def _check_path(file: FileDescriptorProto) -> Iterator[Problem]:
    *folders, name = PurePosixPath(file.name).parts
    if file.package != ".".join(folders) or not file.package.startswith(f"{PROTO_ROOT}."):
        yield Problem(
            file,
            _PACKAGE,
            f"the proto package must start with `{PROTO_ROOT}.` and match the path of its folder",
        )
    for part in [*folders, f"{name.removesuffix('.proto')}_pb2"]:
        if not part.isidentifier() or iskeyword(part):
            yield Problem(file, _PACKAGE, f"Python cannot import `{part}`; choose another name")


def _check_modules(
    files: list[FileDescriptorProto], hand_written: Iterable[PurePosixPath]
) -> Iterator[Problem]:
    modules: dict[_Key, str] = {
        (SHIPPED_PROTOS,): "the .proto files that the wheel ships",
        ("testing",): "stigmer_apis.testing, a name reserved for test helpers",
    }
    folders: dict[_Key, str] = {}
    for path in hand_written:
        modules[_key(path)] = f"the hand-written python/stigmer_apis/{path}"
        folders |= dict.fromkeys(_folders(path), f"the folder of {modules[_key(path)]}")
    for file in files:
        path = relocate_path(PurePosixPath(file.name))
        for folder in _folders(path):
            if taken := modules.get(folder) or modules.get((*folder, "__init__")):
                yield _taken(file, taken)
                break
        folders |= dict.fromkeys(_folders(path), f"the proto package of {file.name}")
    for file in files:
        path = relocate_path(PurePosixPath(file.name))
        for suffix in ("_pb2.py", "_pb2_grpc.py"):
            key = _key(path.with_name(path.stem + suffix))
            if taken := modules.get(key) or folders.get(key):
                yield _taken(file, taken)
            modules[key] = f"the module of {file.name}"


def _check_exports(files: list[FileDescriptorProto]) -> Iterator[Problem]:
    taken: dict[str, dict[str, str]] = defaultdict(
        lambda: {"_lazy": "a module of ours", STATIC_IMPORTS: "a function of ours"}
    )
    for file in files:
        stem = PurePosixPath(file.name).stem
        for module in (f"{stem}_pb2", f"{stem}_pb2_grpc"):
            taken[file.package][module] = f"the module of {file.name}"
        parent = file.package
        while "." in parent:
            parent, _, name = parent.rpartition(".")
            taken[parent][name] = f"the proto package {parent}.{name}"
    for file in files:
        for place, name, element in _exported(file):
            if name.startswith("__") or iskeyword(name):
                yield Problem(file, place, f"`{name}` is reserved in Python; choose another name")
            other = taken[file.package].setdefault(name, element)
            if other is not element:
                clash = f"{element} and {other} both have the Python name `{name}`"
                yield Problem(file, place, f"{clash}; rename one of them")


def _exported(file: FileDescriptorProto) -> Iterator[tuple[Sequence[int], str, str]]:
    """Yield the location of each exported name, the name, and the element that has it."""
    declared: list[tuple[str, str, Iterable[str]]] = [
        ("message", "message_type", (message.name for message in file.message_type)),
        ("enum", "enum_type", (enum.name for enum in file.enum_type)),
        ("extension", "extension", (extension.name for extension in file.extension)),
        ("service", "service", (service.name for service in file.service)),
    ]
    for kind, field, names in declared:
        number = FileDescriptorProto.DESCRIPTOR.fields_by_name[field].number
        for index, name in enumerate(names):
            for exported in service_names(name) if kind == "service" else [name]:
                yield (number, index), exported, f"{kind} {file.package}.{name}"


def _folders(path: PurePosixPath) -> list[_Key]:
    return [_key(folder) for folder in path.parents[:-1]]


def _key(path: PurePosixPath) -> _Key:
    name = path.name.partition(".")[0] if path.name.endswith(_MODULE_SUFFIXES) else path.name
    return tuple(part.casefold() for part in (*path.parts[:-1], name))


_PACKAGE = (FileDescriptorProto.PACKAGE_FIELD_NUMBER,)


def _taken(file: FileDescriptorProto, by: str) -> Problem:
    clash = f"the code generated from the proto package `{file.package}` would replace {by}"
    return Problem(file, _PACKAGE, f"{clash}; choose another name")


def _error(problem: Problem) -> StepError:
    locations = {tuple(at.path): at.span for at in problem.file.source_code_info.location}
    line, column = [*locations.get(tuple(problem.path), []), 0, 0][:2]
    return StepError(f"apis/{problem.file.name}:{line + 1}:{column + 1}: {problem.sentence}")
