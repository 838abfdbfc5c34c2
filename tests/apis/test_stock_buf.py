"""Stock buf works in a fresh clone: no `make` before, no network, nothing in its caches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.toolchain import Run

_API = "apis/ai/stigmer/agentic/workflowexecution/v1/api.proto"

_COMMANDS = [
    "build",
    "lint",
    "format --diff",
    "breaking --against .git#branch=main",
    # The steps of bufbuild/buf-action.
    "config ls-modules --format json",
    "build --error-format github-actions",
    "lint --error-format github-actions",
    "format --diff --error-format github-actions --exit-code",
    # The hooks of pre-commit that have other words.
    "format -w --exit-code",
    "generate",
    "dep update",
    "dep prune",
]

# {url} is that of the clone, {commit} its last commit.
_COMPARISONS = [
    "breaking --against .git#branch=main",
    "breaking --against .git#tag=v1",
    "breaking apis --against .git#branch=main,subdir=apis",
    "breaking apis --against .git#tag=v1,subdir=apis",
    "breaking apis --against releases/v0.3.0/schema.binpb",
    # What bufbuild/buf-action runs, without an input and with `input: apis`.
    "breaking --error-format github-actions --against {url}#format=git,commit={commit}",
    "breaking --error-format github-actions "
    "--against {url}#format=git,commit={commit},subdir=apis apis",
]

_TEMPLATE = """
version: v2
plugins:
  - protoc_builtin: python
    protoc_path: [python, -m, grpc_tools.protoc]
    out: gen
"""


@pytest.fixture(scope="module")
def clone(pristine_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the repository afresh, with its one commit on `main` and tagged `v1`."""
    folder = tmp_path_factory.mktemp("stock")
    _git(folder, "clone", "--quiet", str(pristine_checkout), "clone")
    _git(folder / "clone", "tag", "v1")
    return folder / "clone"


@pytest.fixture
def changed(clone: Path) -> Iterator[Path]:
    """Rename a field of the contract in the clone, for one test."""
    source = clone / _API
    text = source.read_text()
    assert "bytes callback_token = 11" in text
    source.write_text(text.replace("bytes callback_token = 11", "bytes callback_tokens = 11"))
    yield clone
    source.write_text(text)


