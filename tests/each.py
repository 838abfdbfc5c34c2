"""One test for a question that many elements must answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Concatenate, TypeVar

Case = TypeVar("Case")


def for_each(
    cases: Mapping[str, Case],
) -> Callable[[Callable[Concatenate[Case, ...], None]], Callable[..., None]]:
    """Turn a question about one case, its first parameter, into one test about all of them.

    The test asks every case, whatever the others answer, and fails with the names and the errors of
    those that answer wrong. Other parameters are fixtures, as ever. A test for each case would ask
    the same; with thousands of message types, it is the tests that take the time then.
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
