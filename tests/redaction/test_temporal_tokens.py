"""The Temporal SDK shows no task token in a process that called `install_logging`."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio import activity, client
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedRequest,
)
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.testing import ActivityEnvironment

from stigmer_apis.redaction import Redacted, fingerprint, install_logging, to_dict
from tests.redaction.everything_printed import Log, everything_printed
from tests.redaction.foreign import an_activity_info
from tests.redaction.redaction_cases import TOKEN, assert_hides_secrets

SHOWN = fingerprint(TOKEN)
MESSAGES: list[Any] = [
    PollActivityTaskQueueResponse(task_token=TOKEN, activity_id="an-id"),
    RespondActivityTaskCompletedRequest(task_token=TOKEN, identity="a-worker"),
    ActivityTask(task_token=TOKEN),
]


@pytest.fixture
def log() -> Iterator[Log]:
    """What the loggers of the SDK and of Python's warnings write."""
    install_logging()
    log = Log()
    loggers = [logging.getLogger(name) for name in ("temporalio", "py.warnings")]
    for logger in loggers:
        logger.addHandler(log.handlers[0])
        logger.setLevel(logging.DEBUG)
    yield log
    for logger in loggers:
        logger.removeHandler(log.handlers[0])
        logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_of_temporal_hides_its_task_token(message: Message) -> None:
    assert "task-token-" in str(message)
    assert SHOWN in str(Redacted(message))
    assert SHOWN in to_dict(message)["taskToken"]
    install_logging()
    for way, shown in everything_printed(message, pickled=True):
        assert_hides_secrets(shown, way)


def test_the_info_of_an_activity_hides_its_task_token() -> None:
    info = an_activity_info()
    install_logging()
    assert f"task_token='[REDACTED {SHOWN}]'" in repr(info)
    assert "activity_id='an-id'" in repr(info)
    assert info.task_token == TOKEN
    for way, shown in everything_printed(info, pickled=True):
        assert_hides_secrets(shown, way)


def test_an_activity_that_logs_its_info_hides_its_task_token(log: Log) -> None:
    info = an_activity_info()

    async def run() -> None:
        activity.logger.info("running %s", activity.info(), extra={"info": activity.info()})

    environment = ActivityEnvironment()
    environment.info = info
    asyncio.run(environment.run(run))
    assert_hides_secrets(log.text, "the log")
    assert SHOWN in log.text


def test_every_dataclass_of_the_sdk_with_a_token_hides_it() -> None:
    install_logging()
    found = set[type]()
    kinds: list[Any] = [*vars(activity).values(), *vars(client).values()]
    for kind in kinds:
        fields: dict[str, Any] = getattr(kind, "__dataclass_fields__", {})
        for name in fields.keys() & {"task_token", "id_or_token"}:
            made = kind.__new__(kind)
            for each in fields:
                object.__setattr__(made, each, TOKEN if each == name else None)
            assert_hides_secrets(repr(made), kind.__name__)
            assert SHOWN in repr(made)
            found.add(kind)
    assert len(found) >= 5


@pytest.mark.parametrize("token", [TOKEN, b"it's-a-token", b'a "token"', b""])
def test_log_lines_of_the_sdk_hide_task_tokens(log: Log, token: bytes) -> None:
    # As temporalio.worker writes them, in 1.10 and 1.35.
    worker = logging.getLogger("temporalio.worker._activity")
    worker.debug("Running activity %s (token %s)", "CreateWorkflow", token)
    worker.debug("Cancelling activity %s, reason: %s", token, 1)
    worker.debug(f"Cannot find activity for token {token!r}, which was {[token]}")
    worker.debug("%(token)s", {"token": token})
    worker.debug(f"Received cancel_task for task token: {'an-operation-token'}")
    lines = log.text.splitlines()
    shown = str([token])[1:-1]
    assert len(lines) == 5
    assert all("[REDACTED" in line or not token for line in lines)
    assert all(shown not in line and "operation-token" not in line for line in lines)
    assert "CreateWorkflow" in lines[0]


def test_warnings_of_the_sdk_hide_task_tokens_once_they_are_logged(log: Log) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        try:
            warnings.warn(f"Cannot find activity for token {TOKEN!r}", stacklevel=1)
        finally:
            logging.captureWarnings(False)
    assert "Cannot find activity" in log.text
    assert_hides_secrets(log.text, "the log")


def test_other_log_lines_keep_their_bytes(log: Log) -> None:
    log.logger.info("%s", b"bytes of a service")
    assert log.text == "b'bytes of a service'\n"


def test_a_field_that_is_called_like_a_token_and_holds_no_bytes_is_shown() -> None:
    request = RespondActivityTaskCompletedByIdRequest(activity_id="an-id")
    assert "an-id" in str(Redacted(request))
