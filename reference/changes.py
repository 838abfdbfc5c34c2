"""`python -m reference.changes`: what changed in the contract since a release or a revision.

Every part of every element is compared (`parts`), so a change of any kind shows. What is breaking
is not decided here: `buf breaking` and the compatibility rules say so, and each of their findings
is shown with the change that causes it, or on its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from codegen.environments import environment
from codegen.project import ROOT, RULES_FILE, StepError
from reference.parts import COMMENT, EMPTY, Parts, parts_of, paths_of_parts
from schema_rules import releases
from schema_rules.check import COMPATIBILITY_RULES, Reasons, contract, load_corrections
from schema_rules.compatibility_rules import baseline_schema, old_stays_valid
from schema_rules.finding import Finding
from schema_rules.releases import CORRECTIONS, RELEASES
from schema_rules.revision import Revision
from schema_rules.schema import APIRESOURCE, AUTHORIZATION, COMPUTED, IMPORTED, Schema
from schema_rules.words import sentences


class Section(Enum):
    """What kind of change it is: its heading. An element is in the first that fits."""

    REMOVED = "Removed or reserved"
    CORRECTED = "Corrected"
    DEPRECATED = "Deprecated"
    TIGHTENED = "Validation tightened"
    LOOSENED = "Validation loosened"
    REVALIDATED = "Validation changed"
    AUTHORIZATION_TIGHTENED = "Authorization tightened"
    AUTHORIZATION_LOOSENED = "Authorization loosened"
    REAUTHORIZED = "Authorization changed"
    CHANGED = "Changed"
    ADDED = "Added"
    SOURCE = "Comments, order and imports"


_ASKED = {
    Section.DEPRECATED: "Stop using {it}.",
    Section.TIGHTENED: "Send only what the rules of {it} now accept.",
    Section.LOOSENED: "Accept in {it} what its rules rejected before.",
    Section.REVALIDATED: "Check what you send in {it} and what you accept there against its rules.",
    Section.AUTHORIZATION_TIGHTENED: "Give callers of {it} the permission that it now requires.",
    Section.REAUTHORIZED: "Check that callers of {it} have the permission that it now requires.",
}
"""What a change of each kind asks of callers; of the other kinds, see `_asked`."""
_IS = {
    "options.debug_redact": ("is now secret: text output masks it", "is no longer secret"),
    f"options.({COMPUTED})": ("is now written by the system alone", "callers may now write it"),
    f"options.({APIRESOURCE}.immutable)": (
        "can no longer change once it is created",
        "may now change after it is created",
    ),
    "options.deprecated": ("is deprecated", "is no longer deprecated"),
    "proto3_optional": ("now tells unset from empty", "no longer tells unset from empty"),
    "client_streaming": ("now takes a stream", "no longer takes a stream"),
    "server_streaming": ("now answers with a stream", "no longer answers with a stream"),
}
"""What it means that a part is true, and that it no longer is."""
_CALLED = {
    "options.(buf.validate.": "rule ",
    f"options.({AUTHORIZATION}.": "authorization ",
    "options.": "option ",
}
"""What parts are called whose names begin in some way."""
_DEPRECATED = "options.deprecated"
_RULES = "options.(buf.validate."
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
        names = {_short(element.name, element.package), element.name, element.file.name}
        names |= {re.split("[./]", element.name)[-1], self.old.stated.get("number", "")}
        return not names.isdisjoint(re.findall(r'"([^"]+)"', told.message))


class Change(NamedTuple):
    """What changed in one element, as a report has it."""

    section: Section
    package: str
    name: str
    """The full name; the earlier one if the element is gone."""
    kind: str
    """What a person calls it, such as `field`."""
    says: tuple[str, ...]
    """What changed, in Markdown."""
    asks: str
    """What an upgrade asks of callers, in a sentence; empty for nothing."""
    breaks: tuple[str, ...]
    """The IDs of the rules that call it breaking, without those that a correction excuses."""
    correction: str
    """Why the released rule was wrong, if it is a correction."""


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

    def changes(self, corrections: Iterable[Reasons] = ()) -> list[Change]:
        """Return every change, in the order of a report.

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
        now_valid = _findings(old_stays_valid, self._now, self._before)
        loosened = {finding.element.name for finding in now_valid}
        reasons = list(corrections)
        return sorted(
            (_change(each, loosened, reasons) for each in found),
            key=lambda change: (list(Section).index(change.section), *change[1:4]),
        )

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


def _change(found: Difference, loosened: Set[str], corrections: Iterable[Reasons]) -> Change:
    parts = found.parts_now
    element = parts.element
    excused = {
        rule: reasons[rule][element.name]
        for reasons in corrections
        for rule in reasons.keys() & {told.rule for told in found.told}
        if element.name in reasons[rule]
    }
    breaks = sorted({told.rule for told in found.told} - excused.keys())
    section = _section(found, loosened)
    return Change(
        Section.CORRECTED if excused and not breaks else section,
        element.package,
        element.name,
        parts.kind,
        tuple(_said(found)),
        _asked(found, section),
        tuple(breaks),
        " ".join(dict.fromkeys(excused.values())),
    )


