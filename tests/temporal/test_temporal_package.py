"""`stigmer_apis.temporal` as a package: what it exports and loads, and what it needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import stigmer_apis.temporal

# Hides a package from the import system as if it were not installed.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] == sys.argv[1]:
            return None
        return super().find_spec(fullname, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_type_checkers_and_the_import_system_see_the_same_names() -> None:
    source = ast.parse(Path(stigmer_apis.temporal.__file__ or "").read_text())
    [branch] = [node for node in source.body if isinstance(node, ast.If)]
    typed = [
        name.asname
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    ]
    exported: list[str] = getattr(stigmer_apis.temporal, "__all__")  # noqa: B009
    assert sorted(filter(None, typed)) == exported
    for name in exported:
        getattr(stigmer_apis.temporal, name)


def test_the_types_of_a_workflow_load_neither_grpc_nor_a_client_nor_a_message() -> None:
    loaded = run(
        "import sys; from stigmer_apis.temporal import TemporalWorkflowInput; "
        "print(*sys.modules, sep='\\n')"
    )
    assert loaded.returncode == 0, loaded.stderr
    names = loaded.stdout.split()
    assert "stigmer_apis.temporal.workflow_input" in names
    assert not {"grpc", "temporalio", "google.protobuf"} & set(names)


def test_without_the_sdk_it_says_what_to_install() -> None:
    finished = run(WITHOUT + "from stigmer_apis.temporal import execute", "temporalio")
    assert finished.returncode == 1
    assert 'needs the Temporal SDK: pip install "stigmer-apis[temporal]"' in finished.stderr


def test_the_package_needs_no_grpc() -> None:
    code = WITHOUT + "from stigmer_apis.temporal import *; print(execute, SystemActivities)"
    finished = run(code, "grpc")
    assert finished.returncode == 0, finished.stderr
