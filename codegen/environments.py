"""`python -m codegen.environments <name>...`: make the Python environments that make works with.

Each is built in a folder of its own below `build/environments`, named after a digest of what it is
made from, and gets its usual path, a link, when it is whole: what worked before works until then.
An environment that is there is probed, since what happens to a machine leaves no trace in a stamp:
its Python goes, the checkout moves, a file is deleted. A broken one is built again.

This runs on the Python that make was given, before anything is installed. Nothing here may import
more than the standard library.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from codegen.lock import one_at_a_time
from codegen.project import BUILD, LOCK, ROOT, StepError

ENVIRONMENTS = BUILD / "environments"
_MADE = "made.json"
_DIGEST = 12
_PYTHON = getattr(sys, "_base_executable", sys.executable)
"""The Python behind the environment that runs this, if one does."""


class Environment(NamedTuple):
    """What an environment is made from, and how."""

    name: str
    link: Path
    made_from: list[str]
    """The files that decide what is in it. The first one pins distributions, with hashes."""

    commands: list[list[str]]
    """What builds it in `{folder}`, from the Python `{python}`."""

    probe: list[str]
    """A program in its `bin` folder, with arguments, that must run."""


def environment(name: str) -> Environment:
    """Return the environment with that name; most are named after a file in `requirements/`.

    Raises:
        StepError: there is none.
    """
    pins = f"requirements/{name}.txt"
    if not (ROOT / pins).is_file():
        raise StepError(f"there is no environment {name}, for want of {pins}")
    pinned = ["--require-hashes", "--requirement", pins]
    if name == "bootstrap":
        pip = ["{folder}/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        commands = [["{python}", "-m", "venv", "{folder}"], [*pip, "install", *pinned]]
        return Environment(name, BUILD / name, [pins], commands, ["uv", "--version"])
    uv = ["build/bootstrap/bin/uv", "--quiet"]
    venv = [*uv, "venv", "--python", "{python}", "{folder}"]
    install = [*uv, "pip", "install", "--python", "{folder}", "--no-deps"]
    probe = ["python", "-Ic", "import google.protobuf.message"]
    if name == "codegen":
        # The generator is as old as its gencode, and has wheels for two versions of Python only.
        venv = [">=3.11,<3.13" if part == "{python}" else part for part in venv]
        commands = [venv, [*install, *pinned]]
        probe = [*probe[:-1], f"{probe[-1]}, grpc_tools, mypy_protobuf"]
        return Environment(name, ROOT / ".venv-codegen", [pins], commands, probe)
    if name == "dev":
        ours = ["--no-build-isolation", "--editable", "."]
        made_from = [pins, "pyproject.toml"]
        commands = [venv, [*install, *pinned], [*install, *ours]]
        return Environment(name, ROOT / ".venv", made_from, commands, probe)
    if name.startswith("benchmarks/"):  # what the package is compared with
        return Environment(name, BUILD / name, [pins], [venv, [*install, *pinned]], probe)
    [wheel] = (path.relative_to(ROOT).as_posix() for path in (BUILD / "dist").glob("*.whl"))
    commands = [venv, [*install, *pinned], [*install, wheel]]
    return Environment(name, BUILD / name, [pins, wheel], commands, probe)


def main(names: list[str]) -> int:
    """Set up the named environments, and return the exit code: 0, or 1 after one sentence."""
    try:
        for name in ["bootstrap", *names]:
            set_up(environment(name))
    except StepError as failure:
        print(f"deps: {failure}", file=sys.stderr)
    except OSError as error:
        print(
            f"deps: cannot use {error.filename} ({error.strerror}); free it and run make again",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("deps: interrupted", file=sys.stderr)
    else:
        return 0
    return 1


def set_up(wanted: Environment) -> None:
    """Build an environment, unless it exists and works.

    Raises:
        StepError: It could not be built. What existed before still does.
    """
    folder = ENVIRONMENTS / f"{wanted.name.replace('/', '-')}-{_digest(wanted)}"
    if _broken(wanted, folder) is None:
        return
    with one_at_a_time(LOCK, "deps"):
        # Another run may have built it meanwhile.
        broken = _broken(wanted, folder)
        if broken is None:
            return
        print(f"deps: setting up {_shown(wanted.link)}, because {broken}", flush=True)
        _build(wanted, folder)
        _switch(wanted.link, folder)
        for older in ENVIRONMENTS.glob(f"{folder.name.rpartition('-')[0]}-{'?' * _DIGEST}"):
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)


def _build(wanted: Environment, folder: Path) -> None:
    """Build an environment in a folder that does not count until it is probed."""
    if folder.exists():  # broken, or left behind by a run that was killed
        shutil.rmtree(folder)
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    try:
        for command in wanted.commands:
            _run(wanted, [part.format(folder=folder, python=_PYTHON) for part in command])
        # As they are, for distributions may overwrite each other's files.
        sizes = {path: os.stat(path).st_size for path in _installed(folder)}  # noqa: PTH116
        made = {"folder": str(folder), "sizes": sizes}
        (folder / _MADE).write_text(json.dumps(made))
        broken = _missing_pin(wanted, folder) or _damage(wanted, folder)
        if broken is not None:
            raise StepError(
                f"could not set up {_shown(wanted.link)}, since {broken}; look for settings of pip "
                "or uv that install elsewhere"
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _run(wanted: Environment, command: list[str]) -> None:
    finished = subprocess.run(command, cwd=ROOT, close_fds=False)
    if finished.returncode != 0:
        words = " ".join([Path(command[0]).name, *command[1:4]])
        raise StepError(
            f"could not set up {_shown(wanted.link)}: `{words} ...` failed; see its output above. "
            "What worked before is still in place"
        )


def _broken(wanted: Environment, folder: Path) -> str | None:
    """Return what is wrong with the environment behind the link, or None if nothing is."""
    built = wanted.link.resolve()
    if built.name != folder.name:
        return "what it is made from has changed" if built.is_dir() else "it does not exist"
    return _damage(wanted, built)


def _damage(wanted: Environment, folder: Path) -> str | None:
    """Return what happened to an environment since it was built, or None if nothing did."""
    try:
        made = json.loads((folder / _MADE).read_text())
        origin = Path(made["folder"])
        if not (origin.exists() and origin.samefile(folder)):
            return f"it was built in {origin}"
        for path, size in made["sizes"].items():
            if os.stat(path).st_size != size:  # noqa: PTH116 - thousands of files
                return f"{path} has changed"
        probe = [str(folder / "bin" / wanted.probe[0]), *wanted.probe[1:]]
        finished = subprocess.run(probe, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        return f"{error.filename} cannot be used ({error.strerror})"
    except (ValueError, KeyError):
        return f"{folder / _MADE} cannot be read"
    if finished.returncode != 0:
        last = ["without a message", *finished.stderr.splitlines()][-1]
        return f"`{' '.join(wanted.probe)}` fails in it ({last})"
    return None


def _missing_pin(wanted: Environment, folder: Path) -> str | None:
    """Name a distribution that is pinned, for every platform, and not installed."""
    installed = {_plain(Path(path).stem) for path in _distributions(folder)}
    pins = (ROOT / wanted.made_from[0]).read_text()
    for name, version in re.findall(r"^([\w.-]+)==(\S+) \\$", pins, re.MULTILINE):
        if _plain(f"{name}-{version}") not in installed:
            return f"{name} {version} is not in it"
    return None


def _plain(distribution: str) -> str:
    """Return a name and version, of which installers write one with dots and others without."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _distributions(folder: Path) -> Iterator[str]:
    for info in folder.glob("lib/python*/site-packages/*.dist-info"):
        yield info.relative_to(folder).as_posix()


def _installed(folder: Path) -> Iterator[str]:
    """Yield every file of every installed distribution, except bytecode."""
    for info in _distributions(folder):
        record = folder / info / "RECORD"
        with record.open(newline="", encoding="utf-8") as lines:
            for path, *_ in csv.reader(lines):
                if not path.endswith(".pyc"):
                    yield f"{record.parent.parent}/{path}"


def _digest(wanted: Environment) -> str:
    digest = hashlib.sha256(repr((wanted.commands, wanted.probe)).encode())
    if wanted.name != "bootstrap" and "{python}" in wanted.commands[0]:
        digest.update(repr(sys.version_info[:2]).encode())
    for file in wanted.made_from:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()[:_DIGEST]


def _switch(link: Path, folder: Path) -> None:
    if link.is_dir() and not link.is_symlink():
        # Older versions of the Makefile left such a stamp.
        if link.parent == ROOT and not (link / ".installed").exists():
            raise StepError(f"{link} is in the way, and make did not make it; move it elsewhere")
        shutil.rmtree(link)
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(folder, link.parent))
    fresh.replace(link)


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
