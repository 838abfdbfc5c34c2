"""The output of `make dist`: its content, its reproducibility, and its use after installation.

Everything is built in scratch folders, with the command that `make dist` runs.
"""

from __future__ import annotations

import email
import email.message
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import tomllib
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import stigmer_apis
from tests.markdown import links_in

pytestmark = pytest.mark.toolchain

VERSION = stigmer_apis.__version__
STEM = f"stigmer_apis-{VERSION}"
INFO = f"{STEM}.dist-info"

NOT_IN_THE_TREE = (".git", ".venv*", "build")
"""What a checkout contains besides the files of the repository."""

WITHOUT_GRPC = 'gRPC stubs and servicers need grpcio: pip install "stigmer-apis[grpc]"'


class Built(NamedTuple):
    """The distributions of one build."""

    wheel: Path
    sdist: Path


class Environment(NamedTuple):
    """A virtual environment with only protobuf and what a test installs."""

    root: Path
    python: Path

    @property
    def site_packages(self) -> Path:
        return next(self.root.glob("lib/python*/site-packages"))

    def files(self) -> dict[str, str]:
        """Return the digest of every installed file, by path."""
        return digests(self.site_packages)


def build(project: Path, out: Path, *options: str, root: Path, umask: int = 0o022) -> Path:
    hatchling = [str(root / ".venv-codegen/bin/python"), "-m", "hatchling", "build"]
    finished = subprocess.run(
        [*hatchling, "-d", str(out), *options],
        cwd=project,
        umask=umask,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return out


def distributions(folder: Path) -> Built:
    """Return the wheel and the sdist in a folder, which must contain nothing else."""
    found = Built(wheel=folder / f"{STEM}-py3-none-any.whl", sdist=folder / f"{STEM}.tar.gz")
    assert sorted(folder.iterdir()) == sorted(found)
    return found


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of every file by path, without files that Python writes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def wheel_files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)), "a file is in the wheel twice"
        return {name: archive.read(name) for name in names}


def sdist_files(sdist: Path) -> dict[str, bytes]:
    with tarfile.open(sdist) as archive:
        opened = {member.name: archive.extractfile(member) for member in archive}
        return {name.removeprefix(f"{STEM}/"): file.read() for name, file in opened.items() if file}


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of an archive below a folder, by their path in it."""
    prefix = folder + "/"
    return {
        name.removeprefix(prefix): content
        for name, content in files.items()
        if name.startswith(prefix)
    }


@pytest.fixture(scope="session")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return distributions(build(root, tmp_path_factory.mktemp("dist"), root=root))


@pytest.fixture(scope="session")
def in_wheel(built: Built) -> dict[str, bytes]:
    return wheel_files(built.wheel)


@pytest.fixture(scope="session")
def metadata(in_wheel: dict[str, bytes]) -> email.message.Message:
    return email.message_from_bytes(in_wheel[f"{INFO}/METADATA"])


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    """Return the declarations in pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


# The content of the distributions.


def test_the_wheel_has_the_package_and_its_metadata_at_top_level_and_nothing_else(
    in_wheel: dict[str, bytes],
) -> None:
    assert {name.partition("/")[0] for name in in_wheel} == {"stigmer_apis", INFO}


def test_the_wheel_has_the_whole_package_unchanged(root: Path, in_wheel: dict[str, bytes]) -> None:
    shipped = below("stigmer_apis", in_wheel)
    package = {name: content for name, content in shipped.items() if not name.startswith("proto/")}
    source = files_below(root / "python/stigmer_apis")
    del source["generated.txt"]  # for codegen only

    assert package.keys() == source.keys()
    assert [name for name in source if package[name] != source[name]] == []
    # Spelled out, because without these files type checkers and schema tools find nothing.
    assert {"py.typed", "schema.binpb", "agentic/workflowexecution/v1/__init__.pyi"} <= set(package)


def test_the_wheel_has_every_proto_file_unchanged(root: Path, in_wheel: dict[str, bytes]) -> None:
    shipped = below("stigmer_apis/proto", in_wheel)
    contract = files_below(root / "apis")

    assert shipped.keys() == contract.keys()
    assert [name for name in contract if shipped[name] != contract[name]] == []
    assert "ai/stigmer/agentic/workflowexecution/v1/api.proto" in shipped


def test_the_metadata_has_the_name_and_the_version_of_the_package(
    metadata: email.message.Message,
) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("stigmer-apis", VERSION)


def test_the_metadata_declares_the_ranges_of_pyproject(
    metadata: email.message.Message, project: dict[str, Any]
) -> None:
    declared = [Requirement(line) for line in project["dependencies"]]
    for extra, lines in project["optional-dependencies"].items():
        declared += [Requirement(f"{line}; extra == '{extra}'") for line in lines]

    assert metadata["Requires-Python"] == project["requires-python"] == ">=3.11"
    assert set(map(Requirement, metadata.get_all("Requires-Dist", []))) == set(declared)
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])


def test_only_protobuf_is_needed_without_extras(metadata: email.message.Message) -> None:
    requirements = map(Requirement, metadata.get_all("Requires-Dist", []))

    always = {each.name for each in requirements if "extra" not in str(each.marker)}

    assert always == {"protobuf"}


