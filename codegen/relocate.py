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
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from codegen.project import PROTO_ROOT

PYTHON_ROOT = "stigmer_apis"


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


def relocate_source(source: str, path: PurePosixPath) -> str:
    """Return the source of a generated module (`.py` or `.pyi`) with its names relocated.

    Also correct two defects of the generators:

    - `import grpc` becomes `from stigmer_apis._grpc import grpc`, which states which extra to
      install if grpc is missing.
    - mypy-protobuf declares two version constants in `*_pb2_grpc.pyi` that the gRPC generator of
      1.62 does not write, and omits the type arguments of `_aio.ServicerContext`, which makes every
      servicer method partially unknown to pyright.

    Raises:
        ValueError: The module imports another generated module in an unknown form.
    """
    lines = source.encode().split(b"\n")
    for edit in sorted(_edits(ast.parse(source), path), reverse=True):
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.start] + edit.text.encode() + line[edit.end :]
    relocated = b"\n".join(lines).decode()
    if path.name.endswith("_pb2_grpc.pyi"):
        relocated = _complete_grpc_stub(relocated)
    return relocated


def _edits(tree: ast.Module, path: PurePosixPath) -> Iterator[_Edit]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)) if _is_ours(module):
                start = node.col_offset + len("from ")
                yield _Edit(node.lineno, start, start + len(module), relocate_name(module))
            case ast.Import(names=[ast.alias(name="grpc", asname=None)]) if path.suffix == ".py":
                text = f"from {PYTHON_ROOT}._grpc import grpc"
                yield _Edit(node.lineno, node.col_offset, node.end_col_offset or 0, text)
            case ast.Import(names=names) if any(_is_ours(alias.name) for alias in names):
                raise ValueError(f"{path}:{node.lineno}: unknown form of import")
            case ast.Call(
                func=ast.Attribute(attr="BuildTopDescriptorsAndMessages"),
                args=[_, ast.Constant(value=str(module)) as name, _],
            ):
                text = repr(relocate_name(module))
                yield _Edit(name.lineno, name.col_offset, name.end_col_offset or 0, text)
            case _:
                pass


def _is_ours(module: str) -> bool:
    return module == PROTO_ROOT or module.startswith(PROTO_ROOT + ".")


def _complete_grpc_stub(source: str) -> str:
    source = re.sub(r"^GRPC_(GENERATED_)?VERSION: str\n", "", source, flags=re.MULTILINE)
    return source.replace(
        "_aio.ServicerContext):  # type: ignore[misc, type-arg]",
        "_aio.ServicerContext[_typing.Any, _typing.Any]):  # type: ignore[misc]",
    )
