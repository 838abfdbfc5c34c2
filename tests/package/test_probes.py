"""Code that asks what there is: `hasattr`, `help`, `import *`, and tests that replace modules."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from tests.each import for_each
from tests.package.test_exports import EXPORTS
from tests.package.test_imports import STUB, V1, output_of, run

# Hides all extras from the import system as if they were not installed.
WITHOUT_EXTRAS = """
import sys
from importlib.machinery import PathFinder

class WithoutExtras(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in ("grpc", "temporalio", "protovalidate"):
            return None
        return super().find_spec(fullname, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutExtras
"""

ASK_EVERY_PACKAGE = """
import importlib, inspect, json, pkgutil, pydoc
import stigmer_apis

modules = pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis.")
packages = ["stigmer_apis", *(module.name for module in modules if module.ispkg)]
shown = {}
for name in packages:
    package = importlib.import_module(name)
    names = [name for name in dir(package) if hasattr(package, name)]
    assert set(names) <= set(dict(inspect.getmembers(package))), name
    assert getattr(package, "no_such_name", None) is None
    pydoc.render_doc(package)
    star = {}
    exec(f"from {name} import *", star)
    shown[name] = sorted(star.keys() - {"__builtins__"})
print(json.dumps(shown))
"""


def test_every_package_can_be_asked_for_anything_without_an_extra() -> None:
    shown = output_of(WITHOUT_EXTRAS + ASK_EVERY_PACKAGE)
    assert {name: shown[name] for name in EXPORTS} == {
        package: sorted(name for name, module in names.items() if not module.endswith("_grpc"))
        for package, names in EXPORTS.items()
    }
    assert "TemporalWorkflowInput" in shown["stigmer_apis.temporal"]
    assert "data_converter" not in shown["stigmer_apis.temporal"]


@pytest.mark.parametrize(
    ("package", "name"), [(V1, STUB), ("stigmer_apis.temporal", "data_converter")]
)
def test_a_name_without_its_extra_is_no_attribute_and_cannot_be_imported(
    package: str, name: str
) -> None:
    code = f"""
import json, {package} as package
try:
    from {package} import {name}
except ImportError as error:
    imported = str(error)
try:
    package.{name}
except AttributeError as error:
    attribute = str(error)
print(json.dumps([hasattr(package, {name!r}), imported == attribute, imported]))
"""
    present, same, text = output_of(WITHOUT_EXTRAS + code)
    assert (present, same) == (False, True)
    assert 'pip install "stigmer-apis[' in text


# What test suites put in the place of grpc, and what a failed import leaves there.
REPLACEMENTS = {
    "nothing": "None",
    "a bare module": "types.ModuleType('grpc')",
    "a mock": "mock.MagicMock()",
    "an object": "object()",
}


@pytest.mark.parametrize("replacement", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_importing_a_message_asks_nothing_about_grpc(replacement: str) -> None:
    finished = run(f"""
import sys, types
from unittest import mock
sys.modules["grpc"] = {replacement}
from {V1} import WorkflowExecution
import {V1} as package
assert dir(package) and hasattr(package, "ExecutionPhase")
WorkflowExecution(kind="WorkflowExecution")
""")
    assert finished.returncode == 0, finished.stderr


def test_a_stub_works_while_grpc_is_a_mock() -> None:
    finished = run(f"""
import sys
from unittest import mock
sys.modules["grpc"] = mock.MagicMock()
from {V1} import {STUB}
channel = mock.Mock()
{STUB}(channel)
assert channel.unary_unary.call_count == 4
""")
    assert finished.returncode == 0, finished.stderr


@for_each({package: package for package in EXPORTS})
def test_a_replaced_name_is_back_after_the_test(package: str) -> None:
    exported = importlib.import_module(package)
    for name, module in EXPORTS[package].items():
        real = getattr(exported, name)
        with mock.patch(f"{package}.{module}.{name}") as replaced:
            assert getattr(exported, name) is replaced, name
        assert getattr(exported, name) is real, name
        with mock.patch(f"{package}.{name}") as replaced:
            assert getattr(exported, name) is replaced, name
        assert getattr(exported, name) is real, name
        assert name not in vars(exported), f"{name} would stay what it is now"


@pytest.mark.parametrize("package", [V1, "stigmer_apis.temporal"])
def test_a_replaced_module_is_gone_after_the_test(package: str) -> None:
    exported: Any = importlib.import_module(package)
    name, module = {V1: (STUB, "command_pb2_grpc")}.get(package, ("execute", "external_activity"))
    real = getattr(exported, name)
    replacement = ModuleType(module)
    replacement.__dict__[name] = sentinel = object()
    with mock.patch.dict(sys.modules, {f"{package}.{module}": replacement}):
        assert getattr(exported, name) is sentinel
    assert getattr(exported, name) is real
