"""The tables of docs/runtimes.md, and where they stand in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tests.runtimes.environments import COMPANIONS, IMPLEMENTATIONS, Outcome, Runtime, companions

BEGIN = "<!-- Written by `make runtimes`. DO NOT EDIT. -->"
END = "<!-- Here ends what `make runtimes` writes. -->"


def write(page: Path, outcomes: Mapping[Runtime, Outcome]) -> None:
    """Put the tables where the page has its markers.

    Raises:
        ValueError: the page does not have each marker once.
    """
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page.name} needs each of these lines once: {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    tables = "\n".join([*_passed(outcomes), "", *_behaviour(outcomes)])
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")


def _passed(outcomes: Mapping[Runtime, Outcome]) -> Iterator[str]:
    columns = [(kind, beside) for kind in IMPLEMENTATIONS for beside in COMPANIONS]
    yield "The **lowest** and the **highest** of what goes beside protobuf:"
    yield ""
    for beside in COMPANIONS:
        pins = companions(beside)
        yield f"- {beside}: grpcio {pins['grpcio']}, protovalidate {pins['protovalidate']}"
    yield ""
    heads = [f"{IMPLEMENTATIONS[kind]}, {beside}" for kind, beside in columns]
    yield from _table(
        ["protobuf", *heads],
        (
            [version, *(_verdict(outcomes[Runtime(version, b, kind)]) for kind, b in columns)]
            for version in _versions(outcomes)
        ),
    )


def _verdict(outcome: Outcome) -> str:
    return f"**fails**: {', '.join(outcome.failed)}" if outcome.failed else "passes"


def _behaviour(outcomes: Mapping[Runtime, Outcome]) -> Iterator[str]:
    yield "Where runtimes differ:"
    yield ""
    names = dict.fromkeys(name for outcome in outcomes.values() for name in outcome.behaviour)
    yield from _table(
        ["", *IMPLEMENTATIONS.values()],
        ([name, *(_answers(outcomes, name, kind) for kind in IMPLEMENTATIONS)] for name in names),
    )


def _answers(outcomes: Mapping[Runtime, Outcome], name: str, implementation: str) -> str:
    """What all versions answer, or what each run of versions does."""

    def answer(version: str) -> str:
        runtimes = [Runtime(version, beside, implementation) for beside in COMPANIONS]
        answers = dict.fromkeys(outcomes[runtime].behaviour.get(name, "?") for runtime in runtimes)
        return " or ".join(answers)

    runs = [(text, list(run)) for text, run in groupby(_versions(outcomes), answer)]
    if len(runs) == 1:
        return runs[0][0]
    return "; ".join(f"{_span(run)}: {text}" for text, run in runs)


def _span(versions: Sequence[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"


def _versions(outcomes: Mapping[Runtime, Outcome]) -> list[str]:
    return list(dict.fromkeys(runtime.protobuf for runtime in outcomes))


def _table(head: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
