"""A Bazel workspace for the files of docs/bazel.md, and the repositories that they name.

Debian's Bazel is older than modules, and not every machine can reach the registry of modules. So
each repository is a folder, passed with `--override_repository`: ours is a copy of this one, the
others contain only what the page uses.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import google.protobuf
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.markdown import shown_files
from tests.toolchain import project_files

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "bazel.md").read_text(encoding="utf-8")
WORK = ROOT / "build" / "bazel"
_REPOSITORIES = WORK / "repositories"

SOURCES = ("apis", "python", "validation")
"""The folders whose files all belong to a target."""

_CODEGEN = ROOT / ".venv-codegen"

# Only a hang takes this long.
_TIMEOUT = 300.0

# The server ends soon after the last command.
_BAZEL = (
    os.environ.get("BAZEL", "bazel-4"),
    *("--max_idle_secs=10", "--nohome_rc", f"--output_user_root={WORK / 'output'}"),
)

_BUILD = (
    "--proto_compiler=@protobuf//:protoc",
    # Without modules, the folder of our repository is also named stigmer_apis. If Bazel added an
    # `__init__.py` to it, it would hide the package.
    "--incompatible_default_to_explicit_init_py",
    "--nosandbox_debug",
)

# The rules that are loaded from each file. This version of Bazel has them built in.
_RULES = {
    "protobuf/bazel/proto_library.bzl": "proto_library",
    "rules_cc/cc/defs.bzl": "cc_binary cc_library cc_test cc_toolchain cc_toolchain_suite",
    "rules_java/java/defs.bzl": "java_import java_runtime java_toolchain",
    "rules_python/python/py_binary.bzl": "py_binary",
    "rules_python/python/py_library.bzl": "py_library",
}

_PROTOBUF = """\
exports_files(["protoc"])
[proto_library(
    name = name + "_proto",
    srcs = ["src/google/protobuf/%s.proto" % name],
    strip_import_prefix = "src",
    deps = [":%s_proto" % other for other in others],
    visibility = ["//visibility:public"],
) for name, others in {imports}.items()]
"""

_PROTOVALIDATE = """\
proto_library(
    name = "validate_proto",
    srcs = ["validate.proto"],
    strip_import_prefix = "/proto/protovalidate",
    deps = ["@protobuf//:%s_proto" % name for name in {imports}],
    visibility = ["//visibility:public"],
)
"""

_PYPI = """\
py_library(
    name = "protobuf",
    srcs = glob(["site-packages/google/**/*.py"]),
    data = glob(["site-packages/google/**/*.so"]),
    imports = ["site-packages"],
    visibility = ["//visibility:public"],
)
"""


def files_of(*paths: str) -> set[str]:
    """Return the files of this repository below the given paths."""
    return project_files(ROOT, *paths)


class Workspace:
    """A Bazel workspace that depends on a copy of this repository."""

    folder = WORK / "workspace"
    stigmer_apis = _REPOSITORIES / "stigmer_apis"

    def __init__(self) -> None:
        # The workspace stays; without its folder, Bazel's server would have to start again.
        shutil.rmtree(_REPOSITORIES, ignore_errors=True)
        for name, content in {"WORKSPACE": "", **shown_files(PAGE)}.items():
            write(self.folder / name, content)
        for name in files_of("MODULE.bazel", "BUILD.bazel", *SOURCES):
            write(self.stigmer_apis / name, (ROOT / name).read_bytes())
        _write_other_repositories()
        # The Python behind this environment runs the binaries: the protobuf in @pypi fits it, and
        # it does not have our package.
        _link(WORK / "bin" / "python3", getattr(sys, "_base_executable", sys.executable))

    def build(self, label: str) -> FileDescriptorSet:
        """Build a `proto_library`, and return the files that it has itself."""
        self.bazel("build", label)
        repository, name = label.split("//:")
        folder = Path("external", repository[1:]) if repository else Path()
        image = self.folder / "bazel-bin" / folder / f"{name}-descriptor-set.proto.bin"
        return FileDescriptorSet.FromString(image.read_bytes())

    def bazel(self, command: str, *arguments: str) -> str:
        """Run a Bazel command and return what it printed to stdout."""
        repositories = list(_REPOSITORIES.iterdir())
        for repository in repositories:
            write(repository / "WORKSPACE", "")
        flags = [f"--override_repository={folder.name}={folder}" for folder in repositories]
        finished = subprocess.run(
            [*_BAZEL, command, *flags, *([] if command == "query" else _BUILD), *arguments],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{WORK / 'bin'}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
        )
        assert finished.returncode == 0, f"bazel {command} {arguments}\n{finished.stderr}"
        return finished.stdout


def _write_other_repositories() -> None:
    """Write the repositories that are not ours."""
    for file, rules in _RULES.items():
        write(_REPOSITORIES / file, "".join(f"{rule} = native.{rule}\n" for rule in rules.split()))
        write((_REPOSITORIES / file).parent / "BUILD.bazel", "")
    _write_protobuf(_REPOSITORIES / "protobuf")
    options = _REPOSITORIES / "protovalidate" / "proto" / "protovalidate" / "buf" / "validate"
    declared = (ROOT / "validation" / "buf" / "validate" / "validate.proto").read_text("utf-8")
    write(options / "BUILD.bazel", _PROTOVALIDATE.format(imports=_well_known_imports(declared)))
    write(options / "validate.proto", declared)
    protobuf = _REPOSITORIES / "pypi" / "protobuf"
    write(protobuf / "BUILD.bazel", _PYPI)
    _link(protobuf / "site-packages" / "google", Path(google.protobuf.__file__).parents[1])


def _write_protobuf(folder: Path) -> None:
    """Write a repository with the protoc and the well-known types of the code generator."""
    [types] = _CODEGEN.glob("lib/python3*/site-packages/grpc_tools/_proto/google/protobuf")
    imports: dict[str, list[str]] = {}
    for file in sorted(types.glob("*.proto")):
        text = file.read_text(encoding="utf-8")
        imports[file.stem] = _well_known_imports(text)
        write(folder / "src" / "google" / "protobuf" / file.name, text)
    write(folder / "BUILD.bazel", _PROTOBUF.format(imports=imports))
    protoc = f'#!/bin/sh\nexec "{_CODEGEN}/bin/python" -W ignore -m grpc_tools.protoc "$@"\n'
    write(folder / "protoc", protoc)
    (folder / "protoc").chmod(0o755)


def _well_known_imports(text: str) -> list[str]:
    return re.findall(r'^import "google/protobuf/(\w+)\.proto";', text, re.MULTILINE)


def write(file: Path, content: str | bytes) -> None:
    """Write a file, in folders that need not exist."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def _link(file: Path, target: str | Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.symlink_to(target)
