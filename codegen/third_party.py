"""`python -m codegen.third_party`: extract the file of validation rules for the buf workspace.

It comes out of the protovalidate source distribution that `requirements/validation-rules.txt` pins
by hash, fetched by pip from whichever package index the machine uses. pip insists on a source
distribution's metadata, so its build backend is among the code generator's requirements.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from codegen.project import ROOT, RULES_FILE, THIRD_PARTY, StepError

_REQUIREMENT = ROOT / "requirements" / "validation-rules.txt"
_MEMBER = f"upstream/proto/{RULES_FILE}"


def main() -> int:
    """Extract the file, and return the exit code: 0, or 1 after one sentence on what went wrong."""
    target = THIRD_PARTY / "protovalidate" / RULES_FILE
    try:
        with tempfile.TemporaryDirectory() as folder:
            content = _member(_download(Path(folder)))
    except StepError as failure:
        print(f"deps: {failure}", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    half_written = target.with_suffix(".part")
    half_written.write_bytes(content)
    half_written.replace(target)
    return 0


def _download(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-binary=:all:", "--require-hashes"]
    finished = subprocess.run(
        [*pip, "download", *options, f"--dest={folder}", f"--requirement={_REQUIREMENT}"]
    )
    found = list(folder.glob("*.tar.gz"))
    if finished.returncode != 0 or len(found) != 1:
        raise StepError(
            f"could not fetch what {_REQUIREMENT.relative_to(ROOT)} pins; check that pip reaches a "
            "package index and run make again"
        )
    return found[0]


def _member(sdist: Path) -> bytes:
    with tarfile.open(sdist) as archive:
        for member in archive:
            if member.name.partition("/")[2] == _MEMBER:
                file = archive.extractfile(member)
                if file is not None:
                    return file.read()
    raise StepError(f"{sdist.name} holds no {_MEMBER}; pin a release that does")


if __name__ == "__main__":
    sys.exit(main())
