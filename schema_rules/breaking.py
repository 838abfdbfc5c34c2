"""`python -m schema_rules.breaking`: compare the contract with the last release, or a revision.

The comparison is `buf breaking` with the rules in `buf.yaml`, and then our own compatibility rules,
which compare the options that buf leaves out. Both need an image of the other side: a release keeps
its own, and the .proto files of a git revision are compiled with our `buf.yaml` and `validation/`,
which older revisions lack.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen import image
from codegen.project import APIS, BUILD, ROOT, VALIDATION, StepError, run_tool
from schema_rules import releases
from schema_rules.check import incompatibilities
from schema_rules.finding import as_text, in_order


def main(arguments: list[str] | None = None) -> int:
    """Compare, and return the exit code: 0, or 1 after findings or a sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="breaking", description=__doc__)
    parser.add_argument(
        "--against", metavar="REVISION", help="a git revision; the last release if not given"
    )
    revision = parser.parse_args(arguments).against
    try:
        if revision is None:
            baseline = releases.last(releases.RELEASES)
            name = f"release {baseline.parent.name}"
        else:
            baseline = revision_image(revision)
            name = f"revision {revision}"
        run_tool("buf", ["breaking", "apis", "--against", baseline])
        present = image.build(ROOT, BUILD / "breaking" / "image.binpb")
    except StepError as failure:
        print(f"breaking: {failure}", file=sys.stderr)
        return 1
    before = FileDescriptorSet.FromString(baseline.read_bytes())
    broken = in_order(incompatibilities(before, present))
    for finding in broken:
        print(as_text(finding))
    if broken:
        print(
            f"breaking: the contract is not compatible with {name}; see docs/schema-rules.md",
            file=sys.stderr,
        )
        return 1
    print(f"breaking: compatible with {name}")
    return 0


def revision_image(revision: str) -> Path:
    """Compile the contract as it is in a git revision, and return the path of its image.

    Raises:
        StepError: git does not know the revision, or its contract is missing or does not compile.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise StepError(
            f"AGAINST={revision} names no commit of this repository; fetch it first, or give a "
            "branch, tag or commit that `git log` shows"
        )
    archive = _git("archive", "--format=tar", commit.decode().strip(), "--", APIS.name)
    if archive is None:
        raise StepError(f"AGAINST={revision} holds no {APIS.name}/ to compare with")
    workspace = BUILD / "breaking" / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(workspace, filter="data")
    shutil.copytree(VALIDATION, workspace / VALIDATION.name)
    shutil.copy(ROOT / "buf.yaml", workspace)
    against = workspace.with_name("against.binpb")
    image.build(workspace, against)
    return against


def _git(*arguments: str) -> bytes | None:
    """Return what git prints, or None if it fails."""
    try:
        finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    except FileNotFoundError:
        raise StepError("git is missing; install it, or compare with the last release") from None
    return finished.stdout if finished.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
