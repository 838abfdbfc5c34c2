"""The process that reads the inputs. It may die of one: `fuzz_run` watches it from outside.

Before it reads an input, it notes it in a file that outlives it. What it finds and counts goes to
standard output, a line of JSON each.
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
"""Address space of the process; what needs more is a finding (MemoryError)."""

_HEADER = struct.Struct("<dI")  # when it was begun, or 0 between two inputs; how long the note is
NOTE_SIZE = _HEADER.size + LIMIT + 1024


class Note:
    """The input being read, in a file that both processes see."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), NOTE_SIZE)

    def begin(self, given: Input) -> None:
        """Note the input, and since when it is being read."""
        note = f"{given.message}\n{given.format}\n".encode() + given.data
        self._map[_HEADER.size : _HEADER.size + len(note)] = note
        self._map[: _HEADER.size] = _HEADER.pack(time.monotonic(), len(note))

    def end(self) -> None:
        """Note that no input is being read."""
        self._map[:8] = bytes(8)

    def read(self) -> tuple[Input, float] | None:
        """The input being read and for how many seconds, or None."""
        begun, length = _HEADER.unpack(self._map[: _HEADER.size])
        if not begun:
            return None
        name, kind, data = self._map[_HEADER.size : _HEADER.size + length].split(b"\n", 2)
        return Input(name.decode(), kind.decode(), data), time.monotonic() - begun


class Tally:
    """What one format has answered, and what that cost."""

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
    """The most memory that this process has had since the last reset.

    What `getrusage` says begins with the peak of the parent process, and never goes down; where
    there is no /proc, it has to do.
    """

    def __init__(self) -> None:
        self._status = self._reset = -1
        with suppress(OSError):
            self._status = os.open("/proc/self/status", os.O_RDONLY)
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def reset(self) -> int:
        """Begin anew; the bytes in use now."""
        if self._reset >= 0:
            os.write(self._reset, b"5")
        return self.read()

    def read(self) -> int:
        """Bytes."""
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
    """Read inputs as the command line says, or the one that was saved in a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("note", type=Path)
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--end", type=int, default=0)
    arguments = parser.parse_args()
    faulthandler.enable()  # so that a crash says where it was
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
