"""Every package can be looked at without any extra installed: by people, tools and imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments.places import INSTALLERS, Place, run

LOOKING = """
import importlib, inspect, pkgutil, pydoc, sys
import stigmer_apis

packages = ["stigmer_apis"]
packages += [
    module.name
    for module in pkgutil.walk_packages(stigmer_apis.__path__, "stigmer_apis.")
    if module.ispkg
]
assert "stigmer_apis.temporal" in packages
for name in packages:
    package = importlib.import_module(name)
    assert not hasattr(package, "no_such_name")
    assert set(dir(package)) >= set(getattr(package, "__all__", []))
    inspect.getmembers(package)
    assert package.__doc__ and package.__doc__.splitlines()[0] in pydoc.render_doc(package)
    names = {}
    exec(f"from {name} import *", names)
    assert set(names) >= set(getattr(package, "__all__", []))
print(len(packages), *sorted({"grpc", "temporalio", "protovalidate"} & set(sys.modules)))
"""


@pytest.fixture
def bare(place: Place, wheel: Path) -> Place:
    """Return an environment with the package and what it declares, and no extra."""
    run(
        [INSTALLERS / "python", "-m", "pip", "--python", place.python, "install", wheel],
        place.folder,
    )
    return place


def test_every_package_can_be_looked_at(bare: Place) -> None:
    packages, *loaded = bare.run(LOOKING, "-W", "error").split()
    assert int(packages) > 20
    assert loaded == []
