"""A lock that lets only one run at a time change this folder."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(file: Path, step: str) -> Generator[None]:
    """Hold the lock `file`. If another run holds it, wait, and report that in the name of `step`.

    The system releases the lock when this process has ended, even if it crashes, and with it every
    program that it started with `close_fds=False`: a program that outlives a killed run still
    writes.

    Raises:
        OSError: The lock file cannot be written.
    """
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lock:
            os.set_inheritable(lock.fileno(), True)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{step}: waiting for another run of make in this folder", file=sys.stderr)
                fcntl.flock(lock, fcntl.LOCK_EX)
            # `make clean` may have removed the file in the meantime; a lock on it would exclude
            # nobody.
            if file.exists() and os.path.samestat(file.stat(), os.fstat(lock.fileno())):
                yield
                return
