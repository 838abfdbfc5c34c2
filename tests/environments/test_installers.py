"""Every installer, from every source that the README names, installs the same working package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.environments.conftest import Tried
from tests.environments.places import (
    INSTALLERS,
    ROUND_TRIP,
    UV,
    WHEEL_HOUSE,
    Place,
    run,
    write_wheel,
)

Sources = dict[str, list[str]]

SOURCES = (
    "a wheel",
    "the sdist",
    "a checkout",
    "a git URL",
    "a tarball of the repository",
    "an index",
    "an index, without binaries",
    "a wheel house, offline",
)


@pytest.fixture
def sources(
    wheel: Path, sdist: Path, index: str, pristine_checkout: Path, tmp_path: Path
) -> Sources:
    """Return the arguments of pip and uv that install the package, by where it comes from."""
    tarball = tmp_path / "repository.tar.gz"
    archive = ["git", "archive", "--prefix=stigmer/", "--output", tarball, "HEAD"]
    run(archive, pristine_checkout)
    ours = f"--find-links={wheel.parent}"
    arguments = [
        [str(wheel)],
        [str(sdist)],
        [str(pristine_checkout)],
        [f"stigmer-apis @ git+file://{pristine_checkout}@main"],
        [str(tarball)],
        ["--index-url", index, "stigmer-apis"],
        ["--index-url", index, "--no-binary=stigmer-apis", "stigmer-apis"],
        [ours, "stigmer-apis"],
    ]
    return dict(zip(SOURCES, arguments, strict=True))


def pip(place: Place, *arguments: str | Path, indexed: bool = False) -> None:
    options = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": ""} if indexed else {}
    command = [INSTALLERS / "python", "-m", "pip", "--quiet", "--python", place.python]
    run([*command, *arguments], place.folder, **options)


def uv(place: Place, *arguments: str | Path, indexed: bool = False) -> None:
    command = [UV, "--quiet", "pip", arguments[0], "--python", place.python, *arguments[1:]]
    offline = [] if indexed else ["--no-index", f"--find-links={WHEEL_HOUSE}"]
    # A cache of its own: uv trusts that an index never gives other files for a version.
    cache = str(place.folder / "cache")
    run([*command, *offline], place.folder, UV_CACHE_DIR=cache, UV_OFFLINE=str(int(not indexed)))


installers = pytest.mark.parametrize("install", [pip, uv])


@installers
@pytest.mark.parametrize("source", SOURCES)
def test_the_package_installs_from(
    source: str,
    install: Callable[..., None],
    place: Place,
    sources: Sources,
    version: str,
    shipped: dict[str, str],
    tried: Tried,
) -> None:
    tried(install.__name__, source)
    install(place, "install", *sources[source], indexed="index" in source)

    assert place.run(ROUND_TRIP) == f"{version} {place.packages / 'stigmer_apis/__init__.py'}"
    assert place.ours() == shipped


@pytest.mark.parametrize("option", ["-I", "-OO", "-Xdev"])
def test_the_package_works_with_the_options_of_python(
    option: str, place: Place, wheel: Path
) -> None:
    uv(place, "install", str(wheel))

    assert place.run(ROUND_TRIP, option, "-W", "error")


@installers
def test_an_editable_install_runs_from_the_checkout(
    install: Callable[..., None], place: Place, pristine_checkout: Path, version: str, tried: Tried
) -> None:
    tried(install.__name__, "an editable checkout")
    install(place, "install", "--editable", str(pristine_checkout))

    module = pristine_checkout / "python" / "stigmer_apis" / "__init__.py"
    assert place.run(ROUND_TRIP) == f"{version} {module}"


@installers
def test_two_packages_that_depend_on_it_share_one_copy(
    install: Callable[..., None], place: Place, wheel: Path, tmp_path: Path, tried: Tried
) -> None:
    tried(install.__name__, "two packages that depend on it")
    message = b"from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution\n"
    needs = {
        "agent-runner": "stigmer-apis[grpc]>=0.1,<1",
        "workflow-runner": "stigmer-apis[temporal]>=0.2",
    }
    for name, requirement in needs.items():
        files = {f"{name.replace('-', '_')}.py": message}
        write_wheel(tmp_path, name, "1.0", files, [requirement])

    links = [f"--find-links={folder}" for folder in (tmp_path, wheel.parent)]
    install(place, "install", *links, *needs)

    place.run(
        "import agent_runner, workflow_runner\n"
        "assert agent_runner.WorkflowExecution is workflow_runner.WorkflowExecution\n"
        "import grpc, temporalio"
    )
    pip(place, "check")
    pip(place, "uninstall", "--yes", "agent-runner")
    place.run(ROUND_TRIP)


class Tool(NamedTuple):
    """A tool that installs what a project's pyproject.toml and its lock file name."""

    command: list[str | Path]
    source: str
    """What names an index in pyproject.toml."""


TOOLS = {
    "uv": Tool([UV, "sync"], '[[tool.uv.index]]\nurl = "{index}"\ndefault = true\n'),
    "poetry": Tool(
        [INSTALLERS / "poetry", "install", "--no-root"],
        '[[tool.poetry.source]]\nname = "own"\nurl = "{index}"\npriority = "primary"\n',
    ),
    "pdm": Tool(
        [INSTALLERS / "pdm", "install", "--no-self"],
        '[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"\nverify_ssl = true\n',
    ),
}

PROJECT = """\
[project]
name = "report-service"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["stigmer-apis[grpc]{requirement}"]

"""


@pytest.mark.parametrize("source", ["an index", "a git URL"])
@pytest.mark.parametrize("name", TOOLS)
def test_a_project_locks_and_installs_it(
    name: str,
    source: str,
    place: Place,
    index: str,
    wheel: Path,
    pristine_checkout: Path,
    tmp_path: Path,
    tried: Tried,
) -> None:
    tried(name, f"a locked project, from {source}")
    tool, project = TOOLS[name], tmp_path / "report-service"
    project.mkdir()
    # With a host, because pdm 2.29 drops the slashes of a URL without one.
    url = f" @ git+file://localhost{pristine_checkout}@main"
    text = PROJECT.format(requirement=url if source == "a git URL" else ">=0.2")
    (project / "pyproject.toml").write_text(text + tool.source.format(index=index))

    run(
        [*tool.command, *(["--python", place.python] if name == "uv" else [])],
        project,
        HOME=str(tmp_path),
        PATH=f"{place.folder / 'bin'}:/usr/bin:/bin",
        VIRTUAL_ENV=str(place.folder),
        UV_PROJECT_ENVIRONMENT=str(place.folder),
        UV_CACHE_DIR=str(tmp_path / "cache"),
        UV_OFFLINE="0",
        PIP_INDEX_URL=index,
        PIP_NO_INDEX="0",
    )

    place.run(ROUND_TRIP)
    place.run("import grpc")
    [lock] = project.glob("*.lock")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert (str(pristine_checkout) if source == "a git URL" else digest) in lock.read_text()
