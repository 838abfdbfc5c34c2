"""A question fails with the names of all cases that fail."""

from __future__ import annotations

import inspect

import pytest

from tests.each import for_each

NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4}


def test_every_case_is_asked_and_every_wrong_answer_is_named() -> None:
    asked: list[int] = []

    @for_each(NUMBERS)
    def is_even(number: int) -> None:
        asked.append(number)
        assert number % 2 == 0, "odd"

    with pytest.raises(ExceptionGroup, match=r"2 of 4: one, three") as failed:
        is_even()
    assert asked == [1, 2, 3, 4]
    notes = [error.__notes__ for error in failed.value.exceptions]
    assert notes == [["asked of one"], ["asked of three"]]


def test_right_answers_pass() -> None:
    @for_each(NUMBERS)
    def is_positive(number: int) -> None:
        assert number > 0

    is_positive()


def test_no_case_is_a_failure() -> None:
    none: dict[str, int] = {}

    @for_each(none)
    def anything(number: int) -> None:
        pass

    with pytest.raises(AssertionError, match="no case"):
        anything()


@for_each(NUMBERS)
@pytest.mark.parametrize("limit", [5, 6])
def test_other_parameters_are_fixtures_as_ever(
    number: int, limit: int, request: pytest.FixtureRequest
) -> None:
    assert number < limit
    assert request.node.name in (
        "test_other_parameters_are_fixtures_as_ever[5]",
        "test_other_parameters_are_fixtures_as_ever[6]",
    )


def test_a_test_of_each_case_has_the_documentation_and_not_the_case() -> None:
    made = test_other_parameters_are_fixtures_as_ever
    assert list(inspect.signature(made).parameters) == ["limit", "request"]
