"""`install_logging` is for a whole process; here it is for one test."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from logging.handlers import SocketHandler
from typing import Any

import pytest
from google.protobuf import reflection
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue


@contextmanager
def taken_back() -> Generator[None]:
    """Take back what `install_logging` changes, in both runtimes."""
    kinds = [StringValue.__mro__[1]]
    if kinds[0] is Message:
        kinds = Message.__subclasses__()
    printing: list[tuple[Any, Any, Any]] = [(kind, kind.__str__, kind.__repr__) for kind in kinds]
    metaclass: Any = reflection.GeneratedProtocolMessageType
    make_class = metaclass.__init__
    make_record, make_pickle = logging.getLogRecordFactory(), SocketHandler.makePickle
    yield
    for kind, as_str, as_repr in printing:
        kind.__str__, kind.__repr__ = as_str, as_repr
    if metaclass.__init__ is not make_class:
        metaclass.__init__ = make_class
    logging.setLogRecordFactory(make_record)
    SocketHandler.makePickle = make_pickle  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def nothing_stays_installed() -> Iterator[None]:
    """Leave the process as it was before the test."""
    with taken_back():
        yield
