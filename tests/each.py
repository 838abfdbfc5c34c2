"""One test that asks many elements the same question."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Concatenate, TypeVar

Case = TypeVar("Case")


def for_each(
    cases: Mapping[str, Case],
) -> Callable[[Callable[Concatenate[Case, ...], None]], Callable[..., None]]:
    """Turn a question about one case, its first parameter, into one test of all cases.

    The test checks every case, even after failures, and fails with the names and errors of all
    cases that fail. Other parameters are fixtures, as usual. With thousands of message types, one
    test per case would spend most of the time on the tests themselves.
    """

    def decorate(question: Callable[Concatenate[Case, ...], None]) -> Callable[..., None]:
        @functools.wraps(question)
        def test(**fixtures: object) -> None:
            assert cases, "there is no case to ask"
            errors: list[Exception] = []
            names: list[str] = []
            for name, case in cases.items():
                try:
                    question(case, **fixtures)
                except Exception as error:
                    error.add_note(f"asked of {name}")
                    errors.append(error)
                    names.append(name)
            if errors:
                raise ExceptionGroup(f"{len(names)} of {len(cases)}: {', '.join(names)}", errors)

        _, *rest = inspect.signature(question).parameters.values()
        test.__dict__["__signature__"] = inspect.Signature(rest)
        return test

    return decorate
