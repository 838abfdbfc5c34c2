"""The benchmarks take turns, and the check fails for a ratio that stays over its limit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from benchmarks import __main__ as bench
from benchmarks.big_contract import count
from benchmarks.messages import operations
from benchmarks.peers import OPERATIONS
from benchmarks.plots import bars
from benchmarks.sampler import Contender, Ratio, Spread, child, sample


def test_contenders_take_turns_and_the_warm_up_does_not_count() -> None:
    turns: list[str] = []

    def contender(name: str) -> Callable[[], float]:
        def run() -> float:
            turns.append(name)
            return len(turns)

        return run

    costs = sample([contender("a"), contender("b")], rounds=3)
    assert turns == ["a", "b", "b", "a", "a", "b", "b", "a"], "every second round runs backwards"
    assert costs == [[4, 3], [5, 6], [8, 7]], "costs are in the order of the contenders"


def test_a_ratio_is_the_median_of_its_rounds_with_their_quartiles() -> None:
    costs = iter([9.0, 1.0, 2.0, 3.0, 4.0, 50.0])
    ratio = Ratio("made up", lambda: [lambda: next(costs), lambda: 1.0], rounds=5)
    assert ratio.measure() == Spread(median=3.0, low=2.0, high=4.0)


def test_a_child_costs_the_processor_time_of_its_own_children_and_no_waiting() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    assert child(sys.executable, "-c", parent, spin)() >= 0.3
    assert child(sys.executable, "-c", "import time; time.sleep(1)")() < 0.9


def test_a_child_that_fails_is_an_error_and_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="no such luck"):
        child(sys.executable, "-c", "raise SystemExit('no such luck')")()


@pytest.mark.parametrize(
    ("costs", "limit", "code"),
    [
        pytest.param([2.0, 2.0], 1.5, 1, id="over twice"),
        pytest.param([2.0, 1.0], 1.5, 0, id="over once"),
        pytest.param([1.0], 1.5, 0, id="below"),
        pytest.param([], None, 0, id="only shown"),
    ],
)
def test_the_check_fails_if_a_second_measurement_confirms_it(
    costs: list[float],
    limit: float | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measurements = iter(costs)

    def contenders() -> list[Contender]:
        cost = next(measurements)
        return [lambda: cost, lambda: 1.0]

    monkeypatch.setattr(bench, "RATIOS", [Ratio("made up", contenders, limit)])
    assert bench.main(["--check"]) == code
    assert list(measurements) == [], "it measures again only what was over its limit"
    said = capsys.readouterr().err
    assert said.startswith("bench: made up is 2.00 and may be 1.5 at most") == bool(code)


def test_a_plot_says_every_figure_and_draws_it_on_its_side_of_the_base() -> None:
    plot = ElementTree.fromstring(
        bars("Costs", "<base>", {"parse": {"a": 0.5, "b": 2.0}, "write": {"a": 400.0}})
    )
    name = "{http://www.w3.org/2000/svg}"
    title, description = (plot.findtext(f"{name}{part}") for part in ("title", "desc"))
    assert title == "Costs"
    assert description == "In units of <base>. parse, a: 0.50; parse, b: 2.00; write, a: 400."
    _, *bar = [each.attrib for each in plot.iter(f"{name}rect")]
    base = float(next(plot.iter(f"{name}path")).attrib["d"].removeprefix("M").split()[0])
    starts = [float(each["x"]) for each in bar]
    widths = [float(each["width"]) for each in bar]
    assert starts[1:] == [base, base]
    assert starts[0] + widths[0] == pytest.approx(base, abs=0.1)
    assert widths[0] == pytest.approx(widths[1], abs=0.1), "twice and half are as far from the base"
    assert widths[2] > widths[1]


def test_an_entry_of_a_map_is_no_message() -> None:
    file = FileDescriptorProto(package="ai.stigmer.made.up")
    inner = file.message_type.add().nested_type
    inner.add()
    inner.add().options.map_entry = True
    assert count([file]) == 2


def test_a_library_is_timed_in_everything_that_is_compared() -> None:
    data, timed = operations("stigmer_apis.{}")
    assert tuple(timed) == OPERATIONS
    assert timed["parse"]() == timed["construct"]()
    assert timed["access fields"]() == "eu-central-1"
    assert len(data) > 500
