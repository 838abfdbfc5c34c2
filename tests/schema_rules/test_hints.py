"""What validation rules mention, and text that matches their patterns."""

from __future__ import annotations

import re

import pytest

from schema_rules.hints import matching, of_expression, reads_clock


@pytest.mark.parametrize(
    "expression", ["this < now", "now - this < duration('1h')", "[now].size() > 0", "!(now > this)"]
)
def test_now_is_the_clock(expression: str) -> None:
    assert reads_clock(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "this.now < 5",
        "this . now < 5",
        "this != 'now'",
        'this != "now" // or now',
        "this.now() == 5",
        "nowhere == this.known",
        r"this != r'\' && this != ' now '",
        "this != '''now'''",
    ],
)
def test_a_field_a_function_text_and_a_comment_are_not_the_clock(expression: str) -> None:
    assert not reads_clock(expression)


def test_an_expression_mentions_text_numbers_and_names() -> None:
    found = of_expression(r"this.kind in [0x10, 2.5] || this.name.matches(r'^\d+') // 99, 'no'")
    assert found.texts == (r"^\d+",)
    assert {16.0, 2.5} <= set(found.numbers)
    assert 99 not in found.numbers
    assert {"kind", "name"} <= found.names


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", 5400.0), ("1.5s", 1.5), ("2024-01-01T00:00:00Z", 1_704_067_200.0)],
)
def test_text_that_is_a_time_is_a_number_of_seconds(text: str, seconds: float) -> None:
    assert seconds in of_expression(f"this < duration('{text}')").numbers


@pytest.mark.parametrize("repeat", [0, 1, 5])
@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z][a-z0-9-]*$",
        r"^(?:[^/]+/)*\w{2,4}$",
        r"^(sk|pk)_[A-F0-9]{8,}$",
        r"^\d{4}-\d{2}\s\S\D\W$",
        r"^[^a-z\d]+.[\-.]$",
        r"^a+?b?c*$",
    ],
)
def test_a_made_text_matches_its_pattern(pattern: str, repeat: int) -> None:
    made = matching(pattern, repeat)
    assert made is not None
    assert re.search(pattern, made), made


def test_a_pattern_that_python_cannot_read_has_no_text() -> None:
    assert matching(r"^\p{Greek}+$", 1) is None
