"""docs/changing-the-contract.md, followed word by word, passes the gates and ends with a stub."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.toolchain import Run

_DEMO = ".venv/bin/python build/report_demo.py"
_FIXTURES = "make fixtures"


class Block(NamedTuple):
    """A code block of the page, and the sentence before it."""

    sentence: str
    language: str
    text: str


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """Return the Markdown of the guide."""
    return (root / "docs" / "changing-the-contract.md").read_text()


def test_following_the_page_ends_with_a_working_stub(page: str, checkout: Path, make: Run) -> None:
    ran: list[str] = []
    # The commands of the introduction come after every change.
    first, *blocks = _blocks(page)
    replaced = first
    for block in [*blocks, first]:
        if block.language == "sh":
            for command in (line.partition("#")[0].strip() for line in block.text.splitlines()):
                ran.append(command)
                if command == "make protos":
                    finished = make("protos")
                    assert finished.returncode == 0, finished.stdout + finished.stderr
                elif command == _DEMO:
                    assert _run_demo(checkout) == "rep-1 wex-1\n"
                else:
                    assert command == _FIXTURES  # writes the fixtures of this repository's package
        elif block.sentence.endswith("replace"):
            replaced = block
        elif block.sentence == "with":
            source = checkout / _path(replaced.sentence)
            assert replaced.text in source.read_text()
            source.write_text(source.read_text().replace(replaced.text, block.text))
        else:
            _write(checkout, block)
    assert ran == ["make protos", _DEMO, "make protos", _FIXTURES]
    for module in ("v1/query_pb2_grpc.py", "v2/api_pb2.py"):
        assert (checkout / "python/stigmer_apis/agentic/report" / module).is_file()


def test_the_table_of_names_has_every_rule_that_old_files_break(page: str, root: Path) -> None:
    config: dict[str, Any] = yaml.safe_load((root / "buf.yaml").read_text())
    named = re.findall(r"\| `([A-Z_]+)` \|$", page, re.MULTILINE)
    assert sorted(named) == sorted(config["lint"]["ignore_only"])


def _blocks(page: str) -> Iterator[Block]:
    pieces = re.split(r"^```(\w+)\n(.*?)^```\n", page, flags=re.DOTALL | re.MULTILINE)
    for prose, language, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=False):
        paragraph = " ".join(prose.strip().split("\n\n")[-1].split())
        yield Block(re.split(r"(?<=[.:]) (?=In |At )", paragraph)[-1], language, text)


def _write(checkout: Path, block: Block) -> None:
    """Do what the sentence before a block says: write a file, or add to one."""
    target = checkout / _path(block.sentence)
    if not block.sentence.startswith("At the end of"):
        assert not target.exists(), f"{target} is there; say where in it the block goes"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text)
        return
    text = target.read_text()
    element = re.search(r"At the end of `((?:message|enum|service) \w+)` in", block.sentence)
    if element is None:
        target.write_text(text + block.text)
        return
    start = text.index(f"\n{element[1]} {{\n")
    end = text.index("\n}\n", start) + 1
    target.write_text(f"{text[:end]}\n{block.text}{text[end:]}")


def _path(sentence: str) -> str:
    """The file that a sentence names."""
    (path,) = re.findall(r"`([\w./]+/[\w.]+)`", sentence)
    return path


def _run_demo(checkout: Path) -> str:
    # The environment of a checkout is a link to ours, which has our package installed.
    environment = {**os.environ, "PYTHONPATH": str(checkout / "python")}
    finished = subprocess.run(
        _DEMO.split(), cwd=checkout, env=environment, capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
