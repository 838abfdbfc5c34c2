"""Tools that freeze applications find all modules and data files of the package.

They read code without running it. The standard library's `modulefinder` reads it as PyInstaller and
cx_Freeze do; tests/environments freezes real applications.
"""

from __future__ import annotations

import runpy
from importlib.metadata import entry_points
from modulefinder import ModuleFinder
from pathlib import Path, PurePath

import stigmer_apis
from tests.each import for_each

PACKAGE = Path(stigmer_apis.__file__).parent
ROOT = PACKAGE.parent
OTHERS = [path.stem for path in ROOT.iterdir() if path.stem != PACKAGE.name]
"""What an installed package has beside it, and whose code does not matter here."""


def name_of(module: Path) -> str:
    path = module.relative_to(ROOT).with_suffix("")
    return ".".join(path.parts).removesuffix(".__init__")


def found_from(module: str) -> set[str]:
    """Return our modules that can be found in the code of a module and of those that it imports."""
    finder = ModuleFinder([str(ROOT)], excludes=OTHERS)
    finder.import_hook(module)
    return {name for name in finder.modules if name.startswith("stigmer_apis")}


PACKAGES = {
    name_of(init): init.parent
    for init in PACKAGE.rglob("__init__.py")
    if init.parent not in (PACKAGE, PACKAGE / "_pyinstaller")
}


@for_each(PACKAGES)
def test_every_module_of_a_package_is_found_in_its_code(folder: Path) -> None:
    modules = {name_of(module) for module in folder.glob("*.py")}
    assert sorted(modules - found_from(name_of(folder / "__init__.py"))) == []


def test_the_hook_for_pyinstaller_collects_all_data_files() -> None:
    [hook] = [e for e in entry_points(group="pyinstaller40") if e.module.startswith("stigmer_apis")]
    [folder] = hook.load()()
    collected = runpy.run_path(f"{folder}/hook-stigmer_apis.py")["datas"]
    data = {file for file in PACKAGE.rglob("*") if file.is_file()}
    data = {file for file in data if file.suffix not in (".py", ".pyc")}
    assert {Path(file): PurePath(place) for file, place in collected} == {
        file: file.parent.relative_to(ROOT) for file in data
    }
    assert PACKAGE / "schema.binpb" in data
