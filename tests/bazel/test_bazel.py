"""A build with Bazel can depend on this repository, as docs/bazel.md says, and gets all files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from stigmer_apis import schema
from tests.bazel.workspace import PAGE, ROOT, WORK, Workspace, files_of, write
from tests.markdown import shown_files
from tests.toolchain import Run

FILES_OF = {
    "stigmer_apis": ("apis", "python"),
    "stigmer_apis_proto": ("apis",),
    "our_validate_proto": ("validation",),
}
"""The targets that have files, and the folders whose files they all have."""

PROTOVALIDATE = "@protovalidate//proto/protovalidate/buf/validate:validate_proto"


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


def own_files(workspace: Workspace, target: str) -> set[str]:
    """Return the files of this repository that a target has itself."""
    label = f"@stigmer_apis//:{target}"
    found = workspace.bazel("query", f"labels(srcs, {label}) + labels(data, {label})")
    return {file.removeprefix("@stigmer_apis//:") for file in found.splitlines()}


def names(files: FileDescriptorSet) -> list[str]:
    return [file.name for file in files.file]


@pytest.mark.parametrize("target", FILES_OF)
def test_a_target_has_every_file(workspace: Workspace, target: str) -> None:
    assert own_files(workspace, target) == files_of(*FILES_OF[target])


@pytest.mark.parametrize("target", FILES_OF)
def test_a_target_has_new_files_without_a_change(workspace: Workspace, target: str) -> None:
    new = {
        f"{folder}/new/folder/file{suffix}"
        for folder in FILES_OF[target]
        for suffix in ((".py", ".pyi", ".binpb") if folder == "python" else (".proto",))
    }
    for name in new:
        write(workspace.stigmer_apis / name, "")
    write(workspace.stigmer_apis / "python/stigmer_apis/__pycache__/schema.cpython-311.pyc", "")
    assert own_files(workspace, target) == files_of(*FILES_OF[target]) | new


def test_every_file_of_the_contract_compiles_under_the_name_that_others_import(
    workspace: Workspace,
) -> None:
    (workspace.folder / ".bazelrc").unlink()  # with our declaration of the options
    built = workspace.build("@stigmer_apis//:stigmer_apis_proto")
    shipped = names(schema.file_descriptor_set())
    assert sorted(names(built)) == [name for name in sorted(shipped) if name.startswith("ai/")]


def test_a_new_file_may_import_every_well_known_type(workspace: Workspace) -> None:
    types = [file.stem for file in WORK.glob("repositories/protobuf/src/google/protobuf/*.proto")]
    assert len(types) > 10
    imports = "".join(f'import "google/protobuf/{name}.proto";\n' for name in types)
    for folder in ("apis", "validation"):
        file = workspace.stigmer_apis / folder / f"new_in_{folder}.proto"
        write(file, f'syntax = "proto3";\n{imports}')
    workspace.bazel("build", "@stigmer_apis//:all")


def test_the_commands_of_the_page_work(workspace: Workspace) -> None:
    commands = re.findall(r"^bazel (\w+) (//:\w+)$", PAGE, re.MULTILINE)
    assert commands == [("run", "//:request_run"), ("build", "//:report_proto")]
    printed = [workspace.bazel(command, target) for command, target in commands]
    assert printed == ["wfl-01jd0m2v9c\n", ""]
    assert names(workspace.build("//:report_proto")) == ["report.proto"]


def test_a_program_sees_the_files_of_the_package_and_the_contract(workspace: Workspace) -> None:
    program = """
from pathlib import Path

import stigmer_apis
from stigmer_apis import schema

root = Path(stigmer_apis.__file__).parents[2]
print(*(file.relative_to(root) for file in root.rglob("*") if file.is_file()), sep="\\n")
assert (schema.proto_root() / "ai/stigmer/agentic/workflow/v1/api.proto").is_file()
assert schema.file_descriptor_set().file
"""
    (workspace.folder / "request_run.py").write_text(program)
    seen = set(workspace.bazel("run", "//:request_run").splitlines())
    assert seen == files_of("apis", "python")


@pytest.mark.parametrize("replaced", [True, False])
def test_protovalidate_can_replace_our_declaration_of_its_options(
    workspace: Workspace, replaced: bool
) -> None:
    if not replaced:
        (workspace.folder / ".bazelrc").unlink()
    used = workspace.bazel("cquery", "deps(//:report_proto)")
    assert (PROTOVALIDATE in used, "our_validate_proto" in used) == (replaced, not replaced)


def test_the_page_asks_for_the_modules_that_the_repository_needs() -> None:
    def needs(text: str) -> set[str]:
        return set(re.findall(r"^bazel_dep\(.*\)$", text, re.MULTILINE))

    ours = (ROOT / "MODULE.bazel").read_text()
    assert needs(shown_files(PAGE)["MODULE.bazel"]) == {
        *needs(ours),
        'bazel_dep(name = "stigmer_apis")',
    }
    loaded = set(re.findall(r'"@(\w+)//', (ROOT / "BUILD.bazel").read_text()))
    assert loaded == set(re.findall(r'bazel_dep\(name = "(\w+)"', ours))


def test_a_missing_bazel_is_named(make: Run) -> None:
    finished = make("bazel", BAZEL="no-bazel")
    assert finished.returncode != 0
    assert "make: no-bazel is missing; install Debian's packages" in finished.stderr
    assert "pytest" not in finished.stdout


def test_the_build_files_are_formatted_and_lint_clean() -> None:
    folder = WORK / "buildifier"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".npmrc", "package.json", "package-lock.json"):
        shutil.copy2(Path(__file__).parent / name, folder)
    subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True)
    buildifier = folder / "node_modules" / ".bin" / "buildifier"
    of_page = [WORK / "page" / name for name in ("MODULE.bazel", "BUILD.bazel")]
    for file in of_page:
        write(file, shown_files(PAGE)[file.name])
    finished = subprocess.run(
        [buildifier, "-mode=check", "-lint=warn", *sorted(files_of("*.bazel", "*.bzl")), *of_page],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, f"format the files with buildifier:\n{finished.stderr}"
