"""What a type stub declares exists at run time, with the same documentation."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import stigmer_apis
from stigmer_apis.agentic.workflow.v1 import Export
from stigmer_apis.agentic.workflowexecution.v1 import (
    ExecutionPhase,
    WorkflowExecutionCommandControllerAsyncStub,
    WorkflowExecutionCommandControllerServicer,
    WorkflowExecutionCommandControllerStub,
    WorkflowExecutionStatus,
)
from tests.each import for_each

PACKAGE = Path(stigmer_apis.__file__).parent


def module_of(file: Path) -> str:
    path = file.relative_to(PACKAGE.parent).with_suffix("")
    return ".".join(path.parts).removesuffix(".__init__")


STUBS = {module_of(file): file for file in PACKAGE.rglob("*.pyi")}
HAND_WRITTEN = {
    module_of(file): file
    for file in PACKAGE.rglob("*.py")
    if not file.with_suffix(".pyi").exists() and "-" not in file.stem
}


def declared(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the public names that a type checker takes from a module or class, in any branch."""
    for node in body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name, node
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node
            case ast.Assign(targets=targets):
                yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))
            case ast.ImportFrom(names=names):
                yield from ((alias.name, node) for alias in names if alias.asname == alias.name)
            case ast.If():
                yield from declared([*node.body, *node.orelse])
            case _:
                pass


def missing(owner: Any, path: str, body: list[ast.stmt]) -> Iterator[str]:
    """Yield the declared names that do not exist. Fields are attributes of a message."""
    descriptor: Any = getattr(owner, "DESCRIPTOR", None)
    fields: Any = getattr(descriptor, "fields_by_name", {})
    for name, node in declared(body):
        if name.startswith("_") or name in fields:
            continue
        if not hasattr(owner, name):
            yield f"{path}.{name}"
        elif isinstance(node, ast.ClassDef):
            yield from missing(getattr(owner, name), f"{path}.{name}", node.body)


def rpcs(owner: Any) -> set[str]:
    stub: object = owner(grpc.insecure_channel("localhost:1"))
    return set(vars(stub))


@for_each(STUBS | HAND_WRITTEN)
def test_every_public_name_that_type_checkers_know_exists(file: Path) -> None:
    module = importlib.import_module(module_of(file))
    absent = set(missing(module, module.__name__, ast.parse(file.read_text("utf-8")).body))
    if module.__name__.endswith("_pb2_grpc"):  # RPCs are attributes of a stub, not of its class.
        for name, stub in inspect.getmembers(module, inspect.isclass):
            if name.endswith("Stub"):
                absent -= {f"{module.__name__}.{name}.{rpc}" for rpc in rpcs(stub)}
    assert sorted(absent) == []


def test_a_missing_name_of_any_kind_is_found() -> None:
    stub = "if x:\n class A:\n  b: int\n  class C: ...\ndef f(): ...\nfrom m import d as d"

    class A: ...

    found = missing(type("m", (), {"A": A}), "m", ast.parse(stub).body)
    assert set(found) == {"m.A.b", "m.A.C", "m.f", "m.d"}


def documented(body: list[ast.stmt], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield class, member (or none) and docstring of everything that a type stub documents."""
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node, after:
            case ast.ClassDef(name=name), _:
                yield f"{path}{name}", "", ast.get_docstring(node) or ""
                yield from documented(node.body, f"{path}{name}.")
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield path[:-1], name, text
            case ast.FunctionDef(name=name), _:
                yield path[:-1], name, ast.get_docstring(node) or ""
            case _:
                pass


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@for_each({name: file for name, file in STUBS.items() if "_pb2" in name})
def test_docstrings_at_run_time_say_what_the_type_stub_says(file: Path) -> None:
    module = importlib.import_module(module_of(file))
    for path, member, text in documented(ast.parse(file.read_text("utf-8")).body):
        owner: Any = module
        # The values of an enum are documented in a private class, which is its type.
        for name in re.sub(r"\b_(\w+)EnumTypeWrapper", r"\1", path).split("."):
            owner = getattr(owner, name, None)
        if not text or owner is None or not path:
            continue
        if path.endswith("Servicer") and member:
            assert words(text) in words(getattr(owner, member).__doc__), f"{path}.{member}"
        else:
            expected = f"{member}: {words(text)}" if member else words(text)
            assert expected in words(owner.__doc__), f"{path}.{member}"


@pytest.mark.parametrize(
    ("documented", "texts"),
    [
        (
            WorkflowExecutionStatus,
            [
                "The observed state of a workflow execution.",
                "callback_token: The task token of the external activity",
                "phase: The phase of the execution.",
            ],
        ),
        (Export, ["as: The expression that computes the new context"]),
        (ExecutionPhase, ["They only move forward", "EXECUTION_FAILED: The execution ended with"]),
        (WorkflowExecutionCommandControllerStub, ["updateStatus: Reports the progress"]),
        (WorkflowExecutionCommandControllerAsyncStub, ["updateStatus: Reports the progress"]),
        (WorkflowExecutionCommandControllerServicer, ["Reports the progress of an execution"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_help_shows_what_the_contract_says(documented: Any, texts: list[str]) -> None:
    shown = pydoc.plain(pydoc.render_doc(documented))
    for text in texts:
        assert text in shown


def test_the_docstring_of_a_class_is_that_of_its_messages() -> None:
    assert WorkflowExecutionStatus().__doc__ == inspect.getdoc(WorkflowExecutionStatus)


def test_a_stub_has_the_class_that_its_type_states() -> None:
    async def on_asyncio() -> object:
        async with grpc.aio.insecure_channel("localhost:1") as channel:
            return WorkflowExecutionCommandControllerStub(channel)

    with grpc.insecure_channel("localhost:1") as channel:
        assert type(WorkflowExecutionCommandControllerStub(channel)) is (
            WorkflowExecutionCommandControllerStub
        )
    assert type(asyncio.run(on_asyncio())) is WorkflowExecutionCommandControllerAsyncStub


def test_a_subclass_of_a_stub_may_take_other_arguments() -> None:
    class Commands(WorkflowExecutionCommandControllerStub):
        def __init__(self, address: str, *, timeout: float) -> None:
            with grpc.insecure_channel(address) as channel:
                super().__init__(channel)  # pyright: ignore[reportCallIssue]
            self.timeout = timeout

    commands: Any = Commands  # The type of a stub takes a channel, and nothing else.
    assert commands("localhost:1", timeout=5).timeout == 5
