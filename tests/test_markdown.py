"""Generated parts of pages replace only their previous content."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.markdown import replace_part, table

BEGIN = "<!-- Written by `make it`; do not edit. -->"
END = "<!-- End of what `make it` writes. -->"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter: é\n", encoding="utf-8")
    return page


def test_a_table_has_a_line_for_its_head_and_each_row() -> None:
    assert table(["a", "b"], [["1", "2"], ["3", "4"]], ["---", "---:"]) == (
        "| a | b |\n| --- | ---: |\n| 1 | 2 |\n| 3 | 4 |\n"
    )
    assert table(["a"], []) == "| a |\n| --- |\n"


def test_a_part_is_replaced_between_its_markers_alone(page: Path) -> None:
    assert replace_part(page, "make it", "new\n") is True
    expected = f"# Before\n\n{BEGIN}\n\nnew\n\n{END}\n\nAfter: é\n"
    assert page.read_text(encoding="utf-8") == expected


def test_the_same_part_again_is_no_change(page: Path) -> None:
    replace_part(page, "make it", "new")
    assert replace_part(page, "make it", "new") is False


@pytest.mark.parametrize("marker", [BEGIN, END])
@pytest.mark.parametrize("times", [0, 2])
def test_a_page_without_each_marker_once_is_refused_and_kept(
    page: Path, marker: str, times: int
) -> None:
    broken = page.read_text(encoding="utf-8").replace(marker, marker * times)
    page.write_text(broken, encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md needs each of these lines once"):
        replace_part(page, "make it", "new")
    assert page.read_text(encoding="utf-8") == broken
