"""The peer of Rust: prost, with code that prost-build generates from the shipped image.

A Cargo.lock names a registry, so none is committed: `rust/crates.txt` pins every crate instead, with
its checksum, and what Cargo makes of it is checked before any of it is built.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

from peers import INTEROP, Peer, PeerError, is_up_to_date, run

_SOURCES = INTEROP / "rust"
_CRATES = _SOURCES / "crates.txt"


def _build(image: Path, work: Path) -> list[str]:
    """Build in a copy in the work folder, where Cargo.lock does no harm.

    Raises:
        PeerError: Cargo cannot fetch or build a crate, or it is another one than is pinned.
    """
    program = work / "target" / "debug" / "stigmer-apis-interop"
    lock = work / "Cargo.lock"
    if not is_up_to_date(lock, _SOURCES):
        shutil.copytree(_SOURCES, work, dirs_exist_ok=True)
        lock.unlink(missing_ok=True)
        with (work / "Cargo.toml").open("a", encoding="utf-8") as manifest:
            manifest.write(_pins())
        run(["cargo", "generate-lockfile"], cwd=work)
        try:
            _check(lock)
        except PeerError:
            lock.unlink()
            raise
    environment = {"CARGO_TARGET_DIR": str(work / "target"), "STIGMER_IMAGE": str(image)}
    run(["cargo", "build", "--locked"], cwd=work, env=environment)
    return [str(program)]


def _pins() -> str:
    """Dependencies of no platform, which are never built, but hold every crate to its version."""
    lines = ["", "[target.'cfg(any())'.dependencies]"]
    for line in _CRATES.read_text(encoding="utf-8").splitlines():
        name, version, _ = line.split()
        alias = f"pinned-{name}-{re.sub(r'[^0-9A-Za-z]', '-', version)}"
        lines.append(
            f'{alias} = {{ package = "{name}", version = "={version}", default-features = false }}'
        )
    return "\n".join([*lines, ""])


def _check(lock: Path) -> None:
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    found = {
        f"{package['name']} {package['version']} {package['checksum']}"
        for package in packages
        if "source" in package
    }
    pinned = set(_CRATES.read_text(encoding="utf-8").splitlines())
    if found != pinned:
        lines = [f"+{line}" for line in found - pinned] + [f"-{line}" for line in pinned - found]
        raise PeerError(
            "Cargo chose other crates than tests/interop/rust/crates.txt pins; if they are meant, "
            "change its lines:\n" + "\n".join(sorted(lines, key=lambda line: line[1:]))
        )


def _version(crate: str) -> str:
    for line in _CRATES.read_text(encoding="utf-8").splitlines():
        name, version, _ = line.split()
        if name == crate:
            return version
    raise PeerError(f"tests/interop/rust/crates.txt pins no {crate}")


PEERS = [
    Peer(
        language="rust",
        library="prost",
        version=_version("prost"),
        tools=("cargo",),
        build=_build,
        reads_json=False,
        is_deterministic=True,
        keeps_unknown=False,
        notes="x",
    )
]