@pytest.fixture(scope="module")
def environment(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Set PATH to buf and the plugins, with an empty home and cache and no way to the network."""
    home = tmp_path_factory.mktemp("home")
    return {
        "PATH": os.pathsep.join([str(toolchain), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "BUF_CACHE_DIR": str(home / "cache"),
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }


@pytest.fixture(scope="module")
def stock_buf(environment: dict[str, str]) -> Run:
    """Run buf as somebody does who has never run `make`."""

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = ["buf", *arguments]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("command", _COMMANDS)
def test_it_succeeds_and_leaves_the_clone_as_it_was(
    stock_buf: Run, clone: Path, command: str
) -> None:
    finished = stock_buf(*_arguments(command, clone), cwd=clone)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert _git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize("command", _COMPARISONS)
def test_a_breaking_change_is_all_that_is_found(
    stock_buf: Run, changed: Path, command: str
) -> None:
    finished = stock_buf(*_arguments(command, changed), cwd=changed)
    assert finished.returncode == 100, finished.stderr
    found = finished.stdout.splitlines()
    assert len(found) == 2, found
    assert 'changed name from "callback_token" to "callback_tokens"' in finished.stdout
    assert 'changed option "json_name" from "callbackToken" to "callbackTokens"' in finished.stdout


def test_an_export_is_a_whole_schema(stock_buf: Run, clone: Path, tmp_path: Path) -> None:
    exported = stock_buf("export", ".", "--output", str(tmp_path), cwd=clone)
    assert exported.returncode == 0, exported.stderr
    for folder in ("apis", "validation"):
        for source in (clone / folder).rglob("*.proto"):
            assert (tmp_path / source.relative_to(clone / folder)).is_file(), source
    built = stock_buf("build", cwd=tmp_path)
    assert built.returncode == 0, built.stderr


class TestGenerate:
    """`buf generate`, in the clone and with the clone as an input."""

    def test_it_writes_the_contract_as_it_is_into_build_and_nothing_else(
        self, stock_buf: Run, changed: Path, environment: dict[str, str]
    ) -> None:
        shutil.rmtree(changed / "build", ignore_errors=True)
        finished = stock_buf("generate", cwd=changed)
        assert finished.returncode == 0, finished.stderr
        ignored = _git(changed, "status", "--porcelain", "--ignored")
        assert ignored.splitlines() == [f" M {_API}", "!! build/"]
        assert [path.name for path in (changed / "build").iterdir()] == ["python"]
        python = changed / "build" / "python"
        code = (
            "from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecutionStatus\n"
            "print(WorkflowExecutionStatus(callback_tokens=b'x').callback_tokens)"
        )
        ran = subprocess.run(
            ["python", "-c", code],
            env={**environment, "PYTHONPATH": str(python)},
            capture_output=True,
            text=True,
        )
        assert ran.stdout == "b'x'\n", ran.stderr
        stub = python / "ai/stigmer/agentic/workflowexecution/v1/command_pb2_grpc.py"
        assert "class WorkflowExecutionCommandControllerStub" in stub.read_text()

    def test_modules_of_an_earlier_run_go(self, stock_buf: Run, clone: Path) -> None:
        stale = clone / "build/python/ai/stigmer/gone_pb2.py"
        stale.parent.mkdir(parents=True, exist_ok=True)
        stale.write_text("")
        beside = clone / "build" / "image.binpb"
        beside.write_bytes(b"of somebody else")
        assert stock_buf("generate", cwd=clone).returncode == 0
        assert not stale.exists()
        assert beside.read_bytes() == b"of somebody else"

    @pytest.mark.parametrize("revision", ["branch=main", "tag=v1"])
    def test_another_folder_takes_the_clone_as_a_git_input(
        self, stock_buf: Run, clone: Path, tmp_path: Path, revision: str
    ) -> None:
        (tmp_path / "buf.gen.yaml").write_text(_TEMPLATE)
        finished = stock_buf("generate", f"{clone}/.git#{revision},subdir=apis", cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert [path.name for path in (tmp_path / "gen").iterdir()] == ["ai"]
        generated = {path.name for path in (tmp_path / "gen").rglob("api_pb2.py")}
        assert generated

    def test_the_whole_workspace_is_an_input_too(
        self, stock_buf: Run, clone: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "buf.gen.yaml").write_text(_TEMPLATE)
        finished = stock_buf("generate", f"{clone}/.git", cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert {path.name for path in (tmp_path / "gen").iterdir()} == {"ai", "buf"}


def test_the_language_server_knows_the_validation_options(
    environment: dict[str, str], clone: Path
) -> None:
    source = clone / _API
    lines = source.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "(buf.validate.field)" in line)
    position = {"line": at, "character": lines[at].index("validate.field") + len("validate.f")}
    document = {"uri": source.as_uri()}
    opened = {**document, "languageId": "proto", "version": 1, "text": source.read_text()}
    hover = {"textDocument": document, "position": position}
    messages: list[dict[str, Any]] = [
        {
            "id": 1,
            "method": "initialize",
            "params": {"rootUri": clone.as_uri(), "capabilities": {}},
        },
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": opened}},
        {"id": 2, "method": "textDocument/hover", "params": hover},
    ]
    command = ["buf", "lsp", "serve"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=clone, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdin is not None
        for message in messages:
            content = json.dumps({"jsonrpc": "2.0", **message}).encode()
            server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        server.stdin.flush()
        answers = list(_until_answer(server, 2))
        server.kill()
    assert "The rules of a field." in json.dumps(answers[-1])
    found = [m["params"]["diagnostics"] for m in answers if "diagnostics" in m.get("params", {})]
    assert found
    assert not any(found)


def _until_answer(server: subprocess.Popen[bytes], request: int) -> Iterator[dict[str, Any]]:
    assert server.stdout is not None
    while True:
        length = 0
        while header := server.stdout.readline().strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(server.stdout.read(length))
        yield message
        if message.get("id") == request and "method" not in message:
            return


def _arguments(command: str, clone: Path) -> list[str]:
    commit = _git(clone, "rev-parse", "v1").strip()
    return command.format(url=f"{clone.as_uri()}/.git", commit=commit).split()


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
