"""`python -m reference.release`: write everything that a release publishes into build/release.

That is the wheel, the sdist, an SBOM, the release notes and the reference site. It uploads nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen.environments import environment
from codegen.place import SCHEMA_IMAGE
from codegen.project import BUILD, PACKAGE, ROOT, StepError
from hatch_build import linked
from reference.changes import report, unreleased
from schema_rules.check import contract
from schema_rules.releases import CHANGELOG, RELEASES, changelog_entries, every, numbers, version_of
from schema_rules.revision import unpack

OUT = BUILD / "release"
_DIST = OUT / "dist"


def main(arguments: list[str] | None = None) -> int:
    """Write the files, and return the exit code: 0, or 1 after a sentence on each problem."""
    parser = argparse.ArgumentParser(prog="release-check", description=__doc__)
    parser.add_argument("--image", type=Path, help="the compiled contract; compiled if not given")
    options = parser.parse_args(arguments)
    try:
        version = version_of(PACKAGE)
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        repository = project.get("urls", {}).get("Repository")
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.copytree(BUILD / "dist", _DIST)
        shutil.copytree(BUILD / "site", OUT / "site")
        (OUT / "notes.md").write_text(notes(version, contract(options.image), repository))
        # GitHub shows a line break in the notes as one.
        _run("mdformat", "--wrap", "no", str(OUT / "notes.md"))
        (OUT / f"stigmer_apis-{version}.cdx.json").write_text(_sbom(version))
        _run("twine", "check", "--strict", *map(str, _DIST.iterdir()))
        _run("check-wheel-contents", *map(str, _DIST.glob("*.whl")))
        problems = [
            *mismatches(version, repository, CHANGELOG, os.environ),
            *_contract_not_kept(version),
            *_not_reproduced(),
        ]
    except StepError as failure:
        problems = [str(failure)]
    for sentence in problems:
        print(f"release-check: {sentence}", file=sys.stderr)
    if problems:
        return 1
    for path in sorted(OUT.rglob("*")):
        if path.is_file() and OUT / "site" not in path.parents:
            print(f"release-check: {path.relative_to(ROOT)}, {path.stat().st_size / 1000:.0f} kB")
    return 0


def mismatches(
    version: str, repository: str | None, changelog: Path, settings: Mapping[str, str]
) -> Iterator[str]:
    """Yield a sentence for each place that states another version or URL than the package.

    `settings` are environment variables: TAG, and those that GitHub sets in a workflow.
    """
    tag = settings.get("TAG") or f"v{version}"
    if tag != f"v{version}":
        yield f"the tag is {tag}, but the version is {version}; correct one of them"
    newest = next(iter(changelog_entries(changelog)), "nothing")
    if newest != version:
        yield f"{changelog.name} begins with {newest}, but the version is {version}; correct one"
    if "GITHUB_REPOSITORY" in settings:
        url = f"{settings['GITHUB_SERVER_URL']}/{settings['GITHUB_REPOSITORY']}"
        if repository != url:
            yield f'[project.urls] in pyproject.toml must state Repository = "{url}"'


def notes(version: str, image: FileDescriptorSet, repository: str | None) -> str:
    """Return the newest entry of the changelog, and what changed in the contract."""
    entry = next(iter(changelog_entries(CHANGELOG).values()), "").strip()
    parts = [linked(entry, repository, version)]
    for since in [each for each in every(RELEASES) if numbers(each.name) < numbers(version)][-1:]:
        parts.append(report(unreleased(since, image), f"release {since.name}", level=2).strip())
    return "\n\n".join(parts) + "\n"


def _sbom(version: str) -> str:
    """Return an SBOM of the wheel, with what its extras install in the highest tested releases.

    It has no package URL: on the public index, the name belongs to another package.
    """
    described = environment("environments/sbom").link / "bin" / "python"
    options = ["--output-reproducible", "--mc-type", "library", "--pyproject", "pyproject.toml"]
    sbom = json.loads(_run("cyclonedx-py", "environment", *options, str(described)))
    [wheel] = _DIST.glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    hashes = [{"alg": "SHA-256", "content": digest}]
    sbom["metadata"]["component"] |= {"version": version, "hashes": hashes}
    return json.dumps(sbom, indent=2) + "\n"


def _contract_not_kept(version: str) -> Iterator[str]:
    kept = RELEASES / f"v{version}" / SCHEMA_IMAGE
    if not kept.exists() or kept.read_bytes() != (PACKAGE / SCHEMA_IMAGE).read_bytes():
        yield f"{kept.relative_to(ROOT)} is not the contract of the package; run `make release`"


def _not_reproduced() -> Iterator[str]:
    """Build the commit in another folder and with another umask, and compare the files."""
    with tempfile.TemporaryDirectory() as scratch:
        source, out = Path(scratch, "source"), Path(scratch, "out")
        unpack("HEAD", source)
        build = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
        built = subprocess.run(build, cwd=source, umask=0o077, capture_output=True, text=True)
        if built.returncode != 0:
            raise StepError(f"hatchling cannot build the commit; it says: {built.stderr.strip()}")
        for path in sorted(_DIST.iterdir()):
            again = out / path.name
            if not again.exists() or again.read_bytes() != path.read_bytes():
                yield f"{path.name} differs from a build of the commit; commit what changed here"


def _run(tool: str, *arguments: str) -> str:
    """Return what a tool prints.

    Raises:
        StepError: It fails, and said why.
    """
    program = environment("environments/release").link / "bin" / tool
    finished = subprocess.run(
        [str(program), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if finished.returncode != 0:
        print(finished.stdout, file=sys.stderr)
        raise StepError(f"{tool} refuses the release; fix what it reports above")
    return finished.stdout


if __name__ == "__main__":
    sys.exit(main())
