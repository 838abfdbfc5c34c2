"""Our package and others that ship protobuf code, in one process, in both orders.

Some of the other packages ship modules that fail on their own, because they are leftovers or
conflict with each other. The tests therefore compare the results with and without our package.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.neighbours.neighbour_packages import NEIGHBOURS, OUR_MODULES, environment_without_python

EVERYBODY = "everybody at once"
PARTIES = {**NEIGHBOURS, EVERYBODY: sorted({m for names in NEIGHBOURS.values() for m in names})}

with_every_neighbour = pytest.mark.parametrize("neighbour", PARTIES)
on_both_runtimes = pytest.mark.parametrize("implementation", ["upb", "python"])


@cache
def side_by_side(order: tuple[str, ...], implementation: str) -> dict[str, Any]:
    """Return the result of each module, by name: its number of round trips, or its exception."""
    modules = [OUR_MODULES if party == "ours" else PARTIES[party] for party in order]
    chosen = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    finished = subprocess.run(
        [
            *(sys.executable, "-P", "-W", "error"),
            str(Path(__file__).with_name("import_side_by_side.py")),
        ],
        input=json.dumps(modules),
        env={**environment_without_python(), **(chosen if implementation == "python" else {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return json.loads(finished.stdout)


def test_the_neighbours_are_those_that_collide_with_others_if_anybody_does() -> None:
    known = {"flyteidl2", "googleapis-common-protos", "grpcio-reflection", "opentelemetry-proto"}
    assert known | {"temporalio", "xds-protos"} <= NEIGHBOURS.keys()
    assert "buf.validate.validate_pb2" in PARTIES[EVERYBODY]
    assert len(PARTIES[EVERYBODY]) > 900


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
@pytest.mark.parametrize(
    ("neighbour", "implementation"),
    # In pure Python, only the package that ships the validation rules; all would take minutes.
    [*((neighbour, "upb") for neighbour in PARTIES), ("flyteidl2", "python")],
)
def test_everybody_s_modules_do_together_what_they_do_alone(
    neighbour: str, implementation: str, ours_first: bool
) -> None:
    order = ("ours", neighbour) if ours_first else (neighbour, "ours")
    together = side_by_side(order, implementation)
    assert together == {
        **side_by_side((neighbour,), implementation),
        **side_by_side(("ours",), implementation),
    }


@on_both_runtimes
def test_ours_alone_raise_nothing_and_make_round_trips(implementation: str) -> None:
    alone = side_by_side(("ours",), implementation)
    assert {name: did for name, did in alone.items() if not isinstance(did, int)} == {}
    assert sum(alone.values()) > 100


@with_every_neighbour
def test_most_modules_of_a_neighbour_can_be_imported(neighbour: str) -> None:
    # Otherwise the comparison would prove nothing.
    alone = side_by_side((neighbour,), "upb")
    good = [name for name, did in alone.items() if isinstance(did, int)]
    assert len(good) > len(alone) * 0.75
