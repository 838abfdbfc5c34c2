"""Replaces the messages in what is logged, however deep in containers, dataclasses and errors.

The part of `redaction` that knows Python values. What holds no message is left as the very object
that it is; what holds one is copied, for it is the caller's.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping, MutableSequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Any, cast

from google.protobuf.message import Message

_PLAIN = (str, bytes, bytearray, int, float, complex, type(None), type, TracebackType)

View = Callable[[Message], object]
"""Makes what is shown in place of a message."""


def replace_messages(value: object, view: View) -> object:
    """Return the value with views in place of messages; itself if it holds none.

    Searched are dicts and other mappings, lists, tuples, sets, repeated and map fields, dataclasses
    and exceptions, with what they hold.
    """
    return _Search(view).replaced(value)


class _Search:
    def __init__(self, view: View) -> None:
        self.view = view
        self.path: set[int] = set()

    def replaced(self, value: Any) -> Any:
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, Message):
            return self.view(value)
        if id(value) in self.path:
            return "[...]"  # as Python shows a list within itself
        self.path.add(id(value))
        try:
            return self._rebuilt(value)
        finally:
            self.path.remove(id(value))

    def _rebuilt(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, (tuple, MutableSequence, AbstractSet)):
            return self._items(value)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, BaseException):
            return self._error(value)
        if dataclasses.is_dataclass(value):
            return self._dataclass(value)
        return value

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        # Not value.items(): reading a map field by key would put the key in.
        entries = [(self.replaced(key), key, value[key]) for key in value]
        items = {shown: self.replaced(item) for shown, _, item in entries}
        same = all(shown is key and items[shown] is item for shown, key, item in entries)
        return value if same else items

    def _items(self, value: Iterable[Any]) -> Any:
        items = list(value)
        shown = [self.replaced(item) for item in items]
        if all(new is old for new, old in zip(shown, items, strict=True)):
            return value
        if isinstance(value, tuple):
            kind = cast("type[Any]", type(value))  # pyright: ignore[reportUnknownArgumentType]
            # A named tuple is made from its items one by one.
            return kind._make(shown) if hasattr(kind, "_make") else tuple(shown)
        return shown

    def _error(self, error: BaseException) -> BaseException:
        names = ("__cause__", "__context__")
        linked = {name: getattr(error, name) for name in names}
        args, state = self.replaced(error.args), self.replaced(vars(error))
        links = {name: self.replaced(link) for name, link in linked.items()}
        if args is error.args and state is vars(error) and links == linked:
            return error
        # Not by its own __init__, which may take other arguments than `args`.
        kind = type(error)
        copied = kind.__new__(kind, *args)
        copied.args = args
        vars(copied).update(state)
        for name, link in links.items():
            setattr(copied, name, link if isinstance(link, BaseException) else None)
        copied.__suppress_context__ = error.__suppress_context__
        return copied.with_traceback(error.__traceback__)

    def _dataclass(self, value: Any) -> Any:
        old = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        new = {name: self.replaced(item) for name, item in old.items()}
        if all(new[name] is old[name] for name in old):
            return value
        copied = copy.copy(value)  # which keeps its own repr() and str()
        for name, item in new.items():
            object.__setattr__(copied, name, item)
        return copied
