"""Everything that Python prints of an object, by the name of the way that leads there."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import functools
import io
import logging
import logging.handlers
import pickle
import pprint
import queue
import reprlib
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Pair(NamedTuple):
    name: str
    held: Any


@dataclasses.dataclass
class Holder:
    held: Any
    others: list[Any] = dataclasses.field(default_factory=list[Any])


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenHolder:
    held: Any

    def __str__(self) -> str:
        return f"holder of {self.held}"


class Lazy(Mapping[str, Any]):
    """A mapping that has its values only when they are asked for."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __getitem__(self, key: str) -> Any:
        return self.held

    def __iter__(self) -> Iterator[str]:
        return iter(["held"])

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"Lazy({dict(self)!r})"


class Some(Sequence[Any]):
    """A sequence and no more."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __getitem__(self, index: Any) -> Any:
        return [self.held][index]

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"Some({list(self)!r})"


class HolderError(Exception):
    """Takes other arguments than it keeps, as errors do."""

    __slots__ = ("code",)

    def __init__(self, held: Any, *, code: int) -> None:
        super().__init__("cannot update", held)
        self.held = held
        self.code = code

    def __str__(self) -> str:
        return f"{self.args[0]} ({self.code}): {self.held}"


def holders(held: Any) -> dict[str, Any]:
    """Return objects of every kind that hold an object and print it with themselves."""
    cycle: list[Any] = [held]
    cycle.append(cycle)
    return {
        "itself": held,
        "a list": [held],
        "a tuple": (1, held),
        "a dict": {"held": held},
        "dict values": {"held": held}.values(),
        "dict items": {"held": held}.items(),
        "an ordered dict": collections.OrderedDict(held=held),
        "a default dict": collections.defaultdict(list[Any], {"held": [held]}),
        "a chain of maps": collections.ChainMap({}, {"held": held}),
        "a user dict": collections.UserDict(held=held),
        "a user list": collections.UserList([held]),
        "a read-only mapping": types.MappingProxyType({"held": held}),
        "a lazy mapping": Lazy(held),
        "a sequence": Some(held),
        "a deque": collections.deque([held]),
        "a named tuple": Pair("pair", held),
        "a namespace": types.SimpleNamespace(held=held),
        "a partial": functools.partial(print, held),
        "a dataclass": Holder(held),
        "a frozen dataclass with slots": FrozenHolder(held),
        "dataclasses within containers": [{"x": (Holder(held, [Pair("p", held)]),)}],
        "a list within itself": cycle,
        "an error": ValueError("wrong", held),
        "an error with attributes": HolderError(held, code=3),
        "a system error": FileNotFoundError(2, "missing", held),
        "a group of errors": ExceptionGroup("two", [KeyError("x"), ValueError(held)]),
    }


def _raise(error: BaseException, cause: BaseException | None = None) -> None:
    raise error from cause


def errors(held: Any) -> dict[str, BaseException]:
    """Return errors that were raised and print an object with themselves."""
    noted = RuntimeError("failed")
    noted.add_note(f"while storing {held}")
    found: dict[str, tuple[BaseException, BaseException | None]] = {
        "an error": (ValueError("wrong", [held]), None),
        "its cause": (RuntimeError("failed"), KeyError(held)),
        "attributes": (HolderError(held, code=1), HolderError(held, code=2)),
        "a group": (
            ExceptionGroup("many", [ValueError(held)]),
            ExceptionGroup("x", [KeyError(held)]),
        ),
        "a note": (noted, None),
    }
    for error, cause in found.values():
        with contextlib.suppress(Exception):
            _raise(error, cause)
    return {name: error for name, (error, _) in found.items()}


def _texts(held: Any) -> Iterator[tuple[str, str]]:
    yield "str", str(held)
    yield "repr", repr(held)
    yield "ascii", ascii(held)
    yield "f-string", f"{held} {held!r}"
    yield "format", "{} {!r}".format(held, held)  # noqa: UP032
    yield "percent", "%s %r %a" % (held, held, held)  # noqa: UP031
    yield "pprint", pprint.pformat(held)
    yield "reprlib", reprlib.repr(held)
    for name, holder in holders(held).items():
        yield f"{name}, str", str(holder)
        yield f"{name}, repr", repr(holder)


def _tracebacks(held: Any) -> Iterator[tuple[str, str]]:
    for name, error in errors(held).items():
        yield f"traceback of {name}", "".join(traceback.format_exception(error))
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        yield f"traceback with locals of {name}", "".join(shown.format())


def _warned(held: Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(f"{held}", stacklevel=1)
        warnings.warn(UserWarning(held), stacklevel=1)
    return "".join(
        warnings.formatwarning(w.message, w.category, w.filename, w.lineno) for w in caught
    )


def _never_retrieved(held: Any, logger: logging.Logger) -> None:
    async def fail() -> None:
        raise ValueError(held)

    async def forget() -> None:
        task = asyncio.create_task(fail(), name=repr(held)[:20])
        await asyncio.wait([task])
        del task

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(
        lambda _, context: logger.error(
            "%s %s", context["message"], context, exc_info=context["exception"]
        )
    )
    loop.run_until_complete(forget())
    loop.close()


class Log:
    """A logger with handlers of every kind that the standard library has, and what they wrote."""

    def __init__(self, *filters: logging.Filter, format: str = "%(message)s") -> None:
        self.stream = io.StringIO()
        self.queue: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self.sent: list[bytes] = []
        self.logger = logging.Logger("service.component", logging.INFO)
        socket = logging.handlers.SocketHandler("localhost", None)
        socket.send = self.sent.append  # type: ignore[method-assign, assignment]
        self.handlers = [
            logging.StreamHandler(self.stream),
            logging.handlers.QueueHandler(self.queue),  # type: ignore[arg-type]
            socket,
        ]
        for handler in self.handlers:
            handler.setFormatter(logging.Formatter(format))
            for each in filters:
                handler.addFilter(each)
            self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        """What the stream has."""
        return self.stream.getvalue()

    @property
    def pickles(self) -> bytes:
        """What was sent: by the socket, and by a queue to another process."""
        while not self.queue.empty():
            self.sent.append(pickle.dumps(self.queue.get()))
        return b"\n".join(self.sent)


def log_in_every_form(logger: logging.Logger, held: Any) -> None:
    """Log an object as the line, an argument, an extra and in errors, in all that can hold it."""
    logger.info(held)
    logger.info("%(held)s %(held)r", {"held": held})
    for holder in holders(held).values():
        logger.info("%s %r", holder, holder, extra={"held": holder})
        logger.info(holder)
    for error in errors(held).values():
        logger.error("failed: %s", error, exc_info=error, stack_info=True)


def everything_printed(
    held: Any, *, filters: Sequence[logging.Filter] = (), pickled: bool = False
) -> Iterator[tuple[str, str]]:
    """Return each way to print an object and what comes of it.

    Args:
        held: the object.
        filters: for the handlers of the logger.
        pickled: whether pickled log records belong to it.
    """
    yield from _texts(held)
    yield from _tracebacks(held)
    yield "warnings", _warned(held)
    log = Log(*filters)
    log_in_every_form(log.logger, held)
    _never_retrieved(held, log.logger)
    yield "log", log.text
    if pickled:
        yield "pickled records", log.pickles.decode("latin-1")
