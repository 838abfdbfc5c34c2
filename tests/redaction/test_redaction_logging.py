"""What a process logs once `install_logging` was called, or a handler has a `RedactingFilter`.

The messages here are of another schema: those of ours print masked with neither.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import logging.config
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from logging.handlers import SocketHandler
from typing import Any

import pytest
from google.protobuf import message_factory, text_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal import api_implementation

from stigmer_apis.redaction import (
    Redacted,
    RedactingFilter,
    _logging,
    fingerprint,
    install_logging,
    to_text,
)
from tests.redaction.everything_printed import (
    Holder,
    Log,
    everything_printed,
    holders,
    log_in_every_form,
)
from tests.redaction.foreign import an_envelope, an_execution
from tests.redaction.redaction_cases import SECRET, TOKEN, assert_hides_secrets

ENVELOPE = an_envelope()
SHOWN = fingerprint(TOKEN)


@pytest.fixture(autouse=True)
def no_failure_is_swallowed(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What goes wrong in a handler is printed on stderr."""
    yield
    assert capsys.readouterr().err == ""


@pytest.fixture
def log() -> Log:
    return Log(RedactingFilter())


def test_without_protection_a_message_of_another_schema_shows_its_secrets() -> None:
    log = Log()
    log.logger.handlers[1:] = []
    log_in_every_form(log.logger, ENVELOPE)
    with pytest.raises(AssertionError, match="shows the secret"):
        assert_hides_secrets(log.text, "the log")


@pytest.mark.parametrize("held", [ENVELOPE, [ENVELOPE], Redacted(ENVELOPE), an_execution()])
def test_nothing_that_python_prints_or_pickles_of_a_message_shows_a_secret(held: Any) -> None:
    install_logging()
    for way, shown in everything_printed(held, pickled=True):
        assert_hides_secrets(shown, way)


def test_a_filter_on_one_handler_protects_as_the_call_does() -> None:
    for way, shown in everything_printed(ENVELOPE, filters=[RedactingFilter()], pickled=True):
        assert_hides_secrets(shown, way)


def test_the_other_implementation_of_protobuf_is_protected_as_well() -> None:
    other = "upb" if api_implementation.Type() == "python" else "python"
    program = (
        "from tests.redaction.test_redaction_logging import *\n"
        "test_nothing_that_python_prints_or_pickles_of_a_message_shows_a_secret(ENVELOPE)\n"
        "test_a_class_that_is_made_later_prints_masked()\n"
        "print(api_implementation.Type())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": other},
        capture_output=True,
        text=True,
    )
    assert (finished.returncode, finished.stdout) == (0, f"{other}\n"), finished.stderr


def test_a_class_that_is_made_later_prints_masked() -> None:
    install_logging()
    file = FileDescriptorProto(name="theirs/late.proto", package="theirs.late", syntax="proto3")
    file.message_type.add(name="Late").field.add(name="task_token", number=1, label=1, type=12)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    late: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("theirs.late.Late"))
    message = late(task_token=TOKEN)
    assert f"{message}" == f'task_token: "[REDACTED {SHOWN}]"\n'
    assert "task-token" in text_format.MessageToString(message)


def test_loggers_and_handlers_that_come_later_are_protected() -> None:
    install_logging()
    log = Log()
    below = logging.Logger("service.component.part", logging.INFO)
    below.parent = log.logger
    below.info("%s", ENVELOPE)
    assert log.text == to_text(ENVELOPE) + "\n"


def test_installing_it_again_changes_nothing() -> None:
    install_logging()
    installed = logging.getLogRecordFactory(), SocketHandler.makePickle
    install_logging()
    RedactingFilter()
    assert installed == (logging.getLogRecordFactory(), SocketHandler.makePickle)


def test_a_copy_of_the_module_as_in_the_workflow_sandbox_adds_nothing() -> None:
    from temporalio.activity import Info

    install_logging()
    installed = logging.getLogRecordFactory(), SocketHandler.makePickle, Info.__repr__
    record = logging.makeLogRecord({"msg": "%s", "args": (ENVELOPE,)})
    safe = type(record)
    copied: Any = importlib.util.module_from_spec(_logging.__spec__)
    copied.__spec__.loader.exec_module(copied)
    assert copied.RedactingFilter().filter(record)
    assert installed == (logging.getLogRecordFactory(), SocketHandler.makePickle, Info.__repr__)
    assert type(record) is safe


def test_messages_in_an_any_are_masked(log: Log) -> None:
    packed = AnyMessage()
    packed.Pack(an_execution())
    log.logger.info("%s", packed)
    log.logger.info("%s", [packed])
    assert_hides_secrets(log.text, "the log")
    assert log.text.count(SHOWN) == 2


# The rest of a record stays as it is.


def test_values_are_passed_on_as_they_are(log: Log) -> None:
    arguments = tuple(holders(ENVELOPE).values())
    record = logging.makeLogRecord({"msg": "line", "args": arguments, "held": arguments[0]})
    before = dict(vars(record))
    assert log.handlers[0].filter(record)
    assert all(vars(record)[name] is value for name, value in before.items())
    assert vars(record).keys() == before.keys()