def test_the_license_is_named_and_included(
    root: Path, in_wheel: dict[str, bytes], metadata: email.message.Message
) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert in_wheel[f"{INFO}/licenses/LICENSE"] == (root / "LICENSE").read_bytes()


def test_the_description_is_the_readme_without_a_link_that_is_dead_on_an_index_page(
    root: Path, metadata: email.message.Message
) -> None:
    description = str(metadata.get_payload())
    readme = (root / "README.md").read_text()

    links = links_in(description)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert re.findall(r"^#+ .*", description, re.M) == re.findall(r"^#+ .*", readme, re.M)


def test_with_the_url_of_the_repository_every_link_of_the_readme_leads_into_its_tag(
    root: Path,
) -> None:
    from hatch_build import linked

    readme = (root / "README.md").read_text()
    tag = "https://git.example/stigmer/blob/v1.2.3/"

    links = links_in(linked(readme, "https://git.example/stigmer", "1.2.3"))
    assert links == [link if "://" in link else tag + link for link in links_in(readme)]
    assert f"{tag}docs/python.md" in links


def test_the_wheel_is_for_any_python_3_on_any_platform(in_wheel: dict[str, bytes]) -> None:
    wheel = email.message_from_bytes(in_wheel[f"{INFO}/WHEEL"])

    assert wheel["Root-Is-Purelib"] == "true"
    assert wheel.get_all("Tag") == ["py3-none-any"]


def test_the_sdist_has_the_sources_of_the_wheel_and_nothing_else(root: Path, built: Built) -> None:
    shipped = sdist_files(built.sdist)
    expected = {
        **{f"apis/{name}": content for name, content in files_below(root / "apis").items()},
        **{f"python/{name}": content for name, content in files_below(root / "python").items()},
    }
    del expected["python/stigmer_apis/generated.txt"]  # for codegen only
    for name in (".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "hatch_build.py"):
        expected[name] = (root / name).read_bytes()
    expected["pyproject.toml"] = (root / "pyproject.toml").read_bytes()

    assert shipped.keys() == {*expected, "PKG-INFO"}
    assert [name for name in expected if shipped[name] != expected[name]] == []


# Reproducibility: builds in different places give the same files.


def test_the_sdist_builds_the_same_wheel(root: Path, built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)

    out = build(tmp_path / STEM, tmp_path / "out", "-t", "wheel", root=root)

    [wheel] = out.iterdir()
    assert wheel.name == built.wheel.name
    assert_same(wheel, built.wheel)


def test_building_twice_gives_the_same_bytes(root: Path, built: Built, tmp_path: Path) -> None:
    again = distributions(build(root, tmp_path, root=root))

    assert_same(again.wheel, built.wheel)
    assert_same(again.sdist, built.sdist)


def test_another_folder_time_and_umask_give_the_same_bytes(
    root: Path, built: Built, pristine_checkout: Path, tmp_path: Path
) -> None:
    elsewhere = copy_of_the_tree(pristine_checkout, tmp_path / "elsewhere")
    for path in elsewhere.rglob("*"):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o700 if executable else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))

    there = distributions(build(elsewhere, tmp_path / "out", root=root, umask=0o077))

    assert_same(there.wheel, built.wheel)
    assert_same(there.sdist, built.sdist)


def test_what_python_and_make_leave_in_a_tree_does_not_get_in(
    root: Path, built: Built, pristine_checkout: Path, tmp_path: Path
) -> None:
    used = copy_of_the_tree(pristine_checkout, tmp_path / "used")
    for name in (
        "python/stigmer_apis/__pycache__/schema.cpython-311.pyc",
        "apis/ai/__pycache__/tool.cpython-311.pyc",
        "build/image.binpb",
    ):
        left_behind = used / name
        left_behind.parent.mkdir(parents=True)
        left_behind.write_bytes(b"left behind")

    there = distributions(build(used, tmp_path / "out", root=root))

    assert_same(there.wheel, built.wheel)
    assert_same(there.sdist, built.sdist)


def copy_of_the_tree(checkout: Path, target: Path) -> Path:
    """Return a copy without git history and environments, whose source nobody writes to."""
    shutil.copytree(checkout, target, ignore=shutil.ignore_patterns(*NOT_IN_THE_TREE))
    return target


def assert_same(one: Path, other: Path) -> None:
    """Fail with the files that differ, because the archives themselves are not readable."""
    if one.read_bytes() == other.read_bytes():
        return
    read = wheel_files if one.suffix == ".whl" else sdist_files
    left, right = read(one), read(other)
    differing = [name for name in {*left, *right} if left.get(name) != right.get(name)]
    pytest.fail(f"{one} and {other} differ in {sorted(differing) or 'how they are packed'}")


# The wheel, installed and used.


