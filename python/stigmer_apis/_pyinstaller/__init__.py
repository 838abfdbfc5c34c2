"""The hook with which PyInstaller collects this package into an application."""

from __future__ import annotations

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folder of the hook, which PyInstaller asks for through an entry point."""
    return [str(Path(__file__).parent)]