def test_a_record_of_a_class_of_its_own_keeps_it(log: Log) -> None:
    class Record(logging.LogRecord):
        def getMessage(self) -> str:  # noqa: N802
            return "own: " + super().getMessage()

    record = Record("x", logging.INFO, "", 1, "%s", (ENVELOPE,), None)
    log.logger.handle(record)
    assert isinstance(record, Record)
    assert log.text.startswith("own: ")
    assert_hides_secrets(log.text, "the log")


def test_a_record_of_a_class_that_cannot_be_extended_is_logged(log: Log) -> None:
    class Final(logging.LogRecord):
        def __init_subclass__(cls) -> None:
            raise TypeError("final")

    log.logger.handle(Final("x", logging.INFO, "", 1, "%s", (ENVELOPE,), None))
    assert log.text == to_text(ENVELOPE) + "\n"


def test_a_pickled_record_is_an_ordinary_one_with_text_in_place_of_messages(log: Log) -> None:
    log.logger.info("%s", ENVELOPE, extra={"jobs": [Holder(ENVELOPE)], "count": 3})
    stream, sent = pickle.loads(log.sent[0][4:]), pickle.loads(pickle.dumps(log.queue.get()))
    assert type(sent) is logging.LogRecord
    for attributes in (stream, vars(sent)):
        assert attributes["msg"] == to_text(ENVELOPE)
        assert attributes["jobs"] == [Holder(to_text(ENVELOPE))]
        assert attributes["count"] == 3


def test_a_copied_record_keeps_its_messages(log: Log) -> None:
    record = logging.makeLogRecord({"held": ENVELOPE})
    log.handlers[0].filter(record)
    assert vars(copy.copy(record)) == vars(record)


def test_a_filter_with_a_name_lets_only_those_loggers_pass_as_every_filter_does() -> None:
    log = Log(RedactingFilter("elsewhere"))
    log.logger.info("%s", ENVELOPE)
    assert log.text == ""


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
        logging.getLogger("configured").info("%s", ENVELOPE)
    finally:
        logging.getLogger("configured").handlers.clear()
    assert capsys.readouterr().out == to_text(ENVELOPE) + "\n"


# No line is lost, and none takes long.


class Broken:
    """What no line can be made of."""

    def __repr__(self) -> str:
        raise RuntimeError(SECRET)


def test_a_line_is_written_even_if_an_argument_cannot_be_printed(log: Log) -> None:
    deep: list[Any] = [ENVELOPE]
    for _ in range(100_000):
        deep = [deep]
    log.logger.info("%s, %r, %s", Broken(), deep, 1)
    log.logger.info("%(a)s, %(b)s", {"a": Broken(), "b": 2})
    log.logger.info(Broken())
    assert log.text == (
        "[Broken that cannot be printed: RuntimeError], "
        "'[list that cannot be printed: RecursionError]', 1\n"
        "[Broken that cannot be printed: RuntimeError], 2\n"
        "[Broken that cannot be printed: RuntimeError]\n"
    )


def test_a_line_whose_arguments_do_not_fit_is_reported_without_secrets(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.logger.info("%s %s", ENVELOPE)
    printed = capsys.readouterr().err
    assert "not enough arguments for format string" in printed
    assert_hides_secrets(printed, "stderr")


def seconds(log: Log, *args: Any, **kwargs: Any) -> float:
    log.logger.handlers[1:] = []
    started = time.process_time()  # the machine may be busy
    log.logger.info(*args, **kwargs)
    return time.process_time() - started


def test_a_chain_of_causes_is_shown_in_linear_time(log: Log) -> None:
    error = ValueError(ENVELOPE)
    for number in range(300):
        cause, error = error, ValueError(number)
        error.__cause__ = error.__context__ = cause
    assert seconds(log, "failed", exc_info=error) < 1  # it took 1.3 s for 16 and doubled with each
    assert log.text.count("The above exception was the direct cause") == 300
    assert SHOWN in log.text
    assert_hides_secrets(log.text, "the log")


def test_objects_that_share_others_are_logged_in_linear_time(log: Log) -> None:
    shared: list[Any] = [ENVELOPE]
    for _ in range(200):
        shared = [shared, shared]
    assert seconds(log, "line", extra={"shared": shared}) < 0.05


def test_twenty_thousand_linked_objects_are_logged_in_linear_time(log: Log) -> None:
    linked = Holder(ENVELOPE)
    for _ in range(20_000):
        linked = Holder(linked)
    assert seconds(log, "line", extra={"linked": linked}) < 0.05
    seconds(log, "%s", linked)
    assert "[Holder that cannot be printed: RecursionError]" in log.text


# The boundary; docs/secrets.md names it.


def test_a_value_that_was_taken_out_of_its_message_is_shown(log: Log) -> None:
    log.logger.info("%s", ENVELOPE.task_token)
    assert "task-token-" in log.text


def test_text_that_was_made_before_is_shown() -> None:
    log, before = Log(), f"{ENVELOPE}"
    install_logging()
    log.logger.info(before)
    assert "task-token-" in log.text
