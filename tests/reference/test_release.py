"""`make release-check` writes the notes of a release, and finds places with another version."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from reference.release import mismatches, notes
from schema_rules.releases import CHANGELOG, changelog_entries
from tests.markdown import links_in

REPOSITORY = "https://git.example/acme/contract"
GITHUB = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "acme/contract"}


@pytest.mark.parametrize(
    ("settings", "repository", "heading", "problem"),
    [
        ({}, None, "1.2.0", None),
        ({"TAG": "v1.2.0", **GITHUB}, REPOSITORY, "1.2.0 - 2026-11-25", None),
        ({"TAG": "v1.3.0"}, None, "1.2.0", "the tag is v1.3.0, but the version is 1.2.0"),
        ({"TAG": "1.2.0"}, None, "1.2.0", "the tag is 1.2.0, but the version is 1.2.0"),
        ({}, None, "Unreleased", "begins with Unreleased, but the version is 1.2.0"),
        ({}, None, "1.1.0", "begins with 1.1.0, but the version is 1.2.0"),
        (GITHUB, None, "1.2.0", f'pyproject.toml must state Repository = "{REPOSITORY}"'),
        (GITHUB, f"{REPOSITORY}s", "1.2.0", f'must state Repository = "{REPOSITORY}"'),
    ],
)
def test_the_tag_the_changelog_and_the_url_must_be_those_of_the_release(
    settings: dict[str, str],
    repository: str | None,
    heading: str,
    problem: str | None,
    tmp_path: Path,
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(f"# Changelog\n\n## {heading}\n\nNews.\n\n## 1.0.0\n")

    found = list(mismatches("1.2.0", repository, changelog, settings))

    assert len(found) == (problem is not None), found
    assert problem is None or problem in found[0]


def test_the_notes_are_the_newest_entry_and_the_changes_since_the_release_before(
    image: FileDescriptorSet,
) -> None:
    newest, older, *_ = changelog_entries(CHANGELOG).values()

    written = notes("0.2.0", image, REPOSITORY)

    entry, _, changes = written.partition("\n## Contract changes since release v0.1.0\n")
    assert newest.split()[:5] == entry.split()[:5]
    assert older.strip().splitlines()[0] not in written
    assert "#### ai.stigmer.tenancy.organization.v1\n" in changes
    assert [link for link in links_in(written) if not link.startswith("https://")] == []


def test_the_first_release_has_no_changes_to_report(image: FileDescriptorSet) -> None:
    assert "Contract changes" not in notes("0.1.0", image, None)
