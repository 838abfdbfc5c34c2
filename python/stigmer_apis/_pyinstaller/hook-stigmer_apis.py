"""The data files of the package: the image, the .proto files and the type stubs.

PyInstaller finds the modules by itself.
"""  # noqa: N999 - PyInstaller requires this name.

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent

datas = [
    (str(file), str(file.parent.relative_to(_PACKAGE.parent)))
    for file in _PACKAGE.rglob("*")
    if file.is_file() and file.suffix not in (".py", ".pyc")
]