def _section(found: Difference, loosened: Set[str]) -> Section:
    if found.new is None or any(
        part.startswith("reserved ") and now is not None for part, (_, now) in found.parts.items()
    ):
        return Section.REMOVED
    if found.old is None:
        return Section.ADDED
    if found.parts.get(_DEPRECATED, ("", ""))[1] == "true":
        return Section.DEPRECATED
    rules = {told.rule for told in found.told}
    if rules & {"VALIDATION_KEPT", "OLD_STAYS_VALID"}:
        return _revalidated(found, loosened)
    if "AUTHORIZATION_KEPT" in rules:
        return _reauthorized(found.old, found.new)
    is_source = all(
        part == COMMENT or part.startswith(("import ", "order of ")) for part in found.parts
    )
    return Section.SOURCE if is_source and not rules else Section.CHANGED


def _revalidated(found: Difference, loosened: Set[str]) -> Section:
    """Ask what protovalidate rejects of the other side; if nothing, see which rules are set."""
    rules = [values for part, values in found.parts.items() if part.startswith(_RULES)]
    is_tighter = any(told.rule == "OLD_STAYS_VALID" for told in found.told)
    is_looser = found.parts_now.element.name in loosened
    if not is_tighter and not is_looser:
        is_tighter = all(old is None for old, _ in rules)
        is_looser = all(new is None for _, new in rules)
    if is_tighter == is_looser:
        return Section.REVALIDATED
    return Section.TIGHTENED if is_tighter else Section.LOOSENED


def _reauthorized(old: Parts, new: Parts) -> Section:
    was_open, is_open = (
        not any(part.startswith(f"options.({AUTHORIZATION}.config)") for part in side.stated)
        for side in (old, new)
    )
    if was_open == is_open:
        return Section.REAUTHORIZED
    return Section.AUTHORIZATION_LOOSENED if is_open else Section.AUTHORIZATION_TIGHTENED


def _asked(found: Difference, section: Section) -> str:
    parts = found.parts_now
    it = code(_short((found.old or parts).element.name, parts.element.package))
    if found.new is None:
        return f"Stop using {it}."
    if any(told.rule == "OLD_STAYS_VALID" for told in found.told):
        section = Section.TIGHTENED
    if section in _ASKED:
        return _ASKED[section].format(it=it)
    if section is Section.ADDED and (parts.kind == "enum value" or "oneof" in parts.stated):
        holder = code(_short(parts.parent, parts.element.package))
        return f"Handle what is new in {holder} in code that tells its cases apart."
    if found.told and section is not Section.ADDED:
        return f"Change code and stored data that depend on {it} as it was."
    return ""


def _said(found: Difference) -> Iterator[str]:
    """Yield what changed in an element, in words where they are known."""
    if found.old is None and found.new is not None:
        yield from _summary(found.new)
    if found.parts.get(_DEPRECATED, ("", ""))[1] == "true":
        comment = found.parts_now.element.comment
        yield from (said for said in sentences(comment) if said.startswith("Deprecated"))
    for part, (old, new) in found.parts.items():
        if part in _IS and "true" in (old, new):
            yield _IS[part][new != "true"]
        elif part.startswith("reserved ") or (part.startswith("import ") and None in (old, new)):
            verb, _, what = part.partition(" ")
            words = {"reserved": ("reserves", "reserve"), "import": ("imports", "import")}[verb]
            yield f"now {words[0]} {what}" if old is None else f"no longer {words[0]} {what}"
        elif part == COMMENT:
            done = "added" if old is None else "removed" if new is None else "reworded"
            yield f"the comment is {done}"
        elif old is None and new is None:
            yield f"the {part} changed"
        else:
            values = ("not set" if value is None else code(value) for value in (old, new))
            yield f"{_called(part)}: {' → '.join(values)}"
    if not found.parts and found.new is not None:
        yield from (told.message for told in found.told)


def _summary(parts: Parts) -> Iterator[str]:
    """Yield what a reader wants to know of an element that is new."""
    yield from sentences(parts.element.comment)[:1]
    for order, names in parts.orders.items():
        kinds = order.removeprefix("order of ")
        if names and parts.kind != "file":
            yield f"{len(names)} {kinds if len(names) > 1 else kinds.removesuffix('s')}"
    for part, value in parts.stated.items():
        if part.partition(" ")[0] not in ("name", "json_name", "file", "import", "map", COMMENT):
            yield _called(part) + (f" {code(value)}" if value not in ("", "true") else "")


def _called(part: str) -> str:
    for beginning, words in _CALLED.items():
        if part.startswith(beginning):
            rest = part.removeprefix(beginning)
            # What follows the name of an option of rules, or of ours, is what differs.
            return words + (rest.partition(").")[2] or rest.strip("()").rpartition(".")[2])
    return part.replace("_", " ")


def _short(name: str, package: str) -> str:
    """Return a full name without its package, as code in Python has it."""
    return name if name.endswith(".proto") else name.removeprefix(f"{package}.").replace("/", ".")


