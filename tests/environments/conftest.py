"""Fixtures: the distributions of `make dist`, and an index that has them."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.environments.places import INSTALLERS, ROOT, WHEEL_HOUSE, Place, digest, new_place, run
from tests.markdown import replace_part, table

PAGE = ROOT / "docs" / "environments.md"

Tried = Callable[[str, str], None]
"""Records a tool and what it was tried with, for the page."""


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Tried:
    return lambda tool, how: record_property(f"tried {tool}", how)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Write the page after a whole run that passed."""
    if exitstatus or config.option.keyword or config.args != ["tests/environments"]:
        return
    passed: list[pytest.TestReport] = terminalreporter.stats.get("passed", [])
    how: dict[str, set[str]] = {}
    for report in passed:
        for name, value in report.user_properties if report.when == "call" else ():
            if name.startswith("tried "):
                how.setdefault(name.removeprefix("tried "), set()).add(str(value))
    rows = (
        [tool, _version(tool), "; ".join(sorted(how[tool]))] for tool in sorted(how, key=str.lower)
    )
    text = table(["tool", "version", "what works"], rows)
    if replace_part(PAGE, "make environments", text):
        terminalreporter.write_line(f"environments: rewrote {PAGE.relative_to(ROOT)}; commit it")


def _version(tool: str) -> str:
    """Return the version that is pinned, or a dash for what comes with Python."""
    files = [*(ROOT / "requirements/environments").glob("*.txt"), ROOT / "requirements/codegen.txt"]
    files.append(ROOT / "requirements" / "bootstrap.txt")
    pins = "".join(file.read_text() for file in files)
    found = re.findall(rf"^{tool.lower().replace('_', '-')}==(\S+)", pins, re.MULTILINE)
    return ", ".join(sorted(set(found))) or "-"


@pytest.fixture(scope="session")
def wheel() -> Path:
    [found] = (ROOT / "build" / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist() -> Path:
    [found] = (ROOT / "build" / "dist").glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


@pytest.fixture(scope="session")
def shipped(wheel: Path) -> dict[str, str]:
    """Return the digest of every file of the package in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: digest(archive.read(name))
            for name in archive.namelist()
            if name.startswith("stigmer_apis/")
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty virtual environment, whose path programs must not take for granted."""
    return new_place(tmp_path / "a plåce")


@pytest.fixture
def python(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return an empty environment with the Python that a test asks for."""
    try:
        return new_place(tmp_path / "python", request.param, UV_OFFLINE="0", UV_HTTP_RETRIES="0")
    except AssertionError as error:
        if request.param != "3.14t":  # of which Debian has no package
            raise
        why = str(error).rpartition("cause: ")[2].strip()
        pytest.skip(f"uv finds no Python {request.param} and cannot fetch it: {why}")


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return an environment with everything that our package needs, without our package."""
    made = new_place(tmp_path_factory.mktemp("others") / "place")
    pip = [INSTALLERS / "python", "-m", "pip", "--quiet", "--python", made.python, "install"]
    run([*pip, "grpcio", "temporalio"], made.folder)
    return made


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def index(wheel: Path, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an index of one's own: a page of links for each distribution."""
    folder = tmp_path_factory.mktemp("index")
    for file in [wheel, sdist, *WHEEL_HOUSE.iterdir()]:
        name = file.name.split("-")[0].replace("_", "-").replace(".", "-").lower()
        (folder / name).mkdir(exist_ok=True)
        (folder / name / file.name).symlink_to(file)
        link = f"{file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}"
        with (folder / name / "index.html").open("a") as page:
            page.write(f'<a href="{link}">{file.name}</a>\n')
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
