"""Log records: what `RedactingFilter` finds in them, and what it leaves to the caller."""

from __future__ import annotations

import copy
import io
import json
import logging
import logging.config
import logging.handlers
import pickle
import queue
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from stigmer_apis.agentic.executioncontext.v1 import ExecutionContextSpec, ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import (
    WorkflowExecution,
    WorkflowExecutionList,
    WorkflowExecutionStatus,
)
from stigmer_apis.redaction import Redacted, RedactingFilter, fingerprint, to_text
from tests.redaction.redaction_cases import SECRET, TOKEN, assert_hidden


def an_execution() -> WorkflowExecution:
    execution = WorkflowExecution(kind="WorkflowExecution")
    execution.status.callback_token = TOKEN
    execution.spec.runtime_env["KEY"].CopyFrom(ExecutionValue(value=SECRET, is_secret=True))
    return execution


EXECUTION = an_execution()
SHOWN = fingerprint(TOKEN)
LIST = WorkflowExecutionList(entries=[EXECUTION])
CONTEXT = ExecutionContextSpec(data={"KEY": ExecutionValue(value=SECRET, is_secret=True)})


class Pair(NamedTuple):
    name: str
    execution: WorkflowExecution


@dataclass
class Job:
    execution: WorkflowExecution
    name: str = "nightly"
    others: list[Any] = field(default_factory=list[Any])


@dataclass(frozen=True, slots=True)
class FrozenJob:
    execution: WorkflowExecution

    def __str__(self) -> str:
        return f"frozen job of {self.execution}"


class UpdateError(Exception):
    """Takes other arguments than it has, as errors do."""

    def __init__(self, execution: WorkflowExecution, *, code: int) -> None:
        super().__init__("cannot update", execution)
        self.execution = execution
        self.code = code

    def __str__(self) -> str:
        return f"{self.args[0]} ({self.code}): {self.execution}"


