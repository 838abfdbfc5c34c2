"""The description of the package on an index page: the README, with links that work there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"\[([^]]*)\]\((?!https?://|#)([^)]*)\)")
"""A link to a file in this repository."""


class Description(MetadataHookInterface):
    """Provides `readme`, which pyproject.toml declares as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description in the metadata of the project."""
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = linked(readme, metadata.get("urls", {}).get("Repository"), metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def linked(markdown: str, repository: str | None, version: str) -> str:
    """Return Markdown for readers outside the repository.

    Links to files lead to the tag of the version in `repository`, the URL of a GitHub repository.
    Without that URL, their text and the path remain.
    """

    def outside(link: re.Match[str]) -> str:
        text, target = link.groups()
        if repository:
            return f"[{text}]({repository}/blob/v{version}/{target})"
        return text if target in text else f"{text} (`{target}`)"

    return _LINK.sub(outside, markdown)
