"""`.ci/run` runs every step, reports the time of each, and fails if any step fails.

`make` is a fake: it records the target, and fails for the given one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

MAKE = """#!/usr/bin/env bash
echo "$1" >> made
echo "output of $1"
mkdir -p build/codegen && touch build/codegen/record.json
[ "$1" != "$DRIFTS" ] || echo changed >> docs/runtimes.md
[ "$1" != "$FAILS" ] || [ -z "$WAITS" ] || until [ -s waiting ]; do sleep 0.05; done
[ "$1" != "$WAITS" ] || { echo $$ > waiting; sleep 300; }
[ "$1" != "$FAILS" ]
"""
STEPS = [
    *["protos", "check", "actionlint", "test", "bench-check", "matrix", "runtimes", "neighbours"],
    *["environments", "handshake", "interop", "bazel", "conformance", "docs-test"],
]


class Project:
    """Return a folder with `.ci/run` and a fake `make`."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder / "project"
        (self.folder / "docs").mkdir(parents=True)
        (self.folder / "docs" / "runtimes.md").write_text("A page.\n")
        (self.folder / ".gitignore").write_text("/build/\nmade\nwaiting\n")
        shutil.copytree(root / ".ci", self.folder / ".ci")
        self._tools = folder / "tools"
        self._tools.mkdir()
        uname = "#!/bin/sh\necho ${MACHINE:-Linux x86_64}\n"
        fakes = {"make": MAKE, "dpkg": "#!/bin/sh\n", "npm": "#!/bin/sh\n", "uname": uname}
        for name, text in fakes.items():
            (self._tools / name).write_text(text)
            (self._tools / name).chmod(0o755)
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "base"]):
            identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
            subprocess.run(["git", *identity, *command], cwd=self.folder, check=True)

    def run(self, *steps: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `.ci/run`, where `FAILS`, `DRIFTS` or `WAITS` names the target with that behavior."""
        environment = {"FAILS": "", "DRIFTS": "", "WAITS": "", **variables}
        return subprocess.run(
            [".ci/run", *steps],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self._tools}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def made(self) -> list[str]:
        """Return the targets that were made, in order."""
        return (self.folder / "made").read_text().split()


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Project:
    return Project(root, tmp_path)


def took(output: str) -> list[str]:
    """Return the steps in the final list, which reports the time of each."""
    return re.findall(r"^ +\d+ s  (\S+)$", output.partition(" s in total\n")[2], re.MULTILINE)


def test_every_step_runs_and_says_how_long_it_took(project: Project) -> None:
    finished = project.run()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert sorted(set(project.made)) == sorted([*STEPS, "generate"])
    assert sorted(took(finished.stdout)) == sorted(STEPS)
    assert finished.stdout.endswith("ci: passed\n")


@pytest.mark.parametrize("failing", STEPS)
def test_a_step_that_fails_fails_the_run_with_its_output(project: Project, failing: str) -> None:
    finished = project.run(FAILS=failing)
    assert finished.returncode != 0
    assert finished.stdout.count(f"output of {failing}\n") == 1
    assert failing not in took(finished.stdout)
    assert "ci: failed" in finished.stderr
    assert "passed" not in finished.stdout


def test_a_step_that_fails_ends_what_runs_beside_it(project: Project) -> None:
    finished = project.run(FAILS="neighbours", WAITS="handshake")
    assert finished.returncode != 0
    assert "output of handshake\n" in finished.stdout
    waiting = int((project.folder / "waiting").read_text())
    # A killed process keeps its ID until the system has collected it.
    deadline = time.monotonic() + 30
    while _is_running(waiting):
        assert time.monotonic() < deadline, "the step in the background was not stopped"
        time.sleep(0.05)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_step_runs_alone(project: Project) -> None:
    finished = project.run("check")
    assert finished.returncode == 0, finished.stderr
    assert project.made == ["check"]
    assert took(finished.stdout) == ["check"]


def test_a_machine_without_the_conformance_suite_says_so(project: Project) -> None:
    finished = project.run("conformance", MACHINE="Darwin arm64")
    assert finished.returncode == 0, finished.stderr
    assert "did not run, because its runner needs npm and Linux on x86-64\n" in finished.stdout
    assert not (project.folder / "made").exists()


def test_a_generated_file_that_differs_fails_its_step(project: Project) -> None:
    finished = project.run("runtimes", DRIFTS="runtimes")
    assert finished.returncode != 0
    assert " M docs/runtimes.md" in finished.stdout
    assert "differ from what `make runtimes` writes; run it and commit" in finished.stderr


@pytest.mark.parametrize("arguments", [["nothing"], ["check", "test"]])
def test_an_unknown_step_is_refused_with_the_names_of_all(
    project: Project, arguments: list[str]
) -> None:
    finished = project.run(*arguments)
    assert finished.returncode == 2
    assert f"unknown step '{' '.join(arguments)}'; choose one of: {' '.join(STEPS)}" in (
        finished.stderr
    )
    assert not (project.folder / "made").exists()


def test_the_workflow_has_a_job_for_every_step(root: Path) -> None:
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text()
    listed = re.search(r"^ +step: \[(.*)\]$", workflow, re.MULTILINE)
    assert listed, "the jobs of the workflow are no list of steps any more"
    assert sorted(listed[1].split(", ")) == sorted(STEPS)


@pytest.mark.toolchain
def test_dependabot_updates_every_folder_that_pins_something(root: Path) -> None:
    import yaml  # `make matrix` has none

    ecosystems = {".in": "uv", ".sum": "gomod", ".json": "npm", ".xml": "maven", ".toml": "cargo"}
    names = ["*.in", "go.sum", "package-lock.json", "pom.xml", "Cargo.toml"]
    command = ["git", "ls-files", "-z", "--", *(f":(glob)**/{name}" for name in names)]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    files = [Path("/", name) for name in listed.split("\0") if name]
    updated = {
        (update["package-ecosystem"], Path(folder))
        for update in yaml.safe_load((root / ".github/dependabot.yml").read_text())["updates"]
        for folder in update.get("directories", [update.get("directory")])
        if update["package-ecosystem"] != "github-actions"
    }
    assert updated == {(ecosystems[file.suffix], file.parent) for file in files}


def test_the_classifiers_name_the_python_versions_that_ci_runs(root: Path) -> None:
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text()
    settings = re.findall(r"^ +python(?:-version)?: (.*)$", workflow, re.MULTILINE)
    tested = {version for line in settings for version in re.findall(r'"(3\.\d+)"', line)}
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert set(named) == tested, "the classifiers differ from the versions in ci.yml"
