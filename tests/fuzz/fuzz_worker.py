"""The worker process that reads the inputs. It may crash; `fuzz_run` watches it from outside.

Before it reads an input, it records it in a file that survives a crash. It writes findings and
counts to standard output, one JSON object per line.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import mmap
import os
import resource
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.fuzz.fuzz_inputs import load_input, make_input
from tests.fuzz.fuzz_mutations import LIMIT
from tests.fuzz.fuzz_targets import Input, attempt

MEMORY_LIMIT = 2 * 1024**3
"""The address space limit of the process; exceeding it is a finding (MemoryError)."""

_HEADER = struct.Struct(
    "<dI"
)  # the time at which reading started, or 0 between two inputs; the length of the note
NOTE_SIZE = _HEADER.size + LIMIT + 1024


class Note:
    """The input that is being read, in a file that both processes share."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), NOTE_SIZE)

    def begin(self, given: Input) -> None:
        """Record the input, and the time at which reading starts."""
        note = f"{given.message}\n{given.format}\n".encode() + given.data
        self._map[_HEADER.size : _HEADER.size + len(note)] = note
        self._map[: _HEADER.size] = _HEADER.pack(time.monotonic(), len(note))

    def end(self) -> None:
        """Record that no input is being read."""
        self._map[:8] = bytes(8)

    def read(self) -> tuple[Input, float] | None:
        """Return the input that is being read and its time in seconds, or None."""
        begun, length = _HEADER.unpack(self._map[: _HEADER.size])
        if not begun:
            return None
        name, kind, data = self._map[_HEADER.size : _HEADER.size + length].split(b"\n", 2)
        return Input(name.decode(), kind.decode(), data), time.monotonic() - begun


class Tally:
    """The results of one format, and their cost."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seconds = 0.0
        self.slowest = 0.0
        self.slowest_length = 0
        self.growth = 0
        self.growth_length = 0

    def add(self, outcome: str, seconds: float, grown: int, length: int) -> None:
        """Count one input."""
        self.outcomes[outcome] += 1
        self.seconds += seconds
        if seconds > self.slowest:
            self.slowest, self.slowest_length = seconds, length
        if grown > self.growth:
            self.growth, self.growth_length = grown, length


class Peak:
    """The peak memory of this process since the last reset.

    The value from `getrusage` starts with the peak of the parent process and never decreases; it is
    used only where /proc does not exist.
    """

    def __init__(self) -> None:
        self._status = self._reset = -1
        with suppress(OSError):
            self._status = os.open("/proc/self/status", os.O_RDONLY)
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def reset(self) -> int:
        """Reset the peak, and return the bytes in use."""
        if self._reset >= 0:
            os.write(self._reset, b"5")
        return self.read()

    def read(self) -> int:
        """Return the peak, in bytes."""
        if self._reset >= 0:
            status = os.pread(self._status, 4096, 0)
            return int(status.partition(b"VmHWM:")[2].split(maxsplit=1)[0]) * 1024
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def _tell(given: Input, error: BaseException) -> None:
    place = traceback.extract_tb(error.__traceback__)[-1]
    lines = traceback.format_exception(error, limit=-8)
    _say(
        finding=f"{type(error).__name__}: {ascii(str(error))[:300]}",
        signature=f"{given.format} {type(error).__name__} {Path(place.filename).name}:{place.name}",
        traceback=ascii("".join(lines))[-4000:],
        message=given.message,
        format=given.format,
        data=given.data.hex(),
    )


def run(read: Callable[[Input], str] = attempt) -> None:
    """Read the inputs that the command line selects, or one stored input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("note", type=Path)
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--end", type=int, default=0)
    arguments = parser.parse_args()
    faulthandler.enable()  # so that a crash leaves a trace of its location
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    note = Note(arguments.note)
    peak = Peak()
    tallies: dict[str, Tally] = {}
    told: set[str] = set()
    number, said = arguments.first, 0.0
    while arguments.replay or not arguments.end or number < arguments.end:
        given = (
            load_input(arguments.replay) if arguments.replay else make_input(arguments.seed, number)
        )
        tally = tallies.setdefault(given.format, Tally())
        before = peak.reset()
        note.begin(given)
        begun = time.process_time()
        try:
            outcome = read(given)
        except Exception as error:
            outcome = f"finding: {type(error).__name__}"
            signature = f"{given.format} {outcome}"
            if signature not in told:
                told.add(signature)
                _tell(given, error)
        seconds = time.process_time() - begun
        note.end()
        tally.add(outcome, seconds, peak.read() - before, len(given.data))
        if arguments.replay:
            break
        number += arguments.step
        if time.monotonic() - said > 0.5:
            said = time.monotonic()
            _say(next=number, tallies={kind: vars(it) for kind, it in tallies.items()})
    _say(next=number, tallies={kind: vars(it) for kind, it in tallies.items()})


if __name__ == "__main__":
    run()
