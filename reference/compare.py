"""What differs between two contracts, and what the breaking checks say of it.

Every part of every element is compared (`parts`), so a difference of any kind is found.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from codegen.environments import environment
from codegen.project import ROOT, RULES_FILE, StepError
from reference.parts import COMMENT, EMPTY, Parts, parts_of, paths_of_parts, short
from schema_rules.check import COMPATIBILITY_RULES
from schema_rules.compatibility_rules import baseline_schema, old_stays_valid
from schema_rules.finding import Finding
from schema_rules.schema import IMPORTED, Schema

_IS_IMPORT = b"\xd2\xf6\x03\x02\x08\x01"
"""How buf marks a file of an image that is only imported: `buf_extension { is_import: true }`."""


class Told(NamedTuple):
    """A finding of `buf breaking` or of a compatibility rule."""

    rule: str
    name: str
    """The full name of the element or the path of the file at which it is; empty if it is gone."""
    message: str


@dataclass
class Difference:
    """An element that differs between two contracts, and what is told of it."""

    old: Parts | None
    """Its parts in the earlier contract, if it was there."""
    new: Parts | None
    parts: dict[str, tuple[str | None, str | None]] = field(
        default_factory=dict[str, "tuple[str | None, str | None]"]
    )
    """The values of each part that differs, earlier and now; None if it is not set."""
    told: list[Told] = field(default_factory=list[Told])

    @property
    def parts_now(self) -> Parts:
        """Its parts in the later contract that has it."""
        found = self.new or self.old
        assert found is not None
        return found

    def is_named(self, told: Told) -> bool:
        """Whether buf tells of it at the element around it, as of all that was there before."""
        if self.old is None or told.name not in ("", self.old.parent):
            return False
        element = self.old.element
        names = {short(element.name, element.package), element.name, element.file.name}
        names |= {re.split("[./]", element.name)[-1], self.old.stated.get("number", "")}
        return not names.isdisjoint(re.findall(r'"([^"]+)"', told.message))


class Comparison:
    """Compares two contracts. A third image, `declared`, declares what they import."""

    def __init__(
        self,
        before: FileDescriptorSet,
        now: FileDescriptorSet,
        declared: FileDescriptorSet,
        fixtures: Mapping[str, bytes] | None = None,
    ) -> None:
        self._before = baseline_schema(before, declared, fixtures)
        self._now = baseline_schema(now, declared)
        self._imported = [file for file in declared.file if file.name in IMPORTED]
        self._old, self._new = parts_of(self._before), parts_of(self._now)

    def all_told(self) -> list[Difference]:
        """Return every difference with what is told of it, also what nothing else shows.

        Raises:
            StepError: buf cannot compare the contracts.
        """
        found = list(self.differences())
        for told in self._told():
            fitting = [each for each in found if each.is_named(told)] or [
                each for each in found if each.parts_now.element.name == told.name
            ]
            if not fitting:
                fitting = [Difference(*self._parts_of(told))]
                found += fitting
            for each in fitting:
                each.told.append(told)
        return found

    def loosened(self) -> set[str]:
        """Return the elements that accept what they rejected before."""
        now_valid = _findings(old_stays_valid, self._now, self._before)
        return {finding.element.name for finding in now_valid}

    def differences(self) -> Iterator[Difference]:
        """Yield every element that differs, except those that come or go with the one around."""
        gone, come = (
            {key: parts for key, parts in side.items() if key not in other}
            for side, other in ((self._old, self._new), (self._new, self._old))
        )
        for key, new in self._new.items():
            old = self._old.get(key) or _renamed(new, gone)
            if old is not None:
                gone.pop((old.kind, old.element.name), None)
                come.pop(key, None)
                found = self._compared(old, new)
                if found.parts:
                    yield found
        for parts in _outermost(gone):
            yield Difference(parts, None)
        for parts in _outermost(come):
            yield Difference(None, parts)

    def _compared(self, old: Parts, new: Parts) -> Difference:
        found = Difference(old, new)
        for part in sorted(old.stated.keys() | new.stated.keys()):
            values = old.stated.get(part), new.stated.get(part)
            if values[0] != values[1] and self._can_differ(part, old, new):
                found.parts[part] = values
        for part, values in list(found.parts.items()):
            if EMPTY in values and any(other.startswith(f"{part}.") for other in found.parts):
                del found.parts[part]  # what it holds now, or held, says it
        for part in sorted(old.orders.keys() & new.orders.keys()):
            was, is_now = old.orders[part], new.orders[part]
            kept = set(was) & set(is_now)
            if [name for name in was if name in kept] != [name for name in is_now if name in kept]:
                found.parts[part] = None, None
        return found

    def _can_differ(self, part: str, old: Parts, new: Parts) -> bool:
        """Whether both sides can have a part: an image of a release has fewer."""
        if part == COMMENT:
            return old.has_comments and new.has_comments
        if part == f"import {RULES_FILE}":
            return all(
                any(part in parts.stated for parts in side.values())
                for side in (self._old, self._new)
            )
        if part.startswith("map "):
            return all(any(name.startswith("map ") for name in p.stated) for p in (old, new))
        return True

    def _parts_of(self, told: Told) -> tuple[Parts | None, Parts | None]:
        """Return the parts of the element at which a finding is, or of the file."""
        old, new = (
            next((parts for (_, name), parts in side.items() if name == told.name), None)
            for side in (self._old, self._new)
        )
        if old is None and new is None:
            raise StepError(f"buf breaking says of what neither contract has: {told.message}")
        return old, new

    def _told(self) -> Iterator[Told]:
        yield from self._told_by_buf()
        for rule in COMPATIBILITY_RULES.values():
            for finding in _findings(rule, self._before, self._now):
                yield Told(finding.rule, finding.element.name, finding.message)

    def _told_by_buf(self) -> Iterator[Told]:
        buf = environment("codegen").link / "bin" / "buf"
        if not buf.exists():
            raise StepError(f"buf is missing from {buf.parent.parent}; run `make deps`")
        places: dict[tuple[str, int], str] = {}
        with tempfile.TemporaryDirectory() as folder:
            now, before = Path(folder, "now.binpb"), Path(folder, "before.binpb")
            before.write_bytes(self._image(self._before, {}))
            now.write_bytes(self._image(self._now, places))
            finished = subprocess.run(
                [
                    *(buf, "breaking", now, "--against", before, "--exclude-imports"),
                    *("--config", ROOT / "buf.yaml", "--error-format", "json"),
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
        if finished.returncode not in (0, 100):
            raise StepError(f"buf breaking says: {' '.join(finished.stderr.split())}")
        for line in finished.stdout.splitlines():
            found: dict[str, Any] = json.loads(line)
            path = str(found.get("path", ""))
            name = places.get((path, int(found.get("start_line", 0))), path)
            yield Told(str(found["type"]), name, str(found["message"]))

    def _image(self, schema: Schema, places: dict[tuple[str, int], str]) -> bytes:
        """Return the image of a contract in which every element has a line of its own.

        `places` gets the elements by file and line, by which buf says where it found something.
        """
        image = FileDescriptorSet(file=self._imported)
        for file in image.file:
            file.MergeFromString(_IS_IMPORT)
        for part in schema.files.values():
            image.file.add().CopyFrom(part.descriptor)
            image.file[-1].ClearField("source_code_info")
        info = {file.name: file.source_code_info for file in image.file}
        for line, element in enumerate(schema.elements()):
            for path in (element.path, *paths_of_parts(element)):
                info[element.file.name].location.add(path=path, span=[line, 0, 1])
            places[element.file.name, line + 1] = element.name
        return image.SerializeToString()


def _findings(
    rule: Callable[[Schema, Schema], Iterator[Finding]], before: Schema, now: Schema
) -> list[Finding]:
    try:
        return list(rule(before, now))
    except DecodeError:  # the wire format is another, which buf tells
        return []


def _renamed(new: Parts, gone: Mapping[tuple[str, str], Parts]) -> Parts | None:
    """Return what had the number of a field or value that is new by its name, if that is gone."""
    number = new.stated.get("number")
    for old in gone.values():
        if (old.kind, old.parent, old.stated.get("number")) == (new.kind, new.parent, number):
            return old if number is not None and old.kind != "option" else None
    return None


def _outermost(found: Mapping[tuple[str, str], Parts]) -> Iterator[Parts]:
    """Yield what is not within others that are found too; a file only if nothing else says it."""
    names = {name for kind, name in found if kind != "file"}
    parents = {parts.parent for parts in found.values()}
    for (kind, name), parts in found.items():
        if name not in parents if kind == "file" else parts.parent not in names:
            yield parts
