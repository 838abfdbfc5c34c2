"""The peer of Rust: prost, with code that prost-build generates from the shipped image.

A Cargo.lock names a registry, so none is committed. Instead, `rust/crates.txt` pins every crate
with its checksum, and the lock file that Cargo creates is checked before anything is built.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from tests.interop.peers import (
    INTEROP,
    Peer,
    PeerError,
    fields_of,
    is_map,
    is_up_to_date,
    mark_up_to_date,
    messages_within,
    run,
)

_SOURCES = INTEROP / "rust"
_CRATES = _SOURCES / "crates.txt"


def _build(image: Path, work: Path) -> list[str]:
    """Build in a copy in the work folder, where a Cargo.lock does no harm.

    Raises:
        PeerError: Cargo cannot fetch or build a crate, or a crate differs from its pin.
    """
    program = work / "target" / "debug" / "stigmer-apis-interop"
    lock = work / "Cargo.lock"
    pinned, sources = work / ".pinned", (_SOURCES, Path(__file__))
    if not is_up_to_date(pinned, *sources):
        shutil.copytree(_SOURCES, work, dirs_exist_ok=True)
        lock.unlink(missing_ok=True)
        manifest = (_SOURCES / "Cargo.toml").read_text(encoding="utf-8")
        (work / "Cargo.toml").write_text(manifest + _pins(manifest), encoding="utf-8")
        run(["cargo", "generate-lockfile"], cwd=work)
        _check(lock)
        mark_up_to_date(pinned, *sources)
    environment = {"CARGO_TARGET_DIR": str(work / "target"), "STIGMER_IMAGE": str(image)}
    run(["cargo", "build", "--locked"], cwd=work, env=environment)
    return [str(program)]


def _pins(manifest: str) -> str:
    """Return dependencies for no platform, which are never built but fix the version of every
    crate.
    """
    tables = tomllib.loads(manifest)
    direct = {*tables["dependencies"], *tables["build-dependencies"]}
    lines = ["", "[target.'cfg(any())'.dependencies]"]
    for line in _CRATES.read_text(encoding="utf-8").splitlines():
        name, version, _ = line.split()
        if name in direct:  # which have their version in Cargo.toml
            continue
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


def has_empty_key_or_value(message: Message) -> bool:
    """Whether a map in the message, or in one inside it, has an empty key or value.

    prost omits it from the entry.
    """
    return any(
        not all([*value, *map(_content, values)])
        for inner in messages_within(message)
        for (field, value), (_, values) in zip(inner.ListFields(), fields_of(inner), strict=True)
        if is_map(field)
    )


def _content(value: Any) -> Any:
    return value.ByteSize() if isinstance(value, Message) else value


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
        reorders=has_empty_key_or_value,
        notes=(
            "Maps are `BTreeMap` (the option `btree_map`), because the order of a `HashMap` "
            "changes from run to run. Omits empty keys and values from map entries, so their "
            "bytes differ. Loses -0.0 in fields without presence "
            "([prost#1177](https://github.com/tokio-rs/prost/issues/1177)). No ProtoJSON."
        ),
    )
]
