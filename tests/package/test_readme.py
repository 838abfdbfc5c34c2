"""The README's examples run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def _blocks(root: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


def test_the_examples_run_one_after_the_other(root: Path) -> None:
    examples = _blocks(root, "python")
    assert len(examples) == 5
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(examples)], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert '"workflowId": "wfl-01jd0m2v9c"' in finished.stdout
    assert "metadata: owner_scope of a workflow execution must be" in finished.stdout
    for written in (finished.stderr, finished.stdout):
        assert 'callback_token: "[REDACTED sha256:9f9f5111f7b2]"' in written


def test_the_extras_are_those_of_the_package(root: Path) -> None:
    named = re.findall(r'"stigmer-apis\[(\w+)\]"', "".join(_blocks(root, "sh")))
    section = (root / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
    declared = re.findall(r"^(\w+) = \[", section.split("\n\n")[0], re.MULTILINE)
    assert sorted(named) == sorted(declared)


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
