"""The environments that make sets up: whole or not there, and healed when a machine breaks them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen.environments import environment
from tests.conftest import make_environment
from tests.toolchain import Run

_WHEEL = {
    "tiny.py": "",
    "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
    "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.dist-info/RECORD": "tiny.py,,0\ntiny-1.dist-info/METADATA,,\n"
    "tiny-1.dist-info/WHEEL,,\ntiny-1.dist-info/RECORD,,\n",
}


class Small:
    """A folder with an environment of two distributions, made the same way as the others."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        # Hard links would let what a test does to an environment happen to the cache as well.
        self._variables = {**make_environment(root), "UV_LINK_MODE": "copy"}
        shutil.copytree(root / "codegen", folder / "codegen")
        (folder / "requirements").mkdir()
        shutil.copy2(root / "requirements" / "bootstrap.txt", folder / "requirements")
        pins = (root / "requirements" / "codegen.txt").read_text()
        [protobuf] = re.findall(r"^protobuf==.*\n(?: +--hash.*\n)+", pins, re.MULTILINE)
        self.pins = folder / "requirements" / "small.txt"
        self.pins.write_text(protobuf)
        (folder / "build" / "dist").mkdir(parents=True)
        with zipfile.ZipFile(folder / "build/dist/tiny-1-py3-none-any.whl", "w") as wheel:
            for name, text in _WHEEL.items():
                wheel.writestr(name, text)
        (folder / "build" / "bootstrap").symlink_to((root / "build" / "bootstrap").resolve())

    @property
    def link(self) -> Path:
        return self.folder / "build" / "small"

    @property
    def site_packages(self) -> Path:
        return next(self.link.resolve().glob("lib/python*/site-packages"))

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "codegen.environments", "small"],
            cwd=self.folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self) -> tuple[int, str, str]:
        """Set the environment up, and return the exit code and what was printed."""
        run = self.start()
        printed, errors = run.communicate()
        return run.returncode, printed, errors

    def works(self) -> bool:
        program = [self.link / "bin" / "python", "-c", "import google.protobuf.message, tiny"]
        return subprocess.run(program, capture_output=True).returncode == 0


@pytest.fixture
def small(root: Path, tmp_path: Path) -> Small:
    """Return a folder whose environment is set up."""
    small = Small(root, tmp_path / "small")
    assert small.set_up() == (
        0,
        "deps: setting up build/small, because it does not exist\n",
        "",
    )
    assert small.works()
    return small


def test_a_working_environment_is_left_alone(small: Small) -> None:
    before = small.link.resolve().stat().st_mtime_ns
    small.pins.touch()
    assert small.set_up() == (0, "", "")
    assert small.link.resolve().stat().st_mtime_ns == before


def _without_python(small: Small) -> None:
    (small.link / "bin" / "python").unlink()
    (small.link / "bin" / "python").symlink_to("/nowhere/python3")


def _with_another_python(small: Small) -> None:
    (small.link / "bin" / "python").unlink()
    (small.link / "bin" / "python").write_text("#!/bin/sh\necho 'cannot run here' >&2; exit 1\n")
    (small.link / "bin" / "python").chmod(0o755)


def _without_a_module(small: Small) -> None:
    (small.site_packages / "google" / "protobuf" / "message.py").unlink()


def _with_half_a_module(small: Small) -> None:
    os.truncate(small.site_packages / "google" / "protobuf" / "message.py", 100)


def _without_a_distribution(small: Small) -> None:
    shutil.rmtree(small.site_packages / "tiny-1.dist-info")


def _half_installed(small: Small) -> None:
    (small.link / "made.json").unlink()


def _without_its_folder(small: Small) -> None:
    shutil.rmtree(small.folder / "build" / "environments")


def _moved(small: Small) -> None:
    elsewhere = small.folder.with_name("elsewhere")
    small.folder.rename(elsewhere)
    small.folder = elsewhere
    small.pins = elsewhere / "requirements" / "small.txt"


def _copied(small: Small) -> None:
    shutil.copytree(small.folder, small.folder.with_name("copy"), symlinks=True)
    small.folder = small.folder.with_name("copy")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_without_python, "bin/python cannot be used (No such file or directory)"),
        (_with_another_python, "fails in it (cannot run here)"),
        (_without_a_module, "message.py cannot be used (No such file or directory)"),
        (_with_half_a_module, "message.py has changed"),
        (_without_a_distribution, "tiny-1.dist-info/"),
        (_half_installed, "made.json cannot be used"),
        (_without_its_folder, "made.json cannot be used (No such file or directory)"),
        (_moved, "it was built in "),
        (_copied, "it was built in "),
    ],
)
def test_a_broken_environment_heals(
    small: Small, damage: Callable[[Small], None], reason: str
) -> None:
    damage(small)
    code, printed, errors = small.set_up()
    assert (code, errors) == (0, "")
    assert printed.startswith("deps: setting up build/small, because ")
    assert reason in printed
    assert small.works()
    assert small.set_up() == (0, "", "")


