"""Relocation of generated modules from the proto path `ai/stigmer/...` to `stigmer_apis`.

The generators always derive module names from proto paths. Two things in a module depend on its
name: the imports of other generated modules, and the module name of its message classes, which
pickle and `__module__` use. The registered file names (`ai/stigmer/...proto`) and the RPC paths
stay, because they belong to the contract. The code is therefore edited at the positions of names in
its syntax tree, never by text search: comments and serialized descriptors contain the same words.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from codegen.project import PROTO_ROOT, StepError

PYTHON_ROOT = "stigmer_apis"
_END_OF_LINE = sys.maxsize
_DELETED = b"\0"


class _Edit(NamedTuple):
    line: int  # from 1
    start: int  # in bytes, as in ast
    end: int
    text: str


def relocate_path(path: PurePosixPath) -> PurePosixPath:
    """Return the path in the package of the module at `path` in the generators' output.

    Raises:
        ValueError: `path` is not below `ai/stigmer/`.
    """
    return path.relative_to(PROTO_ROOT.replace(".", "/"))


def relocate_name(module: str) -> str:
    """Return the Python name of a generated module or proto package below `ai.stigmer`."""
    return PYTHON_ROOT + module.removeprefix(PROTO_ROOT)


def relocate_source(
    source: str,
    path: PurePosixPath,
    safe: Sequence[str] = (),
    docs: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the source of a generated module (`.py` or `.pyi`) with its names relocated.

    Make the classes named in `safe` print without their secrets as soon as they exist, and give
    those in `docs` their docstrings.

    Also correct defects of the generators:

    - `import grpc` becomes an import from `stigmer_apis._grpc`, which states which extra to install
      if grpc is missing.
    - Every name in a type stub that code can use exists at run time: `XAsyncStub` is defined, the
      aliases `Global___X` are private, and enums have no alias `V`.
    - A file is added to the descriptor pool by `stigmer_apis._pool`, which names the other copy of
      it if there is one.
    - mypy-protobuf declares two version constants in `*_pb2_grpc.pyi` that the gRPC generator of
      1.62 does not write, and omits the type arguments of `_aio.ServicerContext`, which makes every
      servicer method partially unknown to pyright.

    Raises:
        StepError: The module is not valid Python, defines a name twice, or imports another
            generated module in an unknown form. The message names the .proto file.
    """
    with _errors(path):
        tree = ast.parse(source)
        _check_once(tree)
        lines = source.encode().split(b"\n")
        for edit in sorted(_edits(tree, path, safe, docs), reverse=True):
            line = lines[edit.line - 1]
            lines[edit.line - 1] = line[: edit.start] + edit.text.encode() + line[edit.end :]
    relocated = b"\n".join(line for line in lines if line != _DELETED).decode()
    if path.suffix == ".py":
        check_source(relocated, path)
    return relocated


def check_source(source: str, path: PurePosixPath) -> None:
    """Check that Python compiles a generated module without a warning.

    Raises:
        StepError: It does not. The message names the .proto file or, for an `__init__`, the module.
    """
    with _errors(path):
        compile(source, path, "exec", dont_inherit=True)


