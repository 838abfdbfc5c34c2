"""`python -m codegen` under what real machines do: two runs at once, full disks, other locales."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.codegen.small_contract import SmallContract, tree


def _in_a_mount_namespace() -> list[str]:
    """A command in which a script may mount file systems that no other process sees."""
    for command in (["unshare", "-m"], ["unshare", "-rm"], ["sudo", "-n", "unshare", "-m"]):
        if shutil.which(command[0]):
            mounted = [*command, "mount", "-t", "tmpfs", "none", "/mnt"]
            if subprocess.run(mounted, capture_output=True).returncode == 0:
                return command
    pytest.fail("this machine lets nobody mount a file system, not even in a namespace of its own")


def _generate_on(small: SmallContract, mount: str) -> subprocess.CompletedProcess[str]:
    """Generate after mounting something; tell what the package is like before that goes again."""
    before = small.folder / "before"
    shutil.copytree(small.package, before)
    same = f"diff -r -x __pycache__ {before} {small.package} > /dev/null && echo untouched"
    script = f'{mount} && {{ "$@"; code=$?; {same}; exit $code; }}'
    return subprocess.run(
        [*_in_a_mount_namespace(), "sh", "-c", script, "sh", *small.command()],
        cwd=small.folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def test_runs_at_the_same_time_take_turns(small: SmallContract) -> None:
    runs: list[subprocess.Popen[str]] = []
    for _ in range(4):
        pipe = subprocess.PIPE
        command = small.command()
        runs.append(
            subprocess.Popen(command, cwd=small.folder, stdout=pipe, stderr=pipe, text=True)
        )
    printed = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, printed
    assert sorted(out.partition(" files")[0] for out, _ in printed) == [
        "generate: changed 7",
        *["generate: the package is up to date\n"] * 3,
    ]
    assert "generate: waiting for another run of make in this folder\n" in {
        err for _, err in printed
    }
    assert len(tree(small.package / "small")) == 5


def test_a_second_run_does_not_wait_for_one_that_was_killed(small: SmallContract) -> None:
    with subprocess.Popen(small.command(), cwd=small.folder, stderr=subprocess.DEVNULL) as run:
        _wait_for(small.folder / "build/codegen/out")
        run.kill()
    finished = small.generate()
    assert finished.returncode == 0
    assert finished.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_the_package_as_it_was(
    small: SmallContract, number: signal.Signals
) -> None:
    before = tree(small.package.parent)
    with subprocess.Popen(
        small.command(),
        cwd=small.folder,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets the programs that it starts in the background ignore the signal.
        preexec_fn=functools.partial(signal.signal, number, signal.SIG_DFL),
    ) as run:
        _wait_for(small.folder / "build/codegen/out")
        run.send_signal(number)
        _, printed = run.communicate()
    assert run.returncode == 128 + number
    assert "Traceback" not in printed
    assert tree(small.package.parent) == before


def test_a_contract_that_changes_meanwhile_is_read_again(small: SmallContract) -> None:
    with subprocess.Popen(small.command(), cwd=small.folder):
        _wait_for(small.folder / "build/codegen/image.binpb")
        small.write("small.v1", "message Large {}\n")
    assert small.run("from stigmer_apis.small.v1 import Large; print('whole')") == "whole\n"
    assert small.generate().stdout == "generate: the package is up to date\n"


def test_a_locale_of_bytes_gives_the_same_files(small: SmallContract) -> None:
    small.write("small.v1", "// Ä message: «ü».\nmessage Small {}\nservice S {}\n")
    assert small.generate().returncode == 0
    whole = tree(small.package)
    shutil.rmtree(small.package / "small")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(small.command(), cwd=small.folder, env=environment, check=True)
    assert tree(small.package) == whole


def test_build_may_be_on_another_file_system(small: SmallContract) -> None:
    (small.folder / "build").mkdir()
    finished = _generate_on(small, "mount -t tmpfs none build")
    assert finished.returncode == 0, finished.stderr
    assert len(tree(small.package / "small")) == 5


@pytest.mark.parametrize(
    ("mount", "sentence"),
    [
        ("mount --bind . . && mount -o remount,ro,bind .", "build/lock (Read-only file system)"),
        (
            "mount --bind python python && mount -o remount,ro,bind python",
            "could not write the generated files into {package} (Read-only file system)",
        ),
        (
            "cp -R python full && mount -t tmpfs -o size=4m none python && cp -R full/. python "
            "&& { cat /dev/zero > python/stigmer_apis/full; rm -r full; }",
            "could not write the generated files into {package} (No space left on device)",
        ),
        ("mount -t tmpfs -o nr_inodes=2 none build", "(No space left on device)"),
        ("mount -t tmpfs -o size=8k,nr_inodes=9 none build", "failed (exit code 1)"),
    ],
    ids=["read-only", "read-only package", "full", "no inodes in build", "full build"],
)
def test_a_disk_that_takes_nothing_is_one_sentence(
    small: SmallContract, mount: str, sentence: str
) -> None:
    (small.folder / "build").mkdir()
    finished = _generate_on(small, mount)
    assert finished.returncode == 1, finished.stdout
    [printed] = [line for line in finished.stderr.splitlines() if line.startswith("generate:")]
    assert sentence.format(package=small.package) in printed
    assert printed.endswith("The package is unchanged.")
    assert "Traceback" not in finished.stderr


def test_a_generator_that_fails_leaves_the_package_as_it_was(small: SmallContract) -> None:
    plugin = small.folder / "codegen" / "plugin.py"
    plugin.write_text("raise SystemExit('out of cheese')\n")
    before = tree(small.package)
    finished = small.generate()
    assert finished.returncode == 1
    assert "out of cheese" in finished.stderr
    assert finished.stderr.endswith("see its output above. The package is unchanged.\n")
    assert tree(small.package) == before
