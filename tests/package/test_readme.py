"""The examples of the README and of the guides run as written, and every link resolves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def _run_examples(page: Path, count: int) -> subprocess.CompletedProcess[str]:
    """Run the Python blocks of a page, one after the other in one process."""
    examples = _blocks(page, "python")
    assert len(examples) == count
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(examples)], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return finished


def test_the_examples_of_the_readme_run_one_after_the_other(root: Path) -> None:
    finished = _run_examples(root / "README.md", count=4)
    assert '"workflowId": "wfl-01jd0m2v9c"' in finished.stdout
    assert "metadata: owner_scope of a workflow execution must be" in finished.stdout
    for written in (finished.stderr, finished.stdout):
        assert 'callback_token: "[REDACTED sha256:9f9f5111f7b2]"' in written


def test_the_examples_of_the_page_on_python_run_one_after_the_other(root: Path) -> None:
    printed = _run_examples(root / "docs/python.md", count=3).stdout.splitlines()
    assert printed[0] == "${ .items }"
    assert ast.literal_eval(printed[1]) == {"order": 17.0, "items": ["tea", "cups"]}


def test_the_extras_are_those_of_the_package(root: Path) -> None:
    named = re.findall(r'"\.\[(\w+)\]"', "".join(_blocks(root / "README.md", "sh")))
    section = (root / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
    declared = re.findall(r"^(\w+) = \[", section.split("\n\n")[0], re.MULTILINE)
    assert sorted(named) == sorted(declared)


def test_the_example_of_the_page_on_spec_and_status_runs(root: Path) -> None:
    _run_examples(root / "docs/spec-and-status.md", count=1)


def test_every_page_with_python_has_a_test(root: Path) -> None:
    tests = "".join(test.read_text() for test in root.glob("tests/**/*.py"))
    pages = [page for page in root.glob("docs/*.md") if _blocks(page, "python")]
    assert len(pages) > 5
    assert [page.name for page in pages if page.name not in tests] == []


def test_every_link_into_the_repository_leads_somewhere(root: Path) -> None:
    for page in [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("tests/**/README.md")]:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            path = target.partition("#")[0]
            assert "://" in target or (page.parent / path).exists(), f"{page}: {target}"


def test_the_changelog_begins_with_the_version_of_the_package(root: Path) -> None:
    import stigmer_apis

    headings = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == stigmer_apis.__version__
    assert headings in (released, ["Unreleased", *released]), "what is unreleased comes first"
