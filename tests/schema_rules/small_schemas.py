"""Small schemas, each a file of its own, that say in comments what rules must find in them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from schema_rules.finding import Finding, as_json, in_order
from tests.toolchain import Run

APIS = "apis/ai/stigmer"
REGISTRY = f"{APIS}/commons/apiresource/apiresourcekind/api_resource_kind.proto"
_HEADER = """\
// A small schema for tests.
syntax = "proto3";
package ai.stigmer.small.{name}.v1;
import "ai/stigmer/agentic/environment/v1/api.proto";
import "ai/stigmer/agentic/executioncontext/v1/api.proto";
import "ai/stigmer/agentic/executioncontext/v1/query.proto";
import "ai/stigmer/agentic/session/v1/api.proto";
import "ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind.proto";
import "ai/stigmer/commons/apiresource/enum.proto";
import "ai/stigmer/commons/apiresource/field_options.proto";
import "ai/stigmer/commons/apiresource/io.proto";
import "ai/stigmer/commons/apiresource/metadata.proto";
import "ai/stigmer/commons/apiresource/rpc_service_options.proto";
import "ai/stigmer/commons/apiresource/status.proto";
import "ai/stigmer/iam/iampolicy/v1/rpcauthorization/method_options.proto";
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
"""


class Mark(NamedTuple):
    """A finding, as a line of a small schema announces it or as a rule made it."""

    line: int
    """The line in the small schema, from 1."""
    rule: str
    words: str


def marks(text: str) -> list[Mark]:
    """The findings that a small schema announces."""
    return [
        Mark(number, rule, words.strip())
        for number, line in enumerate(text.splitlines(), 1)
        for rule, words in re.findall(r"// ([A-Z]+_[A-Z_]+):?((?:(?! //).)*)", line)
    ]


def made(found: Iterable[Finding], path: str, first_line: int) -> list[Mark]:
    """What rules found in one file, in lines from `first_line` on."""
    made: list[Mark] = []
    for finding in in_order(found):
        record = json.loads(as_json(finding))
        if record["path"] == path:
            line = record["start_line"] - first_line + 1
            made.append(Mark(line, finding.rule, finding.message))
    return made


class SmallSchemas:
    """Small schemas, compiled together: each a file and a package of its own, under `apis/`."""

    def __init__(
        self,
        buf: Run,
        root: Path,
        workspace: Path,
        schemas: Mapping[str, str],
        kinds: str = "",
        *,
        bare: Collection[str] = (),
    ) -> None:
        """Compile them beside the real contract, to whose registry `kinds` are added.

        What has no comment gets one, except in the schemas that `bare` names.
        """
        self.workspace = workspace
        self._first_line = {
            name: _header(name, text).count("\n") + 1 for name, text in schemas.items()
        }
        for name in ("apis", "validation"):
            shutil.copytree(root / name, workspace / name)
        shutil.copy2(root / "buf.yaml", workspace)
        registry = workspace / REGISTRY
        contract, end, _ = registry.read_text().rpartition("}")
        registry.write_text(contract + kinds + end)
        for name, text in schemas.items():
            path = workspace / self._path(name)
            path.parent.mkdir(parents=True)
            path.write_text(_header(name, text) + text)
        folder = f"{APIS}/small"
        built = buf("build", "--path", folder, "--output", "image.binpb", cwd=workspace)
        assert built.returncode == 0, built.stderr
        self.image = FileDescriptorSet.FromString((workspace / "image.binpb").read_bytes())
        for file in self.image.file:
            if file.name not in {self._path(name).removeprefix("apis/") for name in bare}:
                for location in file.source_code_info.location:
                    location.leading_comments = location.leading_comments or " Made for a test.\n"
        self._first_of_kinds = contract.count("\n") + 1

    def made_in(self, name: str, found: Iterable[Finding]) -> list[Mark]:
        """What rules found in one of the schemas."""
        return made(found, self._path(name), self._first_line[name])

    def made_in_registry(self, found: Iterable[Finding]) -> list[Mark]:
        """What rules found in the kinds that were added."""
        return made(found, REGISTRY, self._first_of_kinds)

    def _path(self, name: str) -> str:
        return f"{APIS}/small/{name}/v1/small.proto"


def _header(name: str, text: str) -> str:
    """What comes before a schema, unless it is a whole file itself."""
    return "" if re.search("^syntax = ", text, re.MULTILINE) else _HEADER.format(name=name)


def assert_announced(found: list[Mark], announced: list[Mark]) -> None:
    """Check that rules found what a schema announces, no less and no more."""
    assert [m[:2] for m in found] == sorted(m[:2] for m in announced), found
    for mark in announced:
        said = [m.words for m in found if (m.line, m.rule) == (mark.line, mark.rule)]
        assert any(mark.words in words for words in said), f"{mark} is not what was said: {said}"
