"""Keep secrets out of the logs of a process, regardless of the logger and the format.

Log records are not searched for secrets: what a line shows is resolved after every filter, in
places that no search reaches. Instead, whatever can show a secret is made to print masked.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import logging
import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from google.protobuf import reflection
from google.protobuf.message import Message

from stigmer_apis import _printing
from stigmer_apis.redaction._masking import NATIVE_BASE, OWN_STR, masked_token

_PLAIN = (str, bytes, int, float, bool, type(None))
_TOKEN_AS_TEXT = re.compile(
    r"""b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*"|(?<=task token: )[^\s\[]\S*""", re.DOTALL
)
# Fields of dataclasses of the Temporal SDK that hold task tokens.
_SDK_FIELDS = {"task_token", "id_or_token"}


def install_logging() -> None:
    """Keep secrets out of everything that this process logs or prints from now on.

    Call it once, before or after logging is set up. It holds for every logger, handler and
    formatter, also later ones and those of other libraries, and for tracebacks:

    - Every message of every schema prints masked, as those of this package do anyway.
      `text_format.MessageToString(message)` still gives the plain text.
    - Task tokens are masked in what the Temporal SDK logs and in its dataclasses, such as
      `activity.Info`. The SDK is imported if it is installed.
    - A pickled log record holds the text of messages in place of the messages.
    - A line is written even if one of its arguments cannot be printed.

    Calling it again changes nothing.
    """
    _print_every_message_masked()
    _mask_sdk_dataclasses()
    make_record = logging.getLogRecordFactory()
    if not _is_ours(type(make_record)):
        logging.setLogRecordFactory(_SafeFactory(make_record))
    from logging.handlers import SocketHandler  # loads much that few processes need

    make_pickle = SocketHandler.makePickle
    if not _is_ours(make_pickle):  # it pickles the attributes of a record, not the record

        def make_safe_pickle(self: Any, record: logging.LogRecord) -> bytes:
            return make_pickle(self, _without_messages(record))

        cast("Any", SocketHandler).makePickle = make_safe_pickle


def _is_ours(found: object) -> bool:
    """Whether a function or class is of this module, or of a copy of it.

    Temporal's workflow sandbox loads the module again for every workflow. Protection on top of
    protection would make every line slower, and end in a RecursionError.
    """
    return getattr(found, "__module__", None) == __name__


class RedactingFilter(logging.Filter):
    """Does what `install_logging` does, for processes that configure logging.

        handler.addFilter(RedactingFilter())

    or, in `logging.config.dictConfig`:
    `"filters": {"redact": {"()": "stigmer_apis.redaction.RedactingFilter"}}`.

    Making one installs the protection for the whole process. On the handler that has it, it also
    holds for records that the record factory of this process did not make.
    """

    def __init__(self, name: str = "") -> None:
        """Install the protection; a filter with a name lets only records of that logger pass."""
        super().__init__(name)
        install_logging()

    def filter(self, record: logging.LogRecord) -> bool:
        """Make a record safe, and let it pass if its logger is the filter's (`logging.Filter`)."""
        _make_safe(record)
        return bool(super().filter(record))


class _SafeFactory:
    """Makes log records as another factory does, and makes them safe."""

    def __init__(self, make_record: Callable[..., logging.LogRecord]) -> None:
        self._make_record = make_record

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make_record(*args, **kwargs)
        _make_safe(record)
        return record


class _SafeRecord(logging.LogRecord):
    """A record that loses no line to an odd argument, and no message to a pickle."""

    plain_class: type[logging.LogRecord] = logging.LogRecord

    def getMessage(self) -> str:  # noqa: N802
        try:
            return super().getMessage()
        except Exception:
            self.msg = _printable(self.msg)
            if isinstance(self.args, Mapping):
                self.args = {name: _printable(value) for name, value in self.args.items()}
            else:
                self.args = tuple(map(_printable, self.args or ()))
            return super().getMessage()

    def __copy__(self) -> logging.LogRecord:
        """Copy the record with its messages, though it is pickled without."""
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Later protocols insist on the class of this very object.
        return _without_messages(self).__reduce_ex__(1)


def _make_safe(record: logging.LogRecord) -> None:
    if not hasattr(type(record), "plain_class"):
        with contextlib.suppress(TypeError):  # a class that cannot be extended stays as it is
            record.__class__ = _safe_class(cast("Any", type(record)))
    if str(record.name).partition(".")[0] in ("temporalio", "py"):  # warnings are of py.warnings
        record.msg = _without_tokens(record.msg)
        if isinstance(record.args, Mapping):
            record.args = {name: _without_tokens(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(map(_without_tokens, record.args))


@functools.lru_cache(maxsize=64)
def _safe_class(kind: Any) -> type[logging.LogRecord]:
    if kind is logging.LogRecord:
        return _SafeRecord
    return type(kind.__name__, (_SafeRecord, kind), {"plain_class": kind})


def _without_tokens(value: Any) -> Any:
    """What the Temporal SDK logs, with task tokens masked."""
    if isinstance(value, bytes):
        return masked_token(value)
    if isinstance(value, str):
        return _TOKEN_AS_TEXT.sub("[REDACTED]", value)
    return value


def _printable(value: Any) -> Any:
    try:
        _ = str(value), repr(value)
    except Exception as error:
        return f"[{type(value).__name__} that cannot be printed: {type(error).__name__}]"
    return value


def _without_messages(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record as it may be pickled: every message is its text, at any depth."""
    kind: type[logging.LogRecord] = getattr(type(record), "plain_class", type(record))
    copied = kind.__new__(kind)
    vars(copied).update({name: _as_pickled(value) for name, value in vars(record).items()})
    copied.exc_info = record.exc_info  # handlers that pickle make text of it themselves
    if record.args:
        copied.msg, copied.args = record.getMessage(), None
    return copied


def _as_pickled(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    pickled = io.BytesIO()
    try:
        _Pickler(pickled).dump(value)
        return pickle.loads(pickled.getvalue())
    except Exception:  # nobody else can pickle it either, and the line would be lost
        return repr(_printable(value))


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Message) or _is_ours(type(value).__repr__):
            return str, (str(value),)
        return NotImplemented


def _print_every_message_masked() -> None:
    if NATIVE_BASE is not None:
        cast("Any", _printing.masked_text).own = OWN_STR
        _printing.print_masked(NATIVE_BASE)
        return
    # In pure Python every class prints by a method of its own.
    for known in Message.__subclasses__():
        _printing.print_masked(known)
    metaclass: Any = reflection.GeneratedProtocolMessageType
    make_class = metaclass.__init__
    if not _is_ours(make_class):

        def make_safe_class(cls: Any, *args: Any) -> None:
            make_class(cls, *args)
            _printing.print_masked(cls)

        metaclass.__init__ = make_safe_class


def _mask_sdk_dataclasses() -> None:
    """Let the dataclasses of the Temporal SDK that hold task tokens print without them."""
    try:
        from temporalio import activity, client
    except ImportError:
        return
    for kind in {**vars(activity), **vars(client)}.values():
        for field in _SDK_FIELDS & getattr(kind, "__dataclass_fields__", {}).keys():
            if isinstance(kind, type) and not _is_ours(kind.__repr__):
                _mask_dataclass(kind, field)


def _mask_dataclass(kind: Any, field: str) -> None:
    own_repr = kind.__repr__

    def masked_repr(self: Any) -> str:
        shown = copy.copy(self)  # which may be frozen
        object.__setattr__(shown, field, _without_tokens(getattr(self, field)))
        return str(own_repr(shown))

    kind.__repr__ = masked_repr
