"""The checks of a pull request, in a repository that has a copy of this one.

The steps of the action run as they are in its file. What GitHub does is done here: it sets up
Python, resolves expressions, and sets the variables of steps.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.conftest import make_environment
from tests.markdown import shown_files
from tests.schema_rules.test_breaking import git

WHO = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
FOLDER = "third_party/stigmer"
COPY = "third party/stigmer"
SESSION = "apis/ai/stigmer/agentic/session/v1"
TONE = """\
// The tones of a conversation.
syntax = "proto3";

package ai.stigmer.agentic.session.v1;

// The tone in which an agent answers.
enum SessionTone {
  // No tone is stated, so the agent chooses one.
  SESSION_TONE_UNSPECIFIED = 0;
}
"""
LANGUAGE = (
    "// The language of all answers, as a BCP 47 tag. Written by callers; empty means English."
)


class Outcome(NamedTuple):
    """What GitHub shows after a run of the action."""

    passed: bool
    annotations: set[tuple[str, int, str]]
    """The file, the line and the rule of each finding that has a place."""
    errors: list[str]
    """What is wrong without a place."""
    summary: str


class Workspace:
    """A checkout of a pull request, with the contract in a folder, and a copy of the action."""

    def __init__(self, folder: Path, contract: Path, root: Path, action: Path) -> None:
        self.folder = folder
        self.contract = contract
        self._action_path = action / ".github" / "actions" / "check-contract"
        self._root = root
        self._action = yaml.safe_load((self._action_path / "action.yml").read_text())

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a file of the contract."""
        source = self.contract / SESSION / name
        text = source.read_text()
        assert old in text
        source.write_text(text.replace(old, new, 1))

    def commit(self, variables: Mapping[str, str]) -> str:
        """Commit all changes, if the hooks let it, and return what they print."""
        git(self.folder, "add", "--all")
        return subprocess.run(
            ["git", *WHO, "commit", "--message=change"],
            cwd=self.folder,
            env={**make_environment(self._root), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ).stdout

    def check(self, **inputs: str) -> Outcome:
        """Commit the pull request, and run the steps of the action on it."""
        base = head(self.folder)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message=change")
        github = {"event": {"pull_request": {"base": {"sha": base}}}}
        defaults = {name: each["default"] for name, each in self._action["inputs"].items()}
        outputs = {"python": {"outputs": {"python-path": os.path.realpath(sys.executable)}}}
        contexts: dict[str, Any] = {"github": github, "steps": outputs}
        contexts["inputs"] = {
            name: _resolved(value, contexts) for name, value in {**defaults, **inputs}.items()
        }
        summary = self.folder.with_name("summary.md")
        summary.write_text("Of an earlier step.\n")
        environment = {
            **make_environment(self._root),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_ACTION_PATH": str(self._action_path),
        }
        del environment["PYTHON"]
        log, passed = "", True
        for step in self._action["runs"]["steps"]:
            if "uses" in step:
                assert step["uses"].startswith("actions/setup-python@"), "a step that is not known"
                continue
            assert (step["shell"], passed) == ("bash", True)
            variables = {key: _resolved(text, contexts) for key, text in step["env"].items()}
            finished = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.folder,
                env={**environment, **variables},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            log += finished.stdout
            passed = finished.returncode == 0
        print(log)
        found = re.findall(r"^::error file=(.*?),line=(\d+),.*\((\w+)\)$", log, re.MULTILINE)
        return Outcome(
            passed,
            {(path, int(line), rule) for path, line, rule in found},
            re.findall(r"^::error::(.*)$", log, re.MULTILINE),
            summary.read_text(),
        )


def head(folder: Path) -> str:
    """Return the commit that a repository is at."""
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()


def _resolved(text: str, contexts: Mapping[str, Any]) -> str:
    """Return a text in which each expression is replaced by the first of its values that exists."""

    def value(match: re.Match[str]) -> str:
        for path in match[1].split("||"):
            found: Any = contexts
            for name in path.strip().split("."):
                found = found.get(name, {})
            if found:
                return str(found)
        return ""

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


@pytest.fixture
def fork(checkout: Path, root: Path) -> Workspace:
    """Return a fork, which has the contract at its top."""
    return Workspace(checkout, checkout, root, checkout)


@pytest.fixture
def vendoring(pristine_checkout: Path, root: Path, tmp_path: Path) -> Workspace:
    """Return a repository that has a copy of this one in a folder."""
    folder = tmp_path / "service"
    contract = folder / COPY
    contract.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(pristine_checkout), str(contract)], check=True)
    (contract / ".git").rename(folder / ".git")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=vendored")
    return Workspace(folder, contract, root, contract)


@pytest.fixture
def shown(root: Path) -> dict[str, Any]:
    """Return the files that docs/pull-requests.md shows, for the folder of the copy."""
    files = shown_files((root / "docs" / "pull-requests.md").read_text())
    return {name: yaml.safe_load(text.replace(FOLDER, COPY)) for name, text in files.items()}


