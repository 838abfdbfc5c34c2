"""What generated stubs import: `grpc`, or an error that states how to install it."""

from __future__ import annotations

from typing import Any

from stigmer_apis._lazy import missing_extra

try:
    import grpc as grpc
except ModuleNotFoundError as error:
    raise missing_extra(error) from None


def async_stub(stub: Any) -> type:
    """Return the class of a generated stub with an asyncio channel.

    The stub then also returns this class if it is called with such a channel, as its type says.
    """

    def new(cls: type[Any], channel: object = None, *_: object, **__: object) -> object:
        aio_channel: Any = grpc.aio.Channel
        # Not a class while a test replaces grpc.
        is_async = isinstance(aio_channel, type) and isinstance(channel, aio_channel)
        return object.__new__(async_class if is_async and cls is stub else cls)

    stub.__new__ = new
    name = f"{stub.__name__.removesuffix('Stub')}AsyncStub"
    like_stub = {"__module__": stub.__module__, "__doc__": stub.__doc__}
    async_class: type[Any] = type(name, (stub,), like_stub)
    return async_class