@pytest.fixture
def environment(root: Path, tmp_path: Path) -> Environment:
    """Return a fresh environment with the lowest tested protobuf, pinned by hash."""
    lowest = "lowest" if sys.version_info < (3, 14) else "protobuf-5"
    pinned = tmp_path / "protobuf.txt"
    pinned.write_text(pin_of("protobuf", root / f"requirements/matrix/{lowest}.txt"))
    folder = tmp_path / "environment"
    uv(root, "venv", "--python", sys.executable, str(folder))
    made = Environment(folder, folder / "bin/python")
    install = ["pip", "install", "--python", str(folder), "--no-deps", "--require-hashes"]
    install += ["--requirement", str(pinned)]
    # From the cache, where `make matrix` put it, or else from the index.
    if uv(root, *install, "--offline", check=False).returncode != 0:
        uv(root, *install)
    return made


@pytest.fixture
def installed(root: Path, built: Built, environment: Environment) -> Environment:
    install_wheel(root, built, environment)
    return environment


def install_wheel(root: Path, built: Built, environment: Environment) -> None:
    options = ["--no-deps", "--no-index", "--python", str(environment.root)]
    uv(root, "pip", "install", *options, str(built.wheel))


def pin_of(name: str, requirements: Path) -> str:
    """Return the lines of a requirements file that pin one distribution, including hashes."""
    pin = re.search(rf"^{name}==.*\n(?: +--hash=.*\n)+", requirements.read_text(), re.MULTILINE)
    assert pin, f"{requirements} does not pin {name}"
    return pin[0]


def uv(root: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    defaults = {
        "UV_CACHE_DIR": str(root / "build/cache/uv"),
        # Hard links would let changes in an environment reach the cache.
        "UV_LINK_MODE": "copy",
    }
    finished = subprocess.run(
        [str(root / "build/bootstrap/bin/uv"), *arguments],
        env={**defaults, **clean_environment()},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0 or not check, finished.stdout + finished.stderr
    return finished


def clean_environment() -> dict[str, str]:
    """Return the environment variables without those that change the behavior of Python and uv."""
    changing = ("PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(changing)}


def python(environment: Environment, code: str) -> str:
    """Run code in an environment, outside the repository, and return its output."""
    finished = subprocess.run(
        [str(environment.python), "-c", textwrap.dedent(code)],
        cwd=environment.root,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_an_installed_message_makes_a_round_trip(installed: Environment) -> None:
    printed = python(
        installed,
        """
        from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, ExecutionPhase
        run = WorkflowExecution(kind="WorkflowExecution")
        run.status.callback_token = bytes(range(256))
        run.status.phase = ExecutionPhase.EXECUTION_IN_PROGRESS
        assert WorkflowExecution.FromString(run.SerializeToString()) == run
        import stigmer_apis
        print(stigmer_apis.__version__, stigmer_apis.__file__)
        """,
    )

    assert printed == f"{VERSION} {installed.site_packages / 'stigmer_apis/__init__.py'}"


def test_the_installed_proto_files_and_image_are_found(installed: Environment) -> None:
    printed = python(
        installed,
        """
        from stigmer_apis import schema
        print(schema.proto_root())
        assert (schema.proto_root() / "ai/stigmer/commons/rpc/pagination.proto").is_file()
        names = {file.name for file in schema.file_descriptor_set().file}
        assert "ai/stigmer/commons/rpc/pagination.proto" in names
        """,
    )

    assert Path(printed) == installed.site_packages / "stigmer_apis" / "proto"


@pytest.mark.parametrize("module", ["v1", "v1.command_pb2_grpc"])
def test_without_grpc_a_stub_says_which_extra_to_install(
    installed: Environment, module: str
) -> None:
    printed = python(
        installed,
        f"""
        try:
            from stigmer_apis.agentic.workflowexecution.{module} import (
                WorkflowExecutionCommandControllerStub,
            )
        except ModuleNotFoundError as error:
            print(error)
        """,
    )

    assert printed == WITHOUT_GRPC


def test_the_installer_knows_what_is_installed(installed: Environment) -> None:
    printed = python(
        installed,
        """
        import importlib.metadata
        print(*sorted(found.name for found in importlib.metadata.distributions()))
        """,
    )

    assert list(map(canonicalize_name, printed.split())) == ["protobuf", "stigmer-apis"]


def test_uninstalling_removes_every_file_of_ours_and_none_of_others(
    root: Path, built: Built, environment: Environment
) -> None:
    python(environment, "from google.protobuf import descriptor_pb2, struct_pb2, timestamp_pb2")
    before = environment.files()
    install_wheel(root, built, environment)
    python(environment, "from stigmer_apis.agentic.agentexecution.v1 import AgentExecution")
    ours = environment.files().keys() - before.keys()
    assert {Path(name).suffix for name in ours if "stigmer_apis" in name} >= {".py", ".pyc"}

    uv(root, "pip", "uninstall", "--python", str(environment.root), "stigmer-apis")

    after = environment.files()
    left = {name for name in after.keys() - before.keys() if not is_bytecode_of_protobuf(name)}
    assert left == set()
    assert not (environment.site_packages / "stigmer_apis").exists()
    assert {name: after.get(name) for name in before} == before


def is_bytecode_of_protobuf(name: str) -> bool:
    """Whether Python wrote the file when our package imported another module of protobuf."""
    return name.startswith("google/protobuf/") and name.endswith(".pyc")
