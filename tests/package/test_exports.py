"""Every proto package exports its messages, enums, extensions and services, and nothing else."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from stigmer_apis import schema
from stigmer_apis.agentic.agentexecution import v1 as agentexecution
from stigmer_apis.agentic.workflowexecution import v1 as workflowexecution
from tests.each import for_each


def names_of(file: FileDescriptorProto) -> dict[str, str]:
    """Return the names that a .proto file adds to its package, with the module of each."""
    stem = PurePosixPath(file.name).stem
    declared = [*file.message_type, *file.enum_type, *file.extension]
    names = {element.name: f"{stem}_pb2" for element in declared}
    for service in file.service:
        name = service.name
        servicer = f"{name}Servicer"
        for made in (f"{name}Stub", f"{name}AsyncStub", servicer, f"add_{servicer}_to_server"):
            names[made] = f"{stem}_pb2_grpc"
    return names


def exports_of(image: FileDescriptorSet) -> dict[str, dict[str, str]]:
    """Return the exported names of every Python package, with the module that defines each."""
    packages: dict[str, dict[str, str]] = defaultdict(dict)
    for file in image.file:
        if file.package.startswith("ai.stigmer."):
            python = file.package.replace("ai.stigmer", "stigmer_apis", 1)
            packages[python].update(names_of(file))
    return packages


EXPORTS = exports_of(schema.file_descriptor_set())
on_every_package = for_each({package: package for package in EXPORTS})


def import_package(name: str) -> ModuleType:
    return importlib.import_module(name)


def stub_of(package: ModuleType) -> ast.Module:
    """Return the syntax tree of the type stub next to the package's `__init__.py`."""
    assert package.__file__ is not None
    return ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))


def test_the_contract_has_names_of_every_kind_to_export(contract: FileDescriptorSet) -> None:
    ours = [file for file in contract.file if file.package.startswith("ai.stigmer.")]
    assert any(file.message_type for file in ours)
    assert any(file.enum_type for file in ours)
    assert any(file.extension for file in ours)
    assert any(file.service for file in ours)


@on_every_package
def test_a_package_re_exports_exactly_what_its_proto_package_declares(package: str) -> None:
    assert set(import_package(package).__all__) == set(EXPORTS[package])


@on_every_package
def test_the_public_names_of_a_package_are_sorted_and_stand_once(package: str) -> None:
    public = import_package(package).__all__
    assert public == sorted(set(public))


@on_every_package
def test_dir_lists_the_public_names_of_a_package(package: str) -> None:
    listed = dir(import_package(package))
    assert listed == sorted(listed)
    assert set(EXPORTS[package]) <= set(listed)


@on_every_package
def test_an_exported_object_is_the_one_in_its_module(package: str) -> None:
    exported = import_package(package)
    for name, module in EXPORTS[package].items():
        defined = getattr(import_package(f"{package}.{module}"), name)
        assert getattr(exported, name) is defined, name


@on_every_package
def test_a_message_knows_by_its_module_name_where_it_can_be_found_again(package: str) -> None:
    for name, module in EXPORTS[package].items():
        exported = getattr(import_package(package), name)
        if isinstance(exported, type):
            assert exported.__module__ == f"{package}.{module}", name
            assert exported.__qualname__ == name


@on_every_package
def test_a_package_gives_the_same_object_however_often_it_is_asked(package: str) -> None:
    exported = import_package(package)
    for name in EXPORTS[package]:
        first = getattr(exported, name)
        assert getattr(exported, name) is first, name


@on_every_package
def test_the_type_stub_of_a_package_lists_the_same_public_names(package: str) -> None:
    exported = import_package(package)
    lists = [
        ast.literal_eval(node.value)
        for node in stub_of(exported).body
        if isinstance(node, ast.Assign)
        and [ast.unparse(target) for target in node.targets] == ["__all__"]
    ]
    assert lists == [exported.__all__]


@on_every_package
def test_the_type_stub_of_a_package_imports_each_name_from_its_module(package: str) -> None:
    imported = {
        alias.asname: node.module
        for node in stub_of(import_package(package)).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == alias.asname
    }
    expected = {name: f"{package}.{module}" for name, module in EXPORTS[package].items()}
    assert imported == expected


@pytest.mark.parametrize(
    ("package", "enum", "value", "number"),
    [
        (workflowexecution, "ExecutionPhase", "EXECUTION_PENDING", 1),
        (workflowexecution, "WorkflowUpdateType", "wf_update_status_changed", 1),
        (agentexecution, "ExecutionPhase", "EXECUTION_CANCELLED", 5),
        (agentexecution, "MessageType", "MESSAGE_AI", 2),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else None,
)
def test_the_values_of_an_enum_are_reached_through_it(
    package: ModuleType, enum: str, value: str, number: int
) -> None:
    wrapper = getattr(package, enum)
    assert getattr(wrapper, value) == number
    assert wrapper.Value(value) == number
    assert wrapper.Name(number) == value


@on_every_package
def test_every_enum_offers_exactly_the_values_of_the_contract(
    package: str, contract: FileDescriptorSet
) -> None:
    proto_package = package.replace("stigmer_apis", "ai.stigmer", 1)
    for file in contract.file:
        if file.package != proto_package:
            continue
        for enum in file.enum_type:
            wrapper = getattr(import_package(package), enum.name)
            assert wrapper.items() == [(value.name, value.number) for value in enum.value]
            for value in enum.value:
                assert getattr(wrapper, value.name) == value.number


def test_enums_of_one_name_in_two_packages_stay_apart() -> None:
    of_workflows, of_agents = workflowexecution.ExecutionPhase, agentexecution.ExecutionPhase
    assert of_workflows is not of_agents
    assert of_workflows.DESCRIPTOR.full_name == (
        "ai.stigmer.agentic.workflowexecution.v1.ExecutionPhase"
    )
    assert of_agents.DESCRIPTOR.full_name == "ai.stigmer.agentic.agentexecution.v1.ExecutionPhase"


@on_every_package
def test_every_exported_descriptor_carries_the_name_of_its_own_proto_package(package: str) -> None:
    proto_package = package.replace("stigmer_apis", "ai.stigmer", 1)
    for name, module in EXPORTS[package].items():
        exported = getattr(import_package(package), name)
        if not module.endswith("_grpc"):
            # An extension is its own descriptor; messages and enums have one.
            descriptor = getattr(exported, "DESCRIPTOR", exported)
            assert descriptor.full_name == f"{proto_package}.{name}"


ASKED_BY_EIGHT_THREADS = """
import importlib, json, random, sys, threading

sys.setswitchinterval(1e-6)
names = [name.rsplit(".", 1) for name in sys.argv[1:]]
barrier = threading.Barrier(8, timeout=60)
objects = [{} for _ in range(8)]
errors = []

def ask(thread):
    mine = random.Random(thread).sample(names, len(names))
    barrier.wait()
    try:
        for package, name in mine:
            objects[thread][package, name] = getattr(importlib.import_module(package), name)
    except BaseException as error:
        errors.append(repr(error))

threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
differing = [
    f"{package}.{name}"
    for package, name in names
    if len({id(asked.get((package, name))) for asked in objects}) != 1
]
print(json.dumps({"errors": errors, "asked": len(objects[0]), "differing": differing}))
"""


def test_eight_threads_that_ask_first_at_once_get_the_same_objects() -> None:
    names = [f"{package}.{name}" for package, found in EXPORTS.items() for name in found]
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", ASKED_BY_EIGHT_THREADS, *names],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {"errors": [], "asked": len(names), "differing": []}