@contextmanager
def _errors(path: PurePosixPath) -> Generator[None]:
    """Turn any error in a module, including warnings, into one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except (SyntaxError, ValueError, RecursionError, Warning) as error:
        stem, generated = re.subn(r"_pb2(_grpc)?$", "", path.stem)
        origin = f"{path.with_name(stem)}.proto" if generated else f"{path.parent}/"
        raise StepError(
            f"apis/{origin}: {path.name}, which is generated from it, is not valid Python: "
            f"{error}; change the name or comment that causes this"
        ) from error


def _check_once(tree: ast.Module) -> None:
    defined: set[str] = set()
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names = [alias.asname or alias.name for alias in aliases]
            case _:
                continue
        for name in names:
            if name in defined:
                raise ValueError(f"it defines `{name}` twice")
            defined.add(name)


def _edits(
    tree: ast.Module, path: PurePosixPath, safe: Sequence[str], docs: Mapping[str, str]
) -> Iterator[_Edit]:
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=str(module)) if _is_ours(module):
                start = node.col_offset + len("from ")
                yield _Edit(node.lineno, start, start + len(module), relocate_name(module))
            case ast.Import(names=[ast.alias(name="grpc", asname=None)]) if path.suffix == ".py":
                text = f"from {PYTHON_ROOT}._grpc import async_stub, grpc"
                yield _Edit(node.lineno, node.col_offset, node.end_col_offset or 0, text)
            case ast.Import(names=names) if any(_is_ours(alias.name) for alias in names):
                raise ValueError(f"unknown form of import in line {node.lineno}")
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(attr="BuildTopDescriptorsAndMessages"),
                    args=[_, ast.Constant(value=str(module)) as name, _],
                )
            ):
                text = repr(relocate_name(module))
                yield _Edit(name.lineno, name.col_offset, name.end_col_offset or 0, text)
                end = node.end_col_offset or 0
                text = ""
                for class_name, docstring in docs.items():
                    outer, *nested = class_name.split(".")
                    there = ".".join([f"_globals[{outer!r}]", *nested])
                    text += f"\n{there}.__doc__ = {docstring!r}"
                if safe:
                    text += f"\nfrom {PYTHON_ROOT} import _printing"
                    text += f"\n_printing.install(_globals, {', '.join(map(repr, safe))})"
                yield _Edit(node.lineno, end, end, text)
            case ast.ImportFrom(
                module="google.protobuf", names=[ast.alias(asname="_descriptor_pool")]
            ):
                text = f"from {PYTHON_ROOT} import _pool"
                yield _Edit(node.lineno, node.col_offset, node.end_col_offset or 0, text)
            case ast.Assign(
                value=ast.Call(
                    func=ast.Attribute(attr="AddSerializedFile") as add,
                    args=[ast.Constant(value=bytes(file)) as argument],
                )
            ):
                text = f"_pool.add_file({FileDescriptorProto.FromString(file).name!r}, "
                yield _Edit(node.lineno, add.col_offset, argument.col_offset, text)
            case ast.AnnAssign(target=ast.Name(id="GRPC_GENERATED_VERSION" | "GRPC_VERSION")):
                yield _Edit(node.lineno, 0, _END_OF_LINE, _DELETED.decode())
            case ast.ClassDef(
                name=str(stub), body=[*_, ast.FunctionDef(name="__init__") as init]
            ) if stub.endswith("Stub") and path.suffix == ".py":
                service = stub.removesuffix("Stub")
                text = f"\n\n\n{stub}.__doc__ = {docs.get(service, '')!r}"
                text += f"\n{service}AsyncStub = async_stub({stub})"
                yield _Edit(init.end_lineno or 0, init.end_col_offset or 0, _END_OF_LINE, text)
            case ast.ClassDef(decorator_list=[ast.Attribute(attr="type_check_only") as decorator]):
                yield _Edit(decorator.lineno, 0, _END_OF_LINE, _DELETED.decode())
            case ast.ClassDef(name="_ServicerContext", bases=[_, ast.Attribute() as base]):
                text = "[_typing.Any, _typing.Any]):  # type: ignore[misc]"
                yield _Edit(base.lineno, base.end_col_offset or 0, _END_OF_LINE, text)
            case _:
                pass
    for inner in ast.walk(tree) if path.suffix == ".pyi" else ():
        match inner:
            case ast.Name(id=alias) if alias.startswith("Global___"):
                yield _Edit(inner.lineno, inner.col_offset, inner.end_col_offset or 0, f"_{alias}")
            case ast.AnnAssign(target=ast.Name(id="V"), value=ast.Name(id="ValueType")):
                yield _Edit(inner.lineno, 0, _END_OF_LINE, _DELETED.decode())
            case _:
                pass


def _is_ours(module: str) -> bool:
    return module == PROTO_ROOT or module.startswith(PROTO_ROOT + ".")