class Log:
    """A logger with one handler, and what it has written."""

    def __init__(self, *filters: logging.Filter, format: str = "%(message)s") -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logging.Formatter(format))
        for each in filters:
            self.handler.addFilter(each)
        self.logger = logging.Logger("service.component", logging.INFO)
        self.logger.addHandler(self.handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def log() -> Log:
    return Log(RedactingFilter())


@pytest.fixture(autouse=True)
def no_failure_is_swallowed(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What goes wrong in a handler is printed on stderr, with the arguments in clear."""
    yield
    assert capsys.readouterr().err == ""


def assert_redacted(text: str) -> None:
    assert_hidden(TOKEN, text, "the log")
    assert_hidden(SECRET.encode(), text, "the log")


def test_without_the_filter_the_secret_is_written() -> None:
    log = Log()
    log.logger.info("%s", EXECUTION)
    with pytest.raises(AssertionError, match="shows the secret"):
        assert_redacted(log.text)


@pytest.mark.parametrize("format", ["%s", "%r", "%.10000s", "%a"])
def test_a_message_that_is_logged_is_redacted(log: Log, format: str) -> None:
    log.logger.info(format, EXECUTION)
    assert_redacted(log.text)
    assert SHOWN in log.text
    if format == "%s":
        assert log.text == to_text(EXECUTION) + "\n"


CYCLE: list[Any] = [EXECUTION]
CYCLE.append(CYCLE)

ARGUMENTS: dict[str, Any] = {
    "a list": [1, EXECUTION],
    "a tuple": (1, EXECUTION),
    "a dict": {"execution": EXECUTION},
    "an ordered dict": OrderedDict(execution=EXECUTION),
    "a default dict": defaultdict(list[Any], {"executions": [EXECUTION]}),
    "a read-only mapping": types.MappingProxyType({"execution": EXECUTION}),
    "a deque": deque([EXECUTION]),
    "a named tuple": Pair("pair", EXECUTION),
    "a dataclass": Job(EXECUTION),
    "a dataclass that is frozen and has slots": FrozenJob(EXECUTION),
    "a dataclass within containers": [{"jobs": (Job(EXECUTION, others=[Pair("p", EXECUTION)]),)}],
    "a repeated field": LIST.entries,
    "a list within itself": CYCLE,
    "an error": ValueError("wrong", EXECUTION),
    "an error with attributes": UpdateError(EXECUTION, code=3),
    "a group of errors": ExceptionGroup("two", [KeyError("x"), ValueError(EXECUTION)]),
}


@pytest.mark.parametrize("argument", ARGUMENTS.values(), ids=ARGUMENTS.keys())
@pytest.mark.parametrize("format", ["%s", "%r"])
def test_a_message_within_an_argument_is_redacted(log: Log, argument: Any, format: str) -> None:
    log.logger.info("%s: " + format, "before", argument)
    log.logger.info(format, argument)
    log.logger.info(argument)
    assert_redacted(log.text)
    if not isinstance(argument, ExceptionGroup):  # which print only how many they are
        assert log.text.count(SHOWN) >= 3, log.text


def test_a_map_field_is_redacted(log: Log) -> None:
    log.logger.info("%s", CONTEXT.data)
    log.logger.info("%s %s", 1, CONTEXT.data)
    log.logger.info(CONTEXT.data)
    assert_redacted(log.text)
    assert log.text.count("[REDACTED]") == 3
    assert log.text.count("KEY") == 3


def test_arguments_by_name_are_redacted(log: Log) -> None:
    log.logger.info("%(name)s: %(execution)s", {"name": "run", "execution": EXECUTION})
    assert_redacted(log.text)
    assert log.text.startswith("run: ")
    assert SHOWN in log.text


def test_the_message_itself_as_the_line_is_redacted(log: Log) -> None:
    log.logger.info(EXECUTION)
    assert log.text == to_text(EXECUTION) + "\n"


def test_extra_attributes_are_redacted() -> None:
    log = Log(RedactingFilter(), format="%(message)s %(execution)s %(context)s")
    extra = {"execution": EXECUTION, "context": {"data": CONTEXT, "job": Job(EXECUTION)}}
    log.logger.info("stored", extra=extra)
    assert_redacted(log.text)
    assert log.text.count(SHOWN) == 2


def test_a_structured_log_is_redacted() -> None:
    class JsonFormatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return json.dumps(vars(record), default=str)

    log = Log(RedactingFilter())
    log.handler.setFormatter(JsonFormatter())
    log.logger.info("stored %s", EXECUTION, extra={"execution": EXECUTION})
    assert_redacted(log.text)
    assert log.text.count(SHOWN) == 2


def raise_from(error: BaseException, cause: BaseException) -> None:
    try:
        raise cause
    except BaseException as caught:
        raise error from caught


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ValueError(EXECUTION), KeyError("x")),
        (RuntimeError("failed"), ValueError("wrong", [EXECUTION])),
        (UpdateError(EXECUTION, code=3), UpdateError(EXECUTION, code=4)),
        (ExceptionGroup("many", [ValueError(EXECUTION)]), KeyError("x")),
    ],
    ids=["the error", "its cause", "errors with attributes", "a group"],
)
def test_a_message_in_an_error_that_is_logged_is_redacted(
    log: Log, error: Exception, cause: Exception
) -> None:
    try:
        raise_from(error, cause)
    except Exception:
        log.logger.exception("failed")
    assert_redacted(log.text)
    assert SHOWN in log.text
    assert "in raise_from" in log.text
    assert "The above exception was the direct cause" in log.text
    assert f"{type(error).__name__}: " in log.text


def test_an_error_that_a_handler_wrote_before_is_written_anew() -> None:
    clear, safe = Log(), Log(RedactingFilter())
    clear.logger.addHandler(safe.handler)
    try:
        raise ValueError(EXECUTION)
    except ValueError:
        clear.logger.exception("failed")
    assert_redacted(safe.text)
    assert SHOWN in safe.text


def test_an_error_without_messages_is_logged_as_it_is(log: Log) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "failed", (), None)
    error = KeyError("x")
    record.exc_info = (KeyError, error, None)
    RedactingFilter().filter(record)
    assert record.exc_info[1] is error


def test_what_holds_no_message_is_passed_on_untouched() -> None:
    arguments = (1, "two", [3, {"four": (5,)}], {6}, object(), Job, CYCLE[:0], Pair, b"seven")
    record = logging.LogRecord("x", logging.INFO, "", 1, "line", arguments, None)
    record.extra = extra = {"a": [1, {"b": 2}], "c": deque([3])}
    before = dict(vars(record))
    assert RedactingFilter().filter(record)
    assert all(vars(record)[name] is value for name, value in before.items())
    assert record.args is arguments
    assert vars(record)["extra"] is extra


def test_what_the_caller_has_is_not_changed(log: Log) -> None:
    job, error = Job(EXECUTION, others=[EXECUTION]), UpdateError(EXECUTION, code=1)
    arguments: dict[str, Any] = {"jobs": [job], "error": error, "pair": Pair("x", EXECUTION)}
    before = copy.copy(arguments)
    log.logger.info("%s %s", arguments, 1, extra={"given": arguments})
    assert arguments == before
    assert job.execution is EXECUTION
    assert job.others == [EXECUTION]
    assert error.args == ("cannot update", EXECUTION)
    assert error.execution is EXECUTION
    assert an_execution() == EXECUTION


def test_text_is_made_only_where_the_line_is_written(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def make(message: Message) -> str:
        made.append(message)
        return "text"

    monkeypatch.setattr("stigmer_apis.redaction.to_text", make)
    log.logger.debug("%s", EXECUTION)
    log.handler.setLevel(logging.ERROR)
    log.logger.info("%s", EXECUTION)
    assert made == []
    log.logger.error("%s", EXECUTION)
    assert len(made) == 1


def test_what_cannot_be_searched_is_masked_and_the_rest_is_written(log: Log) -> None:
    class Broken(dict[str, Any]):
        def __iter__(self) -> Iterator[str]:
            raise RuntimeError(str(EXECUTION))

    deep: list[Any] = [EXECUTION]
    for _ in range(100_000):
        deep = [deep]
    log.logger.info("%s, %s, %s", Broken(execution=EXECUTION), deep, EXECUTION.kind)
    assert log.text == (
        "[REDACTED Broken: RuntimeError], [REDACTED list: RecursionError], WorkflowExecution\n"
    )


def test_a_line_whose_arguments_do_not_fit_shows_no_secret(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.logger.info("%s %s", EXECUTION)
    printed = capsys.readouterr().err
    assert "not enough arguments for format string" in printed
    assert_redacted(printed)


def test_a_filter_on_a_handler_sees_the_records_of_loggers_below() -> None:
    log = Log(RedactingFilter())
    below = logging.Logger("service.component.part", logging.INFO)
    below.parent = log.logger
    below.info("%s", EXECUTION)
    assert_redacted(log.text)
    assert SHOWN in log.text


def test_a_filter_with_a_name_lets_only_those_loggers_pass_as_every_filter_does() -> None:
    log = Log(RedactingFilter("elsewhere"))
    log.logger.info("%s", EXECUTION)
    assert log.text == ""


def test_a_queue_takes_the_redacted_text() -> None:
    records: queue.Queue[Any] = queue.Queue()
    handler = logging.handlers.QueueHandler(records)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("service", logging.INFO)
    logger.addHandler(handler)
    logger.info("%s", EXECUTION, extra={"execution": EXECUTION})
    record = records.get_nowait()
    assert record.getMessage() == to_text(EXECUTION)
    sent = pickle.dumps(record)
    assert TOKEN not in sent
    assert SECRET.encode() not in sent
    assert pickle.loads(sent).execution == to_text(EXECUTION)


def test_a_configuration_can_name_the_filter(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"redact": {"()": "stigmer_apis.redaction.RedactingFilter"}},
            "handlers": {
                "out": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "filters": ["redact"],
                }
            },
            "loggers": {"configured": {"handlers": ["out"], "level": "INFO", "propagate": False}},
        }
    )
    try:
        logging.getLogger("configured").info("%s", EXECUTION)
    finally:
        logging.getLogger("configured").handlers.clear()
    printed = capsys.readouterr().out
    assert printed == to_text(EXECUTION) + "\n"


def test_messages_of_every_kind_are_found(log: Log) -> None:
    packed = AnyMessage()
    packed.Pack(WorkflowExecutionStatus(callback_token=TOKEN))
    log.logger.info("%s", packed)
    log.logger.info("%s %s", Redacted(EXECUTION), [Redacted(EXECUTION)])
    assert_redacted(log.text)
    assert log.text.count(SHOWN) == 3


def test_what_the_docs_say_cannot_be_helped_cannot() -> None:
    # Should one of these begin to hold, say so in the docstring.
    log = Log(RedactingFilter())
    log.logger.info(f"{EXECUTION}")
    log.logger.info("%s", EXECUTION.status.callback_token)
    assert log.text.count("task-token-") == 2
