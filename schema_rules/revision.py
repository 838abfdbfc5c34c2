"""The other side of a pull request: what a git revision holds of the contract and of releases."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

from codegen import image
from codegen.project import APIS, BUILD, ROOT, VALIDATION, StepError
from schema_rules.releases import HEAD, RELEASES, is_release

_IN_TREE = RELEASES.relative_to(ROOT).as_posix()


class Revision(NamedTuple):
    """A commit to compare with."""

    name: str
    """How a person names it, and which commit that is if it is another."""
    commit: str

    @classmethod
    def find(cls, name: str) -> Revision:
        """Find the commit that a branch, a tag or another name stands for.

        Of a target branch that has moved on, it is the commit from which the work here began:
        what was added there since is not deleted here.

        Raises:
            StepError: git does not know the revision, or it has no history in common with HEAD.
        """
        found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found is None:
            raise StepError(
                f"AGAINST={name} names no commit of this repository; fetch it first, or give a "
                "branch, tag or commit that `git log` shows"
            )
        commit = found.decode().strip()
        refs = _git(
            "for-each-ref", "--format=%(refname)", f"refs/heads/{name}", f"refs/tags/{name}"
        )
        if len((refs or b"").split()) > 1:
            raise StepError(
                f"AGAINST={name} names both a branch and a tag; "
                f"write refs/heads/{name} or refs/tags/{name}"
            )
        base = _git("merge-base", commit, "HEAD")
        if base is None:
            raise StepError(
                f"AGAINST={name} has no commit in common with HEAD; fetch the whole history with "
                "`git fetch --unshallow`, or name a revision that HEAD began from"
            )
        start = base.decode().strip()
        if start == commit:
            return cls(f"revision {commit[:12] if name == commit else name}", commit)
        return cls(
            f"the merge base of {name} and HEAD, {start[:12]}, because {name} has moved on", start
        )

    def image(self) -> Path:
        """Compile the contract of the revision, and return the path of its image.

        Raises:
            StepError: the contract is missing or does not compile.
        """
        workspace = BUILD / "breaking" / "workspace"
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir(parents=True)
        kept = [part for part in (APIS.name, f"{_IN_TREE}/{HEAD}") if self._has(part)]
        if APIS.name not in kept:
            raise StepError(
                f"{self.name} has no {APIS.name}/ to compare with; leave AGAINST empty to compare "
                "with the last release"
            )
        unpack(self.commit, workspace, *kept)
        shutil.copytree(VALIDATION, workspace / VALIDATION.name)
        shutil.copy(ROOT / "buf.yaml", workspace)
        against = workspace.with_name("against.binpb")
        image.build(workspace, against)
        return against

    def fixtures(self) -> Path:
        """Return the folder of the fixtures of the revision, which `image` puts there, if any."""
        return BUILD / "breaking" / "workspace" / _IN_TREE / HEAD

    def releases(self) -> list[str]:
        """Return the names of the folders of releases that the revision has."""
        listed = _git("ls-tree", "--name-only", self.commit, "--", f"{_IN_TREE}/") or b""
        names = (Path(line).name for line in listed.decode().splitlines())
        return [name for name in names if is_release(name)]

    def changed_releases(self) -> list[str]:
        """Return the folders of releases that differ from the revision, or have more files."""
        changed = _git(
            "diff", "--name-only", "--relative", "--no-renames", "-z", self.commit, "--", _IN_TREE
        )
        added = _git("ls-files", "--others", "-z", "--", _IN_TREE)
        files = ((changed or b"") + (added or b"")).decode().split("\0")
        touched = {Path(file).parts[1] for file in files if file}
        return [name for name in self.releases() if name in touched]

    def _has(self, path: str) -> bool:
        return bool(_git("ls-tree", "--name-only", self.commit, "--", path))


def unpack(commit: str, folder: Path, *paths: str) -> None:
    """Write the files of a commit to a folder: those below the paths, or all.

    Raises:
        StepError: git cannot read the commit.
    """
    archive = _git("archive", "--format=tar", commit, "--", *paths)
    if archive is None:
        raise StepError(f"{commit} names no commit of this repository")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 or newer
        tar.extractall(folder)


def _git(*arguments: str) -> bytes | None:
    """Return what git prints, or None if it fails without a word.

    Raises:
        StepError: git is missing, or says why it fails.
    """
    try:
        finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    except FileNotFoundError:
        raise StepError("git is missing; install it, or compare with the last release") from None
    except ValueError:  # a name with a null character
        return None
    said = " ".join(finished.stderr.decode(errors="replace").split())
    if finished.returncode != 0 and said:
        raise StepError(f"git {arguments[0]} says: {said}")
    return finished.stdout if finished.returncode == 0 else None
