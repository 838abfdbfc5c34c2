"""Comments of the contract stay text, whatever they hold."""

from __future__ import annotations

import ast
import inspect
from itertools import product
from pathlib import Path

from tests.codegen.small_contract import SmallContract

_PIECES = ('"', '"""', "\\", "\\d", "\\N{", "C:\\Users", '""" + str(open("x", "w")) + """', "ü'")


def _classes(module: Path) -> dict[str, ast.ClassDef]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _docstring(node: ast.ClassDef | ast.FunctionDef) -> str:
    return inspect.cleandoc(ast.get_docstring(node) or "").strip()


def test_a_comment_does_not_run_when_its_stub_is_imported(small: SmallContract) -> None:
    comment = '// A controller.""" + str(open("x","w")) + """.\n'
    rpc = f"{comment}service X {{\n{comment}rpc get(B) returns (B);\n}}\n"
    small.write("small.v1", f"{comment}message B {{}}\n{rpc}", name="b")
    finished = small.generate()
    assert finished.returncode == 0, finished.stderr
    printed = small.run("from stigmer_apis.small.v1 import XStub, B; print(XStub.__doc__)")
    text = comment.removeprefix("// ").strip()
    assert printed.strip() == f"{text}\n\nAttributes:\n    get: {text}"


def test_every_comment_is_what_the_documentation_says(small: SmallContract) -> None:
    comments = [f"A {''.join(pieces)}." for pieces in product(_PIECES, repeat=2)]
    comments += [text.removesuffix(".") for text in comments] + [text[2:] for text in comments]
    declared = "".join(
        f"// {text}\nservice S{i} {{\n// {text}\n// and more\nrpc get(M{i}) returns (M{i}) {{\n"
        f"// {text}\noption deprecated = true;\n}}\n}}\n"
        f"// {text}\nmessage M{i} {{\n// {text}\noption deprecated = true;\n}}\n"
        for i, text in enumerate(comments)
    )
    small.write("small.v1", declared, name="b")
    finished = small.generate()
    assert finished.returncode == 0, finished.stderr
    folder = small.package / "small" / "v1"
    stubs, types = _classes(folder / "b_pb2_grpc.py"), _classes(folder / "b_pb2_grpc.pyi")
    messages = _classes(folder / "b_pb2.pyi")
    for i, text in enumerate(comments):
        said = [stubs[f"S{i}Stub"], types[f"S{i}Stub"], messages[f"M{i}"]]
        assert [_docstring(node) for node in said] == [text] * 3
        [get] = [n for n in stubs[f"S{i}Servicer"].body if isinstance(n, ast.FunctionDef)]
        assert _docstring(get) == f"{text}\nand more"
        assert text in [
            node.args[0].value
            for node in messages[f"M{i}"].decorator_list
            if isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant)
        ]


def test_a_comment_that_no_python_file_can_hold_is_refused(small: SmallContract) -> None:
    source = small.write("small.v1", "// A \0 byte.\nmessage B {}\n", name="b")
    assert str(source.relative_to(small.folder)) in small.refusal()