@pytest.fixture
def hooks(
    vendoring: Workspace,
    shown: dict[str, Any],
    pristine_checkout: Path,
    tmp_path: Path,
    root: Path,
) -> dict[str, str]:
    """Install the hooks, and return the variables that they need."""
    config = shown[".pre-commit-config.yaml"]
    config["repos"][0] |= {"repo": str(pristine_checkout), "rev": head(pristine_checkout)}
    (vendoring.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    variables = {"PRE_COMMIT_HOME": str(tmp_path / "hooks")}
    install = [str(root / ".venv" / "bin" / "pre-commit"), "install"]
    environment = {**os.environ, **variables}
    subprocess.run(install, cwd=vendoring.folder, env=environment, check=True, capture_output=True)
    return variables


def test_every_finding_is_shown_at_its_line(vendoring: Workspace, shown: dict[str, Any]) -> None:
    vendoring.edit("spec.proto", "  string subject = 2;", "    string topic = 2;")
    vendoring.edit("spec.proto", "= 5;\n", f"= 5;\n\n  {LANGUAGE}\n  string inLanguage = 7;\n")
    vendoring.edit("command.proto", "permission: can_edit", "permission: can_view")
    (vendoring.contract / "releases" / "v0.1.0" / "more.json").write_text("{}")
    (step,) = shown[".github/workflows/contract.yml"]["jobs"]["contract"]["steps"][1:]
    assert step["uses"] == f"./{COPY}/.github/actions/check-contract"
    outcome = vendoring.check(**step["with"])
    assert not outcome.passed
    assert {
        (path, (vendoring.folder / path).read_text().splitlines()[line - 1].strip(), rule)
        for path, line, rule in outcome.annotations
    } == {
        (f"{COPY}/{SESSION}/{name}", line, rule)
        for name, line, rule in [
            ("spec.proto", "string topic = 2;", "FORMAT"),
            ("spec.proto", "string inLanguage = 7;", "FIELD_LOWER_SNAKE_CASE"),
            ("spec.proto", "message SessionSpec {", "NUMBER_GAP"),
            ("command.proto", "rpc update(Session) returns (Session) {", "PERMISSION_FITS"),
            ("spec.proto", "string topic = 2;", "FIELD_SAME_JSON_NAME"),
            ("spec.proto", "string topic = 2;", "FIELD_SAME_NAME"),
            ("command.proto", "rpc update(Session) returns (Session) {", "AUTHORIZATION_KEPT"),
        ]
    }
    assert any("releases/v0.1.0 differs from revision" in error for error in outcome.errors)
    assert "- `SessionSpec.topic` (field): " in outcome.summary
    assert "**Breaking** (FIELD_SAME_JSON_NAME, FIELD_SAME_NAME)." in outcome.summary


def test_a_good_change_passes_and_its_summary_follows_what_is_there(fork: Workspace) -> None:
    fork.edit("spec.proto", "= 5;\n", f"= 5;\n\n  {LANGUAGE}\n  string language = 6;\n")
    outcome = fork.check()
    assert (outcome.passed, outcome.annotations, outcome.errors) == (True, set(), [])
    assert outcome.summary.startswith("Of an earlier step.\n# Contract changes since revision ")
    assert "1 element changed, none in a breaking way." in outcome.summary
    assert "- `SessionSpec.language` (field): " in outcome.summary


def test_a_copy_of_the_contract_alone_is_checked_by_the_repository_of_the_action(
    checkout: Path, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "service"
    shutil.copytree(checkout / "apis", folder / COPY / "apis")
    (folder / COPY / "Makefile").write_text("all:\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=vendored")
    service = Workspace(folder, folder / COPY, root, checkout)
    service.edit("spec.proto", "  string subject = 2;", "  string topic = 2;")
    outcome = service.check(path=COPY)
    assert not outcome.passed
    assert outcome.annotations == {
        (f"{COPY}/{SESSION}/spec.proto", 14, rule)
        for rule in ("FIELD_SAME_JSON_NAME", "FIELD_SAME_NAME")
    }
    assert "- `SessionSpec.topic` (field): " in outcome.summary
    worktrees = ["git", "worktree", "list"]
    assert len(subprocess.check_output(worktrees, cwd=folder).splitlines()) == 1


def test_a_folder_without_the_contract_is_told_in_one_sentence(fork: Workspace) -> None:
    outcome = fork.check(path="docs")
    assert not outcome.passed
    assert outcome.errors == [
        "check-contract: 'docs' has no apis/ai/stigmer; name the folder that has apis/"
    ]


def test_hooks_refuse_a_commit_until_it_is_right(
    vendoring: Workspace, hooks: dict[str, str], root: Path
) -> None:
    before = head(vendoring.folder)
    vendoring.edit("spec.proto", "  string subject = 2;", "    string subject = 2;")
    (vendoring.contract / SESSION / "tone.proto").write_text(TONE)
    exceptions = vendoring.contract / "schema_rules" / "exceptions.toml"
    as_it_was = exceptions.read_text()
    exceptions.write_text(f'{as_it_was}\n[NUMBER_GAP]\n"a.B" = "There is no such message."\n')
    refused = vendoring.commit(hooks)
    manifest = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    assert re.findall(r"^(.*?)\.+(Passed|Failed)$", refused, re.MULTILINE) == [
        (hook["name"], "Failed") for hook in manifest
    ]
    assert "lint: exceptions.toml excuses a.B from NUMBER_GAP" in refused
    assert "tone_pb2.py' did not match any file(s) known to git" in refused
    assert "generate: add the generated files above to the commit" in refused
    assert head(vendoring.folder) == before
    # The hooks have formatted and generated.
    exceptions.write_text(as_it_was)
    passed = vendoring.commit(hooks)
    assert passed.count("Passed") == len(manifest), passed
    changed = ["git", "show", "--name-only", "--format="]
    names = subprocess.check_output(changed, cwd=vendoring.folder, text=True).splitlines()
    assert f"{COPY}/{SESSION}/tone.proto" in names
    assert f"{COPY}/{SESSION}/spec.proto" not in names
    assert any(name.endswith("/tone_pb2.py") for name in names)