def test_new_pins_replace_the_environment(small: Small) -> None:
    before = small.link.resolve()
    small.pins.write_text(f"# Changed.\n{small.pins.read_text()}")
    assert (
        small.set_up()[1]
        == "deps: setting up build/small, because what it is made from has changed\n"
    )
    assert small.works()
    assert not before.exists()


def test_an_environment_that_cannot_be_built_leaves_the_working_one(small: Small) -> None:
    before = small.link.resolve()
    small.pins.write_text(re.sub("==[0-9.]+", "==0.0.1", small.pins.read_text()))
    code, _, errors = small.set_up()
    assert code == 1
    assert errors.splitlines()[-1] == (
        "deps: could not set up build/small: `uv --quiet pip install ...` failed; see its output "
        "above. What worked before is still in place"
    )
    assert small.link.resolve() == before
    assert small.works()
    assert list((small.folder / "build" / "environments").iterdir()) == [before]


def test_a_killed_build_costs_nothing(small: Small) -> None:
    before = small.link.resolve()
    small.pins.write_text(f"# Changed.\n{small.pins.read_text()}")
    with small.start() as run:
        while len(list((small.folder / "build" / "environments").iterdir())) == 1:
            time.sleep(0.005)
        run.kill()
    assert small.link.resolve() == before
    assert small.works()
    assert small.set_up()[0] == 0
    assert small.works()
    assert small.link.resolve() != before


def test_runs_at_the_same_time_build_it_once(small: Small) -> None:
    small.pins.write_text(f"# Changed.\n{small.pins.read_text()}")
    runs = [small.start() for _ in range(4)]
    printed = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, printed
    assert sum("setting up" in out for out, _ in printed) == 1
    assert {err for _, err in printed} <= {
        "",
        "deps: waiting for another run of make in this folder\n",
    }
    assert small.works()


def test_settings_that_install_elsewhere_are_refused(small: Small) -> None:
    before = small.link.resolve()
    (small.folder / "uv.toml").write_text('[pip]\ntarget = "elsewhere"\n')
    small.pins.write_text(f"# Changed.\n{small.pins.read_text()}")
    code, _, errors = small.set_up()
    assert code == 1
    assert "is not in it; look for settings of pip or uv that install elsewhere" in errors
    assert small.link.resolve() == before


def test_an_environment_that_somebody_else_made_stays(make: Run, checkout: Path) -> None:
    own = checkout / ".venv-codegen"
    own.unlink()
    (own / "bin").mkdir(parents=True)
    refused = make("deps")
    assert refused.returncode != 0
    assert f"{own} is in the way, and make did not make it; move it elsewhere" in refused.stderr
    assert (own / "bin").is_dir()


def test_make_hides_what_would_change_python_pip_uv_and_git(
    make: Run, checkout: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv > {seen}\n")
    python.chmod(0o755)
    # Every option of pip and uv is a variable too. Those that say where packages are must stay.
    changing = [
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONOPTIMIZE", "PYTHONWARNINGS"),
        *("PIP_USER", "PIP_PREFIX", "PIP_TARGET", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_ANYTHING"),
        *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_TARGET", "UV_PROJECT_ENVIRONMENT", "UV_ANYTHING"),
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"),  # as in a git hook
    ]
    kept = [
        "PIP_INDEX_URL",
        "PIP_CERT",
        "UV_DEFAULT_INDEX",
        "UV_INDEX_OURS_PASSWORD",
        "HTTPS_PROXY",
        "GIT_SSH_COMMAND",
    ]
    variables = {**dict.fromkeys([*changing, *kept], "x"), "LC_ALL": "C"}
    assert make("deps", PYTHON=str(python), **variables).returncode == 0
    lines = seen.read_text().splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names.isdisjoint(changing)
    assert "LC_ALL=C.UTF-8" in lines, "Python reads no path that is not ASCII"
    assert names.issuperset(kept)


def test_a_folder_for_temporary_files_that_is_missing_is_named(make: Run, tmp_path: Path) -> None:
    refused = make("deps", TMPDIR=str(tmp_path / "it's missing"))
    assert refused.returncode != 0
    assert "make: TMPDIR names no folder that make can write to" in refused.stderr


def test_what_the_environment_says_of_python_does_not_reach_the_generator(
    make: Run, checkout: Path, tmp_path: Path
) -> None:
    old = tmp_path / "google" / "protobuf"
    old.mkdir(parents=True)
    (old / "__init__.py").write_text("raise ImportError('an old protobuf')\n")
    (checkout / "build" / "codegen" / "record.json").unlink(missing_ok=True)
    generated = make(
        "generate",
        PYTHONPATH=str(tmp_path),
        PYTHONHOME="/nowhere",
        PYTHONSAFEPATH="1",
        PIP_TARGET=str(tmp_path),
        UV_CONSTRAINT="/nowhere",
        PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="cpp",
    )
    assert generated.returncode == 0, generated.stderr
    assert "generate: changed 0 files" in generated.stdout


def test_an_environment_that_the_package_is_compared_with_does_not_contain_it() -> None:
    peers = environment("benchmarks/peers")
    assert peers.made_from == ["requirements/benchmarks/peers.txt"]
    assert [command[-1] for command in peers.commands] == ["{folder}", *peers.made_from]
