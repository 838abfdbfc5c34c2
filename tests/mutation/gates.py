"""The gates that a change of the contract passes, as `make` runs them.

What `make compile`, `make lint` and `make breaking` do with sources is done here with an image, so
that thousands of changes can be judged: `buf` itself, and the schema rules and the compatibility
rules as functions. buf gets only the files that a change touches and what they import, which is
most of its cost; a change that passes so is judged again by the whole image, so nothing survives
for want of files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.message import DecodeError

from codegen import image as images
from codegen.project import ROOT as REPOSITORY
from schema_rules import check, compatibility_rules, releases
from schema_rules.finding import Finding
from schema_rules.schema import ROOT, Schema
from tests.mutation.changes import Mutation
from tests.mutation.draft import Contract, Draft, references, types_in

BUF = REPOSITORY / ".venv-codegen" / "bin" / "buf"
GATES = ("compile", "compatibility rules", "schema rules", "buf breaking", "buf lint")
_ASKS_PROTOVALIDATE = frozenset(
    {
        "OLD_STAYS_VALID",
        "CEL_COMPILES",
        "CEL_ENUM_NUMBER",
        "CEL_DECIDES",
        "VALIDATION_SATISFIABLE",
    }
)
"""Rules that ask protovalidate; the others together take a tenth of their time."""
_IS_IMPORT = b"\xd2\xf6\x03\x02\x08\x01"
"""How buf marks a file of an image that is only imported: `buf_extension { is_import: true }`."""


class Catch(NamedTuple):
    """A gate that stops a change, and the first of its rules that does."""

    gate: str
    rule: str


class Gates:
    """Judges changes of one contract, against one release."""

    def __init__(self, image: bytes, release: Path, folder: Path) -> None:
        self.contract = Contract(image)
        self._release = FileDescriptorSet.FromString(release.read_bytes())
        self._commented = {file.name: file for file in self.contract.image.file}
        bare = images.without_source_info(self.contract.image)
        self._bare = {file.name: file for file in bare.file}
        fixtures = releases.fixtures_of(release.parent)
        self._before = compatibility_rules.baseline_schema(self._release, bare, fixtures)
        self._exceptions = check.load_exceptions()
        self._corrections = check.load_corrections(releases.CORRECTIONS)
        self._buf = _Buf(folder)

    @cached_property
    def released(self) -> frozenset[str]:
        """The full names of what is in the release, files included."""
        return frozenset(element.name for element in self._before.elements())

    def must_stop(self, mutation: Mutation) -> bool:
        """Whether a gate should stop a mutation: it adds, or it changes what the release has."""
        return mutation.kind.startswith("add: ") or mutation.subject in self.released

    def judge(self, mutation: Mutation, *, by_all: bool = False) -> list[Catch]:
        """The gates that stop a mutation: the first, or each of them."""
        draft = Draft(self.contract)
        mutation.change(draft)
        caught: list[Catch] = []
        for catch in self._caught(standard(draft)):
            if catch.gate not in {other.gate for other in caught}:
                caught.append(catch)
            if not by_all or catch.gate == "compile":  # the rest needs a contract that compiles
                break
        return caught

    def _caught(self, changed: Mapping[str, FileDescriptorProto | None]) -> Iterator[Catch]:
        commented = in_order({**self._commented, **changed})
        if commented is None:
            yield Catch("compile", "import cycle or missing import")
            return
        stripped = {
            name: _bare(file) if file is not None else None for name, file in changed.items()
        }
        image = FileDescriptorSet(file=commented.values())
        if any(file != self._bare.get(name) for name, file in stripped.items()):
            bare = {**self._bare, **stripped}
            ordered = (bare[name] for name in commented)
            without_comments = FileDescriptorSet(file=filter(None, ordered))
            yield from self._of_descriptors(image, without_comments, changed)
        else:
            yield from self._schema_rules(Schema(image), _needs_no_protovalidate)
        targets = {name for name, file in changed.items() if file is not None}
        if targets:
            yield from self._of_buf("lint", _part(commented, targets))
        yield from self._of_buf(
            "lint", _part(commented, {n for n in commented if n.startswith(ROOT)})
        )

    def _of_descriptors(
        self,
        image: FileDescriptorSet,
        bare: FileDescriptorSet,
        changed: Mapping[str, FileDescriptorProto | None],
    ) -> Iterator[Catch]:
        try:
            now = Schema(image)
        except (TypeError, DecodeError) as error:
            # The pool refuses the image, or options do not fit what became of their type.
            yield Catch("compile", str(error))
            return
        for refused in _refused(bare):
            yield Catch("compile", refused)
            return
        crashes: list[Exception] = []
        yield from _sparing(self._incompatible(now, _needs_no_protovalidate), crashes)
        yield from _sparing(self._schema_rules(now, _needs_no_protovalidate), crashes)
        if all(changed.values()):
            files = {file.name: file for file in bare.file}
            part = images.without_rules_import(_part(files, set(changed)))
            names = {file.name for file in part.file}
            against = FileDescriptorSet(file=[f for f in self._release.file if f.name in names])
            if against.file:
                yield from self._of_buf("breaking", part, against)
        yield from self._of_buf("breaking", bare, self._release)
        # Rules that ask protovalidate come last: they compile every expression of the contract.
        yield from _sparing(self._incompatible(now, _asks_protovalidate), crashes)
        yield from self._schema_rules(now, _asks_protovalidate)
        if crashes:
            raise crashes[0]

    def _incompatible(self, now: Schema, is_wanted: Callable[[str], bool]) -> Iterator[Catch]:
        for name, rule in check.COMPATIBILITY_RULES.items():
            if is_wanted(name):
                uncorrected, _ = check.unexcused(rule(self._before, now), self._corrections)
                yield from _of_rules("compatibility rules", uncorrected)

    def _of_buf(
        self, command: str, image: FileDescriptorSet, against: FileDescriptorSet | None = None
    ) -> Iterator[Catch]:
        rule = self._buf.first_broken(command, image, against)
        if rule is not None:
            yield Catch(f"buf {command}", rule)

    def _schema_rules(self, now: Schema, is_wanted: Callable[[str], bool]) -> Iterator[Catch]:
        found = [
            finding
            for name, rule in check.RULES.items()
            if is_wanted(name)
            for finding in rule(now)
        ]
        exceptions = {name: why for name, why in self._exceptions.items() if is_wanted(name)}
        unexcused, unused = check.unexcused(found, exceptions)
        yield from _of_rules("schema rules", unexcused)
        if unused:
            yield Catch("schema rules", "unused exception")


class _Buf:
    """buf on images. Its settings are those of buf.yaml, with paths as images have them."""

    def __init__(self, folder: Path) -> None:
        if not BUF.exists():
            raise FileNotFoundError(f"{BUF} is missing; run `make deps`")
        self._folder = folder
        self._settings = folder / "buf.yaml"
        self._settings.write_text(image_settings((REPOSITORY / "buf.yaml").read_text()))
        cache = {"BUF_CACHE_DIR": str(folder / "cache")}
        # It ends before there is garbage to collect, and other processors judge other mutations.
        self._environment = {**os.environ, **cache, "GOGC": "off", "GOMAXPROCS": "1"}

    def first_broken(
        self, command: str, image: FileDescriptorSet, against: FileDescriptorSet | None
    ) -> str | None:
        """The ID of the first rule that an image breaks."""
        arguments = [command, self._write("image", image), "--config", self._settings]
        if against is not None:
            arguments += ["--against", self._write("against", against)]
        finished = subprocess.run(
            [BUF, *arguments, "--error-format", "json"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if finished.returncode not in (0, 100):
            raise RuntimeError(f"buf {command}: {finished.stderr}")
        found = finished.stdout.splitlines()
        return str(json.loads(found[0])["type"]) if found else None

    def _write(self, name: str, image: FileDescriptorSet) -> Path:
        path = self._folder / f"{name}.binpb"
        path.write_bytes(image.SerializeToString())
        return path


def image_settings(workspace: str) -> str:
    """The settings of a workspace for its image, which has no modules, and no paths above them."""
    without_modules = re.sub(r"^modules:\n(?:[ #].*\n)*", "", workspace, flags=re.MULTILINE)
    return re.sub(r"^( *- )apis/", r"\1", without_modules, flags=re.MULTILINE)


def _asks_protovalidate(rule: str) -> bool:
    return rule in _ASKS_PROTOVALIDATE


def _needs_no_protovalidate(rule: str) -> bool:
    return rule not in _ASKS_PROTOVALIDATE


def standard(draft: Draft) -> dict[str, FileDescriptorProto | None]:
    """What a draft changes, in the classes that protobuf ships."""
    return {
        name: FileDescriptorProto.FromString(file.SerializeToString()) if file is not None else None
        for name, file in draft.changed.items()
    }


def in_order(
    files: Mapping[str, FileDescriptorProto | None],
) -> dict[str, FileDescriptorProto] | None:
    """Files after those that they import, as in every image, or None if there is no such order."""
    ordered: dict[str, FileDescriptorProto] = {}
    open_files: set[str] = set()

    def add(name: str) -> bool:
        file = files.get(name)
        if name in ordered:
            return True
        if file is None or name in open_files:
            return False
        open_files.add(name)
        if not all(add(needed) for needed in file.dependency):
            return False
        ordered[name] = file
        return True

    complete = all(add(name) for name, file in files.items() if file is not None)
    return ordered if complete else None


def _bare(file: FileDescriptorProto) -> FileDescriptorProto:
    return images.without_source_info(FileDescriptorSet(file=[file])).file[0]


def _part(files: Mapping[str, FileDescriptorProto], targets: set[str]) -> FileDescriptorSet:
    """The targets and what they import, which is marked as imported."""
    wanted: set[str] = set()
    pending = list(targets)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending.extend(files[name].dependency)
    part = FileDescriptorSet(file=[file for name, file in files.items() if name in wanted])
    for file in part.file:
        if file.name not in targets:
            file.ClearField("source_code_info")
            file.MergeFromString(_IS_IMPORT)
    return part


def _refused(image: FileDescriptorSet) -> Iterator[str]:
    """What compilers refuse, and the descriptor pool of Python lets through."""
    home = {name: file.name for file in image.file for name in _declared(file)}
    for file in image.file:
        if not file.name.startswith(ROOT):
            continue
        seen = {file.name, *file.dependency}
        for _, _, reference in references(file):
            if reference and home[reference[1:]] not in seen:
                yield f"{file.name} does not import {reference[1:]}"
        for message in _messages(file.message_type):
            if message.reserved_range or message.reserved_name:
                for field in message.field:
                    if _is_reserved(message, field):
                        yield f"{field.name} of {message.name} is reserved"


def _is_reserved(message: DescriptorProto, field: FieldDescriptorProto) -> bool:
    gaps = message.reserved_range
    return field.name in message.reserved_name or any(
        gap.start <= field.number < gap.end for gap in gaps
    )


def _declared(file: FileDescriptorProto) -> Iterator[str]:
    yield from types_in(f"{file.package}.", file.message_type, file.enum_type)


def _messages(messages: Iterable[DescriptorProto]) -> Iterator[DescriptorProto]:
    for message in messages:
        yield message
        yield from _messages(message.nested_type)


def _of_rules(gate: str, findings: Iterable[Finding]) -> Iterator[Catch]:
    for finding in findings:
        yield Catch(gate, finding.rule)
        return


def _sparing(caught: Iterator[Catch], crashes: list[Exception]) -> Iterator[Catch]:
    """What a gate catches, unless it crashes: then another one may stop the change in order.

    `make` runs buf first, so that our rules never see some of what is judged here.
    """
    try:
        yield from caught
    except Exception as crash:
        crashes.append(crash)
