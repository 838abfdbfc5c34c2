"""Names that the package cannot take: one sentence at the .proto line, and nothing is touched."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from codegen import names, place
from codegen.project import PACKAGE, SHIPPED_PROTOS, StepError
from tests.codegen.small_contract import SmallContract

_MODULES = [path for path in place.hand_written(PACKAGE) if path.suffix in (".py", ".pyi")]


def _file(package: str, name: str = "a", messages: Iterable[str] = ()) -> FileDescriptorProto:
    file = FileDescriptorProto(package=f"ai.stigmer.{package}")
    file.name = f"{file.package.replace('.', '/')}/{name}.proto"
    file.source_code_info.location.add(path=[2], span=[1, 0, 9])
    for index, message in enumerate(messages):
        file.message_type.add(name=message)
        file.source_code_info.location.add(path=[4, index], span=[2 + index, 0, 9])
    return file


def _refused(*files: FileDescriptorProto, hand_written: Iterable[PurePosixPath] = ()) -> str:
    with pytest.raises(StepError) as refused:
        names.check(FileDescriptorSet(file=files), hand_written)
    return str(refused.value)


def test_the_names_of_today_are_fine(contract: FileDescriptorSet) -> None:
    names.check(contract, place.hand_written(PACKAGE))


@pytest.mark.parametrize("module", sorted({path.parts[0] for path in _MODULES} - {"__init__.py"}))
def test_no_proto_package_takes_the_place_of_a_hand_written_module(module: str) -> None:
    name = module.partition(".")[0]
    refused = _refused(_file(f"{name}.v1"), hand_written=_MODULES)
    assert refused.startswith(f"apis/ai/stigmer/{name}/v1/a.proto:2:1: "), refused
    assert f"would replace the hand-written python/stigmer_apis/{module}" in refused
    assert _refused(_file(name), hand_written=_MODULES)


def test_no_proto_package_takes_the_place_of_the_shipped_proto_files(root: Path) -> None:
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = settings["targets"]["wheel"]["force-include"].values()
    assert list(included) == [f"stigmer_apis/{SHIPPED_PROTOS}"]
    refused = _refused(_file(f"{SHIPPED_PROTOS}.v1"))
    assert "would replace the .proto files that the wheel ships" in refused


@pytest.mark.parametrize(
    "hand_written",
    [
        "small/v1/a_pb2/__init__.py",
        "small/v1/A_pb2.pyi",
        "small/v1/a_pb2.cpython-311-x86_64-linux-gnu.so",
        "small/v1/__init__.py",
        "small/v1",
        "small/V1.py",
        "small.pyi",
    ],
)
def test_nor_of_a_hand_written_module_in_a_folder(hand_written: str) -> None:
    refused = _refused(_file("small.v1"), hand_written=[PurePosixPath(hand_written)])
    assert "would replace " in refused
    assert f"hand-written python/stigmer_apis/{hand_written}" in refused


def test_other_hand_written_files_in_a_generated_folder_are_no_obstacle() -> None:
    beside = map(PurePosixPath, ["small/v1/notes.txt", "small/b.py", "small/v1/a_pb2.txt"])
    names.check(FileDescriptorSet(file=[_file("small.v1")]), beside)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("None", "b.proto:3:1: `None` is reserved in Python"),
        ("__all__", "b.proto:3:1: `__all__` is reserved in Python"),
        ("_lazy", "a module of ours both have the Python name `_lazy`"),
        ("a_pb2", "and the module of ai/stigmer/small/v1/a.proto both have the Python name"),
        ("v2", "and the proto package ai.stigmer.small.v1.v2 both have the Python name"),
        ("Same", "and message ai.stigmer.small.v1.Same both have the Python name"),
        ("XStub", "message ai.stigmer.small.v1.XStub both have the Python name `XStub`"),
        ("XServicer", "both have the Python name `XServicer`"),
        ("XAsyncStub", "both have the Python name `XAsyncStub`"),
    ],
)
def test_every_name_of_a_package_means_one_thing(message: str, sentence: str) -> None:
    service = _file("small.v1", "x")
    service.service.add(name="X")
    files = [_file("small.v1", "a", ["Same"]), _file("small.v1", "b", [message]), service]
    assert sentence in _refused(*files, _file("small.v1.v2.v3"))


@pytest.mark.parametrize(
    ("package", "name", "sentence"),
    [
        ("class.v1", "a", "a.proto:2:1: Python cannot import `class`"),
        ("small.v1", "a-b", "a-b.proto:2:1: Python cannot import `a-b_pb2`"),
        ("small.v1", "A", "would replace the module of ai/stigmer/small/v1/a.proto"),
        ("small.v1.a_pb2", "b", "would replace the proto package of ai/stigmer/small/v1"),
    ],
)
def test_a_path_that_python_cannot_import_is_refused(
    package: str, name: str, sentence: str
) -> None:
    assert sentence in _refused(_file("small.v1"), _file(package, name))


@pytest.mark.parametrize("package", ["ai.stigmer.other", "ai.stigmer", "com.small.v1", ""])
def test_a_file_outside_the_folder_of_its_package_is_refused(package: str) -> None:
    file = _file("small.v1")
    file.package = package
    assert "a.proto:2:1: the proto package must start with `ai.stigmer.`" in _refused(file)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "message DESCRIPTOR {}",
            "b.proto: b_pb2.pyi, which is generated from it, is not valid Python",
        ),
        ("message XStub {}\nservice X {}", "apis/ai/stigmer/small/v1/b.proto:4:1: service ai"),
        (
            "message B {}\nservice X { rpc None(B) returns (B); }",
            "b.proto: b_pb2_grpc.py, which is generated from it, is not valid Python: invalid",
        ),
    ],
)
def test_generation_refuses_before_the_package_is_touched(
    small: SmallContract, text: str, sentence: str
) -> None:
    small.write("small.v1", text, name="b")
    assert sentence in small.refusal()


def test_an_edition_that_the_generator_does_not_know_is_refused(small: SmallContract) -> None:
    source = small.write("small.v1", "message B {}\n", name="b")
    source.write_text(source.read_text().replace('syntax = "proto3"', 'edition = "2023"'))
    assert "buf generate failed" in small.refusal()
