"""What of protobuf's conformance suite fails, with plain protoc output and with our package.

The messages of the suite go through our own pipeline: relocation, lazy exports and safe printing
must change nothing of what a message does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.codegen.small_contract import SmallContract
from tests.conformance import suite

TESTEE = suite.ROOM / "testee.py"
VERSIONS = ("proto3", "proto2")
PROTO_ROOT = "protobuf_test_messages"
IMPLEMENTATIONS = ("upb", "python")


@pytest.fixture(scope="session")
def runner() -> list[str]:
    """Return the command that starts the runner."""
    return suite.fetch()


@pytest.fixture(scope="session")
def protos(runner: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the suite's .proto files, its messages in folders that match their packages."""
    folder = tmp_path_factory.mktemp("protos")
    source = suite.SOURCES / "include"
    shutil.copytree(source / "conformance", folder / "conformance")
    for version in VERSIONS:
        file = source / f"google/protobuf/test_messages_{version}.proto"
        (folder / PROTO_ROOT / version).mkdir(parents=True)
        shutil.copy2(file, folder / PROTO_ROOT / version)
    return folder


@pytest.fixture(scope="session")
def plain(protos: Path, toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of plain protoc output."""
    out = tmp_path_factory.mktemp("plain")
    files = [str(path.relative_to(protos)) for path in protos.rglob("*.proto")]
    protoc = [str(toolchain / "python"), "-m", "grpc_tools.protoc", "-I.", f"--python_out={out}"]
    subprocess.run([*protoc, *files], cwd=protos, check=True)
    return out


@pytest.fixture(scope="session")
def package(
    protos: Path, root: Path, toolchain: Path, tmp_path_factory: pytest.TempPathFactory
) -> SmallContract:
    """Return a package that `python -m codegen` generated from the suite's messages."""
    made = SmallContract(root, tmp_path_factory.mktemp("contract") / "small")
    shutil.rmtree(made.folder / "apis")
    shutil.copytree(protos / PROTO_ROOT, made.folder / "apis" / PROTO_ROOT)
    # The suite names its messages, so their proto package has to stay.
    project = made.folder / "codegen/project.py"
    text = project.read_text()
    assert '"ai.stigmer"' in text
    project.write_text(text.replace('"ai.stigmer"', f'"{PROTO_ROOT}"'))
    finished = made.generate()
    assert finished.returncode == 0, finished.stderr
    return made


def of_plain(plain: Path, json: str) -> list[str]:
    modules = [f"{PROTO_ROOT}.{version}.test_messages_{version}_pb2" for version in VERSIONS]
    return command([plain], modules, json)


def of_package(package: SmallContract, plain: Path, json: str) -> list[str]:
    # The runner's own messages are in the other folder.
    modules = [f"stigmer_apis.{version}" for version in VERSIONS]
    return command([package.package.parent, plain], modules, json)


def command(folders: list[Path], modules: list[str], json: str) -> list[str]:
    path = f"PYTHONPATH={os.pathsep.join(map(str, folders))}"
    return ["env", path, sys.executable, str(TESTEE), *modules, json]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_our_package_fails_nothing_that_plain_protoc_output_passes(
    runner: list[str], plain: Path, package: SmallContract, implementation: str
) -> None:
    theirs = suite.failures(runner, of_plain(plain, "json_format"), implementation)
    ours = suite.failures(runner, of_package(package, plain, "json_format"), implementation)
    assert ours - theirs == set()
    assert theirs, "json_format is known to fail some of them, so nothing was compared"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_the_data_converter_fails_nothing_but_unknown_enum_names(
    runner: list[str], plain: Path, package: SmallContract, implementation: str
) -> None:
    known = suite.names_in((suite.ROOM / "unknown_enum_names.txt").read_text())
    found = suite.failures(runner, of_package(package, plain, "converter"), implementation)
    assert {name for name in found if "TextFormat" not in name} == known


def test_the_package_of_the_suite_prints_safely(package: SmallContract) -> None:
    code = (
        "from stigmer_apis.proto3 import TestAllTypesProto3 as T\n"
        "m = T(); m.optional_any.type_url = 'x/y'; m.optional_any.value = b's3cr3t'\n"
        "print(m)"
    )
    assert "s3cr3t" not in package.run(code)
