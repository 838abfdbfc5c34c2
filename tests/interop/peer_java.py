"""The peer of Java: protobuf-java and protobuf-java-util; Maven fetches both, and protoc."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from google.protobuf.message import Message

from tests.interop.peers import (
    INTEROP,
    ROOT,
    Peer,
    is_map,
    is_up_to_date,
    mark_up_to_date,
    messages_within,
    run,
)

_PROJECT = INTEROP / "java"


def sorts_keys_otherwise(message: Message) -> bool:
    """Whether Java orders the keys of a map in the message, or in one inside it, differently.

    protobuf-java compares strings by UTF-16 code unit. A character beyond U+FFFF is a pair of
    surrogates, and therefore comes before the characters from U+E000 on.
    """
    return any(
        sorted(keys) != sorted(keys, key=lambda key: key.encode("utf-16-be"))
        for inner in messages_within(message)
        for field, value in inner.ListFields()
        if is_map(field)
        for keys in [[key for key in value if isinstance(key, str)]]
    )


def _version() -> str:
    pom = (_PROJECT / "pom.xml").read_text(encoding="utf-8")
    return re.findall(r"<protobuf\.version>(.+)</protobuf\.version>", pom)[0]


def _build(image: Path, work: Path) -> list[str]:
    built, sources = work / ".built", (image, _PROJECT, Path(__file__))
    if not is_up_to_date(built, *sources):
        # Maven would keep the classes of messages that no longer exist.
        shutil.rmtree(work, ignore_errors=True)
        repository = ROOT / "build" / "cache" / "maven"
        run(
            [
                *("mvn", "--batch-mode", "--quiet", "--no-transfer-progress"),
                *("--file", _PROJECT / "pom.xml"),
                f"-Dmaven.repo.local={repository}",
                f"-Dinterop.image={image}",
                f"-Dinterop.work={work}",
                "compile",
            ]
        )
        mark_up_to_date(built, *sources)
    classpath = f"{work / 'classes'}:{work / 'lib'}/*"
    return ["java", "-cp", classpath, "interop.Peer"]


PEERS = [
    Peer(
        language="java",
        library="protobuf-java",
        version=_version(),
        tools=("java", "javac", "mvn"),
        build=_build,
        reads_json=True,
        is_deterministic=True,
        keeps_unknown=True,
        reorders=sorts_keys_otherwise,
        notes=(
            "Sorts map keys by UTF-16 code unit, so keys with a character beyond U+FFFF may have a "
            "different position."
        ),
    )
]
