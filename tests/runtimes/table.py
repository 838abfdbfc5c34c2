"""The tables of docs/runtimes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from tests.markdown import table
from tests.runtimes.outcomes import COMPANIONS, IMPLEMENTATIONS, Outcome, Runtime


def render(outcomes: Mapping[Runtime, Outcome], pins: Mapping[str, Mapping[str, str]]) -> str:
    """Render the verdicts and the differences; `pins` contains the releases of the companions."""
    beside = [
        f"- {name}: grpcio {pins[name]['grpcio']}, protovalidate {pins[name]['protovalidate']}"
        for name in COMPANIONS
    ]
    return "\n".join(
        [
            "The **lowest** and the **highest** of what goes beside protobuf:",
            "",
            *beside,
            "",
            _verdicts(outcomes),
            "Where runtimes differ:",
            "",
            _behaviour(outcomes),
        ]
    )


def _verdicts(outcomes: Mapping[Runtime, Outcome]) -> str:
    columns = [(kind, beside) for kind in IMPLEMENTATIONS for beside in COMPANIONS]
    return table(
        ["protobuf", *(f"{IMPLEMENTATIONS[kind]}, {beside}" for kind, beside in columns)],
        (
            [version, *(_verdict(outcomes[Runtime(version, b, kind)]) for kind, b in columns)]
            for version in _versions(outcomes)
        ),
    )


def _verdict(outcome: Outcome) -> str:
    return f"**fails**: {', '.join(outcome.failed)}" if outcome.failed else "passes"


def _behaviour(outcomes: Mapping[Runtime, Outcome]) -> str:
    names = dict.fromkeys(name for outcome in outcomes.values() for name in outcome.behaviour)
    return table(
        ["", *IMPLEMENTATIONS.values()],
        ([name, *(_answers(outcomes, name, kind) for kind in IMPLEMENTATIONS)] for name in names),
    )


def _answers(outcomes: Mapping[Runtime, Outcome], name: str, implementation: str) -> str:
    """Return the answer that all versions share, or the answer of each range of versions."""

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
