"""The processes of the handshake, each to be killed and started again at will."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import grpc
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution
from stigmer_apis.temporal import data_converter

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
"""Seconds after which something that was to happen has not."""

OTHER_NAMESPACE = "elsewhere"
"""A namespace beside `default`."""


class Port:
    """A TCP port that nobody else takes while it is not listened on.

    It is below the ports that the system gives out by itself. The UDP port of the same number is
    held, so that no other run of these tests takes it.
    """

    def __init__(self) -> None:
        ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        while True:
            self.number = random.randrange(10_000, int(ephemeral[0]))
            self._claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._claim.bind(("127.0.0.1", self.number))
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", self.number))
            except OSError:
                self._claim.close()
            else:
                return

    def release(self) -> None:
        self._claim.close()


def wait_until(what: str, holds: Any) -> None:
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline, f"{what} did not come about in {PATIENCE:.0f} s"
        sleep(0.05)


class Process:
    """One process, its log in a file."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self._name, self._command, self.log = name, command, log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> None:
        with self.log.open("ab") as output:
            self._running = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            )

    def kill(self) -> None:
        if self._running:
            self._running.send_signal(signal.SIGKILL)
            self._running.wait(10)
            self._running = None

    def terminate(self) -> None:
        """Ask the process to end, and wait until it has."""
        if self._running:
            self._running.send_signal(signal.SIGTERM)
            self._running.wait(30)
            self._running = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def assert_alive(self) -> None:
        running = self._running
        assert running is not None, f"{self._name} is not running"
        assert running.poll() is None, f"{self._name} ended: {self.log.read_text()}"


class World:
    """A Temporal server, the platform, a worker of the caller, one of the runner, and one in Go."""

    def __init__(self, temporal: Path, go_worker: Path, folder: Path) -> None:
        self.folder = folder
        self.gates = folder / "gates"
        self.gates.mkdir()
        self._ports = [Port(), Port()]
        self.temporal_address, self.platform_address = (
            f"127.0.0.1:{port.number}" for port in self._ports
        )
        self._database = folder / "executions.db"
        self.temporal = self._process(
            "temporal",
            [
                *(str(temporal), "server", "start-dev", "--headless", "--log-level", "error"),
                *("--port", self.temporal_address.rpartition(":")[2]),
                *("--db-filename", str(folder / "temporal.db"), "--namespace", OTHER_NAMESPACE),
                # What is written outlives the process, if not a power cut, and is written at once.
                *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=off"),
            ],
        )
        port = self.platform_address.rpartition(":")[2]
        self.platform = self._python("execution_platform", port, str(self._database))
        peers = [self.temporal_address, self.platform_address, str(self.gates)]
        self.caller = self._python("handshake_worker", "caller", *peers)
        self.runner = self._python("handshake_worker", "runner", *peers)
        self.go = self._process("go", [str(go_worker), self.temporal_address])

    def _process(self, name: str, command: list[str]) -> Process:
        return Process(name, command, self.folder / f"{name}.log")

    def _python(self, module: str, *arguments: str) -> Process:
        name = arguments[0] if module == "handshake_worker" else module
        module = f"{__package__}.{module}"
        return self._process(name, [sys.executable, "-W", "error", "-m", module, *arguments])

    @property
    def processes(self) -> list[Process]:
        return [self.temporal, self.platform, self.caller, self.runner, self.go]

    def start(self) -> None:
        self.temporal.start()
        self.platform.start()
        self.wait_for_temporal()
        self.wait_for_platform()
        self.caller.start()
        self.runner.start()
        self.go.start()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
        for port in self._ports:
            port.release()

    def wait_for_temporal(self) -> None:
        async def answers() -> bool:
            try:
                client = await Client.connect(self.temporal_address)
                await client.count_workflows()
            except Exception:
                self.temporal.assert_alive()
                return False
            return True

        wait_until("an answer of the Temporal server", lambda: asyncio.run(answers()))

    def wait_for_platform(self) -> None:
        def answers() -> bool:
            self.platform.assert_alive()
            options = [("grpc.enable_http_proxy", 0)]
            with grpc.insecure_channel(self.platform_address, options=options) as channel:
                try:
                    grpc.channel_ready_future(channel).result(timeout=1)
                except grpc.FutureTimeoutError:
                    return False
                return True

        wait_until("an answer of the platform", answers)

    async def client(self) -> Client:
        return await Client.connect(self.temporal_address, data_converter=data_converter)

    # -- gates

    def wait_at(self, gate: str) -> None:
        """Wait until a worker stands before that gate."""
        wait_until(f"a worker before the gate {gate}", (self.gates / f"{gate}.reached").exists)

    def wait_for_failure_at(self, gate: str) -> None:
        """Wait until what the gate was before has failed."""
        wait_until(f"a failure after the gate {gate}", (self.gates / f"{gate}.failed").exists)

    def open(self, gate: str) -> None:
        (self.gates / f"{gate}.open").touch()

    def arm(self, gate: str) -> None:
        (self.gates / f"{gate}.armed").touch()

    def disarm(self, gate: str) -> None:
        for state in ("armed", "reached", "open", "failed"):
            (self.gates / f"{gate}.{state}").unlink(missing_ok=True)

    # -- what is stored

    def executions(self, name: str = "%") -> list[WorkflowExecution]:
        """The workflow executions of that name, as the platform has stored them; all without."""
        database = sqlite3.connect(self._database, timeout=30)
        try:
            found = database.execute(
                "select data from executions where name like ? order by id", (name,)
            ).fetchall()
        finally:
            database.close()
        return [WorkflowExecution.FromString(data) for (data,) in found]

    def assert_no_log_shows_a_token(self) -> None:
        logs = {process.log.name: process.log.read_bytes() for process in self.processes}
        for execution in self.executions():
            token = execution.status.callback_token
            for form in forms_of(token) if token else ():
                holding = [log for log, text in logs.items() if form in text]
                assert not holding, f"{holding} show the token of {execution.metadata.name}"

    def execution_with_token(self, name: str) -> WorkflowExecution:
        """Wait until the one execution of that name has its token, and return it."""
        wait_until(
            f"a token of {name}",
            lambda: any(e.status.callback_token for e in self.executions(name)),
        )
        [execution] = self.executions(name)
        return execution


def forms_of(token: bytes) -> list[bytes]:
    """How a token may be written."""
    texts = [b64encode(token), urlsafe_b64encode(token), token.hex().encode()]
    return [token, *texts, repr(token)[2:-1].encode(), str(list(token)).replace(",", "").encode()]


async def events(handle: WorkflowHandle[Any, Any], kind: EventType.ValueType) -> list[Any]:
    """The events of that kind in the history of a workflow."""
    return [event async for event in handle.fetch_history_events() if event.event_type == kind]
