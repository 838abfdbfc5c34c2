"""The Python on the pages of the reference runs, and the messages that it builds are valid."""

from __future__ import annotations

import re
from typing import Any

import protovalidate
import pytest
from google.protobuf.message import Message

from reference.model import Entry, Reference
from reference.snippets import Snippets, Source
from stigmer_apis.agentic.workflow.v1.tasks import SetTaskConfig


@pytest.fixture(scope="module")
def snippets(reference: Reference) -> Snippets:
    return Snippets(reference)


def _built(code: str) -> list[Message]:
    names: dict[str, Any] = {}
    exec(code, names)
    return [value for value in names.values() if isinstance(value, Message)]


def test_every_message_is_built_and_valid(reference: Reference, snippets: Snippets) -> None:
    messages = reference.tops("message")
    assert len(messages) > 150
    for entry in messages:
        (message,) = _built(snippets.of_message(entry))
        assert message.DESCRIPTOR.full_name == entry.element.name
        protovalidate.validate(message)


def test_every_call_sends_a_valid_request(reference: Reference, snippets: Snippets) -> None:
    rpcs = [rpc for service in reference.tops("service") for rpc in service.members]
    assert len(rpcs) > 80
    for entry in rpcs:
        code = snippets.of_rpc(entry)
        compile(code, entry.name, "exec")
        request, _, call = code.partition("with grpc")
        (message,) = _built(request)
        assert message.DESCRIPTOR.full_name == _request(entry)
        protovalidate.validate(message)
        assert f"stub.{entry.name}(request)" in call


def _request(entry: Entry) -> str:
    name: str = entry.descriptor.input_type
    return name.lstrip(".")


def test_a_resource_has_a_spec(reference: Reference, snippets: Snippets) -> None:
    for entry, _ in reference.resources():
        assert "spec=" in snippets.of_message(entry), entry.name


def test_the_entries_of_a_map_are_in_order() -> None:
    message = SetTaskConfig(variables={f"name_{i:02}": "x" for i in range(30)})
    written = Source().constructor(message, 0)
    names = re.findall(r'"(name_\d+)"', written)
    assert names == sorted(message.variables)