def code(text: str) -> str:
    """Return text as code in Markdown."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


Link = Callable[[Change], str]


def report(
    changes: Iterable[Change], since: str, *, level: int = 1, link: Link | None = None
) -> str:
    """Return a report of changes as Markdown, whose headings begin at a level.

    `link` writes the name of what changed; it is code without it.
    """
    link = link or (lambda change: code(_short(change.name, change.package)))
    by_section = {
        section: list(group) for section, group in groupby(changes, lambda change: change.section)
    }
    found = [change for group in by_section.values() for change in group]
    breaking = sum(bool(change.breaks) for change in found)
    lines = [f"{'#' * level} Contract changes since {since}", ""]
    lines += [_counted(found, breaking), ""] if found else ["Nothing changed in the contract.", ""]
    if found:
        asked = dict.fromkeys(change.asks for change in found if change.asks)
        lines += [f"{'#' * (level + 1)} What an upgrade asks of you", ""]
        lines += [f"- {ask}" for ask in asked] or ["Nothing: you can upgrade as you are."]
        lines += [""]
    for section, group in by_section.items():
        lines += [f"{'#' * (level + 1)} {section.value}", ""]
        for package, members in groupby(group, lambda change: change.package):
            lines += [f"{'#' * (level + 2)} {package}", ""]
            lines += [_item(change, link) for change in members]
            lines += [""]
    return "\n".join(lines)


def _counted(found: list[Change], breaking: int) -> str:
    changed = f"{len(found)} element{'s' if len(found) > 1 else ''} changed"
    return f"{changed}, {breaking or 'none'} in a breaking way."


def _item(change: Change, link: Link) -> str:
    said = "; ".join(words.removesuffix(".") for words in change.says)
    said = f": {said}" if said else ""
    item = f"- {link(change)} ({change.kind}){said}."
    if change.correction:
        item += f" Corrected: {change.correction}"
    if change.breaks:
        item += f" **Breaking** ({', '.join(change.breaks)})."
    return item


def as_text(markdown: str) -> str:
    """Return a report for a terminal: the same lines, without the marks of Markdown."""
    lines: list[str] = []
    for line in markdown.splitlines():
        marks, _, heading = line.partition(" ")
        depth = len(marks) if marks.strip("#") == "" else 0
        lines.append(heading if depth else line.replace("**Breaking**", "BREAKING"))
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[str], str]] = {"text": as_text, "markdown": str}


def main(arguments: list[str] | None = None) -> int:
    """Print what changed, and return the exit code: 0, or 1 after a sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="changes", description=__doc__)
    parser.add_argument(
        "--against",
        metavar="REVISION",
        default=os.environ.get("AGAINST"),
        help="a release (vX.Y.Z) or git revision; AGAINST in the environment, or the last release",
    )
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--image", type=Path, help="the compiled contract; compiled if not given")
    options = parser.parse_args(arguments)
    try:
        since, found = _since(options.against, contract(options.image))
    except (StepError, ValueError) as failure:
        print(f"changes: {failure}", file=sys.stderr)
        return 1
    print(FORMATS[options.format](report(found, since)), end="")
    return 0


def _since(name: str | None, image: FileDescriptorSet) -> tuple[str, list[Change]]:
    """Return what the contract is compared with, and what changed since."""
    kept = {folder.name: folder for folder in releases.every(RELEASES)}
    name = name or list(kept)[-1]
    if name in kept:
        return f"release {name}", unreleased(kept[name], image)
    revision = Revision.find(name)
    before = FileDescriptorSet.FromString(revision.image().read_bytes())
    comparison = Comparison(before, image, image, releases.fixtures_of(revision.fixtures()))
    later = [kept[each] for each in kept.keys() - set(revision.releases())]
    return revision.name, comparison.changes(_corrections(later))


def unreleased(release: Path, image: FileDescriptorSet) -> list[Change]:
    """Return what changed in the contract since a release."""
    later = [folder for folder in releases.every(RELEASES) if _is_later(folder, release)]
    comparison = Comparison(releases.image_of(release), image, image, releases.fixtures_of(release))
    return comparison.changes(_corrections(later))


def released(release: Path, image: FileDescriptorSet) -> list[Change]:
    """Return what changed in a release since the one before; `image` declares what they import."""
    earlier = [folder for folder in releases.every(RELEASES) if _is_later(release, folder)]
    before = releases.image_of(earlier[-1]) if earlier else FileDescriptorSet()
    fixtures = releases.fixtures_of(earlier[-1]) if earlier else {}
    comparison = Comparison(before, releases.image_of(release), image, fixtures)
    return comparison.changes([load_corrections(release / CORRECTIONS.name)])


def _is_later(folder: Path, other: Path) -> bool:
    return releases.numbers(folder.name) > releases.numbers(other.name)


def _corrections(later: Iterable[Path]) -> list[Reasons]:
    return [load_corrections(CORRECTIONS)] + [
        load_corrections(folder / CORRECTIONS.name) for folder in later
    ]


if __name__ == "__main__":
    sys.exit(main())
