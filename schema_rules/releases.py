"""The images of released contracts, which new ones must stay compatible with.

`python -m schema_rules.releases` keeps the image of the current version, and the fixtures of HEAD
beside it. What is kept never changes again: it is what users of that version have.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from codegen.place import SCHEMA_IMAGE
from codegen.project import PACKAGE, ROOT, StepError

RELEASES = ROOT / "releases"
HEAD = "HEAD"
"""The folder with the fixtures of the contract as it is; releases/README.md."""


def main() -> int:
    """Keep the release, and return the exit code: 0, or 1 after one sentence on what went wrong."""
    try:
        kept = keep(RELEASES, version_of(PACKAGE), (PACKAGE / SCHEMA_IMAGE).read_bytes())
    except StepError as failure:
        print(f"release: {failure}", file=sys.stderr)
        return 1
    print(f"release: this version is kept in {kept.relative_to(ROOT)}; commit and tag it")
    return 0


def version_of(package: Path) -> str:
    """Return the version that `package/__init__.py` states, the one place where it stands.

    Raises:
        StepError: it states none, or one that is not a release (`X.Y.Z`).
    """
    found = re.search(
        r'^__version__ = "(.*)"$', (package / "__init__.py").read_text(), re.MULTILINE
    )
    if found is None or not re.fullmatch(r"\d+\.\d+\.\d+", found[1]):
        raise StepError(f'{package / "__init__.py"} needs a line like __version__ = "1.2.3"')
    return found[1]


def keep(releases: Path, version: str, image: bytes) -> Path:
    """Write `image` and copy the fixtures of HEAD to the folder of a new release; return that.

    A version that was released before with the same image stays as it is.

    Raises:
        StepError: the version was released before, with another image; or HEAD has no fixtures.
    """
    release = releases / f"v{version}"
    path = release / SCHEMA_IMAGE
    if path.exists():
        if path.read_bytes() != image:
            raise StepError(
                f"{version} was released with another contract; raise __version__ first"
            )
        return release
    if not (releases / HEAD).is_dir():
        raise StepError(f"no fixtures in {releases / HEAD}; run `make fixtures` first")
    shutil.copytree(releases / HEAD, release, dirs_exist_ok=True)
    path.write_bytes(image)
    return release


def last(releases: Path) -> Path:
    """Return the image of the highest version in `releases`.

    Raises:
        StepError: there is no release.
    """
    found = {
        tuple(map(int, match.groups())): path
        for path in releases.glob(f"v*/{SCHEMA_IMAGE}")
        if (match := re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", path.parent.name))
    }
    if not found:
        raise StepError(f"no release image in {releases}; restore it from git")
    return found[max(found)]


if __name__ == "__main__":
    sys.exit(main())
