"""The converter that docs/handshake.md builds for pydantic and a codec, as the docs show it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadCodec

from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from stigmer_apis.commons.apiresource import ApiResourceMetadata
from stigmer_apis.temporal import TemporalWorkflowInput


class Model(BaseModel):
    name: str
    sizes: dict[int, float]


class MyCodec(PayloadCodec):
    """Hides payloads from nobody but a search."""

    def __init__(self, key: int) -> None:
        self._key = key

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": b"toy"}, data=self._turn(payload.SerializeToString()))
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(self._turn(payload.data)) for payload in payloads]

    def _turn(self, data: bytes) -> bytes:
        return bytes(byte ^ self._key for byte in data)


def test_the_converter_of_the_docs_carries_models_messages_and_go_structs_through_a_codec(
    root: Path,
) -> None:
    text = (root / "docs" / "handshake.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"MyCodec": MyCodec, "key": 0x5A, "__name__": __name__}
    exec(shown, names)
    encrypting: DataConverter = names["encrypting"]
    values = [
        Model(name="m", sizes={1: 2.5}),
        WorkflowExecution(metadata=ApiResourceMetadata(id="wex-1")),
        TemporalWorkflowInput("wex-1", callback_token=b"\x00\xff"),
    ]

    async def there_and_back() -> list[Any]:
        payloads = await encrypting.encode(values)
        assert {payload.metadata["encoding"] for payload in payloads} == {b"toy"}
        return await encrypting.decode(payloads, [type(value) for value in values])

    assert asyncio.run(there_and_back()) == values
