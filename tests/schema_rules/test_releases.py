"""`make release` keeps the image and the fixtures of a version, once and for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.project import StepError
from schema_rules.releases import keep


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    head = tmp_path / "HEAD"
    head.mkdir()
    (head / "a.Message.binpb").write_bytes(b"\x0a\x00")
    (head / "a.Message.json").write_text("{}\n")
    return tmp_path


def test_a_release_keeps_its_image_and_the_fixtures_of_head(releases: Path) -> None:
    release = keep(releases, "1.2.3", b"image")
    assert release == releases / "v1.2.3"
    kept = {path.name: path.read_bytes() for path in release.iterdir()}
    assert kept == {
        "schema.binpb": b"image",
        "a.Message.binpb": b"\x0a\x00",
        "a.Message.json": b"{}\n",
    }


def test_a_version_is_not_released_twice_with_other_contracts(releases: Path) -> None:
    keep(releases, "1.2.3", b"image")
    with pytest.raises(StepError, match=r"1\.2\.3 was released with another contract"):
        keep(releases, "1.2.3", b"another image")
    assert (releases / "v1.2.3" / "schema.binpb").read_bytes() == b"image"


def test_releasing_the_same_contract_again_leaves_the_fixtures_as_they_were(
    releases: Path,
) -> None:
    release = keep(releases, "1.2.3", b"image")
    (releases / "HEAD" / "a.Message.binpb").write_bytes(b"\x0a\x01a")
    assert keep(releases, "1.2.3", b"image") == release
    assert (release / "a.Message.binpb").read_bytes() == b"\x0a\x00"


def test_a_release_without_fixtures_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="run `make fixtures` first"):
        keep(tmp_path, "1.2.3", b"image")
    assert not (tmp_path / "v1.2.3").exists()
