"""The program that the suite drives: `testee.py <module> <module> json_format|converter`.

The modules have the test messages of proto3 and proto2. JSON is read and written by `json_format`,
or by our data converter.
"""

from __future__ import annotations

import importlib
import struct
import sys
from typing import Any

from google.protobuf import json_format, text_format
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload

from stigmer_apis.temporal import StigmerPayloadConverter

suite: Any = importlib.import_module("conformance.conformance_pb2")
converter = StigmerPayloadConverter()


def json_of(message: Message) -> str:
    if sys.argv[3] == "json_format":
        return json_format.MessageToJson(message)
    payload = converter.to_payload(message)
    assert payload is not None
    return payload.data.decode()


def read_json(text: str, message_type: type[Message]) -> Message:
    if sys.argv[3] == "json_format":
        return json_format.Parse(text, message_type(), ignore_unknown_fields=True)
    metadata = {
        "encoding": b"json/protobuf",
        "messageType": message_type.DESCRIPTOR.full_name.encode(),
    }
    return converter.from_payload(Payload(metadata=metadata, data=text.encode()), message_type)


def read(request: Any, message_type: type[Message]) -> Message:
    match request.WhichOneof("payload"):
        case "json_payload":
            return read_json(request.json_payload, message_type)
        case "text_payload":
            return text_format.Parse(request.text_payload, message_type())
        case _:
            return message_type.FromString(request.protobuf_payload)


def answer(request: Any, message_types: dict[str, type[Message]]) -> Any:
    message_type = message_types.get(request.message_type)
    if message_type is None or request.WhichOneof("payload") == "jspb_payload":
        return suite.ConformanceResponse(skipped="neither Python nor the package has it")
    try:
        message = read(request, message_type)
    except Exception as error:
        return suite.ConformanceResponse(parse_error=str(error))
    try:
        match request.requested_output_format:
            case suite.JSON:
                return suite.ConformanceResponse(json_payload=json_of(message))
            case suite.TEXT_FORMAT:
                text = text_format.MessageToString(
                    message, print_unknown_fields=request.print_unknown_fields
                )
                return suite.ConformanceResponse(text_payload=text)
            case _:
                return suite.ConformanceResponse(protobuf_payload=message.SerializeToString())
    except Exception as error:
        return suite.ConformanceResponse(serialize_error=str(error))


def main() -> None:
    names = ("TestAllTypesProto3", "TestAllTypesProto2")
    found = (
        getattr(importlib.import_module(m), n) for m, n in zip(sys.argv[1:3], names, strict=True)
    )
    message_types = {kind.DESCRIPTOR.full_name: kind for kind in found}
    while length := sys.stdin.buffer.read(4):
        asked = sys.stdin.buffer.read(struct.unpack("<I", length)[0])
        answered = answer(suite.ConformanceRequest.FromString(asked), message_types)
        data = answered.SerializeToString()
        sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
