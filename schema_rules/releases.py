"""The images of released contracts, which new ones must stay compatible with.

`python -m schema_rules.releases` keeps the image of the current version. A kept image never changes
again: it is what users of that version have.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from codegen.place import SCHEMA_IMAGE
from codegen.project import PACKAGE, ROOT, StepError

RELEASES = ROOT / "tests" / "wire" / "releases"


def main() -> int:
    """Keep the image, and return the exit code: 0, or 1 after one sentence on what went wrong."""
    try:
        kept = keep(RELEASES, version_of(PACKAGE), (PACKAGE / SCHEMA_IMAGE).read_bytes())
    except StepError as failure:
        print(f"release: {failure}", file=sys.stderr)
        return 1
    print(f"release: the image of this version is {kept.relative_to(ROOT)}; commit and tag it")
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
    """Write `image` as that of a new release and return its path.

    Raises:
        StepError: the version was released before, with another image.
    """
    path = releases / f"v{version}" / SCHEMA_IMAGE
    if path.exists() and path.read_bytes() != image:
        raise StepError(f"{version} was released with another contract; raise __version__ first")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image)
    return path


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
