"""Markdown tables, links, the generated part of a page, and the files that a page shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_BEGIN = "<!-- Written by `{}`; do not edit. -->"
_END = "<!-- End of what `{}` writes. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str] = ()) -> str:
    """Render a table; `align` contains `---`, `:---` or `---:` for each column."""
    lines = [head, align or ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def links_in(markdown: str) -> list[str]:
    """Return the target of every link and image, in order, as a renderer sees them."""
    from markdown_it import MarkdownIt  # `make matrix` has none

    blocks = MarkdownIt().enable("table").parse(markdown)
    tokens = [token for block in blocks for token in block.children or []]
    targets = [token.attrs.get("href", token.attrs.get("src")) for token in tokens]
    return [str(target) for target in targets if target is not None]


def shown_files(text: str) -> dict[str, str]:
    """Return the files that a page shows: each is a code block after its name in backquotes."""
    blocks = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)```", re.DOTALL | re.MULTILINE)
    return dict(blocks.findall(text))


def replace_part(page: Path, target: str, text: str) -> bool:
    """Write the text between the markers of a make target, and return whether it differs.

    Raises:
        ValueError: The page does not contain each marker exactly once.
    """
    begin, end = _BEGIN.format(target), _END.format(target)
    before = page.read_text(encoding="utf-8")
    if before.count(begin) != 1 or before.count(end) != 1:
        raise ValueError(f"{page.name} needs each of these lines once: {begin} and {end}")
    head, _, rest = before.partition(begin)
    _, _, tail = rest.partition(end)
    after = f"{head}{begin}\n\n{text.rstrip()}\n\n{end}{tail}"
    page.write_text(after, encoding="utf-8")
    return after != before
