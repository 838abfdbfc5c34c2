"""protobuf-java, with JSON by protobuf-java-util; Maven fetches both, and their protoc."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from peers import INTEROP, ROOT, Peer, is_up_to_date, run

_PROJECT = INTEROP / "java"


def _version() -> str:
    pom = (_PROJECT / "pom.xml").read_text(encoding="utf-8")
    return re.findall(r"<protobuf\.version>(.+)</protobuf\.version>", pom)[0]


def _build(image: Path, work: Path) -> list[str]:
    built = work / ".built"
    if not is_up_to_date(built, image, _PROJECT):
        # Maven would leave the classes of messages that are gone.
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
        built.touch()
    classpath = f"{work / 'classes'}:{work / 'lib'}/*"
    return ["java", "-cp", classpath, "interop.Peer"]


PEERS = [
    Peer(
        language="java",
        library="protobuf-java",
        version=_version(),
        tools=("java", "mvn"),
        build=_build,
        reads_json=True,
        is_deterministic=True,
        keeps_unknown=True,
    )
]
