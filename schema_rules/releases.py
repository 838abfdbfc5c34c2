"""The releases that are kept: the contract of each as an image, its fixtures and corrections.

`python -m schema_rules.releases` keeps the current version. What is kept never changes again: it is
what users of that version have.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen.place import SCHEMA_IMAGE
from codegen.project import PACKAGE, ROOT, StepError
from schema_rules.schema import Schema

RELEASES = ROOT / "releases"
CHANGELOG = ROOT / "CHANGELOG.md"
CORRECTIONS = Path(__file__).with_name("corrections.toml")
HEAD = "HEAD"
"""The folder with the fixtures of the contract as it is; releases/README.md."""


def main() -> int:
    """Keep the release, and return the exit code: 0, or 1 after one sentence on what went wrong."""
    try:
        version = version_of(PACKAGE)
        for sentence in bookkeeping(RELEASES, version, CHANGELOG):
            raise StepError(sentence)
        kept = keep(RELEASES, version, (PACKAGE / SCHEMA_IMAGE).read_bytes())
    except StepError as failure:
        print(f"release: {failure}", file=sys.stderr)
        return 1
    print(f"release: this version is kept in {kept.relative_to(ROOT)}; commit and tag it")
    if (kept / CORRECTIONS.name).exists():
        print(f"release: its corrections are spent; empty schema_rules/{CORRECTIONS.name}")
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


def keep(releases: Path, version: str, image: bytes, corrections: Path = CORRECTIONS) -> Path:
    """Write `image`, the fixtures of HEAD and the corrections to the folder of a new release.

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
    if corrections.exists() and tomllib.loads(corrections.read_text()):
        shutil.copy(corrections, release / CORRECTIONS.name)
    path.write_bytes(image)
    return release


def is_release(name: str) -> bool:
    """Whether a folder has the name of a release: `vX.Y.Z`."""
    return re.fullmatch(r"v\d+\.\d+\.\d+", name) is not None


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which versions are ordered."""
    return tuple(map(int, version.removeprefix("v").split(".")))


def every(releases: Path) -> list[Path]:
    """Return the folder of every release, the lowest version first.

    Raises:
        StepError: there is no release, or one has no image.
    """
    found = [folder for folder in releases.iterdir() if is_release(folder.name)]
    if not found:
        raise StepError(f"no release in {releases}; restore it from git")
    for folder in found:
        if not (folder / SCHEMA_IMAGE).exists():
            raise StepError(f"{folder} has no {SCHEMA_IMAGE}; restore it from git")
    return sorted(found, key=lambda folder: numbers(folder.name))


def last(releases: Path) -> Path:
    """Return the image of the highest version in `releases`.

    Raises:
        StepError: there is no release, or one has no image.
    """
    return every(releases)[-1] / SCHEMA_IMAGE


def image_of(release: Path) -> FileDescriptorSet:
    """Return the contract of a release."""
    return FileDescriptorSet.FromString((release / SCHEMA_IMAGE).read_bytes())


def fixtures_of(folder: Path) -> dict[str, bytes]:
    """Return the binary fixtures in a folder, by the name of their files without the ending."""
    files = (path for path in folder.glob("*.binpb") if path.name != SCHEMA_IMAGE)
    return {path.stem: path.read_bytes() for path in files}


def element_names(releases: Path) -> set[str]:
    """Return the full names of everything that some release has.

    Raises:
        StepError: there is no release, or one has no image.
    """
    schemas = (Schema(image_of(folder)) for folder in every(releases))
    return {element.name for schema in schemas for element in schema.elements()}


def changelog_entries(changelog: Path) -> dict[str, str]:
    """Return the text of each entry of a changelog, by its version or as `Unreleased`."""
    _, *parts = re.split(r"^## (\S+).*$", changelog.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def bookkeeping(releases: Path, version: str, changelog: Path) -> Iterator[str]:
    """Yield a sentence for each version without a changelog entry or newer than the package."""
    entries = changelog_entries(changelog)
    kept = [folder.name.removeprefix("v") for folder in every(releases)]
    for each in dict.fromkeys([*kept, version]):
        if each not in entries:
            yield f"{changelog.name} has no entry for {each}; write what changed for users"
    if numbers(kept[-1]) > numbers(version):
        yield f"{releases.name}/v{kept[-1]} is newer than __version__, {version}; remove it"


if __name__ == "__main__":
    sys.exit(main())
