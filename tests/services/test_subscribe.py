"""`subscribe` over a real connection: the current state, every change, and the end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import grpc.aio
import pytest

from stigmer_apis.agentic.workflowexecution.v1 import ExecutionPhase
from tests.services.execution_services import (
    EACH_RESOURCE,
    TERMINAL_PHASES,
    TIMEOUT,
    Resource,
    served,
    served_async,
)

# Until a handler that sent the state waits for a change again. If its client leaves earlier, grpc
# itself ends the handler, which would prove nothing.
A_MOMENT = 0.1

EACH_END = pytest.mark.parametrize("end", TERMINAL_PHASES, ids=ExecutionPhase.Name)


@EACH_RESOURCE
@EACH_END
def test_subscribe_streams_the_state_and_every_change_until_the_end(
    resource: Resource, end: ExecutionPhase.ValueType
) -> None:
    with served() as services:
        commands = resource.commands(services.channel)
        queries = resource.queries(services.channel)
        created = commands.create(resource.request(), timeout=TIMEOUT)
        execution_id = created.metadata.id

        stream = queries.subscribe(resource.subscription(execution_id), timeout=TIMEOUT)
        assert next(stream) == created
        for change in (
            resource.report(execution_id, callback_token=bytes(range(256))),
            resource.report(execution_id, phase=ExecutionPhase.EXECUTION_IN_PROGRESS),
        ):
            answer = commands.updateStatus(change, timeout=TIMEOUT)
            assert next(stream) == answer
        ended = commands.updateStatus(resource.report(execution_id, phase=end), timeout=TIMEOUT)
        assert list(stream) == [ended]

        late = queries.subscribe(resource.subscription(execution_id), timeout=TIMEOUT)
        assert list(late) == [ended], "who comes after the end sees it and nothing else"


@EACH_RESOURCE
@EACH_END
def test_subscribe_streams_the_state_and_every_change_until_the_end_over_asyncio(
    resource: Resource, end: ExecutionPhase.ValueType
) -> None:
    async def scenario() -> None:
        async with served_async() as services:
            commands = resource.commands(services.channel)
            queries = resource.queries(services.channel)
            created = await commands.create(resource.request(), timeout=TIMEOUT)
            execution_id = created.metadata.id

            stream = queries.subscribe(resource.subscription(execution_id), timeout=TIMEOUT)
            assert await stream.read() == created
            for change in (
                resource.report(execution_id, callback_token=bytes(range(256))),
                resource.report(execution_id, phase=ExecutionPhase.EXECUTION_IN_PROGRESS),
            ):
                answer = await commands.updateStatus(change, timeout=TIMEOUT)
                assert await stream.read() == answer
            ended = await commands.updateStatus(
                resource.report(execution_id, phase=end), timeout=TIMEOUT
            )
            assert await stream.read() == ended
            assert await stream.read() == grpc.aio.EOF

            late = queries.subscribe(resource.subscription(execution_id), timeout=TIMEOUT)
            assert [execution async for execution in late] == [ended]

    asyncio.run(scenario())


@EACH_RESOURCE
def test_a_client_that_cancels_ends_the_stream_on_the_server(resource: Resource) -> None:
    with served() as services:
        commands = resource.commands(services.channel)
        queries = resource.queries(services.channel)
        execution_id = commands.create(resource.request(), timeout=TIMEOUT).metadata.id
        # No deadline, which would also end the stream.
        stream = queries.subscribe(resource.subscription(execution_id))
        next(stream)
        assert services.store.follower_count(execution_id) == 1
        time.sleep(A_MOMENT)

        stream.cancel()

        assert services.store.wait_until_unfollowed(execution_id), "the handler still runs"
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        error: Any = caught.value
        assert error.code() is grpc.StatusCode.CANCELLED


@EACH_RESOURCE
def test_a_client_that_cancels_ends_the_stream_on_the_server_over_asyncio(
    resource: Resource,
) -> None:
    async def scenario() -> None:
        async with served_async() as services:
            commands = resource.commands(services.channel)
            queries = resource.queries(services.channel)
            created = await commands.create(resource.request(), timeout=TIMEOUT)
            execution_id = created.metadata.id
            stream = queries.subscribe(resource.subscription(execution_id))
            await asyncio.wait_for(stream.read(), TIMEOUT)
            assert services.store.follower_count(execution_id) == 1
            await asyncio.sleep(A_MOMENT)

            stream.cancel()

            left = await asyncio.to_thread(services.store.wait_until_unfollowed, execution_id)
            assert left, "the handler still runs"
            code = await asyncio.wait_for(stream.code(), TIMEOUT)
            assert code is grpc.StatusCode.CANCELLED

    asyncio.run(scenario())


@EACH_RESOURCE
def test_a_stream_of_an_unknown_execution_ends_with_not_found(resource: Resource) -> None:
    with served() as services:
        queries = resource.queries(services.channel)
        with pytest.raises(grpc.RpcError) as caught:
            list(queries.subscribe(resource.subscription("none-1"), timeout=TIMEOUT))

    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND


@EACH_RESOURCE
def test_a_stream_of_an_unknown_execution_ends_with_not_found_over_asyncio(
    resource: Resource,
) -> None:
    async def scenario() -> grpc.aio.AioRpcError:
        async with served_async() as services:
            queries = resource.queries(services.channel)
            stream = queries.subscribe(resource.subscription("none-1"), timeout=TIMEOUT)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stream.read()
            return caught.value

    assert asyncio.run(scenario()).code() is grpc.StatusCode.NOT_FOUND
