"""A secret in an object graph of any shape shows nowhere, no line is lost, and none takes long.

`make test` tries some graphs, `make fuzz` many. The message that holds the secret is of another
schema, so that all depends on `install_logging`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stigmer_apis.agentic.environment.v1 import Environment, EnvironmentSpec, EnvironmentValue
from stigmer_apis.redaction import install_logging, redacted_copy
from stigmer_apis.redaction._masking import own_text
from tests.redaction.conftest import taken_back
from tests.redaction.everything_printed import Log, holders
from tests.redaction.foreign import an_envelope, an_execution
from tests.redaction.redaction_cases import SECRET, assert_hides_secrets

SECONDS = 1.0
"""Of the processor, for one record."""

KINDS = sorted(holders(None))


class Odd:
    """An object that cannot be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("odd")


LEAVES = st.one_of(
    st.builds(an_envelope),
    st.builds(an_execution),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.none(),
    st.floats(),
    st.builds(Odd),
)


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    """An object that holds others, shared and repeated, up to some levels deep."""
    known: list[Any] = [an_envelope(), draw(LEAVES)]
    for _ in range(draw(st.integers(0, 12))):
        held = known[draw(st.integers(0, len(known) - 1))]
        known.append(holders(held)[draw(st.sampled_from(KINDS))])
    return known[-1]


@st.composite
def errors(draw: st.DrawFn) -> BaseException:
    """An error with causes, contexts and notes, perhaps in a circle."""
    chain = [ValueError(draw(graphs())) for _ in range(draw(st.integers(1, 30)))]
    for error in chain:
        link = draw(st.sampled_from(["__cause__", "__context__"]))
        setattr(error, link, draw(st.sampled_from(chain)))
        if draw(st.booleans()):
            error.add_note(f"while storing {an_execution()}")
    return chain[0]


def log_all(held: Any, error: BaseException) -> Log:
    """Log in every way at once, and return the log."""
    install_logging()
    log = Log()
    started = time.process_time()
    log.logger.error("%s | %r", held, [held], exc_info=error, extra={"held": held, "more": (held,)})
    log.logger.info(held)
    taken = time.process_time() - started
    assert taken < 2 * SECONDS, f"two records took {taken:.1f} s"
    return log


@pytest.fixture(autouse=True, scope="module")
def nothing_stays_installed() -> Iterator[None]:
    """Leave the process as it was before these tests."""
    with taken_back():
        yield


@settings(max_examples=20 * settings().max_examples)
@given(graphs(), errors())
def test_no_graph_of_objects_shows_a_secret_or_loses_a_line(
    held: Any, error: BaseException
) -> None:
    log = log_all(held, error)
    assert_hides_secrets(log.text, "the log")
    assert_hides_secrets(log.pickles.decode("latin-1"), "a pickled record")
    assert len(log.sent) == 4, "a record got lost on its way"
    assert " | " in log.text


PIECES = ['"', "\\", "\n", " value: ", 'value: "', "is_secret: true\n", "}", "é", "\x00", SECRET]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
VALUES = st.builds(
    EnvironmentValue, value=TEXTS, is_secret=st.booleans(), description=TEXTS
)  # the description comes after the marker, and ends a message before the next


@settings(max_examples=20 * settings().max_examples)
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_the_fast_way_to_mask_gives_the_text_of_the_masked_copy(
    values: dict[str, EnvironmentValue],
) -> None:
    spec = EnvironmentSpec(data=values)
    for message in (spec, Environment(spec=spec), *values.values()):
        assert str(message) == str(redacted_copy(message)) == own_text(redacted_copy(message))
