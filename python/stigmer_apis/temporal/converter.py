"""The data converter for Temporal clients and workers that exchange our messages.

It writes what the stock converter writes, so peers with the stock converter of any SDK understand
it. It reads more: fields and enum names of peers that are newer than this package are left out
instead of refused, which would stop a rolling upgrade; and it reads and writes the Go structs of
`stigmer_apis.temporal.workflow_input`.

What is left out when it is read is lost when it is written again. Pass a payload on unread, as
`temporalio.common.RawValue`, where another service is to read it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from google.protobuf import symbol_database
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    EncodingPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)

from stigmer_apis.temporal._go_json import GoStruct, is_go_struct
from stigmer_apis.temporal._proto_json import read_message, write_message


class ProtoJsonPayloadConverter(EncodingPayloadConverter):
    """Carries messages as ProtoJSON (`json/protobuf`), and reads those of newer peers.

    The message type is the one that the payload names. A payload that names none, or one that is
    not loaded here, is read as the type that the activity or workflow asks for.
    """

    @property
    def encoding(self) -> str:
        """See base class."""
        return "json/protobuf"

    def to_payload(self, value: Any) -> Payload | None:
        """See base class."""
        if not isinstance(value, Message):
            return None
        name = value.DESCRIPTOR.full_name.encode()
        metadata = {"encoding": self.encoding.encode(), "messageType": name}
        return Payload(metadata=metadata, data=write_message(value))

    def from_payload(self, payload: Payload, type_hint: type[Any] | None = None) -> Any:
        """See base class.

        Raises:
            RuntimeError: the type is unknown, or the payload does not fit it. Neither the message
                nor an error in its context shows a value of the payload.
        """
        message_type = _message_type(payload, type_hint)
        try:
            return read_message(payload.data, message_type)
        except ValueError as error:
            reason = str(error)
        raise RuntimeError(reason)


class GoStructPayloadConverter(EncodingPayloadConverter):
    """A converter for JSON (`json/plain`) that knows the Go structs of this package too.

    They are read where the activity or workflow asks for one, and written as Go writes them.
    Everything else is left to another converter for JSON.
    """

    def __init__(self, other: EncodingPayloadConverter | None = None) -> None:
        """Leave everything else to this converter; to the stock one if None."""
        self._other = other or JSONPlainPayloadConverter()

    @property
    def encoding(self) -> str:
        """See base class."""
        return self._other.encoding

    def to_payload(self, value: Any) -> Payload | None:
        """See base class."""
        if is_go_struct(cast("object", type(value))):
            data = cast("GoStruct", value).to_json()
            return Payload(metadata={"encoding": self.encoding.encode()}, data=data)
        return self._other.to_payload(value)

    def from_payload(self, payload: Payload, type_hint: type[Any] | None = None) -> Any:
        """See base class.

        Raises:
            RuntimeError: the payload does not fit the Go struct that is asked for. The message
                shows no value.
        """
        if not is_go_struct(type_hint):
            return self._other.from_payload(payload, type_hint)
        try:
            return type_hint.from_json(payload.data)
        except ValueError as error:
            reason = str(error)
        raise RuntimeError(reason)


class StigmerPayloadConverter(CompositePayloadConverter):
    """The stock payload converter with the two above in place of those for the same encodings."""

    def __init__(self, *, json: EncodingPayloadConverter | None = None) -> None:
        """Take the stock converters, in their order.

        Args:
            json: the converter for JSON that is neither a message nor a Go struct, such as
                pydantic's; the stock one if None.
        """
        own: dict[str, EncodingPayloadConverter] = {
            converter.encoding: converter
            for converter in (ProtoJsonPayloadConverter(), GoStructPayloadConverter(json))
        }
        stock = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(own.get(converter.encoding, converter) for converter in stock))


class StigmerFailureConverter(DefaultFailureConverter):
    """The stock failure converter, with a kind for every failure.

    The SDK gives none to some errors, such as `WorkflowAlreadyStartedError`. Temporal does not
    accept such a failure, so an activity that raised one would never end.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """See base class."""
        super().to_failure(exception, payload_converter, failure)
        if failure.WhichOneof("failure_info") is None:
            failure.application_failure_info.type = type(exception).__name__
            failure.application_failure_info.non_retryable = True


data_converter: DataConverter = dataclasses.replace(
    DataConverter.default,
    payload_converter_class=StigmerPayloadConverter,
    failure_converter_class=StigmerFailureConverter,
)
"""The data converter to give to `Client.connect`; workers take that of their client.

`dataclasses.replace(data_converter, payload_codec=...)` adds encryption.
"""


def _message_type(payload: Payload, type_hint: type[Any] | None) -> type[Message]:
    name = payload.metadata.get("messageType", b"").decode(errors="replace")
    try:
        return symbol_database.Default().GetSymbol(name)
    except KeyError:
        if isinstance(type_hint, type) and issubclass(type_hint, Message):
            return type_hint
    raise RuntimeError(
        f"no message type {name!r} is loaded; import the package that has it, "
        "or annotate the parameter with the type"
    )
