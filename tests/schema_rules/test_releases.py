"""`make release` keeps the image and the fixtures of a version, once and for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.project import StepError
from schema_rules.releases import bookkeeping, every, keep


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    head = tmp_path / "HEAD"
    head.mkdir()
    (head / "a.Message.binpb").write_bytes(b"\x0a\x00")
    (head / "a.Message.json").write_text("{}\n")
    return tmp_path


def test_a_release_keeps_its_image_and_the_fixtures_of_head(releases: Path) -> None:
    release = _keep(releases)
    assert release == releases / "v1.2.3"
    kept = {path.name: path.read_bytes() for path in release.iterdir()}
    assert kept == {
        "schema.binpb": b"image",
        "a.Message.binpb": b"\x0a\x00",
        "a.Message.json": b"{}\n",
    }


def test_a_version_is_not_released_twice_with_other_contracts(releases: Path) -> None:
    _keep(releases)
    with pytest.raises(StepError, match=r"1\.2\.3 was released with another contract"):
        keep(releases, "1.2.3", b"another image")
    assert (releases / "v1.2.3" / "schema.binpb").read_bytes() == b"image"


def test_releasing_the_same_contract_again_leaves_the_fixtures_as_they_were(
    releases: Path,
) -> None:
    release = _keep(releases)
    (releases / "HEAD" / "a.Message.binpb").write_bytes(b"\x0a\x01a")
    assert _keep(releases) == release
    assert (release / "a.Message.binpb").read_bytes() == b"\x0a\x00"


def test_a_release_without_fixtures_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="run `make fixtures` first"):
        keep(tmp_path, "1.2.3", b"image")
    assert not (tmp_path / "v1.2.3").exists()


def _keep(releases: Path, corrections: str = "") -> Path:
    file = releases / "corrections.toml"
    file.write_text(corrections)
    return keep(releases, "1.2.3", b"image", file)


def test_a_release_keeps_the_corrections_that_made_it(releases: Path) -> None:
    text = '[VALIDATION_KEPT]\n"a.B.c" = "It was wrong before."\n'
    release = _keep(releases, text)
    assert (release / "corrections.toml").read_text() == text


def test_releases_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("v0.9.0", "v0.10.0", "v0.2.0", "v1", "HEAD", "v0.1.0-rc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "schema.binpb").touch()
    assert [folder.name for folder in every(tmp_path)] == ["v0.2.0", "v0.9.0", "v0.10.0"]


def test_a_release_without_an_image_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"no release in .*; restore it"):
        every(tmp_path)
    (tmp_path / "v0.1.0").mkdir()
    with pytest.raises(StepError, match=r"v0\.1\.0 has no schema\.binpb; restore it"):
        every(tmp_path)


def test_every_version_needs_its_changelog_entry_and_none_is_ahead(releases: Path) -> None:
    _keep(releases)
    changelog = releases / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-01-01\n\nAll of it.\n")
    assert list(bookkeeping(releases, "1.2.3", changelog)) == []
    assert list(bookkeeping(releases, "1.3.0", changelog)) == [
        "CHANGELOG.md has no entry for 1.3.0; write what changed for users"
    ]
    changelog.write_text("# Changelog\n\n## 1.2.0 - 2025-01-01\n\nAll of it.\n")
    missing, ahead = bookkeeping(releases, "1.2.0", changelog)
    assert missing == "CHANGELOG.md has no entry for 1.2.3; write what changed for users"
    assert ahead.endswith("/v1.2.3 is newer than __version__, 1.2.0; remove it")
