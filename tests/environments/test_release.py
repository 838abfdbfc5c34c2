"""A release is rehearsed: `make release-check` writes everything that it publishes."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from tests.toolchain import Run, raise_version

STEM = "stigmer_apis-99.0.0"


def test_a_release_has_its_distributions_sbom_notes_and_site(make: Run, checkout: Path) -> None:
    raise_version(checkout, "99.0.0")
    kept = make("release")
    assert kept.returncode == 0, kept.stderr
    (checkout / "schema_rules/corrections.toml").write_text("")  # they are spent
    commit = ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "release"]
    for command in (["add", "--all"], commit):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    readme = checkout / "README.md"
    committed = readme.read_text()
    readme.write_text(f"{committed}\nNot committed.\n")
    refused = make("release-check", "TAG=v99.0.0")
    assert refused.returncode != 0
    assert f"{STEM}.tar.gz differs from a build of the commit; commit" in refused.stderr
    readme.write_text(committed)

    written = [_checked(make, checkout) for _ in range(2)]

    assert written[0] == written[1], "the second run writes other bytes"
    wheel, sdist = f"dist/{STEM}-py3-none-any.whl", f"dist/{STEM}.tar.gz"
    sbom = f"{STEM}.cdx.json"
    assert {wheel, sdist, sbom, "notes.md", "site/index.html"} <= written[0].keys()
    described = json.loads((checkout / "build/release" / sbom).read_text())
    component = described["metadata"]["component"]
    assert (component["name"], component["version"]) == ("stigmer-apis", "99.0.0")
    assert component["hashes"] == [{"alg": "SHA-256", "content": written[0][wheel]}]
    assert "purl" not in component, "on the public index, the name belongs to another package"
    needed = {each["name"] for each in described["components"]}
    assert {"protobuf", "grpcio", "protovalidate", "temporalio"} <= needed


def _checked(make: Run, checkout: Path) -> dict[str, str]:
    """Return the digest of every file that `make release-check` writes."""
    checked = make("release-check", "TAG=v99.0.0")
    assert checked.returncode == 0, checked.stderr
    out = checkout / "build/release"
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file()
    }
